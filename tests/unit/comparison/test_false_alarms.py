"""Simulated pages: equal versions are left alone, and a true difference is found as often as stated."""

import numpy as np
import numpy.typing as npt

from tutordex_dagster.comparison.statistics import detectable, holm, mcnemar, spreads

FIELDS = 16
CHANNELS = 12
POSTS = 75
"""Of each channel."""

Counts = npt.NDArray[np.int64]


def page(rng: np.random.Generator, *, discordant: float, gain: float) -> tuple[Counts, Counts]:
    """Draw one page's discordant counts, channels by fields; B is better by `gain` on the first field."""
    differences = np.zeros(FIELDS)
    differences[0] = gain
    toward_b = (discordant + differences) / 2
    toward_a = (discordant - differences) / 2
    cells = np.stack([toward_a, toward_b, 1 - toward_a - toward_b], axis=-1)
    drawn = rng.multinomial(POSTS, cells, size=(CHANNELS, FIELDS))
    return drawn[..., 0], drawn[..., 1]


def decisive(only_a: Counts, only_b: Counts, rng: np.random.Generator) -> list[bool]:
    """Judge a page as `findings` does: Holm over exact McNemar, and the interval over channels."""
    n = np.full_like(only_a, POSTS)
    p = holm([mcnemar(int(a), int(b)) for a, b in zip(only_a.sum(axis=0), only_b.sum(axis=0), strict=True)])
    intervals = [found.interval for found in spreads(only_a, only_b, n, rng) if found]
    return [each <= 0.05 and not low <= 0 <= high for each, (low, high) in zip(p, intervals, strict=True)]


def test_equal_versions_raise_a_false_alarm_on_at_most_one_page_in_twenty() -> None:
    rng = np.random.default_rng(11)
    alarms = sum(any(decisive(*page(rng, discordant=0.15, gain=0), rng)) for _ in range(250))
    assert alarms / 250 <= 0.05


def test_a_true_difference_of_five_points_is_found_at_the_stated_power() -> None:
    """With 900 posts and 15 % discordant the page states that about 5 points are found 4 times in 5."""
    n = CHANNELS * POSTS
    stated = detectable(n=n, discordant=0.15, alpha=0.05 / FIELDS)
    assert stated is not None
    assert 0.045 < stated < 0.055
    rng = np.random.default_rng(12)
    found = sum(decisive(*page(rng, discordant=0.15, gain=stated), rng)[0] for _ in range(250))
    assert found / 250 >= 0.8 - 2 * np.sqrt(0.8 * 0.2 / 250)
