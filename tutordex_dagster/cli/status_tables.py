"""The status as a person reads it: what is wrong first, then a table of everything else."""

from collections.abc import Iterator, Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from tutordex_dagster.cli.console import instant, table
from tutordex_dagster.operations.status import (
    STATUSES,
    Catchup,
    RunInProgress,
    Status,
    alarms,
    following,
    session_state,
)
from tutordex_dagster.resilience.metrics import BREAKER_OPENED, DEDUPLICATED, RATE_LIMIT_HITS, RETRIES
from tutordex_dagster.store.metrics import MetricRow
from tutordex_dagster.windows import Window

_RUN_ID = 8  # as the UI shortens them
_COUNTED: Mapping[str, str] = {
    RETRIES: "retries",
    RATE_LIMIT_HITS: "flood waits",
    BREAKER_OPENED: "breaker openings",
    DEDUPLICATED: "duplicates dropped",
}


def parts(current: Status) -> Iterator[Table | str]:
    """Yield what is shown, in the order it is shown in."""
    found = alarms(current)
    if found or current.coverage:
        yield _wrong(found)
    if current.coverage:
        yield _coverage(current)
        yield from _gaps(current)
        yield _backlog(current)
        yield _assignments(current)
        yield _catchup(current.catchup)
    else:
        yield "No channels yet: `tutordex up` reads the recorded ones, `tutordex import` takes in an export."
    if current.telegram.configured:
        yield from _telegram(current)
    yield _running(current.runs)


def metric_table(current: Status) -> Table | str:
    """Return every metric with its labels."""
    if not current.metrics:
        return "No metrics yet: the first call to Telegram writes some."
    rows = table("Metrics", "metric", "labels", "value", "updated (UTC)", numbers=["value"])
    for metric in current.metrics:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(metric.labels.items()))
        rows.add_row(metric.name, escape(labels), f"{metric.value:g}", instant(metric.updated_at))
    return rows


def _wrong(found: Sequence[str]) -> str:
    if not found:
        return "[green]Nothing is wrong.[/green]"
    return "\n".join(["[bold red]Wrong now[/bold red]", *(f"  {escape(line)}" for line in found)])


def _coverage(current: Status) -> Table:
    counts = ("sealed", "open", "failed", "missing", "messages")
    rows = table("Coverage (hours, UTC)", "channel", "newest message", *counts, numbers=counts)
    for channel in current.coverage:
        rows.add_row(
            channel.reference,
            instant(channel.newest_message_at),
            *(_count(getattr(channel, name), alarm=name in {"failed", "missing"}) for name in counts),
        )
    return rows


def _gaps(current: Status) -> Iterator[Table]:
    """Yield a table of the oldest gaps, if there is any gap."""
    rows = table("Gaps", "channel", "from (UTC)", "to", "hours", numbers=["hours"])
    for channel in current.coverage:
        for gap in channel.gaps:
            rows.add_row(channel.reference, instant(gap.since), instant(gap.until), str(_hours(gap)))
    if rows.row_count:
        yield rows


def _backlog(current: Status) -> Table:
    rows = table("Extractions", "version", *STATUSES, numbers=STATUSES)
    for version, counts in current.backlog.items():
        name = f"{version} (live)" if version == current.live_version else version
        rows.add_row(name, *(_count(counts[each], alarm=each in {"failed", "dead"}) for each in STATUSES))
    return rows


def _assignments(current: Status) -> str:
    shown = current.assignments
    return (
        f"[bold]Assignments[/bold] of {current.live_version}: {shown.open} open, {shown.closed} closed,"
        f" newest {instant(shown.newest)} UTC"
    )


def _catchup(catchup: Catchup) -> str:
    off = "" if catchup.enabled else ", switched off (RECOVERY_CATCHUP_ENABLED=0)"
    if not catchup.missing:
        return f"[bold]Catchup[/bold]: no hour is missing{off}."
    count = f"{catchup.missing:,}{' or more' if catchup.at_least else ''}"
    waits = f"; it waits: {escape(catchup.obstacle)}" if catchup.obstacle else ""
    return (
        f"[bold]Catchup[/bold]: {count} hours missing in {catchup.channels} channels,"
        f" the oldest {instant(catchup.oldest)} UTC{off}{waits}."
    )


def _telegram(current: Status) -> Iterator[Table | str]:
    followed = [channel for channel in current.channels if channel.source_kind == "telegram"]
    if followed:
        rows = table("Telegram", "channel", "how", "confirmed (UTC)", "problem")
        for channel in followed:
            problem = escape(channel.problem or "-")
            rows.add_row(channel.reference, following(channel), instant(channel.cursor_at), problem)
        yield rows
    if current.telegram.sessions:
        rows = table("Sessions", "name", "fingerprint", "environment", "state (UTC)")
        for session in current.telegram.sessions:
            state = escape(session_state(session))
            rows.add_row(session.name, session.fingerprint, escape(session.environment), state)
        yield rows
    for service in current.services:
        beat = service.beat
        yield (
            f"[bold]{beat.component}[/bold]: {service.word(current.at)}, last heard of {instant(beat.at)} UTC"
            f" on {escape(beat.holder)}"
        )
    yield _calls(current.metrics)


def _calls(metrics: Sequence[MetricRow]) -> str:
    """Sum up the counters; each by label is for `--metrics`."""
    sums = {name: sum(row.value for row in metrics if row.name == name) for name in _COUNTED}
    counted = ", ".join(f"{value:g} {_COUNTED[name]}" for name, value in sums.items())
    return f"[bold]Calls[/bold] so far: {counted} (`tutordex status --metrics`)"


def _running(runs: Sequence[RunInProgress] | None) -> Table | str:
    if runs is None:
        return "[bold]Dagster[/bold]: not started yet (`tutordex up`)."
    if not runs:
        return "[bold]Dagster[/bold]: no run in progress."
    rows = table("Runs in progress", "run", "state", "since (UTC)", "what")
    for run in runs:
        rows.add_row(run.run_id[:_RUN_ID], run.state, instant(run.since), escape(run.what))
    return rows


def _count(value: int, *, alarm: bool) -> str:
    return f"[red]{value}[/red]" if value and alarm else str(value)


def _hours(gap: Window) -> int:
    return sum(1 for _ in gap.hours())
