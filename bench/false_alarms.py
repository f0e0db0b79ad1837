"""How often a page of two equal versions claims something, and how often it finds what it says it would.

    python bench/false_alarms.py [--pages 400]

Simulated pages of 16 fields and 1,600 posts, spread over few or many channels; a channel leans to one of the
two versions by up to so many of the posts on which they differ. False alarms are pages of equal versions on
which any field is decisive: at most 5 % is promised. Then pages whose first field truly differs by what such
a page states as the smallest difference it shows: it is promised to be found in at least 80 %.
"""

import argparse
import sys
from math import sqrt
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.unit.comparison.pages import Pages

POSTS = 1600


def alarms(pages: Pages, rng: np.random.Generator, count: int) -> float:
    """Return the share of pages of equal versions that claim something."""
    return sum(any(pages.decisive(pages.draw(rng), rng)) for _ in range(count)) / count


def found(pages: Pages, rng: np.random.Generator, count: int) -> tuple[float, float]:
    """Return the median of what pages state, and the share on which a difference of that size is found.

    Each page's own statement is put to the test; one that no post could bring about is left out.
    """
    stated, hits = [], 0
    for _ in range(count):
        difference = pages.stated(pages.draw(rng), rng)
        if difference is not None and difference < pages.discordant:
            stated.append(difference)
            hits += pages.decisive(pages.draw(rng, gain=difference), rng)[0]
    return float(np.median(stated)), hits / len(stated)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=400)
    count = parser.parse_args().pages
    rng = np.random.default_rng(2026)
    print(
        f"{count} pages each; a share of 5 % is uncertain by {200 * sqrt(0.05 * 0.95 / count):.1f} points\n"
    )
    print(f"{'channels':>8}{'leaning':>9}{'false alarms':>14}{'stated':>10}{'found':>8}")
    for channels in (8, 12, 40, 100):
        for leaning in (0.0, 0.6):
            pages = Pages(channels=channels, posts=POSTS // channels, leaning=leaning, discordant=0.3)
            wrong, (stated, right) = alarms(pages, rng, count), found(pages, rng, count)
            print(f"{channels:>8}{leaning:>9.0%}{wrong:>14.1%}{stated:>10.1%}{right:>8.0%}", flush=True)


if __name__ == "__main__":
    main()
