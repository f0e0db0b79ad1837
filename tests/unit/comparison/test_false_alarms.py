"""Simulated pages: equal versions are left alone, and a true difference is found as often as stated."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from tutordex_dagster.comparison.statistics import Spread, detectable, holm, mcnemar, spreads

FIELDS = 16
CHANNELS = 40
POSTS = 30
"""Of each channel."""
N = CHANNELS * POSTS
DISCORDANT = 0.15
PAGES = 120

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Page:
    """The discordant counts of one page, channels by fields."""

    only_a: Counts
    only_b: Counts


def page(rng: np.random.Generator, *, gain: float = 0.0, leaning: float = 0.0) -> Page:
    """Draw one page; B is better by `gain` on the first field.

    Each channel leans to one of the two by up to `leaning` of its discordant posts, as an agency's habits
    do, so that over all channels there could be the two are equal.
    """
    gains = np.zeros(FIELDS)
    gains[0] = gain
    share = (1 + gains / DISCORDANT + leaning * rng.uniform(-1, 1, size=(CHANNELS, FIELDS))) / 2
    discordant = rng.binomial(POSTS, DISCORDANT, size=(CHANNELS, FIELDS))
    only_b = rng.binomial(discordant, share)
    return Page(discordant - only_b, only_b)


def intervals(drawn: Page, rng: np.random.Generator) -> list[Spread]:
    """Return the spread of every field."""
    n = np.full_like(drawn.only_a, POSTS)
    return [found for found in spreads(drawn.only_a, drawn.only_b, n, rng, alpha=0.05 / FIELDS) if found]


def decisive(drawn: Page, rng: np.random.Generator) -> list[bool]:
    """Judge a page as `findings` does: Holm over McNemar and over channels, and the interval."""
    counts = zip(drawn.only_a.sum(axis=0), drawn.only_b.sum(axis=0), strict=True)
    over_posts = holm([mcnemar(int(a), int(b)) for a, b in counts])
    found = intervals(drawn, rng)
    over_channels = holm([each.p if each.p is not None else 1.0 for each in found])
    return [
        max(ps) <= 0.05 and not each.interval[0] <= 0 <= each.interval[1]
        for *ps, each in zip(over_posts, over_channels, found, strict=True)
    ]


@pytest.mark.parametrize("leaning", [0.0, 0.6])
def test_equal_versions_raise_a_false_alarm_on_at_most_one_page_in_twenty(leaning: float) -> None:
    """Also where every agency favours one of the two: McNemar alone would cry wolf on half the pages."""
    rng = np.random.default_rng(11)
    alarms = sum(any(decisive(page(rng, leaning=leaning), rng)) for _ in range(PAGES))
    assert alarms / PAGES <= 0.05


def test_a_true_difference_of_five_points_is_found_at_the_stated_power() -> None:
    """With 1,200 posts of 40 channels and 15 % discordant a page states about 5 points, 4 times in 5."""
    rng = np.random.default_rng(12)
    (spread, *_) = intervals(page(rng, gain=0.05), rng)
    stated = detectable(n=N, discordant=DISCORDANT, alpha=0.05 / FIELDS, spread=spread)
    assert stated is not None
    assert 0.045 < stated < 0.055
    found = sum(decisive(page(rng, gain=stated), rng)[0] for _ in range(PAGES))
    assert found / PAGES >= 0.8 - 2 * np.sqrt(0.8 * 0.2 / PAGES)
