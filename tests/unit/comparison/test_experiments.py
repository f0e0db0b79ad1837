"""Experiment files: what they may say, and what is refused with which words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tutordex_dagster.comparison.experiments import load_experiments
from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.versions import load_pipelines
from tutordex_dagster.settings import PROJECT

GOOD = """
name: ab-1
description: Two rule sets.
versions: [rules, rules-strict]
since: 2026-03-01T00:00:00+00:00
until: 2026-03-08T00:00:00+00:00
channels: [t.me/one]
sample: 50
"""


def write(folder: Path, text: str, name: str = "one.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_file_gives_versions_window_channels_and_sample(tmp_path: Path) -> None:
    (spec,) = load_experiments(write(tmp_path, GOOD))
    assert (spec.name, spec.asset_name, spec.versions) == ("ab-1", "ab_1", ("rules", "rules-strict"))
    assert spec.window.since == datetime(2026, 3, 1, tzinfo=UTC)
    assert (spec.channels, spec.sample) == (("t.me/one",), 50)


def test_a_folder_without_files_or_no_folder_holds_no_experiment(tmp_path: Path) -> None:
    assert load_experiments(tmp_path) == load_experiments(tmp_path / "none") == ()


def test_the_projects_own_experiments_name_versions_that_exist() -> None:
    versions = {spec.name for spec in load_pipelines(PROJECT / "pipelines")}
    experiments = load_experiments(PROJECT / "experiments")
    assert experiments
    assert all(set(spec.versions) <= versions for spec in experiments)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[rules, rules-strict]", "[rules]", r"field 'versions': .*at least 2 items"),
        ("[rules, rules-strict]", "[rules, rules]", "names a version twice"),
        ("2026-03-08T00:00:00+00:00", "2026-03-01T00:00:00+00:00", "the window is empty"),
        ("2026-03-08T00:00:00+00:00", "2026-03-08T00:00:00", "has no time zone"),
        ("sample: 50", "sample: 0", "field 'sample': .*greater than or equal to 1"),
        ("sample: 50", "size: 50", "field 'size': .*; known fields: name, description"),
        ("name: ab-1", "name: a b", "field 'name'"),
        ("name: ab-1", "name: [", "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        load_experiments(write(tmp_path, GOOD.replace(old, new)))


def test_two_files_may_not_become_one_asset(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("ab-1", "ab_1"), "two.yaml")
    with pytest.raises(UsageError, match="collides with 'ab-1'"):
        load_experiments(write(tmp_path, GOOD))
