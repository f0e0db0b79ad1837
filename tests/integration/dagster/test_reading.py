"""How a run reads channels: at once, by the day, leased, and never one channel at another's expense."""

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from threading import Barrier, Event

import pytest

from tests.integration.dagster.telegram import channel, hourly, with_telegram
from tests.integration.dagster.ticks import with_settings
from tests.integration.dagster.world import NOW, START, World, post
from tutordex_dagster.assets import window_leases
from tutordex_dagster.assets.keys import RAW_MESSAGES
from tutordex_dagster.assets.reading import Order, Part, days_of, read_channels
from tutordex_dagster.capture.sweep import sweep
from tutordex_dagster.errors import PermanentError, TransientError, TutorDexError, UsageError
from tutordex_dagster.partitions import partition_key
from tutordex_dagster.resilience.errors import (
    ChannelUnavailable,
    FloodWait,
    SessionBusy,
    SessionDead,
    SessionParked,
)
from tutordex_dagster.windows import HOUR, Window

MIDNIGHT = NOW.replace(hour=0, minute=0)
DAY = 24 * HOUR
LEDGER = "SELECT hour, state::text FROM channel_hours WHERE channel_id = 1 ORDER BY hour"


def read(
    world: World,
    *,
    since: datetime = START,
    until: datetime = START + 3 * HOUR,
    max_messages: int | None = None,
) -> list[Part]:
    """Read a span of all channels and return the parts, by channel and time."""
    wanted = [(each, [Window(since, until)]) for each in world.services.channels.all()]
    order = Order(lane="backfill", max_messages=max_messages)
    parts = list(read_channels(world.services, wanted, order))
    return sorted(parts, key=lambda part: (part.channel.reference, part.window))


def failed(parts: list[Part]) -> Mapping[str, int]:
    """Count the failed hours by the beginning of their reason."""
    counts: dict[str, int] = {}
    for reason in [reason for part in parts for reason in part.failed.values()]:
        counts[reason.split(":")[0]] = counts.get(reason.split(":")[0], 0) + 1
    return counts


def stored(world: World) -> list[tuple[int, int]]:
    return [
        (int(row[0]), int(row[1]))
        for row in world.rows(
            "SELECT channel_id, count(*) FROM telegram_messages_raw GROUP BY 1 ORDER BY channel_id"
        )
    ]


def test_windows_end_at_midnight() -> None:
    assert list(days_of([Window(MIDNIGHT - 2 * HOUR, MIDNIGHT + 26 * HOUR), Window(NOW, NOW + HOUR)])) == [
        Window(MIDNIGHT - 2 * HOUR, MIDNIGHT),
        Window(MIDNIGHT, MIDNIGHT + DAY),
        Window(MIDNIGHT + DAY, MIDNIGHT + 26 * HOUR),
        Window(NOW, NOW + HOUR),
    ]


def test_each_day_is_a_part_of_its_own_and_nothing_stays_leased(world: World) -> None:
    alpha = channel("alpha", 1, messages=hourly(MIDNIGHT - 3 * HOUR, 6))
    world = with_telegram(world, alpha, since=MIDNIGHT - DAY)

    parts = read(world, since=MIDNIGHT - 3 * HOUR, until=MIDNIGHT + 3 * HOUR)

    assert [part.swept.messages for part in parts if part.swept] == [3, 3]
    assert alpha.asked == [part.window for part in parts]
    assert world.rows("SELECT count(*) FROM history_windows") == [(0,)]


def test_several_channels_are_read_at_once(world: World) -> None:
    """Each waits within its read until the other one has come as far."""
    both = Barrier(2, timeout=20)
    alpha = channel("alpha", 1, on_read=lambda _: both.wait())
    beta = channel("beta", 2, on_read=lambda _: both.wait())
    world = with_telegram(world, alpha, beta, since=START)

    assert failed(read(world)) == {}


def test_a_source_that_is_away_leaves_the_ledger_as_it_was_and_the_others_are_read(world: World) -> None:
    alpha = channel(
        "alpha",
        1,
        messages=hourly(START, 3),
        error=TransientError("t.me/alpha: no answer; it is asked again"),
        fails_from=START + 1.75 * HOUR,
    )
    beta = channel("beta", 2, messages=hourly(START, 3))
    world = with_telegram(world, alpha, beta, since=START)

    summary = world.backfill(hours=3, versions=[], assignments=False)

    assert summary.failed_partitions == tuple(
        str(partition_key("t.me/alpha", START + hour * HOUR)) for hour in (1, 2)
    )
    assert world.rows(LEDGER)[0] == (START, "sealed")
    assert not any(state == "failed" for _, state in world.rows(LEDGER))
    assert stored(world) == [(1, 2), (2, 3)]
    assert list(world.colours(RAW_MESSAGES).values()).count("MATERIALIZED") == 4


def test_what_is_stored_of_an_hour_that_cannot_be_read_is_still_to_be_reported(world: World) -> None:
    alpha = channel("alpha", 1, messages=hourly(START, 2))
    world = with_telegram(world, alpha, since=START)
    world.backfill(hours=2, versions=[], assignments=False)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reported_at = NULL WHERE hour = %s", [START + HOUR])
    alpha.error, alpha.fails_from = TransientError("t.me/alpha: no answer"), START + HOUR

    world.backfill(hours=2, versions=[], assignments=False)

    assert [hour.hour for hour in world.services.coverage.unreported_since(START, limit=10)] == [START + HOUR]


def test_a_channel_that_is_gone_fails_its_hours_for_good_and_is_asked_only_once(world: World) -> None:
    alpha = channel("alpha", 1, error=ChannelUnavailable("t.me/alpha: is private; join it"))
    beta = channel("beta", 2, messages=hourly(MIDNIGHT - DAY, 60))
    world = with_telegram(world, alpha, beta, since=MIDNIGHT - DAY)

    parts = read(world, since=MIDNIGHT - DAY, until=MIDNIGHT + 12 * HOUR)

    assert failed(parts) == {"t.me/alpha": 36}
    assert len(alpha.asked) == 1
    assert {state for _, state in world.rows(LEDGER)} == {"failed"}
    assert stored(world) == [(2, 36)]


def test_weeks_of_several_channels_all_turn_green(world: World) -> None:
    """Their events are written in groups, while the channels come in mixed."""
    since = MIDNIGHT - 9 * DAY
    world = with_settings(world, grid_start=since)
    world = with_telegram(world, channel("alpha", 1), channel("beta", 2), since=since)
    window = Window(since, MIDNIGHT)

    summary = world.backfill(window=window, versions=[], assignments=False)

    assert (summary.failed_partitions, summary.errors) == ((), ())
    assert len(world.instance.get_materialized_partitions(RAW_MESSAGES)) == 2 * 9 * 24
    assert world.rows("SELECT count(*) FROM channel_hours WHERE reported_at IS NULL") == [(0,)]


UNTIL = NOW + timedelta(minutes=20)


@pytest.mark.parametrize(
    "error",
    [
        FloodWait(method="GetHistoryRequest", until=UNTIL),
        FloodWait(method="GetUsersRequest", until=UNTIL),
        SessionBusy("session: another process has it"),
        SessionDead("session: was revoked"),
    ],
)
def test_what_concerns_a_session_stops_the_channels_read_through_it_and_only_them(
    world: World, error: TutorDexError
) -> None:
    world = with_settings(world, parallelism_max=1)
    world.record("zulu", [post(6.5)], channel_id=9)
    alpha = channel("alpha", 1, error=error)
    beta = channel("beta", 2, messages=hourly(START, 3))
    world = with_telegram(world, alpha, beta, since=START)

    parts = read(world)

    assert failed(parts) == {str(error).split(":")[0]: 6}
    assert beta.asked == []
    assert stored(world) == [(9, 1)]
    assert world.rows("SELECT count(*) FROM channel_hours WHERE state = 'failed'") == [(0,)]


def test_a_flood_wait_for_a_name_stops_only_the_channel_that_has_to_be_looked_up(world: World) -> None:
    world = with_settings(world, parallelism_max=1)
    flood = FloodWait(method="ResolveUsernameRequest", until=UNTIL)
    alpha, beta = channel("alpha", 1, error=flood), channel("beta", 2, messages=hourly(START, 3))
    world = with_telegram(world, alpha, beta, since=START)

    parts = read(world)

    assert failed(parts) == {"Telegram": 3}
    assert len(alpha.asked) == 1
    assert stored(world) == [(2, 3)]


@pytest.mark.parametrize(
    "refusal", [SessionParked("session: is parked"), UsageError("session", "is not set", "log in")]
)
def test_a_session_that_cannot_be_opened_is_the_reason_of_every_hour_and_burns_none(
    world: World, refusal: TutorDexError
) -> None:
    world.record("zulu", [post(6.5)], channel_id=9)
    world = with_telegram(world, channel("alpha", 1), channel("beta", 2), since=START, refusal=refusal)

    assert failed(read(world)) == {"session": 6}
    assert stored(world) == [(9, 1)]
    assert world.rows("SELECT count(*) FROM channel_hours WHERE state = 'failed'") == [(0,)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the lease of another reader to end."""
    monkeypatch.setattr(window_leases, "WAIT_SECONDS", 0)


@pytest.mark.usefixtures("impatient")
def test_a_window_that_another_run_is_reading_is_left_to_it(world: World) -> None:
    alpha, beta = channel("alpha", 1), channel("beta", 2)
    world = with_telegram(world, alpha, beta, since=START)
    theirs = Window(START, START + 3 * HOUR)
    world.services.windows.claim(1, theirs, began_at=NOW, lease_seconds=600, resume_within=DAY)

    parts = read(world)

    assert failed(parts) == {"is being read by another run": 3}
    assert (alpha.asked, len(beta.asked)) == ([], 1)


def left_half_read(world: World) -> None:
    """Leave the three hours of channel 1 as a reader that was killed after the first one would."""
    services = world.services
    (alpha,) = services.channels.by_reference(["t.me/alpha"])
    began = NOW - timedelta(minutes=3)
    claim = services.windows.claim(
        1, Window(START, START + 3 * HOUR), began_at=began, lease_seconds=600, resume_within=DAY
    )
    assert claim
    world.clock.now = began + timedelta(seconds=1)
    sweep(
        services.source_for(alpha),
        Window(START, START + HOUR),
        log=services.raw_log,
        clock=world.clock,
        enqueue=(),
        lag=timedelta(0),
    )
    world.clock.now = NOW
    services.windows.release(claim.token)


def test_a_window_left_half_read_is_gone_on_with(world: World) -> None:
    alpha = channel("alpha", 1, messages=hourly(START, 3))
    world = with_telegram(world, alpha, since=START)
    left_half_read(world)

    (part,) = read(world)

    assert alpha.asked[1:] == [Window(START + HOUR, START + 3 * HOUR)]
    assert (part.window, part.failed) == (Window(START, START + 3 * HOUR), {})
    assert stored(world) == [(1, 3)]
    assert world.rows("SELECT count(*) FROM history_windows") == [(0,)]


def test_a_window_left_half_read_too_long_ago_is_read_anew(world: World) -> None:
    alpha = channel("alpha", 1, messages=hourly(START, 3))
    world = with_telegram(world, alpha, since=START)
    left_half_read(world)
    world.clock.advance(timedelta(hours=25))

    read(world)

    assert alpha.asked[1:] == [Window(START, START + 3 * HOUR)]


def test_hours_that_failed_before_the_interruption_still_fail_after_it(world: World) -> None:
    gone = PermanentError("t.me/alpha: is private")
    alpha = channel("alpha", 1, messages=hourly(START, 3), error=gone)
    world = with_telegram(world, alpha, since=START)
    left_half_read(world)
    alpha.error = None

    (part,) = read(world)

    assert part.failed == {START: "t.me/alpha: is private"}


def test_max_messages_counts_over_all_days(world: World) -> None:
    alpha = channel("alpha", 1, messages=hourly(MIDNIGHT - 3 * HOUR, 6))
    world = with_telegram(world, alpha, since=MIDNIGHT - DAY)

    parts = read(world, since=MIDNIGHT - 3 * HOUR, until=MIDNIGHT + DAY, max_messages=4)

    assert stored(world) == [(1, 4)]
    assert failed(parts) == {}
    assert len(alpha.asked) == 2


def test_what_was_read_is_measured(world: World) -> None:
    alpha = channel("alpha", 1, messages=hourly(START, 6))
    world = with_telegram(world, alpha, since=START)
    read(world, until=NOW.replace(minute=0))
    read(world, until=START + HOUR)

    measured = {
        (row.name, row.labels.get("chat", row.labels.get("source"))): row.value
        for row in world.services.metrics.all()
        if "le" not in row.labels
    }
    assert measured["fetch_duration_seconds_count", "t.me/alpha"] == 2
    assert measured["fetch_lag_seconds", "t.me/alpha"] == 3600
    assert measured["deduplicated_messages_total", "telegram"] == 1


def test_a_run_that_is_broken_off_begins_no_further_window(world: World) -> None:
    """What a reader is in the middle of cannot be stopped from outside, but it is the last."""
    held, begun = Event(), Event()

    def hold(window: Window) -> None:
        if window.since == MIDNIGHT:
            begun.set()
            held.wait(20)

    alpha = channel("alpha", 1, on_read=hold)
    world = with_telegram(world, alpha, since=MIDNIGHT - DAY)
    (known,) = world.services.channels.all()
    wanted = [(known, [Window(MIDNIGHT - DAY, MIDNIGHT + 5 * DAY)])]
    with closing(read_channels(world.services, wanted, Order(lane="backfill"))) as parts:
        next(parts)
        assert begun.wait(20)
    held.set()
    _until_free(world)

    assert [window.since for window in alpha.asked] == [MIDNIGHT - DAY, MIDNIGHT]


def _until_free(world: World) -> None:
    """Wait until the last reader gave its window back."""
    done = Event()
    for _ in range(200):
        if world.rows("SELECT count(*) FROM history_windows WHERE lease_token IS NOT NULL") == [(0,)]:
            return
        done.wait(0.05)
    raise AssertionError("waited too long")
