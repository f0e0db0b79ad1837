"""`tutordex extract` with a version that asks a language model."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from tests.integration.llm.world import PROJECT
from tests.llm_server.replies import POST
from tutordex_dagster.cli import main


@pytest.fixture
def server() -> Iterator[str]:
    """Run the stub in a process of its own; give its address."""
    command = [sys.executable, "-m", "tests.llm_server.serve"]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as stub:
        assert stub.stdin
        assert stub.stdout
        yield stub.stdout.readline().strip()
        stub.stdin.close()


def test_a_file_of_posts_is_extracted_by_a_language_model(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTORDEX_PIPELINES", "examples/pipelines")
    monkeypatch.setenv("LLM_API_URL", server)
    monkeypatch.setenv("LLM_MODEL_NAME", "stub-model")
    file = tmp_path / "posts.jsonl"
    file.write_bytes(b"".join(orjson.dumps({"raw": POST}) + b"\n" for _ in range(3)))
    done = CliRunner().invoke(main, ["extract", str(file), "--version", "llm"])
    assert done.exit_code == 0, done.output
    assert "4,140 tokens; 0% of the posts cost no call" in done.stderr
    lines = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert [line["extraction"]["postal_code"] for line in lines] == [["449032"]] * 3
    assert {line["pipeline_version"] for line in lines} == {"llm"}


def test_a_version_without_a_server_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTORDEX_PIPELINES", "examples/pipelines")
    file = tmp_path / "posts.jsonl"
    file.write_bytes(b"{}\n")
    refused = CliRunner().invoke(main, ["extract", str(file), "--version", "llm"])
    assert refused.exit_code == 1
    assert "set LLM_API_URL" in refused.output
