"""The verdict of a smoke test: what a deployment made of a few stored posts, and whether that will do."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain, zip_longest

from tutordex_dagster.operations.doctor import Finding, fail, ok, warn
from tutordex_dagster.queue.spending import Tally

PREFIX = "smoke_"


def version_name(live: str, now: datetime) -> str:
    """Return the name a smoke test works under: new every time, so nothing that exists is touched."""
    return f"{PREFIX}{now:%Y%m%dT%H%M%S}_{live}"[:64]


def spread(by_channel: Sequence[Sequence[int]], limit: int) -> list[int]:
    """Take posts from all channels in turn, at most `limit`, so that no channel fills the test alone."""
    in_turn = chain.from_iterable(zip_longest(*by_channel))
    return [raw_id for raw_id in in_turn if raw_id is not None][:limit]


def judge(tally: Tally, *, jobs: int, failure_limit: float) -> list[Finding]:
    """Say how every part of the test went; `failure_limit` is the share (0 to 1) of posts that may fail."""
    return [_worked(tally, jobs), _failures(tally, failure_limit), _found(tally)]


def passed(findings: Sequence[Finding]) -> bool:
    """Tell whether nothing failed."""
    return all(finding.level != "fail" for finding in findings)


def _worked(tally: Tally, jobs: int) -> Finding:
    if tally.obstacle:
        return fail("worker", f"{tally.done} of {jobs} posts done: {tally.obstacle}", "see: tutordex doctor")
    if tally.done < jobs:
        return fail("worker", f"{tally.done} of {jobs} posts done", "see: tutordex status")
    return ok("worker", f"{jobs} posts done")


def _failures(tally: Tally, limit: float) -> Finding:
    bad = tally.failed + tally.dead
    share = bad / tally.done if tally.done else 0.0
    kinds = ", ".join(f"{count} {kind}" for kind, count in tally.failures.most_common())
    detail = (
        f"{bad} of {tally.done} posts failed ({share:.0%}, limit {limit:.0%}){': ' if kinds else ''}{kinds}"
    )
    if share > limit:
        return fail("failures", detail, "do not switch the side effects on; go back to the last release")
    return warn("failures", detail, "look at them: tutordex dead list") if bad else ok("failures", detail)


def _found(tally: Tally) -> Finding:
    detail = f"{tally.ok} posts with assignments, {tally.skipped} without"
    if tally.done and not tally.ok:
        return fail("assignments", detail, "choose a window with assignments: --since, --until")
    return ok("assignments", detail)
