"""Runs that read a rectangle of the grid, as a sensor asks for them."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from tutordex_dagster.assets.keys import COLLECT_JOB, RAW_MESSAGES
from tutordex_dagster.capture.contract import Lane
from tutordex_dagster.capture.grid import Rectangle
from tutordex_dagster.partitions import range_tags
from tutordex_dagster.resources.services import Services
from tutordex_dagster.sensors.in_flight import failed_since, latest_run
from tutordex_dagster.store.coverage import DueHour
from tutordex_dagster.store.lanes import PRIORITY

STARTED_BY = "tutordex/started_by"

REPEAT_FAILED_AFTER = timedelta(minutes=5)
"""A rectangle whose run failed is not asked for again at once: its source may be away for a while."""


RAW_OFF = "SUPABASE_RAW_ENABLED is 0: nothing is read."


def priority_tags(lane: Lane) -> Mapping[str, str]:
    """Return the tags that let queued runs of an urgent lane start first; a person's runs are backfills."""
    return {"dagster/priority": str(PRIORITY["backfill"] - PRIORITY[lane])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What is read alike: the sensor that asks, the lane, and whether the source is asked at all."""

    started_by: str
    lane: Lane
    read: bool = True

    def requests(
        self, services: Services, instance: dg.DagsterInstance, rectangles: Iterable[Rectangle]
    ) -> list[dg.RunRequest]:
        """Return one request a rectangle, without those that failed a moment ago.

        A repeated tick asks for the same runs, and a run that ended is followed by another one: its name is
        made from the rectangle and from the newest run of the sensor.
        """
        latest = latest_run(instance, COLLECT_JOB, {STARTED_BY: self.started_by})
        before = latest.dagster_run.run_id if latest else "first"
        lately = services.clock() - REPEAT_FAILED_AFTER
        found = [{**range_tags(each), STARTED_BY: self.started_by} for each in rectangles]
        free = [tags for tags in found if not failed_since(instance, tags, lately)]
        return [self._request(tags, before) for tags in free]

    def _request(self, tags: Mapping[str, str], before: str) -> dg.RunRequest:
        config = {"lane": self.lane, "read": self.read, "follow": True}
        key = "\n".join([before, *tags.values(), str(self.read)])
        return dg.RunRequest(
            run_key=hashlib.sha256(key.encode()).hexdigest()[:32],
            run_config={"ops": {RAW_MESSAGES.to_python_identifier(): {"config": config}}},
            tags={**tags, **priority_tags(self.lane)},
        )


def readable(
    services: Services, due: Sequence[DueHour], *, in_turn: bool = False
) -> tuple[list[DueHour], str | None]:
    """Leave out hours of Telegram while it cannot be read, and say why it cannot; else the reason is None.

    `in_turn` is as in `recovery_obstacle`.
    """
    telegram = {
        channel.channel_id for channel in services.channels.all() if channel.source_kind == "telegram"
    }
    if not any(hour.channel_id in telegram for hour in due):
        return list(due), None
    obstacle = services.recovery_obstacle(in_turn=in_turn)
    return [hour for hour in due if obstacle is None or hour.channel_id not in telegram], obstacle
