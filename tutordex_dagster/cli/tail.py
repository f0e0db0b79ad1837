"""`tutordex tail`: follow all channels in the terminal or as a service, without Dagster."""

import logging
import os
import socket
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.session import open_session, require_raw
from tutordex_dagster.operations.stopping import stop_signals

if TYPE_CHECKING:
    from tutordex_dagster.capture.tail import Followed
    from tutordex_dagster.errors import PermanentError
    from tutordex_dagster.operations.tail_parts import State, TailOptions
    from tutordex_dagster.operations.tail_service import TailService
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.settings import Settings
    from tutordex_dagster.store.channels import Channel

log = logging.getLogger(__name__)

_BUSY_SECONDS = 5.0


@click.command()
def tail() -> None:
    """Follow new posts, edits and deletions until Ctrl-C, which finishes what is being stored.

    With Telegram credentials what it pushes is stored at once; recorded channels are asked every few seconds.
    While another process follows with the session, this one waits until it is free.
    """
    with open_session() as services, stop_signals() as stop:
        require_raw(services)
        log.info("event=tail_started holder=%s", _holder())
        service_on(services, stop).run()


def service_on(services: "Services", stop: Event) -> "TailService":
    """Build the service on open services; it ends when `stop` is set."""
    from tutordex_dagster.operations.tail_parts import TailTools
    from tutordex_dagster.operations.tail_service import Inbox, TailService
    from tutordex_dagster.resources.feed import open_tail

    inbox, settings = Inbox(), services.settings
    tools = TailTools(
        raw_log=services.raw_log,
        enqueue=services.enqueue_for("live"),
        clock=services.clock,
        take=inbox.take,
        beat=partial(_beat, services),
        on_problem=partial(_note_problem, services),
        on_followed=partial(_measure, services),
        stopping=stop.is_set,
    )
    return TailService(
        partial(open_tail, services, inbox.put),
        tools,
        _options(settings),
        pause=stop.wait,
        max_restarts=settings.max_restarts,
        busy_seconds=min(_BUSY_SECONDS, settings.session_lease_secs / 3),
    )


def _options(settings: "Settings") -> "TailOptions":
    from tutordex_dagster.operations.tail_parts import TailOptions

    return TailOptions(
        check_every=timedelta(seconds=settings.tail_check_interval_seconds),
        connection_check_every=timedelta(seconds=settings.connection_check_secs),
        heartbeat_every=timedelta(seconds=settings.heartbeat_secs),
        rescan=timedelta(days=settings.tail_rescan_days),
        parallel=settings.parallelism_max,
        newest=settings.backfill_limit if settings.backfill_on_start else 0,
    )


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _beat(services: "Services", state: "State", counts: Mapping[str, int]) -> None:
    from tutordex_dagster.resources.feed import TAIL

    services.heartbeats.beat(TAIL, _holder(), {"state": state, **counts})


def _note_problem(services: "Services", channel: "Channel", problem: "PermanentError | None") -> None:
    said = None if problem is None else str(problem)
    services.channels.note_problem(channel.channel_id, said, services.clock())


def _measure(services: "Services", channel: "Channel", followed: "Followed") -> None:
    from tutordex_dagster.operations.tail_parts import measure

    measure(services.metrics, channel, followed, services.clock())
