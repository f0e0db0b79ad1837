"""`tutordex ab` on a real database: the documents' workflow in one command, and what it leaves alone."""

import csv
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from psycopg.rows import scalar_row

from tutordex_dagster.comparison.contract import Pair
from tutordex_dagster.extraction.rules import REVISION
from tutordex_dagster.resources.services import Services
from tutordex_dagster.settings import PROJECT
from tutordex_dagster.windows import HOUR, Window

Command = Callable[..., Result]
Posts = Callable[[int], datetime]

ARMS = ("ab_promptA", "ab_promptB")
SIDE_EFFECTS = ("EXTRACTION_WORKER_BROADCAST", "EXTRACTION_WORKER_DMS")
OURS = {"experiments", "experiment_members", "metrics"}
"""Tables an experiment may write whole; of the two below only the rows of its versions."""


@pytest.fixture(autouse=True)
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put two arms beside the live version, and point the experiments at an empty folder."""
    pipelines, experiments = tmp_path / "pipelines", tmp_path / "experiments"
    shutil.copytree(PROJECT / "pipelines", pipelines)
    for arm, labelled_only in zip(ARMS, ("false", "true"), strict=True):
        parameters = f"{{labelled_only: {labelled_only}, estimated_slots: false}}"
        (pipelines / f"{arm}.yaml").write_text(
            f"name: {arm}\nextractor: rules\nrevision: {REVISION}\ndescription: An arm.\n"
            f"parameters: {parameters}\n",
            encoding="utf-8",
        )
    experiments.mkdir()
    monkeypatch.setenv("TUTORDEX_PIPELINES", str(pipelines))
    monkeypatch.setenv("TUTORDEX_EXPERIMENTS", str(experiments))
    return experiments


def experiment(folder: Path, hour: datetime, *, name: str = "prompts", more: str = "") -> None:
    """Write an experiment of both arms over one hour."""
    (folder / f"{name}.yaml").write_text(
        f"name: {name}\ndescription: Two arms.\nversions: [{', '.join(ARMS)}]\n"
        f"since: {hour.isoformat()}\nuntil: {(hour + HOUR).isoformat()}\n{more}",
        encoding="utf-8",
    )


def everything_else(services: Services, *, but: str = "ab_") -> dict[str, bytes]:
    """Return every byte of the database but what experiments and these versions write, by table."""
    found = {}
    with services.database.connection() as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            if table in OURS:
                continue
            kept = {
                "telegram_extractions": f"WHERE NOT starts_with(pipeline_version, '{but}')",
                "unprojected": f"WHERE NOT starts_with(pipeline_version, '{but}')",
                "pipeline_versions": f"WHERE NOT starts_with(name, '{but}')",
            }.get(table, "")
            query = f"COPY (SELECT * FROM {table} AS t {kept} ORDER BY t) TO STDOUT (FORMAT binary)"  # noqa: S608
            with connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
                found[table] = b"".join(bytes(part) for part in copy)
    return found


def test_one_command_enqueues_drains_and_compares_both_arms(
    tutordex: Command, services: Services, posts: Posts, versions: Path, home: Path
) -> None:
    experiment(versions, posts(12))
    said = tutordex("ab", "run", "prompts").stdout

    assert "prompts: ab_promptA against ab_promptB (12 posts of 1 channels)" in said
    assert "No labels" in said
    folder = home / "comparisons" / "prompts" / "ab_promptA_vs_ab_promptB"
    assert sorted(path.name for path in folder.iterdir()) == [
        "adjudicate.csv",
        "report.html",
        "side_by_side.csv",
        "summary.json",
    ]
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["outcomes"] == [{"a": "ok", "b": "ok", "posts": 12}]
    assert [row["outcome_a"] for row in rows(folder / "side_by_side.csv")] == ["ok"] * 12
    assert {row.status for row in services.queue.backlog() if row.version in ARMS} == {"ok"}


def test_an_experiment_leaves_everything_else_byte_for_byte_alone(
    tutordex: Command,
    services: Services,
    posts: Posts,
    versions: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every switch that sends something is on, the live version has results, due jobs and assignments."""
    hour = posts(10)
    tutordex("drain", "--max-jobs", "6")
    tutordex("enqueue", "--version", "rules-strict")
    experiment(versions, hour)
    for name in SIDE_EFFECTS:
        monkeypatch.setenv(name, "1")
    before = everything_else(services)

    tutordex("ab", "run", "prompts")

    assert everything_else(services) == before
    assert services.assignments.stats().open == 6
    assert services.queue.due("rules").jobs == 4
    assert services.queue.due("rules-strict").jobs == 10


def test_every_version_and_every_later_run_sees_the_same_posts(
    tutordex: Command, services: Services, posts: Posts, versions: Path
) -> None:
    """More posts of the window arrive between two runs: they take no part."""
    hour = posts(8)
    experiment(versions, hour, more="sample: 5\n")
    tutordex("ab", "run", "prompts")
    first = list(services.comparisons.member_ids("prompts"))
    posts(20)
    said = tutordex("ab", "run", "prompts").stdout

    assert list(services.comparisons.member_ids("prompts")) == first
    assert len(first[0]) == 5
    assert "(5 posts of" in said
    assert {(row.version, row.jobs) for row in services.queue.backlog() if row.version in ARMS} == {
        (arm, 5) for arm in ARMS
    }


def test_an_experiment_that_was_changed_needs_a_new_name(
    tutordex: Command, posts: Posts, versions: Path
) -> None:
    hour = posts(4)
    experiment(versions, hour)
    tutordex("ab", "run", "prompts")
    experiment(versions, hour, more="sample: 2\n")
    said = tutordex("ab", "run", "prompts", exit_code=2).stderr
    assert "prompts: sample 2: its posts were frozen on" in said
    assert "give it a new name" in said


def test_an_experiment_without_posts_is_not_frozen_empty(
    tutordex: Command, posts: Posts, versions: Path
) -> None:
    hour = posts(3)
    experiment(versions, hour - HOUR)
    assert "has no post in its window" in tutordex("ab", "run", "prompts", exit_code=2).stderr
    experiment(versions, hour)
    assert "(3 posts of" in tutordex("ab", "run", "prompts").stdout


def test_any_two_versions_are_compared_over_a_window(tutordex: Command, posts: Posts, home: Path) -> None:
    hour = posts(6)
    tutordex("drain", "--oneshot")
    tutordex("enqueue", "--version", "ab_promptB", "--max-messages", "4")
    tutordex("drain", "--version", "ab_promptB", "--oneshot")
    said = tutordex("ab", "compare", "rules", "ab_promptB", "--since", hour.isoformat()).stdout
    assert "rules against ab_promptB (6 posts of 1 channels)" in said
    assert "2 posts are not finished by both versions" in said
    summary = json.loads((home / "comparisons/rules_vs_ab_promptB/summary.json").read_text(encoding="utf-8"))
    assert summary["outcomes"][0] == {"a": "ok", "b": "missing", "posts": 2}
    later = (hour + HOUR).isoformat()
    assert "(0 posts of" in tutordex("ab", "compare", "rules", "ab_promptB", "--since", later).stdout


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("comparisons", "nowhere/at/all"),
        ("comparisons/rules_vs_ab_promptB/.side_by_side.csv.new", "/dev/full"),
        ("comparisons/rules_vs_ab_promptB/.summary.json.new", "/dev/full"),
    ],
)
def test_a_report_that_cannot_be_written_is_one_line_with_its_file(
    tutordex: Command, posts: Posts, home: Path, name: str, target: str
) -> None:
    posts(3)
    tutordex("drain", "--oneshot")
    tutordex("drain", "--version", "ab_promptB", "--oneshot")
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).symlink_to(target)
    result = tutordex("ab", "compare", "rules", "ab_promptB", exit_code=1)
    assert f"{home / 'comparisons' / 'rules_vs_ab_promptB'}/" in result.stderr
    assert "cannot be written (" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(home.glob("comparisons/*/.*.new"))


def test_labels_go_out_as_a_sheet_and_come_back_as_gold(
    tutordex: Command, posts: Posts, versions: Path, home: Path, tmp_path: Path
) -> None:
    experiment(versions, posts(30))
    assert "To judge by hand" in tutordex("ab", "run", "prompts").stdout
    folder = home / "comparisons" / "prompts" / "ab_promptA_vs_ab_promptB"
    sheet = rows(folder / "adjudicate.csv")
    judged = {row["field"] for row in sheet}
    assert judged
    filled = tmp_path / "filled.csv"
    fuller = [{**row, "label": "left" if len(row["left"]) > len(row["right"]) else "right"} for row in sheet]
    with filled.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, sheet[0].keys())
        writer.writeheader()
        writer.writerows(fuller)

    said = tutordex("ab", "label", str(filled), "--by", "ana").stdout
    assert said.startswith(f"{len(sheet)} of {len(sheet)} labels taken")
    said = tutordex("ab", "run", "prompts").stdout
    assert "No labels" not in said
    assert "chosen because the versions differ" in said
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    tests = {row["field"]: row["test"] for row in summary["fields"] if row["test"]}
    assert set(tests) == judged
    assert all(test["basis"] == "adjudicated" and test["hits_a"] == test["n"] for test in tests.values())
    assert not {row["raw_id"] + row["field"] for row in rows(folder / "adjudicate.csv")} & {
        row["raw_id"] + row["field"] for row in sheet
    }


def test_a_label_of_a_post_that_is_not_there_is_refused_whole(
    tutordex: Command, posts: Posts, tmp_path: Path
) -> None:
    posts(1)
    filled = sheet(tmp_path, "999,status,left,[],[]")
    assert "raw_id 999: is not in the log" in tutordex("ab", "label", filled, exit_code=2).stderr


def test_a_label_that_would_break_later_comparisons_is_refused_and_nothing_is_taken(
    tutordex: Command, services: Services, posts: Posts, tmp_path: Path
) -> None:
    posts(1)
    tutordex("drain", "--oneshot")
    raw_id = only_pair(services).raw_id
    filled = sheet(tmp_path, f"{raw_id},rate.min,40,[],[]", f'{raw_id},time_availability,"""Mon 5pm""",[],[]')
    said = tutordex("ab", "label", filled, exit_code=2).stderr
    assert "row 3: time_availability: 'Mon 5pm': is no availability" in said
    assert not only_pair(services).labels


def test_who_judged_under_a_user_without_a_name_is_known_by_number(
    tutordex: Command, services: Services, posts: Posts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts(1)
    tutordex("drain", "--oneshot")
    filled = sheet(tmp_path, f"{only_pair(services).raw_id},rate.min,40,,")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_123)
    assert "1 of 1 labels" in tutordex("ab", "label", filled).stdout
    assert services.database.fetch("SELECT labelled_by FROM gold_labels", {}, scalar_row) == ["uid 4000123"]


def test_an_adjudicated_label_never_replaces_an_independent_one(
    tutordex: Command, services: Services, posts: Posts, tmp_path: Path
) -> None:
    posts(1)
    tutordex("drain", "--oneshot")
    raw_id = only_pair(services).raw_id
    filled = sheet(tmp_path, f"{raw_id},rate.min,40,[],[]")
    assert "1 of 1 labels" in tutordex("ab", "label", filled, "--independent").stdout
    filled = sheet(tmp_path, f"{raw_id},rate.min,45,[],[]")
    assert "0 of 1 labels" in tutordex("ab", "label", filled).stdout
    assert only_pair(services).labels["rate.min"].values == [40.0]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("run", "nothing"), "'nothing': is no experiment; choose one of none yet, or add experiments/"),
        (("compare", "rules", "rules"), "rules: is compared with itself"),
        (("compare", "rules", "v9"), "'v9': has extracted nothing here; known versions: "),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_next_step(
    tutordex: Command, posts: Posts, arguments: tuple[str, ...], problem: str
) -> None:
    posts(1)
    tutordex("drain", "--oneshot")
    assert problem in tutordex("ab", *arguments, exit_code=2).stderr


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sheet(folder: Path, *lines: str) -> str:
    """Write a filled sheet with these lines; return its path."""
    path = folder / "sheet.csv"
    path.write_text("\n".join(["raw_id,field,label,left_json,right_json", *lines, ""]), encoding="utf-8")
    return str(path)


def only_pair(services: Services) -> Pair:
    """Return the one post that `rules` has read, with its labels."""
    always = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
    (pair,) = services.comparisons.version_pairs("rules", "none", always, None)
    return pair
