"""The names of assets and jobs, in one place."""

import dagster as dg

from tutordex_dagster.extraction.versions import PipelineSpec

RAW_MESSAGES = dg.AssetKey("raw_messages")
ASSIGNMENTS = dg.AssetKey("assignments")

COLLECT_JOB = "collect"
"""Reads raw messages."""
PIPELINE_JOB = "pipeline"
"""Reads, extracts with every version, projects, checks."""
DRAIN_JOB = "drain"
"""Takes due extraction work from the queue."""

RAW_CODE_VERSION = "1"
"""Raise it when the same source would be stored differently: every raw partition then shows as stale."""


def extraction_key(spec: PipelineSpec) -> dg.AssetKey:
    """Return the asset key of a pipeline version."""
    return dg.AssetKey(["extractions", spec.asset_name])
