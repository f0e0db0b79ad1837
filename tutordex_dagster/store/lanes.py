"""Lanes as the numbers the queue sorts by."""

from collections.abc import Mapping
from typing import get_args

from tutordex_dagster.capture.contract import Lane

LANES: tuple[Lane, ...] = get_args(Lane)
"""Most urgent first; the place in it is the `priority` of a job."""

PRIORITY: Mapping[Lane, int] = {lane: place for place, lane in enumerate(LANES)}
