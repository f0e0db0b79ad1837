"""What a pipeline file and the environment say about a language model, and what makes it another version."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.contract import Assignment
from tutordex_dagster.extraction.llm import REVISION
from tutordex_dagster.extraction.llm.address import server_url
from tutordex_dagster.extraction.llm.schema import FIELDS, FOLLOWS, json_schema
from tutordex_dagster.extraction.llm.spec import LlmDefaults
from tutordex_dagster.extraction.versions import (
    PipelineSpec,
    build_async_extractor,
    build_extractor,
    fingerprint,
    load_pipelines,
)
from tutordex_dagster.settings import PROJECT

DEFAULTS = LlmDefaults(root=PROJECT, model="m1")


def load(folder: Path, defaults: LlmDefaults = DEFAULTS, **fields: object) -> PipelineSpec:
    """Write a version into a folder and load it; `fields` go over those of a plain `llm` version."""
    plain = {"name": "v1", "extractor": "llm", "revision": REVISION, "description": "d"}
    (folder / "v1.yaml").write_text(yaml.safe_dump(plain | fields), encoding="utf-8")
    (spec,) = load_pipelines(folder, defaults)
    return spec


def test_the_examples_load_and_need_neither_server_nor_model() -> None:
    hybrid, llm = load_pipelines(PROJECT / "examples" / "pipelines", LlmDefaults(root=PROJECT))
    assert (hybrid.extractor, llm.extractor) == ("hybrid", "llm")
    assert not hybrid.shadow
    assert not llm.shadow
    assert llm.llm
    assert hybrid.llm
    assert (llm.llm.api_url, llm.llm.model, llm.llm.prompt.source) == (None, None, "prompts/extraction.md")
    assert len(llm.llm.few_shot.examples) == 3
    assert hybrid.llm.hybrid
    assert fingerprint(llm) != fingerprint(hybrid)


@pytest.mark.parametrize(
    "changed",
    [
        {"parameters": {"model": "m2"}},
        {"parameters": {"prompt_text": "Read the post."}},
        {"parameters": {"few_shot": "none"}},
        {"parameters": {"temperature": 0.5}},
        {"parameters": {"seed": 8}},
        {"parameters": {"max_tokens": 512}},
        {"parameters": {"dialect": "json_object"}},
        {"parameters": {"extra": {"top_k": 1}}},
        {"extractor": "hybrid", "revision": rules.REVISION},
    ],
    ids=str,
)
def test_whatever_decides_the_outputs_makes_another_fingerprint(
    tmp_path: Path, changed: Mapping[str, object]
) -> None:
    assert fingerprint(load(tmp_path)) != fingerprint(load(tmp_path, DEFAULTS, **changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"parameters": {"api_url": "http://elsewhere:1"}},
        {"parameters": {"concurrency": 2, "timeout_seconds": 3.0}},
        {"parameters": {"price_prompt": 1.0, "reuse": False}},
        {"name": "v2", "description": "other words", "shadow": True},
    ],
    ids=str,
)
def test_address_pace_and_price_do_not(tmp_path: Path, changed: Mapping[str, object]) -> None:
    assert fingerprint(load(tmp_path)) == fingerprint(load(tmp_path, DEFAULTS, **changed))


def test_a_hybrid_version_is_another_one_with_other_rules_or_another_threshold(tmp_path: Path) -> None:
    def of(**parameters: object) -> str:
        spec = load(tmp_path, extractor="hybrid", revision=rules.REVISION, parameters=parameters)
        return fingerprint(spec)

    variants: tuple[dict[str, object], ...] = (
        {},
        {"threshold": 0.5},
        {"rules": {"labelled_only": True}},
        {"fields": ["rate"]},
    )
    assert len({of(**variant) for variant in variants}) == len(variants)


def test_the_same_prompt_is_the_same_wherever_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text("Read the post.\n", encoding="utf-8")
    by_file = load(tmp_path, parameters={"prompt_file": str(tmp_path / "p.md")})
    by_text = load(tmp_path, parameters={"prompt_text": "Read the post."})
    assert fingerprint(by_file) == fingerprint(by_text)
    (tmp_path / "p.md").write_text("Read the post well.\n", encoding="utf-8")
    assert fingerprint(load(tmp_path, parameters={"prompt_file": str(tmp_path / "p.md")})) != fingerprint(
        by_text
    )


@pytest.mark.parametrize(
    ("environment", "parameters", "source", "overruled"),
    [
        ({}, {}, "prompts/extraction.md", False),
        ({"prompt_text": "T"}, {}, "text", False),
        ({"prompt_file": "env.md", "prompt_text": "T"}, {}, "env.md", True),
        ({"prompt_file": "env.md"}, {"prompt_text": "P"}, "text", False),
        ({"prompt_text": "T"}, {"prompt_file": "own.md"}, "own.md", False),
        ({}, {"prompt_file": "own.md", "prompt_text": "P"}, "own.md", True),
    ],
)
def test_the_file_of_a_version_comes_before_the_environment_and_a_prompt_file_before_a_text(
    tmp_path: Path,
    environment: dict[str, str],
    parameters: dict[str, str],
    source: str,
    overruled: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    (tmp_path / "prompts").mkdir()
    for name in ("env.md", "own.md", "prompts/extraction.md"):
        (tmp_path / name).write_text(f"prompt {name}", encoding="utf-8")
    defaults = LlmDefaults(root=tmp_path, few_shot="none", **environment)
    llm = load(tmp_path, defaults, parameters=parameters).llm
    assert llm
    assert llm.prompt.source == source
    assert bool(llm.prompt.overruled) == overruled
    assert llm.prompt.described()["length"] == len(llm.prompt.text)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"parameters": {"api_url": "host:8080"}}, r"'api_url': .*http://host:port/v1"),
        ({"parameters": {"api_url": "http://me:secret@host/v1"}}, "LLM_API_KEY"),
        ({"parameters": {"temprature": 1}}, "'temprature'.*known: api_url"),
        ({"parameters": {"threshold": 0.5}}, "'threshold'"),
        ({"parameters": {"dialect": "xml"}}, "'dialect"),
        ({"parameters": {"max_tokens": "many"}}, "'max_tokens'"),
        ({"parameters": {"prompt_file": "nowhere.md"}}, "nowhere.md: No such file.*put a prompt there"),
        ({"parameters": {"few_shot": "nowhere"}}, "nowhere.yaml: No such file.*put examples there"),
        (
            {"extractor": "hybrid", "revision": rules.REVISION, "parameters": {"fields": ["cost"]}},
            "'fields.0'",
        ),
        ({"revision": REVISION + 1}, f"'revision': {REVISION + 1}: .*revision: {REVISION}"),
        ({"llm": {}}, "'llm': is no field of a file"),
    ],
    ids=str,
)
def test_a_bad_file_is_refused_with_what_to_write(
    tmp_path: Path, changed: Mapping[str, object], named: str
) -> None:
    with pytest.raises(UsageError, match=rf"v1\.yaml.*{named}") as raised:
        load(tmp_path, DEFAULTS, **changed)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("content", ["", "  \n"])
def test_an_empty_prompt_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "p.md").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match="is empty"):
        load(tmp_path, parameters={"prompt_file": str(tmp_path / "p.md")})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("- post: x\n  answer: {segments: []}\n", "skip: Field required"),
        ("post: x\n", "valid tuple"),
        ("- [\n", "holds no usable examples"),
    ],
)
def test_examples_that_do_not_follow_the_form_are_refused(tmp_path: Path, content: str, named: str) -> None:
    few = tmp_path / "sets" / "few.yaml"
    few.parent.mkdir()
    few.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=named):
        load(tmp_path, parameters={"few_shot": str(few)})


def test_an_address_may_be_written_in_any_usual_way() -> None:
    for written in ("http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/chat/completions"):
        assert server_url(written) == "http://h:1/v1"
    assert server_url("https://api.example/openai/v2/") == "https://api.example/openai/v2"


def test_a_version_of_a_model_is_built_with_a_model_only(tmp_path: Path) -> None:
    spec = load(tmp_path)
    with pytest.raises(UsageError, match="build_async_extractor"):
        build_extractor(spec)
    with pytest.raises(UsageError, match="open_extractor"):
        build_async_extractor(spec)


def test_every_field_of_an_assignment_is_asked_for_or_follows_from_others() -> None:
    assert {*FIELDS, *FOLLOWS} == set(Assignment.model_fields)
    assert not FOLLOWS & set(FIELDS)


def test_the_schema_is_closed_and_leaves_nothing_out_all_the_way_down() -> None:
    """Servers with strict schemas refuse anything else, and a model left a choice leaves out what is hard."""
    schema: Any = json_schema()
    for node in (schema, *schema["$defs"].values()):
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
        assert "default" not in str(node)
    assert list(schema["$defs"]["Assignment"]["properties"]) == list(FIELDS)


def test_the_schema_of_some_fields_has_only_those() -> None:
    definitions = json_schema(("rate", "status"))["$defs"]
    assert isinstance(definitions, dict)
    assert set(definitions) == {"Assignment", "Closing", "Rate"}
