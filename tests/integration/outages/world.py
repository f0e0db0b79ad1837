"""A deployment whose time is the test's: sensors look when it says, and what they ask for is run at once."""

import asyncio
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.test_utils import freeze_time
from telethon.tl import TLRequest
from telethon.tl.functions.messages import GetHistoryRequest

from tests.acceptance.life import Life, assignments_differ, broken_promises, stored_differs
from tests.integration.dagster.world import StandingClock
from tests.mtproto.connection import Connection
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.capture.grid import Rectangle
from tutordex_dagster.definitions import build
from tutordex_dagster.partitions import rectangle_of
from tutordex_dagster.resources.feed import forget_warm_session
from tutordex_dagster.resources.services import Services
from tutordex_dagster.windows import Window, hour_of

ALPHA, BETA = NAMES = ("alpha_agency", "beta_agency")
BEGAN = datetime(2026, 3, 2, 6, 20, 0, 250_000, tzinfo=UTC)
INTERVAL = timedelta(seconds=30)
"""What passes between two rounds of looks."""

SENSORS = ("tail", "seal", "catchup", "extract_rules")
"""All but the one of the shadow version: what waits for that must not hold anything up."""

QUIET = {"console": {"config": {"log_level": "ERROR"}}}

GAPS = """
SELECT split_part(channel.reference, '/', 2), h.hour FROM channels AS channel
CROSS JOIN generate_series(
    channel.collect_since, %s::timestamptz - interval '1 hour', interval '1 hour'
) AS h (hour)
LEFT JOIN channel_hours AS ledger ON ledger.channel_id = channel.channel_id AND ledger.hour = h.hour
WHERE ledger.state IS DISTINCT FROM 'sealed' ORDER BY h.hour, channel.reference
"""
SEALED_SINCE = "SELECT channel_id, hour FROM channel_hours WHERE state = 'sealed' AND hour >= %s"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run a sensor asked for: what it read of the grid, what was missing before it, and how it ended."""

    sensor: str
    at: datetime
    gaps: Sequence[tuple[str, datetime]]
    rectangle: Rectangle | None
    success: bool

    @property
    def window(self) -> Window:
        """Return the hours it was about; it was about some."""
        assert self.rectangle, self
        return self.rectangle.window


class Deployment:
    """Everything of ours that runs, on a Telegram of this machine and at the instant the clock tells."""

    def __init__(
        self,
        *,
        telegram: LoopbackTelegram,
        services: Services,
        clock: StandingClock,
        instance: dg.DagsterInstance,
    ) -> None:
        self.telegram = telegram
        self.services = services
        self.clock = clock
        self.instance = instance
        self._definitions = build(services.settings, services=services)
        self._launched: set[tuple[str, str | None]] = set()

    # Our side

    def look(self, sensor: str) -> SensorExecutionData:
        """Let a sensor look once, as the daemon does; partitions it asks for are added."""
        definition = self._definitions.resolve_sensor_def(sensor)
        with freeze_time(self.clock.now), self._context() as context:
            seen = definition.evaluate_tick(context)
            for wish in seen.dynamic_partitions_requests or ():
                self.instance.add_dynamic_partitions(wish.partitions_def_name, list(wish.partition_keys))
        return seen

    def said(self, sensor: str) -> str:
        """Let a sensor look, and return why it asks for no run."""
        seen = self.look(sensor)
        assert seen.skip_message, seen.run_requests
        return seen.skip_message

    def carry_out(self, sensor: str, asked: Iterable[dg.RunRequest] | None) -> list[Run]:
        """Run what a sensor asked for; as in Dagster, what it asked for before is no new run."""
        new = [each for each in asked or () if (sensor, each.run_key) not in self._launched]
        self._launched |= {(sensor, each.run_key) for each in new}
        return [self._run(sensor, each) for each in new]

    def tick(self, sensor: str) -> list[Run]:
        """Let a sensor look, and run what it asks for."""
        return self.carry_out(sensor, self.look(sensor).run_requests)

    def round(self, *sensors: str) -> list[Run]:
        """Let a moment pass and all sensors (or these) look once; return what was run."""
        self.clock.advance(INTERVAL)
        ran = [run for sensor in sensors or SENSORS for run in self.tick(sensor)]
        assert self.sql(SEALED_SINCE, self.target) == [], "an hour was sealed too early"
        return ran

    def settle(self, *sensors: str, most: int = 60) -> list[Run]:
        """Let rounds pass until one of them asks for nothing; return what was run."""
        ran: list[Run] = []
        for _ in range(most):
            new = self.round(*sensors)
            if not new:
                return ran
            ran += new
        raise AssertionError(f"no end after {most} rounds; the last ones: {ran[-4:]}")

    def go_down(self) -> None:
        """End every process, as losing the machine does; the next look is that of a new one."""
        forget_warm_session()
        self.services.close()

    @property
    def target(self) -> datetime:
        """Return the end of what has to be sealed by now."""
        return hour_of(self.clock.now - self.services.settings.target_lag)

    def gaps(self) -> list[tuple[str, datetime]]:
        """Return channel and hour of whatever has to be sealed by now and is not, oldest first."""
        return [(str(row[0]), row[1]) for row in self.sql(GAPS, self.target)]

    def snapshot(self) -> dict[str, Any]:
        """Return what the catchup tells people in its file."""
        settings = self.services.settings
        found: dict[str, Any] = json.loads(
            (settings.tutordex_home / settings.recovery_catchup_state_file).read_text()
        )
        return found

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with self.services.database.connection() as connection:
            return connection.execute(query.encode(), values).fetchall()

    # Telegram's side

    def live(self, life: Life, span: timedelta, *, every: timedelta) -> None:
        """Let time pass in which nobody looks and life goes on."""
        until = self.clock.now + span
        while self.clock.now + every <= until:
            self.clock.advance(every)
            life.event(push=False)
        self.clock.now = until

    @contextmanager
    def life_while_read(self, life: Life) -> Iterator[None]:
        """Let something happen before every page of history that is read within the block."""
        one_at_a_time = Lock()

        def happen() -> None:
            with one_at_a_time:
                self.clock.advance(timedelta(seconds=1))
                life.event(push=False)

        async def act(_connection: Connection, _message_id: int, _request: TLRequest) -> bool:
            await asyncio.to_thread(happen)
            return True

        self.telegram.on(GetHistoryRequest, act, times=math.inf)
        yield
        self.telegram.clear_faults()

    # What has to hold

    def wrong(self, names: Sequence[str] = NAMES) -> list[str]:
        """List how log, assignments and ledger differ from what Telegram holds once all is quiet."""
        found = [
            stored_differs(self, self.telegram, names),
            assignments_differ(self, self.telegram, names),
            *broken_promises(self, names),
            *(f"{name}: {hour} is not sealed" for name, hour in self.gaps() if name in names),
        ]
        return [each for each in found if each]

    def _context(self) -> dg.SensorEvaluationContext:
        return dg.build_sensor_context(
            self.instance,
            resources={"services": self.services},
            repository_def=self._definitions.get_repository_def(),
        )

    def _run(self, sensor: str, request: dg.RunRequest) -> Run:
        """Run it as a process of its own would: it takes the session and gives it back."""
        at, gaps = self.clock.now, self.gaps()
        job_name = request.job_name or self._definitions.resolve_sensor_def(sensor).job_name
        assert job_name, sensor
        job = self._definitions.resolve_job_def(job_name)
        with freeze_time(self.clock.now):
            ended = job.execute_in_process(
                instance=self.instance,
                run_config={**request.run_config, "loggers": QUIET},
                tags=dict(request.tags),
                raise_on_error=False,
            )
        self.services.close()
        return Run(
            sensor=sensor, at=at, gaps=gaps, rectangle=rectangle_of(request.tags), success=ended.success
        )
