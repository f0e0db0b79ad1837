"""New posts, edits and deletions, every few seconds; and everything stored outside of runs shown in the grid.

The same reading runs without Dagster as `tutordex tail`, which learns of a post at once; while that service
has the session, this sensor only reports.
"""

from datetime import datetime, timedelta
from functools import partial

import dagster as dg

from tutordex_dagster.assets.unreported import REPORTED_AT_ONCE, report_unreported
from tutordex_dagster.capture.tail_round import RoundSummary, Tried, tail_round
from tutordex_dagster.errors import PermanentError, TransientError, UsageError
from tutordex_dagster.operations.tail_parts import measure
from tutordex_dagster.partitions import grid_order, publish_partitions
from tutordex_dagster.resilience.errors import Postponed
from tutordex_dagster.resources.feed import TailFeed
from tutordex_dagster.resources.services import Services
from tutordex_dagster.sensors.due import recent
from tutordex_dagster.sensors.intervals import minimum_interval
from tutordex_dagster.sensors.requests import RAW_OFF
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.channels import Channel

BUDGET = timedelta(seconds=20)
"""No channel is begun or read further after that long: Dagster ends a tick after 60 s."""


def tail_sensor(*, settings: Settings) -> dg.SensorDefinition:
    """Make the sensor. It starts no runs: what it stores is extracted by those of the extract sensors."""
    tried: dict[int, datetime] = {}

    @dg.sensor(
        name="tail",
        minimum_interval_seconds=minimum_interval(settings.tail_check_interval_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Follows new posts, edits and deletions of all channels, and shows hours that changed"
        " outside of runs in the grid.",
    )
    def tail(context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]) -> dg.SkipReason:
        told = _follow(context.instance, services, tried)
        reported = _report(context.instance, services)
        return dg.SkipReason(f"{told}{f' {reported} hours were reported.' if reported else ''}")

    return tail


def _follow(instance: dg.DagsterInstance, services: Services, tried: Tried) -> str:
    """Follow every channel once; say what came of it, or why nobody was asked."""
    if not services.settings.supabase_raw_enabled:
        return RAW_OFF
    if not services.settings.tail_enabled:
        return "TAIL_ENABLED is 0: nobody is asked for changes."
    try:
        with services.tail() as feed:
            unknown = _sync(feed)
            publish_partitions(instance, [channel.reference for channel in services.channels.all()])
            return f"{_round(services, feed, tried)}{unknown}"
    except (TransientError, PermanentError) as error:
        return _for_now(services, error)


def _sync(feed: TailFeed) -> str:
    """Look up newly listed channels; those that are known are followed whatever comes of it."""
    try:
        feed.sync()
    except (TransientError, UsageError) as error:
        return f" New channels were not looked up: {error}."
    return ""


def _round(services: Services, feed: TailFeed, tried: Tried) -> str:
    channels = feed.channels()
    done = tail_round(
        channels,
        feed.source_for,
        log=services.raw_log,
        clock=services.clock,
        enqueue=services.enqueue_for("live"),
        rescan=timedelta(days=services.settings.tail_rescan_days),
        parallel=services.settings.parallelism_max,
        deadline=services.clock() + BUDGET,
        tried=tried,
        on_problem=partial(_note_problem, services),
    )
    for channel in channels:
        if followed := done.followed.get(channel.reference):
            measure(services.metrics, channel, followed, services.clock())
    return _summed_up(services, done)


def _note_problem(services: Services, channel: Channel, problem: PermanentError | None) -> None:
    said = None if problem is None else str(problem)
    services.channels.note_problem(channel.channel_id, said, services.clock())


def _summed_up(services: Services, done: RoundSummary) -> str:
    stored = done.stored
    lines = [
        f"{len(done.followed)} channels: {stored.new} new, {stored.edited} edited, {stored.deleted} deleted.",
        *(f"{reference} cannot be followed: {error}." for reference, error in done.problems.items()),
        *(f"{reference} failed: {_for_now(services, error)}" for reference, error in done.failed.items()),
    ]
    if done.ended_by:
        lines.append(_for_now(services, done.ended_by))
    if done.left:
        lines.append(f"{len(done.left)} channels are left to the next tick.")
    if done.stopped:
        lines.append(f"{len(done.stopped)} channels are read further in the next tick.")
    return " ".join(lines)


def _for_now(services: Services, error: TransientError | PermanentError) -> str:
    if not isinstance(error, Postponed):
        return f"{error}."
    return f"{error} ({(error.until - services.clock()).total_seconds():.0f} s left)."


def _report(instance: dg.DagsterInstance, services: Services) -> int:
    """Report what changed, wherever it is; of very much only what is recent, the rest is given to a run."""
    found = services.coverage.unreported_since(services.settings.grid_start, limit=REPORTED_AT_ONCE + 1)
    if len(found) > REPORTED_AT_ONCE:
        found = services.coverage.unreported_since(recent(services), limit=REPORTED_AT_ONCE)
    published = set(grid_order(instance))
    shown = [hour for hour in found if hour.reference in published]
    report_unreported(instance, services, shown)
    return len(shown)
