"""Equal versions are left alone, and a true difference is found as often as a page states."""

import numpy as np
import pytest

from tests.unit.comparison.pages import Pages

PAGES = 120


@pytest.mark.parametrize("leaning", [0.0, 0.6])
def test_equal_versions_raise_a_false_alarm_on_at_most_one_page_in_twenty(leaning: float) -> None:
    """Also where every agency favours one of the two, and McNemar alone would cry wolf.

    So few pages show only what is far off; `bench/false_alarms.py` draws more of them.
    """
    rng, pages = np.random.default_rng(11), Pages(leaning=leaning)
    alarms = sum(any(pages.decisive(pages.draw(rng), rng)) for _ in range(PAGES))
    assert alarms / PAGES <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / PAGES)


def test_a_true_difference_of_five_points_is_found_at_the_stated_power() -> None:
    """With 1,600 posts of 40 channels and 15 % discordant a page states about 5 points, 4 times in 5."""
    rng, pages = np.random.default_rng(12), Pages()
    stated = pages.stated(pages.draw(rng, gain=0.05), rng)
    assert stated is not None
    assert 0.045 < stated < 0.055
    found = sum(pages.decisive(pages.draw(rng, gain=stated), rng)[0] for _ in range(PAGES))
    assert found / PAGES >= 0.8 - 2 * np.sqrt(0.8 * 0.2 / PAGES)
