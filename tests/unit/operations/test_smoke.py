"""The verdict of a smoke test."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from tutordex_dagster.operations.smoke import judge, passed, spread, version_name
from tutordex_dagster.queue.spending import Tally


def tally(obstacle: str | None = None, **ends: int) -> Tally:
    failures = Counter({"AnswerRejected": ends.get("failed", 0) + ends.get("dead", 0)})
    return Tally(claimed=sum(ends.values()), ends=Counter(ends), failures=+failures, obstacle=obstacle)


@pytest.mark.parametrize(
    ("done", "levels"),
    [
        (tally(ok=40, skipped=10), ["ok", "ok", "ok"]),
        (tally(ok=45, failed=3, dead=2), ["ok", "warn", "ok"]),
        (tally(ok=30, dead=20), ["ok", "fail", "ok"]),
        (tally(skipped=50), ["ok", "ok", "fail"]),
        (tally(ok=49), ["fail", "ok", "ok"]),
        (tally("the model refuses the key", ok=1, pending=49), ["fail", "ok", "ok"]),
        (tally("the model refuses the key"), ["fail", "ok", "ok"]),
    ],
)
def test_a_deployment_passes_only_when_posts_are_done_and_found_and_few_fail(
    done: Tally, levels: list[str]
) -> None:
    findings = judge(done, jobs=50, failure_limit=0.2)
    assert [finding.level for finding in findings] == levels
    assert passed(findings) == ("fail" not in levels)
    assert all(finding.next_step for finding in findings if finding.level != "ok")


def test_posts_come_from_all_channels_in_turn() -> None:
    assert spread([[1, 2, 3], [10], [20, 21]], 5) == [1, 10, 20, 2, 21]
    assert spread([], 5) == []


def test_the_name_is_new_every_time_and_short_enough_for_a_version() -> None:
    first = version_name("v" * 64, datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert first.startswith("smoke_20260302T120000_vvv")
    assert len(first) == 64
    assert first != version_name("v" * 64, datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC))
