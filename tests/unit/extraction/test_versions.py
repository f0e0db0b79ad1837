"""Pipeline files."""

from pathlib import Path

import pytest

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.versions import PipelineSpec, build_extractor, fingerprint, load_pipelines

SHIPPED = Path(__file__).parents[3] / "pipelines"
GOOD = f"name: {{name}}\nextractor: rules\nrevision: {rules.REVISION}\ndescription: words\n"


def write(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text, encoding="utf-8")


def spec(**changes: object) -> PipelineSpec:
    fields: dict[str, object] = {
        "name": "v1",
        "extractor": "rules",
        "revision": rules.REVISION,
        "description": "d",
    }
    return PipelineSpec.model_validate(fields | changes)


def test_the_shipped_versions_load_and_differ_in_what_they_extract() -> None:
    default, strict = load_pipelines(SHIPPED)
    assert [default.name, strict.name] == ["rules", "rules-strict"]
    assert [default.asset_name, strict.asset_name] == ["rules", "rules_strict"]
    assert (default.shadow, strict.shadow) == (False, True)
    text = "Sec 1 Chinese @ Hougang Ave 8 #HG3310\nRate: $35/hr"
    assert build_extractor(default).extract(text) != build_extractor(strict).extract(text)


def test_versions_are_sorted_by_name_whatever_their_files_are_called(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", GOOD.format(name="zeta"))
    write(tmp_path, "b.yaml", GOOD.format(name="alpha"))
    assert [spec.name for spec in load_pipelines(tmp_path)] == ["alpha", "zeta"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD.format(name="v1") + "temperature: 1\n", r"line 5, field 'temperature'"),
        (GOOD.format(name="-v1"), r"line 1, field 'name'"),
        (GOOD.format(name="v" * 65), r"line 1, field 'name'"),
        (GOOD.format(name="v 1"), r"line 1, field 'name'"),
        (GOOD.format(name="v1") + "shadow: maybe\n", r"line 5, field 'shadow'"),
        (GOOD.format(name="v1") + "name: v2\n", r"line 5, field 'name': is there twice"),
        ("extractor: rules\n", r"field 'name': Field required"),
        (GOOD.format(name="v1").replace("rules", "magic"), r"line 2, field 'extractor'"),
        (GOOD.format(name="v1") + "parameters: {fast: true}\n", r"parameter 'fast'"),
        ("name: [\n", r"is not YAML"),
        ("\x00", r"is not YAML"),
        ("- a\n", r"is not a mapping"),
        ("", r"is not a mapping"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_place_and_reason(tmp_path: Path, text: str, named: str) -> None:
    write(tmp_path, "bad.yaml", text)
    with pytest.raises(UsageError, match=rf"bad\.yaml.*{named}"):
        load_pipelines(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(UsageError, match=r"bad\.yaml: is not YAML"):
        load_pipelines(tmp_path)


def test_a_folder_without_versions_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="holds no pipeline version"):
            load_pipelines(folder)


@pytest.mark.parametrize(("one", "other"), [("v1", "v1"), ("v-1", "v.1"), ("v_1", "v-1")])
def test_two_versions_of_one_name_or_one_asset_name_are_refused(tmp_path: Path, one: str, other: str) -> None:
    write(tmp_path, "a.yaml", GOOD.format(name=one))
    write(tmp_path, "b.yaml", GOOD.format(name=other))
    with pytest.raises(UsageError, match=r"b\.yaml.*collides.*a\.yaml"):
        load_pipelines(tmp_path)


def test_a_file_of_another_revision_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, "old.yaml", GOOD.format(name="old").replace(f"revision: {rules.REVISION}", "revision: 0"))
    with pytest.raises(UsageError, match=r"old\.yaml.*'revision': 0.*give the version a new name"):
        load_pipelines(tmp_path)


def test_the_fingerprint_is_what_decides_the_outputs_and_nothing_else() -> None:
    base = fingerprint(spec())
    assert len(base) == 64
    assert base == fingerprint(spec(name="v2", description="other words", shadow=True))
    assert base != fingerprint(spec(parameters={"labelled_only": True}))
    assert base != fingerprint(spec(revision=rules.REVISION + 1))


def test_the_fingerprint_does_not_depend_on_the_order_of_parameters() -> None:
    one = spec(parameters={"labelled_only": True, "estimated_slots": False})
    other = spec(parameters={"estimated_slots": False, "labelled_only": True})
    assert fingerprint(one) == fingerprint(other)
