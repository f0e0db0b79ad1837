"""Asset checks: glue between the store's questions and the verdicts of `operations.quality`.

One step per asset, whatever the number of its checks: a step costs more than a question.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import dagster as dg

from tutordex_dagster.assets.assignments import failures_of
from tutordex_dagster.assets.events import check_events
from tutordex_dagster.assets.keys import ASSIGNMENTS, RAW_MESSAGES, extraction_key
from tutordex_dagster.assets.pictures import table
from tutordex_dagster.extraction.versions import PipelineSpec
from tutordex_dagster.operations.promotion import FRESH, reconciliation
from tutordex_dagster.operations.quality import (
    Finding,
    coverage_gaps,
    invalid_results,
    none_of,
    silent_channels,
)
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.coverage import ChannelCoverage

Results = Iterator[dg.Output[None] | dg.AssetCheckEvaluation]

_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
_LOOK_BACK = timedelta(days=7)
"""How far back the checks of stored rows go: every run of them has to stay cheap."""
_ROWS = 200
_RESULTS = 500


def raw_checks() -> dg.AssetChecksDefinition:
    """Make the checks of `raw_messages`. A hole in revisions stops what is downstream, the others tell."""
    coverage = _spec("coverage", RAW_MESSAGES, "No hour is missing between a channel's first and newest one.")
    duplicates = _spec(
        "duplicates", RAW_MESSAGES, "Every message has exactly one latest revision.", blocking=True
    )
    freshness = _spec("freshness", RAW_MESSAGES, "Every channel that is read posted within FRESHNESS_HOURS.")

    @dg.multi_asset_check(name="raw_messages_checks", specs=[coverage, duplicates, freshness])
    def check(context: dg.AssetCheckExecutionContext, services: dg.ResourceParam[Services]) -> Results:
        summary = services.coverage.summary()
        yield from _result(context, coverage, coverage_gaps(summary), _WARN)
        yield from _result(context, duplicates, _duplicates(services))
        yield from _result(context, freshness, _silent(services, summary), _WARN)

    return check


def extraction_checks(*, spec: PipelineSpec) -> dg.AssetChecksDefinition:
    """Make the checks of one version's asset; as long as it is the live one, they stop what is downstream.

    A warning stops nothing, so what is found in another version is one.
    """
    key = extraction_key(spec)
    failures = _spec("failure_share", key, "Few of the last day's messages failed.", blocking=True)
    schema = _spec("schema", key, "The newest results have the shape that readers rely on.", blocking=True)
    whole = _spec(
        "reconciliation", key, "Every message of the last week is extracted, or its job says why not."
    )

    @dg.multi_asset_check(name=f"extractions_{spec.asset_name}_checks", specs=[failures, schema, whole])
    def check(context: dg.AssetCheckExecutionContext, services: dg.ResourceParam[Services]) -> Results:
        live = spec == services.live
        severity = _ERROR if live else _WARN
        yield from _result(context, whole, _reconciled(services, spec, followed=live or spec.shadow), _WARN)
        yield from _result(context, failures, failures_of(services, spec), severity)
        results = services.quality.recent_results(spec.name, limit=_RESULTS)
        yield from _result(context, schema, invalid_results(results), severity)

    return check


def assignments_checks() -> dg.AssetChecksDefinition:
    """Make the checks of `assignments`."""
    duplicates = _spec("duplicates", ASSIGNMENTS, "No code is open twice in a channel.")
    deleted = _spec("reconciliation", ASSIGNMENTS, "No assignment is open whose post was deleted.")

    @dg.multi_asset_check(name="assignments_checks", specs=[duplicates, deleted])
    def check(context: dg.AssetCheckExecutionContext, services: dg.ResourceParam[Services]) -> Results:
        twice = none_of(services.assignments.duplicates(), what="codes are open more than once")
        yield from _result(context, duplicates, twice, _WARN)
        rows = services.quality.open_but_deleted(limit=_ROWS)
        gone = none_of(rows, what="assignments are open although their post is gone")
        yield from _result(context, deleted, gone)

    return check


def _reconciled(services: Services, spec: PipelineSpec, *, followed: bool) -> Finding:
    """Look at the last week, without the newest messages: they may just be on their way."""
    now = services.clock()
    up_to = services.promotions.horizon(now - FRESH)
    rows = services.promotions.reconcile(spec.name, since=now - _LOOK_BACK, up_to=up_to)
    return reconciliation(rows, followed=followed)


def _duplicates(services: Services) -> Finding:
    since = services.clock() - _LOOK_BACK
    broken = services.quality.broken_revisions(since=since, limit=_ROWS)
    if broken:
        return none_of(broken, what="messages have holes in their revisions")
    return Finding(passed=True, summary="every message has one latest revision")


def _spec(name: str, asset: dg.AssetKey, description: str, *, blocking: bool = False) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset=asset, description=description, blocking=blocking)


def _silent(services: Services, coverage: Sequence[ChannelCoverage]) -> Finding:
    """Look at the channels that are collected and can post: an export shows nothing new."""
    known = services.channels.all()
    living = {channel.channel_id for channel in known if channel.listed and channel.source_kind != "export"}
    read = [channel for channel in coverage if channel.channel_id in living]
    return silent_channels(
        read, now=services.clock(), limit=timedelta(hours=services.settings.freshness_hours)
    )


def _result(
    context: dg.AssetCheckExecutionContext,
    spec: dg.AssetCheckSpec,
    finding: Finding,
    severity: dg.AssetCheckSeverity = _ERROR,
) -> Results:
    result = dg.AssetCheckResult(
        passed=finding.passed,
        severity=severity,
        description=finding.summary,
        metadata={"found": table(finding.rows)} if finding.rows else {},
    )
    return check_events(context.instance, spec, result)
