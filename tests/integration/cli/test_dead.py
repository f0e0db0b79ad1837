"""`tutordex dead`: what killed an extraction, and what a person does about it."""

from collections.abc import Callable
from datetime import datetime

import pytest
from click.testing import Result

from tutordex_dagster.extraction.versions import fingerprint
from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.resources.services import Services

Command = Callable[..., Result]
Posts = Callable[[int], datetime]


@pytest.fixture
def dead(services: Services, posts: Posts) -> list[int]:
    """Give three posts, two of which are dead with a rejected answer; return the ids of those."""
    posts(3)
    jobs = services.queue.claim("rules", limit=2)
    services.versions.register("rules", fingerprint(services.live), {})
    meta = {"message": "it is no JSON", "artifact": '{"code": ', "spent": {"calls": 2}}
    ends = [Finished(job=job, status="dead", error_class="invalid_json", meta=meta) for job in jobs]
    assert services.queue.finish(ends) == 2
    return [job.raw_id for job in jobs]


def statuses(services: Services) -> list[tuple[str, int, str | None]]:
    """Return status, attempts and reason of every job."""
    query = b"SELECT status::text, attempt, reason FROM telegram_extractions ORDER BY raw_id"
    with services.database.connection() as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def deeds(services: Services) -> list[tuple[str, dict[str, object]]]:
    """Return what is on record."""
    with services.database.connection() as connection:
        rows = connection.execute("SELECT action, detail FROM audit ORDER BY audit_id")
        return [(row[0], row[1]) for row in rows]


def test_the_dead_are_listed_without_a_word_of_their_posts(tutordex: Command, dead: list[int]) -> None:
    output = tutordex("dead", "list").stdout
    assert all(str(raw_id) in output for raw_id in dead)
    assert "invalid_json" in output
    assert "Maths" not in output
    assert "no extraction is dead" in tutordex("dead", "list", "--version", "rules-strict").stdout


def test_one_is_shown_with_its_post_and_the_rejected_answer(tutordex: Command, dead: list[int]) -> None:
    output = tutordex("dead", "show", str(dead[0])).stdout
    assert "invalid_json: it is no JSON" in output
    assert "--- post\nCode: T001\nP5 Maths" in output
    assert '--- answer\n{"code": ' in output
    assert "spent: {'calls': 2}" in output
    assert "999: is no dead extraction" in tutordex("dead", "show", "999", exit_code=2).stderr


def test_a_retry_gives_the_attempts_back_to_one_or_to_all_and_is_on_record(
    tutordex: Command, services: Services, dead: list[int]
) -> None:
    assert "1 dead extraction waits" in tutordex("dead", "retry", str(dead[0])).stdout
    assert statuses(services)[:2] == [("pending", 0, None), ("dead", 1, None)]
    assert "0 dead extractions wait" in tutordex("dead", "retry", "--version", "rules-strict").stdout
    assert "1 dead extraction waits" in tutordex("dead", "retry", "--all").stdout
    assert deeds(services)[0] == (
        "dead retry",
        {"versions": "rules", "jobs": 1, "raw_ids": str(dead[0])},
    )
    assert services.queue.due("rules").jobs == 3


def test_a_retry_of_nothing_is_refused(tutordex: Command) -> None:
    assert "give raw ids, --version NAME or --all" in tutordex("dead", "retry", exit_code=2).stderr


def test_a_discarded_one_counts_as_a_post_without_an_assignment(
    tutordex: Command, services: Services, dead: list[int]
) -> None:
    assert "2 dead extractions are discarded." in tutordex("dead", "discard", *map(str, dead)).stdout
    assert statuses(services)[:2] == [("skipped", 1, "discarded")] * 2
    assert deeds(services)[0][0] == "dead discard"
    tutordex("drain", "--oneshot")
    assert services.assignments.stats().open == 1
    assert "no extraction is dead" in tutordex("dead", "list").stdout
