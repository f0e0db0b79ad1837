"""`tutordex smoke` on a real database: 50 posts, a verdict, and nothing else changed."""

from collections.abc import Callable
from datetime import datetime

import pytest
from click.testing import Result

from tests.integration.cli.test_ab import everything_else
from tutordex_dagster.resources.services import Services

Command = Callable[..., Result]
Posts = Callable[[int], datetime]


def own(services: Services) -> list[tuple[str, int]]:
    return [(row.status, row.jobs) for row in services.queue.backlog() if row.version.startswith("smoke_")]


def test_it_tries_fifty_posts_and_gives_a_verdict(
    tutordex: Command, services: Services, posts: Posts
) -> None:
    posts(60)
    said = tutordex("smoke").stdout
    assert "50 posts done" in said
    assert "50 posts with assignments, 0 without" in said
    assert "smoke test of rules: passed; results under smoke_2" in said
    assert own(services) == [("ok", 50)]


def test_it_leaves_everything_else_byte_for_byte_alone(
    tutordex: Command, services: Services, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every switch that sends something is on."""
    monkeypatch.setenv("EXTRACTION_WORKER_BROADCAST", "1")
    monkeypatch.setenv("EXTRACTION_WORKER_DMS", "1")
    posts(8)
    tutordex("drain", "--max-jobs", "4")
    before = everything_else(services, but="smoke_")
    tutordex("smoke", "--max-jobs", "3")
    assert everything_else(services, but="smoke_") == before
    assert own(services) == [("ok", 3)]


def test_it_tries_the_version_of_the_setting_and_else_the_live_one(
    tutordex: Command, services: Services, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts(2)
    services.assignments.begin_with("rules-strict")
    assert "smoke test of rules-strict: " in tutordex("smoke").stdout
    monkeypatch.setenv("EXTRACTION_PIPELINE_VERSION", "rules")
    assert "smoke test of rules: passed" in tutordex("smoke").stdout


def test_nothing_to_try_is_no_verdict(tutordex: Command, posts: Posts) -> None:
    posts(2)
    said = tutordex(
        "smoke", "--since", "2020-01-01T00:00:00+00:00", "--until", "2020-01-02T00:00:00+00:00", exit_code=2
    )
    assert "no stored post to try; choose another window: --since, --until" in said.stderr
