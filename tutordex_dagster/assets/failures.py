"""How a run says which of its partitions failed: the others are green by then, nothing is retried blindly."""

from collections.abc import Mapping
from datetime import datetime

import dagster as dg

from tutordex_dagster.assets.pictures import table
from tutordex_dagster.partitions import partition_key

_NAMED = 20
"""Partitions named in the message itself; the table beside it has up to `_LISTED`."""
_LISTED = 500


def partition_failure(failed: Mapping[tuple[str, datetime], str], *, of: int) -> dg.Failure:
    """Return the failure that names the failed (channel, hour)s and why each failed; `of` were asked for."""
    reasons = {str(partition_key(*place)): reason for place, reason in sorted(failed.items())}
    named = "; ".join(f"{key}: {reason}" for key, reason in list(reasons.items())[:_NAMED])
    more = f"; and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
    rows = [{"partition": key, "reason": reason} for key, reason in list(reasons.items())[:_LISTED]]
    return dg.Failure(
        f"{len(reasons)} of {of} partitions failed, the others are stored: {named}{more}",
        metadata={"failed": table(rows)},
        allow_retries=False,
    )
