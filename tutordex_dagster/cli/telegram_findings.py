"""The doctor's looks at Telegram: at the settings, at the database and, if asked, at Telegram itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from tutordex_dagster.errors import UsageError
from tutordex_dagster.operations import telegram_doctor as judge
from tutordex_dagster.operations.doctor import Finding, attempt, from_error, ok
from tutordex_dagster.resilience.guard import COMPONENT
from tutordex_dagster.resources.channels import sync_channels
from tutordex_dagster.resources.services import Services
from tutordex_dagster.resources.sessions import (
    ChosenSession,
    Role,
    choose_session,
    session_path,
    session_variable,
    shares_one_session,
)
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.sessions import SessionRow

Mode = Literal["live", "backfill"]
"""What is about to be done: everything by itself, or a window of history by hand."""

_PATIENCE_SECONDS = 5.0
"""A person waits: a longer flood wait is shown instead of sat out."""

_ROLES: Mapping[Mode, tuple[Role, ...]] = {"live": ("tail", "recovery"), "backfill": ("recovery",)}


def telegram_findings(services: Services, mode: Mode, *, online: bool) -> Iterator[Finding]:
    """Yield what was found about Telegram and the channels; `online` connects once, to read history."""
    settings = services.settings
    if mode == "backfill":
        yield from judge.switches(raw=settings.supabase_raw_enabled, queue=settings.extraction_queue_enabled)
    problems = _problems(services)
    yield judge.credentials(
        configured=settings.telegram_configured, needed_for=_needed_for(services, mode, list(problems))
    )
    if settings.telegram_configured:
        yield from _sessions(services, mode)
        yield from _gates(services)
        yield from _tail(services)
    yield from judge.channels(problems, not_joined=_not_joined(services))
    if online and settings.telegram_configured:
        yield attempt("online", lambda: ok("online", _probe(services)))


def _problems(services: Services) -> Mapping[str, str]:
    """Return why channels cannot be read, by reference: those never found, and those lost since."""
    waiting = sync_channels(services).waiting
    lost = {channel.reference: channel.problem for channel in services.channels.all() if channel.problem}
    return {**waiting, **lost}


def _needed_for(services: Services, mode: Mode, waiting: Sequence[str]) -> str:
    if mode == "backfill":
        return "a backfill reads Telegram"
    kinds = {channel.reference: channel.source_kind for channel in services.channels.all()}
    live = [reference for reference, kind in kinds.items() if kind == "telegram"]
    listed = [*live, *(reference for reference in waiting if reference not in kinds)]
    return f"{listed[0]} is listed" if listed else ""


def _sessions(services: Services, mode: Mode) -> Iterator[Finding]:
    rows = {row.fingerprint: row for row in services.sessions.all()}
    judged: set[str] = set()
    for role in _ROLES[mode]:
        try:
            chosen = choose_session(services.settings, role)
        except UsageError as error:
            yield from_error(f"session {role}", error)
            continue
        if chosen is None:
            yield judge.no_session(role, session_variable(role), session_path(services.settings, role))
        elif chosen.fingerprint not in judged:
            judged.add(chosen.fingerprint)
            facts = _facts(services.settings, chosen, rows.get(chosen.fingerprint))
            yield judge.session(facts, services.settings.environment)
    try:
        one = shares_one_session(services.settings)
    except UsageError:  # told above
        return
    yield from judge.shared(one_session=one)


def _facts(settings: Settings, chosen: ChosenSession, row: SessionRow | None) -> judge.SessionFacts:
    given = getattr(settings, session_variable(chosen.name).lower())
    file = session_path(settings, chosen.name) if given is None else None
    return judge.SessionFacts(
        role=chosen.name,
        fingerprint=chosen.fingerprint,
        file=file,
        mode=file.stat().st_mode if file else None,
        environment=row.environment if row else None,
        holder=row.holder if row and row.held else None,
        parked_reason=row.parked_reason if row else None,
    )


def _gates(services: Services) -> Iterator[Finding]:
    breakers = {
        row.component: f"{row.breaker.state} since {row.changed_at:%Y-%m-%d %H:%M} UTC ({row.breaker.reason})"
        for row in services.breakers.all()
        if row.component == COMPONENT and row.breaker.state != "closed"
    }
    floods = {
        f"{flood.method} with {flood.session}": flood.until
        for flood in services.paces.flooded(services.clock())
    }
    yield from judge.gates(breakers, floods)


def _tail(services: Services) -> Iterator[Finding]:
    beats = {beat.component: beat.at for beat in services.heartbeats.all()}
    yield from judge.tail_beat(beats.get("tail"), services.clock(), services.settings.heartbeat_secs)


def _not_joined(services: Services) -> Sequence[str]:
    return [
        channel.reference
        for channel in services.channels.all()
        if channel.source_kind == "telegram" and channel.member is False
    ]


def _probe(services: Services) -> str:
    """Connect once and say who Telegram takes us for; raises as `hold_session` does."""
    from tutordex_dagster.resources.telegram import Use, hold_session

    use = Use(role="recovery", patience_seconds=_PATIENCE_SECONDS)
    held = hold_session(services.settings, services.database, services.clock, use)
    held.close()
    return f"Telegram accepts session {held.chosen.fingerprint} (account {held.account_id})"
