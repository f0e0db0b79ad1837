"""Which version `assignments` shows: promotion and rollback, for the commands and Dagster's jobs alike."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from tutordex_dagster.comparison.promotion import newest_card, promotion_obstacles
from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.extraction.gold import load_gold
from tutordex_dagster.extraction.versions import PipelineSpec, fingerprint
from tutordex_dagster.operations import promotion as words
from tutordex_dagster.operations.scoring import score_card
from tutordex_dagster.resources.scoring import read_gold
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.promotion import Action

_FIRST = datetime(2013, 8, 14, tzinfo=UTC)
"""Telegram's first day: no post is older."""

SAMPLES = 10

Rows = Callable[[int], None]
"""Told how many rows were built since it was last told."""


def _untold(_: str) -> AbstractContextManager[Rows]:
    return nullcontext(lambda _: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of the live version: who makes it, and who hears line by line what it would do and did.

    The lines quote what was read from posts: they are no log lines. `dry_run` only says what would change.
    `building` lends what is told of rows while the projection of the version it names is built.
    """

    services: Services
    actor: str
    say: Callable[[str], None]
    dry_run: bool = False
    building: Callable[[str], AbstractContextManager[Rows]] = _untold

    def promote(self, version: str, *, since: datetime | None = None, anyway: bool = False) -> None:
        """Make the version live whose posts from `since` on are extracted, all posts by default.

        Raises UsageError for an unknown version, a changed one, and the live one; PermanentError when
        something speaks against it, unless it is to be done `anyway`; TransientError when another version
        became live meanwhile.
        """
        services, live = self.services, self.services.live.name
        spec = self._candidate(version, live)
        horizon = services.promotions.horizon(services.clock() - words.FRESH)
        found = obstacles(services, spec.name, since=since or _FIRST, up_to=horizon)
        for line in found:
            self.say(line)
        self._show_differences(spec.name, live)
        if found and not anyway and not self.dry_run:
            raise PermanentError(
                f"{spec.name} is not promoted: see what was said; or promote it with `anyway`"
            )
        self._switch(spec, live=live, after=horizon, action="promote")

    def roll_back(self) -> None:
        """Make the version live again that was it before the last promotion.

        Raises UsageError without one, and when its extractions were pruned since; TransientError when another
        version became live meanwhile.
        """
        live = self.services.live.name
        promotion = self.services.promotions.before(live)
        if promotion is None:
            raise UsageError(live, "was not promoted, so nothing was before it", "tutordex promote VERSION")
        spec = self._candidate(promotion.previous, live)
        if not self.services.promotions.has_read(spec.name):
            raise UsageError(
                spec.name, "has read nothing, so there is nothing to go back to", _read_all(spec)
            )
        self._show_differences(spec.name, live)
        self._switch(spec, live=live, after=promotion.raw_id, action="rollback")

    def _candidate(self, name: str, live: str) -> PipelineSpec:
        spec = self.services.registered(self.services.pipeline(name))
        if spec.name == live:
            raise UsageError(spec.name, "is the live version already", "nothing has to be done")
        return spec

    def _show_differences(self, version: str, live: str) -> None:
        """Build the version's projection where no reader sees it, and say what it would change."""
        promotions = self.services.promotions
        with self.building(version) as told:
            promotions.build(version, on_page=lambda page: told(page.upserted))
        found = promotions.differences(live, version, samples=SAMPLES)
        for line in words.summary_lines(version, found):
            self.say(line)
        for sample in found.samples:
            for line in words.sample_lines(sample):
                self.say(line)

    def _switch(self, spec: PipelineSpec, *, live: str, after: int, action: Action) -> None:
        if self.dry_run:
            return
        done = self.services.promotions.switch(
            spec.name,
            live=live,
            after=after,
            action=action,
            actor=self.actor,
            fingerprint=fingerprint(spec),
        )
        kept = f"{done.kept} rows kept from before" if done.kept else "nothing kept from before"
        self.say(
            f"{spec.name} is live, after {done.previous}: {kept}, {done.enqueued} posts enqueued for it."
        )


def _read_all(spec: PipelineSpec) -> str:
    """Say how a version comes to have read everything."""
    return f"tutordex enqueue --version {spec.name}, then tutordex drain --version {spec.name} --oneshot"


def obstacles(services: Services, version: str, *, since: datetime, up_to: int) -> list[str]:
    """Say everything that speaks against promoting a version: the one place where it is gathered."""
    rows = services.promotions.reconcile(version, since=since, up_to=up_to)
    unread = words.incomplete(version, rows, dead_limit=services.settings.extraction_failure_share_limit)
    return [*unread, *badly_read(services, version)]


def badly_read(services: Services, version: str) -> list[str]:
    """Say what the scores on labelled posts have against a version; rules that lack one are scored now."""
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
