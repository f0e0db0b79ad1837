"""The worker of slow extractors: what is in flight, who pays for what, and when it stops asking."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from typing_extensions import override

from tests.unit.queue.memory import NOW, Bench, LeasedMemoryQueue, Slow, bench, job
from tutordex_dagster.errors import TransientError
from tutordex_dagster.extraction.contract import Answer
from tutordex_dagster.queue import lane
from tutordex_dagster.resilience.breaker import Breaker


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at an empty queue, or for a database that was away, without waiting."""
    monkeypatch.setattr(lane, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(lane, "POLL_SECONDS", 0.001)


def codes(count: int) -> list[str]:
    return [f"A{number}" for number in range(1, count + 1)]


def test_every_job_is_answered_with_no_more_in_flight_than_allowed_and_no_more_held_than_twice_that() -> None:
    there = bench(*codes(50))
    tally = there.drain()
    assert (tally.ok, tally.claimed, tally.lost) == (50, 50, 0)
    assert there.extractor.most == 4
    assert there.queue.most_held <= 8
    assert orjson.loads(there.queue.end_of(7).result or b"")["segments"][0]["assignment_code"] == "A7"


def test_what_answers_cost_is_kept_with_each_and_summed_up() -> None:
    there = bench("A1", "A2")
    there.queue.waiting[1] = replace(there.queue.waiting[1], spent={"prompt_tokens": 7, "cost": 1.0})
    tally = there.drain()
    assert there.queue.end_of(1).meta["spent"]["prompt_tokens"] == 100
    assert there.queue.end_of(2).meta["spent"] == {
        "prompt_tokens": 107,
        "completion_tokens": 20,
        "cost": 1.5,
        "seconds": 1.5,
        "calls": 1,
    }
    assert tally.amounts["prompt_tokens"] == 200
    assert (tally.quantile(0.5), tally.quantile(0.95)) == (1.5, 1.5)


def test_messages_that_need_no_answer_are_skipped_without_asking() -> None:
    there = Bench(
        LeasedMemoryQueue(
            [
                job(1, "x", service=True),
                job(2, " \n"),
                replace(job(3, "P5 Maths"), forwarded_from="Elsewhere"),
            ]
        )
    )
    assert there.drain().reasons == {"service": 1, "empty": 1, "forwarded": 1}
    assert there.extractor.asked == []


def test_a_rejected_answer_burns_an_attempt_and_is_dead_with_its_artifact_after_the_last() -> None:
    there = Bench(LeasedMemoryQueue([job(1, "poison a"), job(2, "poison b", attempt=3), job(3, "A3")]))
    tally = there.drain()
    assert there.queue.ends() == {1: "failed", 2: "dead", 3: "ok"}
    assert there.queue.end_of(1).not_before == NOW + timedelta(seconds=60)
    assert len(there.queue.end_of(2).meta["artifact"]) == 8192
    assert (there.queue.end_of(2).error_class, tally.failures) == ("invalid_json", {"invalid_json": 2})
    assert tally.amounts["prompt_tokens"] == 300, "what was of no use was paid for as well"


def test_the_same_text_is_asked_about_once_and_the_rows_say_whose_answer_they_took() -> None:
    there = bench("A1", "A1", "promo", "A1", "promo")
    tally = there.drain()
    assert sorted(there.extractor.asked) == ["A1", "promo"]
    assert (tally.ok, tally.skipped, tally.reused) == (3, 2, 3)
    assert {there.queue.end_of(n).meta["reused_from"] for n in (2, 4)} == {1}
    assert (there.queue.end_of(5).meta["reused_from"], there.queue.end_of(5).reason) == (3, "promo")
    assert there.queue.end_of(4).result == there.queue.end_of(1).result


def test_an_answer_of_an_earlier_drain_is_used_again_unless_that_is_switched_off() -> None:
    there = bench("A1")
    there.drain()
    there.queue.waiting = [job(2, "A1")]
    assert there.drain().reused == 1
    there.queue.waiting = [job(3, "A1"), job(4, "A1")]
    assert there.drain(reuse=False).reused == 0
    assert there.extractor.asked == ["A1", "A1", "A1"]


def test_a_twin_of_a_rejected_answer_is_asked_about_itself() -> None:
    there = bench("poison", "poison")
    there.drain()
    assert there.queue.ends() == {1: "failed", 2: "failed"}
    assert len(there.extractor.asked) == 2


def test_an_outage_gives_every_job_back_with_its_attempt_and_pauses_the_version() -> None:
    there = bench(*["away"] * 5, *codes(20))
    there.extractor.fault = None
    there.queue.waiting = [replace(j, text=f"away {j.raw_id}") for j in there.queue.waiting]
    tally = there.drain()
    assert set(there.queue.ends().values()) == {"pending"}
    assert (tally.obstacle or "").startswith("llm:llm is paused until 2026-03-02 08:01:00 UTC")
    assert len(there.extractor.asked) <= 3 + 2 * 4
    assert not there.queue.held
    assert there.drain().claimed == 0


def test_what_nobody_answered_is_given_back_with_its_attempt_and_its_count() -> None:
    there = bench("away", "A2", "A3")
    there.drain()
    assert (there.queue.ends()[1], there.queue.end_of(1).meta["spent"]) == ("pending", {"unanswered": 1})
    assert "are you there?" not in there.extractor.asked, "an outage looks the same from a single post"


@pytest.mark.parametrize(("up", "end"), [(True, "dead"), (False, "pending")])
def test_what_stays_unanswered_pays_with_its_attempts_while_the_server_answers_something(
    end: str, *, up: bool
) -> None:
    there = Bench(LeasedMemoryQueue([replace(job(1, "away", attempt=3), spent={"unanswered": 20})]))
    there.extractor.up = up
    tally = there.drain()
    assert there.extractor.asked == ["away", "are you there?"]
    assert there.queue.ends() == {1: end}
    assert tally.failures == {"LaneUnavailable": 1}
    assert (there.queue.end_of(1).error_class == "LaneUnavailable") is up


def test_a_server_that_asks_for_a_pause_blames_no_post() -> None:
    there = Bench(LeasedMemoryQueue([replace(job(1, "busy", attempt=3), spent={"unanswered": 20})]))
    there.drain()
    assert there.queue.ends() == {1: "pending"}
    assert there.extractor.asked == ["busy"]


def outlasted(there: Bench, drains: int, others: int) -> None:
    """Drain so often, a pause apart: each time with what is left of job 1 before so many new posts."""
    for number in range(drains):
        after = there.queue.end_of(1) if number else None
        left = [] if after and after.status == "dead" else [job(1, "away")]
        if after and left:
            spent, paid = after.meta.get("spent", {}), after.status == "failed"
            left = [replace(left[0], attempt=after.job.attempt + paid, spent=spent)]
        back = [job(n, f"A{n}") for n, end in there.queue.ends().items() if end == "pending" and n != 1]
        new = [job(n, f"A{n}") for n in range(10 * number + 10, 10 * number + 10 + others)]
        there.queue.waiting = [*left, *back, *new, *there.queue.waiting]
        there.drain(concurrency=1)
        there.clock.now += timedelta(seconds=61)


@pytest.mark.parametrize("others", [3, 0])
@pytest.mark.parametrize("threshold", [1, 2])
def test_one_call_at_a_time_is_enough_for_what_the_server_cannot_stand_to_die(
    others: int, threshold: int
) -> None:
    """Also when it is the probe of the breaker every time, or the only work left."""
    there = bench()
    there.policy = replace(there.policy, threshold=threshold)
    outlasted(there, 30, others)
    assert there.queue.ends()[1] == "dead"
    assert there.extractor.asked.count("away") == 20 + 3
    assert set(there.queue.ends().values()) <= {"dead", "ok"}
    assert there.breaker.obstacle() is None


def test_an_outage_burns_nothing_however_long_it_lasts_and_whatever_is_left() -> None:
    there = bench()
    there.extractor.up = False
    outlasted(there, 200, 0)
    assert {end.status for end in there.queue.finished} == {"pending"}
    assert len(there.extractor.asked) <= 2 * 200


def test_after_the_pause_one_probe_finds_out_and_the_rest_follows() -> None:
    there = bench(*(f"away {n}" for n in range(12)))
    there.drain()
    asked, there.queue.waiting = len(there.extractor.asked), [job(20, "away"), job(21, "A21")]
    there.clock.now += timedelta(seconds=61)
    there.drain()
    assert len(there.extractor.asked) == asked + 1, "the probe failed alone"
    assert [j.raw_id for j in there.queue.waiting] == [21], "no more is claimed than the probe"
    there.queue.waiting = [job(n, f"A{n}") for n in range(30, 50)]
    there.clock.now += timedelta(seconds=61)
    tally = there.drain()
    assert (tally.ok, tally.obstacle) == (20, None)


def test_jobs_that_are_held_already_wait_for_the_probe_when_another_process_opened_the_breaker() -> None:
    there, probes = bench(*codes(30)), list[str]()

    class Watched(Slow):
        @override
        async def answer(self, text: str) -> Answer:
            if there.store.read("llm:llm").state == "half_open":
                probes.append(text)
            await asyncio.sleep(0.005)  # longer than the database takes, so that jobs are held by then
            return await super().answer(text)

    def open_it(text: str) -> None:
        if text == "A1":
            opened = Breaker(state="open", opened_at=NOW - timedelta(minutes=2), reason="elsewhere")
            there.store.update("llm:llm", lambda _: (opened, None))
            there.clock.now += timedelta(seconds=2)

    there.extractor = Watched(on_ask=open_it)
    assert there.drain().ok == 30
    assert len(probes) == 1


def test_a_probe_that_is_rejected_proves_that_the_server_answers() -> None:
    there = bench(*(f"away {n}" for n in range(12)))
    there.drain()
    there.queue.waiting = [job(20, "poison"), job(21, "A21")]
    there.clock.now += timedelta(seconds=61)
    assert there.drain().obstacle is None
    assert there.queue.ends()[21] == "ok"


def test_a_probe_that_was_not_needed_is_given_back() -> None:
    there = bench(*(f"away {n}" for n in range(12)))
    there.drain()
    there.clock.now += timedelta(seconds=61)
    there.queue.waiting = [job(20, "x", service=True)]
    assert there.drain().skipped == 1
    assert there.breaker.obstacle() is None


def test_a_server_that_asks_for_a_pause_gets_it_at_the_first_answer() -> None:
    there = bench("busy")
    assert "until 2026-03-02 08:10:00 UTC" in (there.drain().obstacle or "")


def test_a_refused_key_stops_the_version_until_a_person_resets_it() -> None:
    there = bench("locked", *codes(9))
    tally = there.drain()
    assert tally.obstacle == (
        "llm:llm is stopped (server: 401; set LLM_API_KEY); once put right: tutordex breaker reset llm:llm"
    )
    assert there.queue.ends()[1] == "pending"
    there.clock.now += timedelta(days=9)
    assert "is stopped" in (there.drain().obstacle or "")


def test_a_wish_to_stop_finishes_what_is_in_flight_and_gives_the_rest_back() -> None:
    there = bench(*codes(50))
    there.extractor.on_ask = lambda _: setattr(there, "stop", True)
    tally = there.drain()
    assert tally.ok == 4
    assert tally.postponed == tally.claimed - 4 > 0
    assert not there.queue.held


def test_max_jobs_bounds_what_is_claimed() -> None:
    there = bench(*codes(50))
    assert there.drain(max_jobs=7).claimed == 7
    assert len(there.queue.waiting) == 43


def test_leases_are_extended_while_answers_are_awaited_and_a_lost_one_is_dropped() -> None:
    there = bench("stuck", "A2", "A2")

    def pass_time(text: str) -> None:
        if text == "A2":
            there.clock.now += timedelta(seconds=101)
            there.queue.stolen = {1}

    there.extractor.on_ask = pass_time
    tally = there.drain()
    assert tally.lost == 1
    assert there.queue.ends() == {2: "ok", 3: "ok"}


def test_a_database_that_is_away_for_a_moment_loses_no_answer() -> None:
    there = bench(*codes(5))
    there.queue.away = 2
    assert there.drain().ok == 5
    assert set(there.queue.ends().values()) == {"ok"}


def test_a_database_that_stays_away_ends_the_drain() -> None:
    there = bench(*codes(5))
    there.queue.away = 10_000
    with pytest.raises(TransientError, match="away"):
        there.drain(lease_seconds=0.01)


def test_what_is_not_about_the_post_ends_the_drain_and_gives_everything_back() -> None:
    there = bench(*codes(9))
    there.extractor.fault = MemoryError()
    with pytest.raises(MemoryError):
        there.drain()
    assert not there.queue.held
    assert set(there.queue.ends().values()) == {"pending"}


def test_neither_posts_nor_answers_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    there = bench("poison secret")
    there.drain()
    assert "raw_id=1 version=llm attempt=1 error=invalid_json" in caplog.text
    assert "secret" not in caplog.text
    assert "xxx" not in caplog.text
