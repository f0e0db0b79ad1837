"""One asset per pipeline version: what the version makes of the raw messages, partition by partition."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import dagster as dg
from pydantic import Field

from tutordex_dagster.assets.events import NO_VALUE, done, newest_event, report_in_run
from tutordex_dagster.assets.failures import partition_failure
from tutordex_dagster.assets.keys import RAW_MESSAGES, extraction_key
from tutordex_dagster.assets.reports import ExtractedHour, extracted_hours, extraction_events
from tutordex_dagster.assets.spending import spending
from tutordex_dagster.capture.contract import Lane
from tutordex_dagster.extraction.versions import PipelineSpec, fingerprint
from tutordex_dagster.operations.stopping import stop_signals
from tutordex_dagster.partitions import windows_by_channel
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.resources.services import Services
from tutordex_dagster.resources.work import VersionWorker
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.windows import Sleep, Window

GROUP = "extractions"
SCOPE = 2000
"""Messages handed to one claim's filter: every claim looks at all of them."""
ROUNDS = 5
WAIT_SECONDS = 3.0
"""Between two rounds, for other workers to finish what they hold of this scope."""


class ExtractionConfig(dg.Config):
    """How a run over partitions of an extraction asset goes about it."""

    lane: Lane = Field(
        "backfill", description="Place of the jobs in the queue, should another worker take them."
    )
    max_messages: int | None = Field(
        None, ge=1, description="Extract only the oldest so many of each channel."
    )
    force: bool = Field(False, description="Extract again what was extracted already.")


def extraction_asset(
    *, spec: PipelineSpec, grid: dg.PartitionsDefinition[str], sleep: Sleep = time.sleep
) -> dg.AssetsDefinition:
    """Make the asset of one version on this grid."""

    @dg.asset(
        key=extraction_key(spec),
        description=spec.description,
        group_name=GROUP,
        kinds={"python", "postgres"},
        metadata={
            "pipeline_version": spec.name,
            "parameters": dict(spec.parameters),
            **({"prompt": spec.llm.prompt.described(), "model": spec.llm.model or ""} if spec.llm else {}),
        },
        deps=[RAW_MESSAGES],
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
        code_version=fingerprint(spec),
        dagster_type=NO_VALUE,
        output_required=False,
    )
    def extraction(
        context: dg.AssetExecutionContext, config: ExtractionConfig, services: dg.ResourceParam[Services]
    ) -> Iterator[dg.Output[None]]:
        services.registered(spec)
        windows = windows_by_channel(context.partition_keys)
        channels = {
            channel: windows[channel.reference]
            for channel in services.channels.all()
            if channel.reference in windows
        }
        newest_raw_event = newest_event(context.instance, RAW_MESSAGES)
        with stop_signals() as stop:
            hours, tally = process(services, spec, channels, config, sleep=sleep, should_stop=stop.is_set)
        good = [hour for hour in hours if not hour.unprocessed]
        events = extraction_events(
            services, spec, good, newest_raw_event=newest_raw_event, of_the_run=spending(tally)
        )
        report_in_run(context, events)
        left = {} if config.max_messages else _unprocessed(hours, tally.obstacle)
        failed = left | _unregistered(windows, channels)
        if stop.is_set():
            raise dg.DagsterExecutionInterruptedError("the run was told to end; what it had begun is done")
        if failed:
            raise partition_failure(failed, of=len(context.partition_keys))
        yield done()

    return extraction


def process(
    services: Services,
    spec: PipelineSpec,
    channels: Mapping[Channel, Sequence[Window]],
    config: ExtractionConfig,
    *,
    sleep: Sleep,
    should_stop: Callable[[], bool],
) -> tuple[list[ExtractedHour], Tally]:
    """Extract the live messages of these windows; return how far every hour got, and what that took.

    Messages that are edited meanwhile, and jobs another worker holds, get a few more rounds.
    """
    worker, tally = VersionWorker(services=services, spec=spec), Tally()
    wanted = {
        channel: [hour for window in windows for hour in window.hours()]
        for channel, windows in channels.items()
    }
    hours: list[ExtractedHour] = []
    for number in range(ROUNDS):
        if number:
            sleep(WAIT_SECONDS)
        for window, ids in _by_window(channels).items():
            force = config.force and not number
            raw_ids = _enqueue(services, spec, ids, window, config, force=force)
            _drain(worker, raw_ids, tally, should_stop)
        hours = extracted_hours(services, spec, wanted)
        over = config.max_messages or tally.obstacle or should_stop()
        if over or not any(hour.unprocessed for hour in hours):
            break
    return hours, tally


def _enqueue(
    services: Services,
    spec: PipelineSpec,
    channel_ids: Sequence[int],
    window: Window,
    config: ExtractionConfig,
    *,
    force: bool,
) -> list[int]:
    """Make the missing jobs of a window and return its revisions, oldest first."""
    services.queue.enqueue_window(
        spec.name,
        channel_ids=channel_ids,
        window=window,
        lane=config.lane,
        force=force,
        max_per_channel=config.max_messages,
    )
    return services.raw_log.raw_ids(channel_ids, window, limit_per_channel=config.max_messages)


def _drain(
    worker: VersionWorker, raw_ids: Sequence[int], tally: Tally, should_stop: Callable[[], bool]
) -> None:
    for start in range(0, len(raw_ids), SCOPE):
        tally.add(worker.work(raw_ids=raw_ids[start : start + SCOPE], should_stop=should_stop))
        if tally.obstacle or should_stop():
            return


def _by_window(channels: Mapping[Channel, Sequence[Window]]) -> dict[Window, list[int]]:
    """Gather the channels that share a window: a rectangle is one."""
    ids: dict[Window, list[int]] = {}
    for channel, windows in channels.items():
        for window in windows:
            ids.setdefault(window, []).append(channel.channel_id)
    return ids


def _unprocessed(hours: Sequence[ExtractedHour], obstacle: str | None) -> dict[tuple[str, datetime], str]:
    why = obstacle or "another worker holds them"
    return {
        (hour.channel.reference, hour.hour): f"{hour.unprocessed} messages were not extracted, {why};"
        " the queue keeps them, materialize it again later"
        for hour in hours
        if hour.unprocessed
    }


def _unregistered(
    windows: Mapping[str, Sequence[Window]], channels: Mapping[Channel, Sequence[Window]]
) -> dict[tuple[str, datetime], str]:
    known = {channel.reference for channel in channels}
    return {
        (reference, hour): "is not a registered channel; add it to CHANNEL_LIST"
        for reference, spans in windows.items()
        if reference not in known
        for window in spans
        for hour in window.hours()
    }
