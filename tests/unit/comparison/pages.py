"""Simulated pages: what two versions would show whose true difference is known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tutordex_dagster.comparison.statistics import Spread, detectable, holm, mcnemar, spreads, swapping

Counts = npt.NDArray[np.int64]
FIELDS = 16


@dataclass(frozen=True)
class Page:
    """The discordant counts of one page, channels by fields."""

    only_a: Counts
    only_b: Counts


@dataclass(frozen=True, kw_only=True)
class Pages:
    """A kind of page: channels, posts of each, and the share of posts on which just one of the two is right.

    Each channel leans to one of the two by up to `leaning` of its discordant posts, as an agency's habits
    do, so that over all channels there could be the two are equal.
    """

    channels: int = 40
    posts: int = 40
    discordant: float = 0.15
    leaning: float = 0.0

    def draw(self, rng: np.random.Generator, *, gain: float = 0.0) -> Page:
        """Draw one page; B is better by `gain` on the first field."""
        gains = np.zeros(FIELDS)
        gains[0] = gain
        size = (self.channels, FIELDS)
        share = (1 + gains / self.discordant + self.leaning * rng.uniform(-1, 1, size=size)) / 2
        discordant = rng.binomial(self.posts, self.discordant, size=size)
        only_b = rng.binomial(discordant, np.clip(share, 0, 1))
        return Page(discordant - only_b, only_b)

    def stated(self, page: Page, rng: np.random.Generator) -> float | None:
        """Return the smallest difference in the first field that the page says it would have shown."""
        n = self.channels * self.posts
        share = float(page.only_a[:, 0].sum() + page.only_b[:, 0].sum()) / n
        spread, *_ = self._intervals(page, rng)
        return detectable(n=n, discordant=share, alpha=0.05 / FIELDS, spread=spread)

    def decisive(self, page: Page, rng: np.random.Generator) -> list[bool]:
        """Judge a page as `findings` does: Holm over McNemar, names swapped in channels, and the interval."""
        counts = zip(page.only_a.sum(axis=0), page.only_b.sum(axis=0), strict=True)
        over_posts = holm([mcnemar(int(a), int(b)) for a, b in counts])
        over_channels = swapping(page.only_b - page.only_a, rng)
        return [
            max(ps) <= 0.05 and not each.interval[0] <= 0 <= each.interval[1]
            for *ps, each in zip(over_posts, over_channels, self._intervals(page, rng), strict=True)
        ]

    def _intervals(self, page: Page, rng: np.random.Generator) -> list[Spread]:
        n = np.full_like(page.only_a, self.posts)
        found = spreads(page.only_a, page.only_b, n, rng, alpha=0.05 / FIELDS)
        return [each for each in found if each]
