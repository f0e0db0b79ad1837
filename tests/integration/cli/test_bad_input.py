"""Bad input: one line that names the value, the reason and the next step; exit code 2; nothing stored."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tutordex_dagster.cli import main
from tutordex_dagster.resources.services import Services

Command = Callable[..., Result]

LATER, EARLIER = "2026-03-02T12:00:00+00:00", "2026-03-01T12:00:00+00:00"


def refused(result: Result) -> str:
    """Return the one line on stderr, after checking that it is one and that nothing came out on stdout."""
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("tutordex: ")
    return result.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("enqueue", "--channels", "t.me/nobody"), "t.me/nobody: is not a registered channel;"),
        (("enqueue", "--channels", "not a channel"), "'not a channel': is no channel name"),
        (("enqueue", "--channels", '["@a",'), "starts like a JSON array but is none"),
        (("enqueue", "--since", LATER, "--until", EARLIER), "the window is empty: since is included"),
        (
            ("enqueue", "--version", "rulez"),
            "'rulez': is no pipeline version; choose one of rules, rules-strict",
        ),
        (("backfill", "--channels", "t.me/nobody"), "t.me/nobody: is not a registered channel;"),
        (("backfill", "--since", LATER, "--until", EARLIER), "the window is empty: since is included"),
        (("backfill", "--since", LATER[:-6]), "has no time zone; write"),
        (("drain", "--version", "rulez"), "'rulez': is no pipeline version;"),
        (("dead", "retry", "--version", "rulez"), "'rulez': is no pipeline version;"),
        (("extract", "no-such-file.jsonl"), "no-such-file.jsonl"),
        (("import", "no-such-file.json", "--channel", "@imported"), "cannot be opened"),
        (("import", "pyproject.toml"), "Missing option '--channel'."),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(
    tutordex: Command, arguments: tuple[str, ...], line: str
) -> None:
    assert line in refused(tutordex(*arguments, exit_code=2))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "is no Telegram Desktop export"),
        ('{"a": 1}', "is no Telegram Desktop export"),
        ("PK\x03\x04", "result.json"),
    ],
)
def test_a_file_that_is_no_export_is_refused_and_registers_nothing(
    tutordex: Command, services: Services, tmp_path: Path, content: str, line: str
) -> None:
    file = tmp_path / "photo.json"
    file.write_text(content, encoding="utf-8")
    assert line in refused(tutordex("import", str(file), "--channel", "@imported", exit_code=2))
    assert services.channels.all() == []


def test_an_import_of_an_unknown_zone_or_chat_is_refused(
    tutordex: Command, services: Services, export: Callable[[int], Path]
) -> None:
    path = str(export(3))
    wrong = tutordex("import", path, "--channel", "@imported", "--timezone", "Mars/Olympus", exit_code=2)
    assert "Mars/Olympus" in refused(wrong)
    wrong = tutordex("import", path, "--channel", "@imported", "--chat", "Another", exit_code=2)
    assert "Another" in refused(wrong)
    assert services.channels.all() == []


def test_a_broken_pipeline_file_names_the_file_and_the_line(
    tutordex: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.yaml").write_text("name: x\nextractor: [\n", encoding="utf-8")
    monkeypatch.setenv("TUTORDEX_PIPELINES", str(tmp_path))
    line = refused(tutordex("drain", "--oneshot", exit_code=2))
    assert f"{tmp_path / 'broken.yaml'}, line 3: is not YAML" in line


def test_a_version_that_changed_under_its_name_is_refused(tutordex: Command, services: Services) -> None:
    services.versions.register("rules", "0" * 64, {})
    line = refused(tutordex("drain", "--oneshot", exit_code=2))
    assert "rules: is registered with fingerprint 000000000000" in line
    assert "give it a new name" in line


@pytest.mark.parametrize(
    "url", ["postgresql://u:hunter2@127.0.0.1:1/none", "postgresql://u:hunter2@[broken/none"]
)
def test_a_database_url_that_leads_nowhere_is_refused_without_its_password(
    tutordex: Command, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TUTORDEX_DATABASE_URL", url)
    line = refused(tutordex("status", exit_code=2))
    assert "hunter2" not in line


def test_a_database_of_dagster_that_cannot_be_reached_is_named_and_the_doctor_says_so(
    tutordex: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTORDEX_DAGSTER_DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/none")
    line = refused(tutordex("backfill", exit_code=2))
    assert line.startswith("tutordex: 127.0.0.1:1/none: cannot be reached (")
    assert "check TUTORDEX_DAGSTER_DATABASE_URL" in line
    assert "hunter2" not in line
    assert (home / "dagster").is_dir()
    assert (
        "fail Dagster          127.0.0.1:1/none: cannot be reached" in tutordex("doctor", exit_code=1).stdout
    )


def test_a_database_that_was_never_migrated_says_what_to_run(
    home: Path,  # noqa: ARG001 - sets the environment up
    empty_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUTORDEX_DATABASE_URL", empty_url)
    for arguments in (["status"], ["drain"], ["db", "check"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert "run `tutordex db migrate`" in refused(result)
    doctor = CliRunner().invoke(main, ["doctor"])
    assert doctor.exit_code == 1
    assert "fail database" in doctor.stdout


def test_migrate_makes_the_database_ready_and_a_second_time_has_nothing_to_do(
    home: Path,  # noqa: ARG001 - sets the environment up
    empty_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUTORDEX_DATABASE_URL", empty_url)
    monkeypatch.setenv("TUTORDEX_DAGSTER_DATABASE_URL", empty_url)
    assert "applied 0001" in CliRunner().invoke(main, ["db", "migrate"]).stdout
    assert CliRunner().invoke(main, ["db", "migrate"]).stdout.endswith("nothing to do\n")
    assert CliRunner().invoke(main, ["db", "check"]).exit_code == 0


def test_an_unreadable_setting_is_one_finding_of_the_doctor(
    tutordex: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTORDEX_PORT", "http")
    output = tutordex("doctor", exit_code=1).stdout
    assert output.startswith("fail settings")
