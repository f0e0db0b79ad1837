"""Everything an asset body, a sensor or a command works with, opened once and handed on. No Dagster here."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import assert_never

from tutordex_dagster import settings as environment
from tutordex_dagster.capture.contract import ChannelInfo, ChannelSource, EnqueueFor, Lane
from tutordex_dagster.capture.export import ExportSource
from tutordex_dagster.capture.recorded import RecordedSource
from tutordex_dagster.capture.recording import RecordedChannel, read_recording, recorded_channels
from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.extraction.versions import PipelineSpec, fingerprint
from tutordex_dagster.queue.ends import RetryPolicy
from tutordex_dagster.resources.databases import database_urls
from tutordex_dagster.resources.feed import TailFeed, tick_tail
from tutordex_dagster.resources.history import HistoryReader, history_obstacle
from tutordex_dagster.resources.pipelines import load_versions
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.assignments import Assignments
from tutordex_dagster.store.audit import Audit
from tutordex_dagster.store.channels import Channel, Channels
from tutordex_dagster.store.comparisons import Comparisons
from tutordex_dagster.store.coverage import Coverage
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.duplicates import Duplicates
from tutordex_dagster.store.extractions import ExtractionQueue
from tutordex_dagster.store.heartbeats import Heartbeats
from tutordex_dagster.store.history_windows import HistoryWindows
from tutordex_dagster.store.metrics import PostgresMetrics
from tutordex_dagster.store.promotion import Promotions
from tutordex_dagster.store.pruning import Pruning
from tutordex_dagster.store.quality import Quality
from tutordex_dagster.store.raw_log import PostgresRawLog
from tutordex_dagster.store.resilience import Breakers, Paces
from tutordex_dagster.store.scores import Scores
from tutordex_dagster.store.sessions import Sessions
from tutordex_dagster.store.versions import Versions
from tutordex_dagster.windows import Clock, utc_now

FIRST_VERSION = "rules"
"""The live version of an empty database, unless a setting names another one."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """The repositories on one database, the pipeline versions, the settings and the clock."""

    settings: Settings
    database: Database
    channels: Channels
    raw_log: PostgresRawLog
    coverage: Coverage
    queue: ExtractionQueue
    assignments: Assignments
    duplicates: Duplicates
    promotions: Promotions
    pruning: Pruning
    versions: Versions
    quality: Quality
    scores: Scores
    sessions: Sessions
    windows: HistoryWindows
    breakers: Breakers
    paces: Paces
    metrics: PostgresMetrics
    heartbeats: Heartbeats
    audit: Audit
    comparisons: Comparisons
    pipelines: tuple[PipelineSpec, ...]
    clock: Clock = utc_now

    def pipeline(self, name: str) -> PipelineSpec:
        """Return a version by its name; UsageError lists the known ones."""
        return find_pipeline(self.pipelines, name)

    @property
    def live(self) -> PipelineSpec:
        """Return the version that `assignments` shows, as the database has it now.

        Where no version was live yet, the setting's becomes it. UsageError when it has no pipeline file.
        """
        name = self.assignments.live_version()
        if name is None:
            first = self.pipeline(self.settings.extraction_pipeline_version or FIRST_VERSION)
            name = self.assignments.begin_with(first.name)
        return self.pipeline(name)

    def chosen(self, name: str | None) -> PipelineSpec:
        """Return the version a command works on: the one named, else the setting's, else the live one."""
        name = name or self.settings.extraction_pipeline_version
        return self.pipeline(name) if name else self.live

    def registered(self, spec: PipelineSpec) -> PipelineSpec:
        """Return the version once the database has accepted it; called before jobs of it are made or taken.

        Raises UsageError when its name stands for another fingerprint there.
        """
        self.versions.register(spec.name, fingerprint(spec), spec.model_dump(mode="json"))
        return spec

    @property
    def retry_policy(self) -> RetryPolicy:
        """Return how often, and how far apart, a message is tried."""
        return RetryPolicy(
            max_attempts=self.settings.max_message_retries,
            base_seconds=self.settings.retry_delay_base_secs,
        )

    def enqueue_for(self, lane: Lane) -> tuple[EnqueueFor, ...]:
        """Return the versions a newly stored message is enqueued for: the live one, and shadows behind it.

        Good for as long as a process lives: whoever stores asks the database which one is live.
        """
        if not self.settings.extraction_queue_enabled:
            return ()
        live = self.live
        shadows = (spec for spec in self.pipelines if spec.shadow and spec != live)
        return (
            EnqueueFor(version=live.name, lane=lane, live=True),
            *(EnqueueFor(version=spec.name, lane="reparse") for spec in shadows),
        )

    @cached_property
    def recordings(self) -> Mapping[str, RecordedChannel]:
        """The recorded channels by reference, looked up in their folder at the first use."""
        return recorded_channels(self.settings.tutordex_recorded_channels)

    @cached_property
    def history(self) -> HistoryReader:
        """The way to Telegram's history: connected at the first use, until these services are closed."""
        return HistoryReader(self)

    def tail(self) -> AbstractContextManager[TailFeed]:
        """Hold what the tail follows for one tick; raises what `hold_session` raises."""
        return tick_tail(self)

    @property
    def telegram_configured(self) -> bool:
        """Tell whether there are credentials for Telegram; without them recordings and exports are read."""
        return self.settings.telegram_configured

    def recovery_obstacle(self, *, in_turn: bool = False) -> str | None:
        """Say in plain words why no history of Telegram can be read now, or None; asks no network.

        `in_turn`: for a run that is queued behind those that read now, a session they use is no obstacle.
        """
        return history_obstacle(self, in_turn=in_turn)

    def close(self) -> None:
        """Give back what was opened on the way: a session of Telegram, if one was used."""
        if "history" in vars(self):
            self.history.close()

    def source_for(self, channel: Channel) -> ChannelSource:
        """Return where this channel's messages are read from; PermanentError when it cannot be read now."""
        match channel.source_kind:
            case "recorded":
                return self._recorded(channel)
            case "export":
                return self._export(channel)
            case "telegram":
                return self.history.source(channel)
            case unknown:
                assert_never(unknown)

    def _recorded(self, channel: Channel) -> ChannelSource:
        recorded = self.recordings.get(channel.reference)
        if recorded is None:
            raise PermanentError(
                f"{channel.reference}: no recording in {self.settings.tutordex_recorded_channels}; "
                "put its file back, or set TUTORDEX_RECORDED_CHANNELS to the folder that holds it"
            )
        return RecordedSource(read_recording(recorded.path), self.clock)

    def _export(self, channel: Channel) -> ChannelSource:
        """Read the export that reaches furthest: where several overlap, it shows the latest state."""
        exports = self.channels.exports(channel.channel_id)
        if not exports:
            raise PermanentError(
                f"{channel.reference}: no export was imported; run: tutordex import result.json --channel "
                f"{channel.reference}"
            )
        newest = exports[0]
        return ExportSource(
            Path(newest.path),
            info=ChannelInfo(channel_id=channel.channel_id, reference=channel.reference, title=channel.title),
            timezone=newest.timezone,
            first_at=newest.first_at,
            newest_at=newest.vouches_until,
            clock=self.clock,
        )


def find_pipeline(pipelines: Sequence[PipelineSpec], name: str) -> PipelineSpec:
    """Return the version of that name; UsageError lists the known ones."""
    for spec in pipelines:
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in pipelines)
    raise UsageError(
        repr(name), "is no pipeline version", f"choose one of {known}, or add pipelines/{name}.yaml"
    )


def check_setting(pipelines: Sequence[PipelineSpec], settings: Settings) -> None:
    """Raise UsageError when EXTRACTION_PIPELINE_VERSION is set and names none of these versions."""
    if settings.extraction_pipeline_version:
        find_pipeline(pipelines, settings.extraction_pipeline_version)


@contextmanager
def open_services(settings: Settings | None = None, *, clock: Clock = utc_now) -> Iterator[Services]:
    """Open the services of these settings (the environment's by default) and close them after the block.

    Connects at the first use. Raises UsageError for settings or pipeline files that cannot be used.
    """
    settings = settings or environment.settings()
    database = Database(database_urls(settings).tutordex)
    services = services_on(database, settings, clock=clock)
    try:
        yield services
    finally:
        services.close()
        database.close()


def services_on(database: Database, settings: Settings, *, clock: Clock = utc_now) -> Services:
    """Build the services on an open database."""
    return Services(
        settings=settings,
        database=database,
        channels=Channels(database),
        raw_log=PostgresRawLog(database, clock=clock),
        coverage=Coverage(database),
        queue=ExtractionQueue(
            database,
            lease_seconds=settings.extraction_lease_secs,
            max_attempts=settings.max_message_retries,
            clock=clock,
        ),
        assignments=Assignments(database, clock=clock),
        duplicates=Duplicates(database, within=timedelta(days=settings.duplicate_days)),
        promotions=Promotions(database, clock=clock),
        pruning=Pruning(database, clock=clock),
        versions=Versions(database),
        quality=Quality(database),
        scores=Scores(database),
        sessions=Sessions(database),
        windows=HistoryWindows(database),
        breakers=Breakers(database),
        paces=Paces(database),
        metrics=PostgresMetrics(database, clock=clock),
        heartbeats=Heartbeats(database),
        audit=Audit(database),
        comparisons=Comparisons(database, clock=clock),
        pipelines=load_versions(settings),
        clock=clock,
    )
