"""The queue's state machine: who may end a job, what a crash costs, which jobs a claim takes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson
import psycopg
import pytest

from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.store.extractions import BacklogRow, DueWork

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.store.conftest import World


@pytest.fixture
def queued(world: "World") -> "World":
    """Give a world with one waiting job of v1."""
    world.store(world.message(1), enqueue="v1")
    return world


def test_a_claim_hands_out_the_text_and_counts_the_attempt(queued: "World") -> None:
    job = queued.claim_one()
    assert (job.raw_id, job.version, job.attempt, job.lane) == (queued.raw_id(1), "v1", 1, "live")
    assert (job.channel_id, job.posted_at, job.kind, job.text) == (
        5,
        queued.at(1),
        "post",
        "P5 Maths at Bedok",
    )
    assert queued.queue.claim("v1", limit=10) == []


def test_an_end_is_written_with_everything_it_carries(queued: "World") -> None:
    end = replace(queued.ok(queued.claim_one(), "A7"), meta={"seconds": 0.5, "note": "a\0b \ud83d"})
    queued.clock.forward(seconds=3)
    assert queued.queue.finish([end]) == 1
    (row,) = queued.rows("SELECT * FROM telegram_extractions")
    assert row["result"] == {"kind": "assignment", "segments": [{"assignment_code": "A7"}]}
    assert (row["status"], row["meta"]) == ("ok", {"seconds": 0.5, "note": "ab \ufffd"})
    assert (row["finished_at"], row["lease_token"], row["lease_expires_at"]) == (queued.clock(), None, None)


def test_no_ends_write_nothing(queued: "World") -> None:
    assert queued.queue.finish([]) == 0


def test_a_failed_attempt_waits_until_its_time(queued: "World") -> None:
    queued.queue.finish([queued.failed(queued.claim_one(), retry_in=60)])
    assert queued.jobs() == {(1, 1): ("failed", "boom")}
    assert queued.queue.claim("v1", limit=10) == []
    assert queued.queue.next_due_at("v1") == queued.clock() + timedelta(seconds=60)
    queued.clock.forward(seconds=60)
    assert queued.claim_one().attempt == 2


def test_a_late_finisher_cannot_overwrite_a_newer_claim(queued: "World") -> None:
    late = queued.claim_one()
    queued.clock.forward(seconds=301)
    newer = queued.claim_one()
    assert queued.queue.finish([queued.ok(late, "LATE")]) == 0
    assert queued.queue.finish([queued.ok(newer, "NEWER")]) == 1
    assert queued.queue.finish([queued.ok(late, "LATE")]) == 0
    (row,) = queued.rows("SELECT result FROM telegram_extractions")
    assert row["result"]["segments"] == [{"assignment_code": "NEWER"}]


def test_a_finisher_past_its_lease_still_owns_the_job_until_someone_else_claims_it(queued: "World") -> None:
    job = queued.claim_one()
    queued.clock.forward(hours=1)
    assert queued.queue.finish([queued.ok(job)]) == 1


def test_a_job_of_a_crashed_worker_is_claimed_again_after_its_lease_and_not_before(queued: "World") -> None:
    queued.claim_one()
    queued.clock.forward(seconds=299)
    assert queued.queue.claim("v1", limit=10) == []
    assert queued.queue.next_due_at("v1") == queued.clock() + timedelta(seconds=1)
    queued.clock.forward(seconds=1)
    assert queued.queue.due("v1").jobs == 1
    assert queued.claim_one().attempt == 2


def test_a_job_that_crashes_its_worker_every_time_dies_after_its_attempts(queued: "World") -> None:
    for _ in range(2):
        queued.claim_one()
        queued.clock.forward(seconds=300)
    assert queued.queue.claim("v1", limit=10) == []
    (row,) = queued.rows("SELECT * FROM telegram_extractions")
    assert (row["status"], row["attempt"], row["error_class"]) == ("dead", 2, "LeaseExpired")
    assert row["finished_at"] == queued.clock()


def test_an_expired_lease_of_one_version_is_left_to_the_claims_of_that_version(queued: "World") -> None:
    queued.claim_one()
    queued.clock.forward(hours=1)
    assert queued.queue.claim("v2", limit=10) == []
    assert queued.jobs() == {(1, 1): ("processing", None)}


def test_a_batch_of_ends_writes_those_that_still_own_their_job(world: "World") -> None:
    world.store(world.message(1), world.message(2), world.message(3), enqueue="v1")
    one, two, three = world.queue.claim("v1", limit=3)
    stolen = replace(two, lease=uuid4())
    dead = Finished(job=three, status="dead", reason="no use", error_class="PermanentError")
    assert world.queue.finish([world.skipped(one, "promo"), world.ok(stolen), dead]) == 2
    assert world.jobs() == {
        (1, 1): ("skipped", "promo"),
        (2, 1): ("processing", None),
        (3, 1): ("dead", "no use"),
    }


def test_an_end_without_what_its_status_needs_is_refused(queued: "World") -> None:
    job = queued.claim_one()
    for end in (Finished(job=job, status="ok"), Finished(job=job, status="skipped")):
        with pytest.raises(psycopg.errors.CheckViolation):
            queued.queue.finish([end])
    assert queued.jobs() == {(1, 1): ("processing", None)}


def test_surrogates_in_a_reason_do_no_harm(queued: "World") -> None:
    queued.queue.finish([queued.skipped(queued.claim_one(), "bad \ud83d\0")])
    assert queued.jobs() == {(1, 1): ("skipped", "bad \ufffd")}


def test_lanes_are_served_strictly_and_the_oldest_first_within_one(world: "World") -> None:
    world.store(*(world.message(n) for n in range(1, 6)))
    for message_id, lane in ((1, "reparse"), (2, "backfill"), (3, "catchup"), (4, "live"), (5, "live")):
        world.queue.enqueue("v1", [world.raw_id(message_id)], lane=lane)  # type: ignore[arg-type]
        world.clock.forward(seconds=1)
    claimed = [world.queue.claim("v1", limit=2), world.queue.claim("v1", limit=9)]
    assert [[job.lane for job in jobs] for jobs in claimed] == [
        ["live", "live"],
        ["catchup", "backfill", "reparse"],
    ]
    assert [job.raw_id for job in claimed[0]] == [world.raw_id(4), world.raw_id(5)]


def test_a_claim_for_some_revisions_takes_no_others(world: "World") -> None:
    world.store(*(world.message(n) for n in range(1, 6)), enqueue="v1")
    wanted = [world.raw_id(2), world.raw_id(4)]
    assert [job.raw_id for job in world.queue.claim("v1", limit=10, raw_ids=wanted)] == wanted
    assert world.queue.claim("v1", limit=10, raw_ids=wanted) == []
    assert world.queue.claim("v1", limit=10, raw_ids=[]) == []
    assert len(world.queue.claim("v1", limit=10)) == 3


def test_concurrent_claims_never_share_a_job(world: "World") -> None:
    world.store(*(world.message(n, minute=1) for n in range(1, 401)), enqueue="v1")
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda _: world.queue.claim("v1", limit=10), range(40)))
    raw_ids = [job.raw_id for jobs in claims for job in jobs]
    assert (len(raw_ids), len(set(raw_ids))) == (400, 400)


def end_as(world: "World", statuses: dict[int, str]) -> None:
    """Bring the jobs of these messages into these states."""
    for job in world.queue.claim("v1", limit=100):
        message_id = world.rows(
            "SELECT message_id FROM telegram_messages_raw WHERE raw_id = %(r)s", r=job.raw_id
        )[0]
        match statuses[message_id["message_id"]]:
            case "ok":
                world.queue.finish([world.ok(job)])
            case "failed":
                world.queue.finish([world.failed(job, retry_in=600)])
            case "skipped":
                world.queue.finish([world.skipped(job, "promo")])
            case "dead":
                world.queue.finish([Finished(job=job, status="dead", reason="x", error_class="E")])


STATES = {1: "ok", 2: "failed", 3: "skipped", 4: "dead", 5: "processing", 6: "pending"}


@pytest.fixture
def every_state(world: "World") -> "World":
    """Give a world with a job of v1 in every state, all of the backfill lane, and the same of v2 waiting."""
    batch = world.batch(*(world.message(n) for n in range(1, 6)))
    world.log.store(world.in_lane(batch, "v1", "backfill"))
    end_as(world, STATES)
    world.log.store(world.in_lane(world.batch(world.message(6)), "v1", "backfill"))
    world.queue.enqueue_window("v2", channel_ids=[5], window=world.day, lane="reparse")
    return world


def checksum(world: "World", version: str) -> object:
    """Sum up every column of a version's rows."""
    query = """
        SELECT md5(string_agg(job::text, ',' ORDER BY raw_id)) FROM telegram_extractions AS job
        WHERE pipeline_version = %(v)s
    """
    return world.rows(query, v=version)


def test_enqueueing_without_force_leaves_every_existing_job_alone(every_state: "World") -> None:
    before = checksum(every_state, "v1")
    ids = [every_state.raw_id(n) for n in STATES]
    assert every_state.queue.enqueue("v1", ids, lane="live") == 0
    assert checksum(every_state, "v1") == before


def test_enqueueing_with_force_starts_everything_over_but_what_is_running(every_state: "World") -> None:
    other = checksum(every_state, "v2")
    ids = [every_state.raw_id(n) for n in STATES]
    assert every_state.queue.enqueue("v1", ids, lane="catchup", force=True) == 5
    assert every_state.jobs() == {
        **{(n, 1): ("pending", None) for n in STATES},
        (5, 1): ("processing", None),
    }
    rows = every_state.rows(
        "SELECT * FROM telegram_extractions WHERE pipeline_version = 'v1' AND status = 'pending'"
    )
    assert {(row["attempt"], row["priority"], row["result"]) for row in rows} == {(0, 1, None)}
    assert len(every_state.queue.claim("v1", limit=10)) == 5
    assert checksum(every_state, "v2") == other


def test_force_never_makes_a_waiting_job_less_urgent(every_state: "World") -> None:
    assert every_state.queue.enqueue("v1", [every_state.raw_id(6)], lane="reparse", force=True) == 0
    (job,) = every_state.queue.claim("v1", limit=10)
    assert job.lane == "backfill"


def test_a_failed_job_that_is_forced_is_due_at_once(every_state: "World") -> None:
    every_state.queue.enqueue("v1", [every_state.raw_id(2)], lane="live", force=True)
    assert every_state.queue.claim("v1", limit=1)[0].raw_id == every_state.raw_id(2)


def test_only_live_revisions_get_jobs(world: "World") -> None:
    world.store(world.message(1, "old"), world.message(2), seen=30)
    world.store(world.message(1, "new", edited=40), seen=60, sweep="sealed")
    ids = [row["raw_id"] for row in world.rows("SELECT raw_id FROM telegram_messages_raw")]
    assert world.queue.enqueue("v1", [*ids, *ids, 999_999], lane="live", force=True) == 1
    assert world.jobs() == {(1, 2): ("pending", None)}


def test_a_window_is_enqueued_with_a_limit_for_each_channel(world: "World") -> None:
    world.register(6)
    world.store(*(world.message(n) for n in (1, 2, 3)))
    world.store(*(world.message(n) for n in (1, 2, 3)), channel_id=6)

    def enqueue(version: str, *channel_ids: int, limit: int | None = None) -> int:
        return world.queue.enqueue_window(
            version, channel_ids=channel_ids, window=world.day, lane="backfill", max_per_channel=limit
        )

    assert enqueue("v1", 5, 6, limit=2) == 4
    assert enqueue("v1", 5, 6, limit=2) == 0
    assert enqueue("v1", 5) == 1
    assert enqueue("v2", 5, 6) == 6


def test_a_window_that_broke_off_between_pages_goes_on_where_it_was(world: "World") -> None:
    world.register(6)
    for channel_id in (5, 6):
        world.store(*(world.message(n) for n in (1, 2, 3)), channel_id=channel_id)

    def enqueue(on_page: "Callable[[int], None]") -> int:
        return world.queue.enqueue_window(
            "v1", channel_ids=[5, 6], window=world.day, lane="reparse", page=4, on_page=on_page
        )

    def break_off(_: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        enqueue(break_off)
    assert len(world.rows("SELECT FROM telegram_extractions")) == 4
    pages: list[int] = []
    assert enqueue(pages.append) == 2
    assert pages[:2] == [4, 2]


def test_a_window_whose_page_fails_can_be_enqueued_again(world: "World") -> None:
    """Lost otherwise: the list of what is wanted, left open on a connection that others use next."""
    world.store(*(world.message(n) for n in (1, 2, 3)))

    def enqueue(version: str) -> int:
        return world.queue.enqueue_window(version, channel_ids=[5], window=world.day, lane="reparse", page=2)

    with pytest.raises(psycopg.DataError):
        enqueue("no text of Postgres: \0")
    assert enqueue("good") == 3


def test_a_job_that_is_given_back_keeps_its_attempts_and_what_they_cost(queued: "World") -> None:
    failed = replace(queued.failed(queued.claim_one()), meta={"spent": {"cost": 2.5}})
    queued.queue.finish([failed])
    job = queued.claim_one()
    assert (job.attempt, job.spent) == (2, {"cost": 2.5})
    later = queued.clock() + timedelta(seconds=60)
    queued.queue.finish([Finished(job=job, status="pending", not_before=later)])
    assert queued.jobs() == {(1, 1): ("pending", None)}
    assert queued.queue.next_due_at("v1") == later
    queued.clock.forward(seconds=60)
    again = queued.claim_one()
    assert (again.attempt, again.spent) == (2, {"cost": 2.5})


def test_a_claim_tells_where_a_message_was_forwarded_from(world: "World") -> None:
    world.store(replace(world.message(1), forwarded_from="Elsewhere"), enqueue="v1")
    assert world.claim_one().forwarded_from == "Elsewhere"


def test_a_heartbeat_extends_the_leases_that_still_hold_and_names_them(world: "World") -> None:
    world.store(world.message(1), world.message(2), enqueue="v1")
    kept, lost = world.queue.claim("v1", limit=2)
    world.queue.finish([Finished(job=lost, status="pending")])
    world.clock.forward(seconds=299)
    assert world.queue.extend("v1", [kept, lost]) == {kept.lease}
    assert world.queue.extend("v2", [kept]) == set()
    world.clock.forward(seconds=299)
    assert [job.raw_id for job in world.queue.claim("v1", limit=2)] == [lost.raw_id]


def test_known_answers_are_those_of_the_version_that_were_asked_for_and_still_stand(world: "World") -> None:
    world.store(*(world.message(n) for n in (1, 2, 3)), enqueue="v1")
    one, two, three = world.queue.claim("v1", limit=3)
    skipped = replace(world.skipped(two, "status"), meta={"closes": {"codes": ["A1"]}})
    ends = [replace(world.ok(one), text_hash=b"1"), replace(skipped, text_hash=b"2"), world.ok(three)]
    world.queue.finish(ends)
    found = world.queue.answers("v1", [b"1", b"2", b"3"])
    assert {key: (known.raw_id, known.status, known.reason) for key, known in found.items()} == {
        b"1": (one.raw_id, "ok", None),
        b"2": (two.raw_id, "skipped", "status"),
    }
    assert orjson.loads(found[b"1"].result or b"")["segments"][0]["assignment_code"] == "A1"
    assert found[b"2"].closes == {"codes": ["A1"]}
    assert world.queue.answers("v2", [b"1"]) == {}
    world.queue.enqueue("v1", [one.raw_id], lane="live", force=True)
    assert set(world.queue.answers("v1", [b"1", b"2"])) == {b"2"}


def test_the_backlog_and_a_scope_count_jobs_by_status(every_state: "World") -> None:
    assert BacklogRow(version="v2", status="pending", jobs=6) in every_state.queue.backlog()
    assert {
        row.status: row.jobs for row in every_state.queue.backlog() if row.version == "v1"
    } == dict.fromkeys(STATES.values(), 1)
    ids = [every_state.raw_id(n) for n in (1, 6)]
    assert every_state.queue.scope_counts("v1", ids) == {"ok": 1, "pending": 1}


def test_due_work_counts_what_a_claim_would_take(every_state: "World") -> None:
    start = every_state.clock()
    assert every_state.queue.due("v1") == DueWork(jobs=1, live=0, oldest=start)
    every_state.clock.forward(seconds=300)
    assert every_state.queue.due("v1").jobs == 2
    every_state.clock.forward(seconds=300)
    assert every_state.queue.due("v1").jobs == 3
    assert every_state.queue.due("none") == DueWork(jobs=0, live=0, oldest=None)
    assert every_state.queue.next_due_at("none") is None


def test_counts_by_hour_cover_the_latest_revisions_only(every_state: "World") -> None:
    every_state.store(every_state.message(1, "new", edited=30), every_state.message(61), enqueue="v1")
    ten, eleven = every_state.queue.counts_by_hour("v1", [5], every_state.day)
    assert (ten.hour, ten.reference, eleven.hour) == (every_state.at(0), "t.me/c5", every_state.at(60))
    assert (ten.ok, ten.skipped, ten.failed, ten.dead, ten.pending, ten.processing) == (0, 1, 1, 1, 2, 1)
    assert (eleven.pending, eleven.digest != ten.digest) == (1, True)


def test_the_digest_of_an_hour_moves_with_its_results_only(every_state: "World") -> None:
    def digest() -> str:
        return every_state.queue.counts_by_hour("v1", [5], every_state.day)[0].digest

    before = digest()
    job = every_state.claim_one()
    assert digest() == before
    every_state.queue.finish([every_state.ok(job, "B2")])
    assert digest() != before


def test_samples_show_messages_with_their_ends(every_state: "World") -> None:
    rows = every_state.queue.samples("v1", 5, every_state.day, limit=3)
    assert [(row["message_id"], row["status"], row["assignment_code"]) for row in rows] == [
        (1, "ok", "A1"),
        (2, "failed", None),
        (3, "skipped", None),
    ]
    assert orjson.dumps(rows[0]["text"]) == b'"P5 Maths at Bedok"'
