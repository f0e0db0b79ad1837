"""`tutordex promote` and `tutordex rollback`: which version `assignments` shows."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.breaker import os_user
from tutordex_dagster.cli.console import progress, say
from tutordex_dagster.cli.session import open_session, registered_version
from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.windows import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tutordex_dagster.extraction.versions import PipelineSpec
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.store.promotion import Action, Difference

_FIRST = datetime(2013, 8, 14, tzinfo=UTC)
"""Telegram's first day: no post is older."""

SAMPLES = 10

_WIDTH = 60
"""Characters of a value that are shown."""


@click.command()
@click.argument("version")
@click.option("--dry-run", is_flag=True, help="Only show what would change; build the projection unseen.")
@click.option(
    "--since", type=parse_instant, metavar="TIME", help="Posts from here on must be extracted. Default: all."
)
@click.option("--anyway", is_flag=True, help="Promote although something speaks against it; it is recorded.")
def promote(version: str, since: datetime | None, *, dry_run: bool, anyway: bool) -> None:
    """Make VERSION the live one: `assignments` shows it, and new posts are enqueued for it.

    Its projection is built beside the shown one and then shown whole, from one moment to the next. Posts it
    has not read, such as deleted ones, stay as they are.
    """
    from tutordex_dagster.operations.promotion import FRESH

    with open_session() as services:
        spec = _candidate(services, version)
        horizon = services.promotions.horizon(services.clock() - FRESH)
        found = obstacles(services, spec.name, since=since or _FIRST, up_to=horizon)
        for line in found:
            say(line)
        _build(services, spec.name)
        _show_differences(services, spec.name)
        if dry_run:
            return
        if found and not anyway:
            raise PermanentError(f"{spec.name} is not promoted: see above; or promote it with --anyway")
        switch(services, spec, after=horizon, action="promote")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would change; build the projection unseen.")
def rollback(*, dry_run: bool) -> None:
    """Make the version live again that was it before the last promotion.

    Posts that arrived since stay as they are shown until it has read them; they are enqueued for it.
    """
    with open_session() as services:
        live = services.live.name
        promotion = services.promotions.before(live)
        if promotion is None:
            raise UsageError(live, "was not promoted, so nothing was before it", "tutordex promote VERSION")
        spec = _candidate(services, promotion.previous)
        _build(services, spec.name)
        _show_differences(services, spec.name)
        if not dry_run:
            switch(services, spec, after=promotion.raw_id, action="rollback")


def obstacles(services: "Services", version: str, *, since: datetime, up_to: int) -> list[str]:
    """Say everything that speaks against promoting a version: the one place where it is gathered."""
    from tutordex_dagster.operations.promotion import Obstacles, incomplete

    def unread(name: str) -> list[str]:
        rows = services.promotions.reconcile(name, since=since, up_to=up_to)
        return incomplete(name, rows, dead_limit=services.settings.extraction_failure_share_limit)

    sources: Iterable[Obstacles] = (unread, lambda name: badly_read(services, name))
    return [line for source in sources for line in source(version)]


def badly_read(services: "Services", version: str) -> list[str]:
    """Say what the scores on labelled posts have against a version; rules that lack one are scored now."""
    from tutordex_dagster.comparison.promotion import newest_card, promotion_obstacles
    from tutordex_dagster.extraction.gold import load_gold
    from tutordex_dagster.extraction.versions import fingerprint
    from tutordex_dagster.operations.scoring import score_card
    from tutordex_dagster.resources.scoring import read_gold

    gold, live = load_gold(services.settings.tutordex_gold), services.live
    specs = (live, services.pipeline(version))
    for spec in specs:
        cards = services.scores.cards({spec.name}, gold=gold.digest)
        known = newest_card(cards, version=spec.name, fingerprint=fingerprint(spec), gold=gold.digest)
        if spec.llm is None and known is None:
            judged = read_gold(spec, gold, services.settings)
            services.scores.add(score_card(spec, gold, judged, now=services.clock()))
    return promotion_obstacles(
        services.scores.cards({spec.name for spec in specs}, gold=gold.digest),
        version=version,
        fingerprint=fingerprint(specs[1]),
        gold=gold.digest,
        live=live.name,
    )


def switch(services: "Services", spec: "PipelineSpec", *, after: int, action: "Action") -> None:
    """Show the version and say what came of it."""
    from tutordex_dagster.extraction.versions import fingerprint

    done = services.promotions.switch(
        spec.name, after=after, action=action, actor=os_user(), fingerprint=fingerprint(spec)
    )
    kept = f"{done.kept} rows kept from before" if done.kept else "nothing kept from before"
    say(f"{spec.name} is live, after {done.previous}: {kept}, {done.enqueued} new posts enqueued for it.")


def _candidate(services: "Services", name: str) -> "PipelineSpec":
    spec = registered_version(services, name)
    if spec == services.live:
        raise UsageError(spec.name, "is the live version already", "nothing has to be done")
    return spec


def _build(services: "Services", version: str) -> None:
    with progress(unit="rows") as bar:
        task = bar.add_task(f"Building {version}", total=None)
        services.promotions.build(version, on_page=lambda page: bar.advance(task, page.upserted))


def _show_differences(services: "Services", version: str) -> None:
    from tutordex_dagster.operations.promotion import summary_lines

    live = services.live.name
    for line in summary_lines(version, services.promotions.differences(live, version)):
        say(line)
    for sample in services.promotions.difference_samples(live, version, limit=SAMPLES):
        for line in sample_lines(sample):
            say(line)


def sample_lines(sample: "Difference") -> list[str]:
    """Return a row that differs as lines: where it is, then every field as it was and as it would be."""
    from tutordex_dagster.operations.promotion import changed_fields

    place = f"  {sample.reference}/{sample.message_id} segment {sample.segment}"
    if sample.was is None or sample.now is None:
        row, word = sample.now or sample.was or {}, "added" if sample.now else "not found"
        return [f"{place}: {word}, code {row.get('assignment_code')}, {row.get('academic_display_text')}"]
    fields = changed_fields(sample).items()
    return [f"{place}:", *(f"    {name}: {_short(was)} -> {_short(now)}" for name, (was, now) in fields)]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
