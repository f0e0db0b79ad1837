"""Materialization events per partition, written in bulk.

An asset that *yields* its events pays about 35 ms for each. Dagster stores events in bulk (with
`DAGSTER_EVENT_BATCH_SIZE` set) when they carry batch metadata, which only its private API can attach. This
module is the one place that uses it; where that API is missing, the same events are written one by one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

try:
    from dagster._core.events import (
        DagsterEvent,
        DagsterEventBatchMetadata,
        DagsterEventType,
        StepMaterializationData,
        generate_event_batch_id,
    )
except ImportError:  # pragma: no cover - another Dagster release
    BULK = False
else:
    BULK = True

NO_VALUE = cast("dg.DagsterType", dg.Nothing)
"""Type of outputs whose value is in Postgres: no I/O manager sees them. (Dagster types it as a class.)"""

_CODE_VERSION = "dagster/code_version"
_DATA_VERSION = "dagster/data_version"
_INPUT_DATA_VERSION = "dagster/input_data_version"
_INPUT_POINTER = "dagster/input_event_pointer"
_NO_POINTER = "NULL"
_KEEP_QUIET = {"__source_asset_observation__": True}
"""Dagster's own mark for outputs whose events the body has written already."""

_RUNLESS_JOB = ""
"""Dagster itself leaves job and run empty for an event outside of any run."""


class RunContext(Protocol):
    """What both an asset's and an op's context offer."""

    @property
    def instance(self) -> dg.DagsterInstance:
        """Return the instance that holds the event log."""
        ...

    @property
    def run(self) -> dg.DagsterRun:
        """Return the run."""
        ...

    @property
    def op_def(self) -> dg.OpDefinition:
        """Return the running op, whose name is the step's key: none of ours is nested in a graph."""
        ...

    def log_event(self, event: dg.AssetMaterialization) -> None:
        """Write one event."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What a materialization was made from: the input's data version and that asset's newest event then."""

    data: str
    pointer: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What makes one materialization comparable to the next, so that the UI can show what is stale."""

    code: str
    data: str
    inputs: Mapping[dg.AssetKey, Input] = field(default_factory=dict)


def materialization(
    asset_key: dg.AssetKey,
    *,
    version: Version,
    metadata: Mapping[str, Any],
    partition: dg.MultiPartitionKey | None = None,
) -> dg.AssetMaterialization:
    """Build the event of one asset or partition, with the tags that staleness needs."""
    tags = {_CODE_VERSION: version.code, _DATA_VERSION: version.data}
    for key, used in version.inputs.items():
        tags[f"{_INPUT_DATA_VERSION}/{key.to_user_string()}"] = used.data
        tags[f"{_INPUT_POINTER}/{key.to_user_string()}"] = str(used.pointer or _NO_POINTER)
    return dg.AssetMaterialization(
        asset_key, partition=partition, metadata=metadata, tags={**tags, **_partition_tags(partition)}
    )


def newest_event(instance: dg.DagsterInstance, asset_key: dg.AssetKey) -> int | None:
    """Return the place in the event log of an asset's newest event: take it before reading inputs."""
    records = instance.fetch_materializations(asset_key, limit=1).records
    return records[0].storage_id if records else None


def report_in_run(context: RunContext, events: Sequence[dg.AssetMaterialization]) -> None:
    """Write events of the running step."""
    if BULK:
        run, step = context.run, context.op_def.name
        _write(context.instance, events, run_id=run.run_id, job_name=run.job_name, step_key=step)
        return
    for event in events:
        context.log_event(event)


def report_outside_runs(instance: dg.DagsterInstance, events: Sequence[dg.AssetMaterialization]) -> None:
    """Write events of work that was done outside of any run, by the command line."""
    if BULK:
        _write(instance, events, run_id="", job_name=_RUNLESS_JOB)
        return
    for event in events:
        instance.report_runless_asset_event(event)


def done() -> dg.Output[None]:
    """Return the output of a body that wrote its own events: steps behind it go on, no event is added."""
    return dg.Output(None, metadata=_KEEP_QUIET)


def check_events(
    instance: dg.DagsterInstance, spec: dg.AssetCheckSpec, result: dg.AssetCheckResult
) -> Iterator[dg.Output[None] | dg.AssetCheckEvaluation]:
    """Yield what a yielded result would become, with the asset's newest event as what was checked.

    For a result, Dagster lists every partition of the asset first: 1.5 s on a year of 20 channels.
    """
    yield dg.Output(None, output_name=spec.get_python_identifier())
    records = instance.fetch_materializations(spec.asset_key, limit=1).records
    yield dg.AssetCheckEvaluation(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=result.passed,
        metadata=result.metadata,
        target_materialization_data=_target(records[0]) if records else None,
        severity=result.severity,
        description=result.description,
        blocking=spec.blocking,
    )


def _target(record: dg.EventLogRecord) -> AssetCheckEvaluationTargetMaterializationData:
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
    )


def _write(
    instance: dg.DagsterInstance,
    events: Sequence[dg.AssetMaterialization],
    *,
    run_id: str,
    job_name: str,
    step_key: str | None = None,
) -> None:
    batch = generate_event_batch_id()  # type: ignore[no-untyped-call]
    for left, event in zip(range(len(events) - 1, -1, -1), events, strict=True):
        instance.report_dagster_event(
            DagsterEvent(
                event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
                job_name=job_name,
                step_key=step_key,
                event_specific_data=StepMaterializationData(event),
            ),
            run_id,
            batch_metadata=DagsterEventBatchMetadata(batch, left == 0),
        )


def _partition_tags(partition: dg.MultiPartitionKey | None) -> dict[str, str]:
    if partition is None:
        return {}
    return {f"dagster/partition/{name}": key for name, key in partition.keys_by_dimension.items()}
