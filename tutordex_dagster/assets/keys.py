"""The names of assets and jobs, in one place."""

import dagster as dg

from tutordex_dagster.comparison.experiments import ExperimentSpec
from tutordex_dagster.extraction.versions import PipelineSpec

RAW_MESSAGES = dg.AssetKey("raw_messages")
ASSIGNMENTS = dg.AssetKey("assignments")

COLLECT_JOB = "collect"
"""Reads raw messages."""
PIPELINE_JOB = "pipeline"
"""Reads, extracts with every version, projects, checks."""
NIGHTLY_JOB = "nightly"
"""Projects and checks, reads nothing."""
DRAIN_JOB = "drain"
"""Takes due extraction work from the queue."""
PROMOTE_JOB = "promote"
"""Makes another version the live one."""
ROLLBACK_JOB = "rollback"
"""Makes the version live again that was it before."""

QUALITY_JOB = "quality"
"""Scores pipeline versions on the gold set."""

TELEGRAM_POOL = "telegram"
"""Runs that read the history of Telegram take turns: its session is used by one process at a time."""

RAW_CODE_VERSION = "1"
"""Raise it when the same source would be stored differently: every raw partition then shows as stale."""

ASSIGNMENTS_CODE_VERSION = "2"
"""Raise it when the projection would make other rows of the same extractions."""


def comparison_key(spec: ExperimentSpec) -> dg.AssetKey:
    """Return the asset key of an experiment."""
    return dg.AssetKey(["comparisons", spec.asset_name])


def extraction_key(spec: PipelineSpec) -> dg.AssetKey:
    """Return the asset key of a pipeline version."""
    return dg.AssetKey(["extractions", spec.asset_name])


def quality_key(spec: PipelineSpec) -> dg.AssetKey:
    """Return the asset key of a pipeline version's score on the gold set."""
    return dg.AssetKey(["extraction_quality", spec.asset_name])
