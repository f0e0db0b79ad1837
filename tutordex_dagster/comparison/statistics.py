"""Statistics of paired answers: two versions read the same posts, and each is right on a post or is not.

`only_a` and `only_b` count the posts on which exactly one of the two is right (or filled a field): the
discordant ones. A difference is always B minus A, as a share of all `n` posts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

ALPHA = 0.05
POWER = 0.8
MANY_CLUSTERS = 8
"""Below this, resampling channels says too little about channels nobody has seen."""

_NORMAL = NormalDist()
_Z95 = _NORMAL.inv_cdf(0.975)
_T95 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469)
"""97.5 % points of Student's t with 1 to 6 degrees of freedom: for 2 to 7 channels."""

Interval = tuple[float, float]
Method = Literal["bootstrap over channels", "t over few channels", "posts of one channel"]
Counts: TypeAlias = npt.NDArray[np.int64]


def wilson(hits: int, n: int) -> Interval | None:
    """Return the 95 % interval of a share (Wilson 1927), None without any post."""
    if not n:
        return None
    z2, share = _Z95**2, hits / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the exact two-sided p value: how odd this split is when each discordant post is a fair coin.

    Sums the binomial tail from its largest term downwards, so it holds for millions of posts.
    """
    n, few = only_a + only_b, min(only_a, only_b)
    largest = lgamma(n + 1) - lgamma(few + 1) - lgamma(n - few + 1) - n * log(2)
    smaller = np.arange(few, 0, -1, dtype=float)
    tail = exp(largest) * (1 + float(np.cumprod(smaller / (n + 1 - smaller)).sum()))
    return min(1.0, 2 * tail)


def holm(values: Sequence[float]) -> list[float]:
    """Return p values adjusted for all having been looked at (Holm 1979), in the given order."""
    adjusted = [0.0] * len(values)
    worst = 0.0
    for place, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        worst = max(worst, min(1.0, (len(values) - place) * values[index]))
        adjusted[index] = worst
    return adjusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A 95 % interval of a difference, how it was come by, and over how many channels.

    `margin` is the true difference that it tells from zero with the usual power.
    """

    interval: Interval
    method: Method
    clusters: int
    margin: float


def spreads(only_a: Counts, only_b: Counts, n: Counts, rng: np.random.Generator) -> list[Spread | None]:
    """Return the interval of every field's difference; the arrays are channels by fields.

    Posts of one channel resemble each other, so whole channels are drawn (2,000 times, with replacement).
    With few channels Student's t over them replaces that, and never claims more than single posts would
    allow; with one channel nothing is known about others. None for a field without posts.
    """
    drawn = _resampled(only_b - only_a, n, rng)
    return [
        _spread(only_a[:, field], only_b[:, field], n[:, field], drawn[:, field])
        for field in range(n.shape[1])
    ]


def power(difference: float, *, n: int, discordant: float, alpha: float) -> float:
    """Return how likely the exact McNemar test sees a true difference, given the share of discordant posts.

    Connor (1987), Biometrics 43, 207-211, with Edwards' correction (1 post off the difference), because the
    exact test is more careful than the normal one. A difference needs at least as many discordant posts.
    """
    share = max(discordant, difference)
    over = n * difference - 1 - _NORMAL.inv_cdf(1 - alpha / 2) * sqrt(n * share)
    spread = sqrt(max(0.0, n * (share - difference**2)))
    return _NORMAL.cdf(over / spread) if spread else float(over > 0)


def detectable(*, n: int, discordant: float, alpha: float, margin: float = 0.0) -> float | None:
    """Return the smallest true difference found with 80 % power, None when no difference could have been.

    `margin` is what the interval over channels asks for, where that is more.
    """
    low, high = 0.0, 1.0
    if not n or power(high, n=n, discordant=discordant, alpha=alpha) < POWER:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        enough = power(middle, n=n, discordant=discordant, alpha=alpha) >= POWER
        low, high = (low, middle) if enough else (middle, high)
    return max(high, margin) if margin < 1 else None


def _resampled(
    difference: Counts, n: Counts, rng: np.random.Generator, draws: int = 2000
) -> npt.NDArray[np.float64]:
    channels = len(n)
    if channels < MANY_CLUSTERS:
        return np.zeros((0, n.shape[1]))
    parts = []
    for size in [200] * (draws // 200):  # bounded memory, also with thousands of channels
        times = rng.multinomial(channels, np.full(channels, 1 / channels), size=size)
        total = times @ n
        with np.errstate(invalid="ignore", divide="ignore"):
            parts.append((times @ difference) / total)
    return np.concatenate(parts)


def _spread(only_a: Counts, only_b: Counts, n: Counts, drawn: npt.NDArray[np.float64]) -> Spread | None:
    clusters = int(np.count_nonzero(n))
    if not clusters:
        return None
    by_posts, posts_error = _posts(int(only_a.sum()), int(only_b.sum()), int(n.sum()))
    z = _NORMAL.inv_cdf(POWER)
    if clusters == 1:
        return Spread(
            interval=by_posts, method="posts of one channel", clusters=1, margin=(_Z95 + z) * posts_error
        )
    if clusters < MANY_CLUSTERS:
        quantile, error = _T95[clusters - 2], _cluster_error(only_b - only_a, n)
        middle = float((only_b - only_a).sum() / n.sum())
        low, high = middle - quantile * error, middle + quantile * error
        hull = max(-1.0, min(low, by_posts[0])), min(1.0, max(high, by_posts[1]))
        margin = max((quantile + z) * error, (_Z95 + z) * posts_error)
        return Spread(interval=hull, method="t over few channels", clusters=clusters, margin=margin)
    usable = drawn[np.isfinite(drawn)]
    low, high = (float(end) for end in np.percentile(usable, [2.5, 97.5]))
    interval = (low, high) if (only_a + only_b).any() else by_posts
    margin = (_Z95 + z) * float(usable.std())
    return Spread(interval=interval, method="bootstrap over channels", clusters=clusters, margin=margin)


def _posts(only_a: int, only_b: int, n: int) -> tuple[Interval, float]:
    """Return the interval over single posts and its standard error.

    Agresti and Min (2005), Statistics in Medicine 24: half a post more in each of the four cells.
    """
    discordant, net, total = only_a + only_b + 1, only_b - only_a, n + 2
    middle = net / total
    error = sqrt(max(0.0, discordant - net**2 / total)) / total
    return (max(-1.0, middle - _Z95 * error), min(1.0, middle + _Z95 * error)), error


def _cluster_error(difference: Counts, n: Counts) -> float:
    """Return the standard error of a ratio of sums over channels, by linearisation."""
    held, n = difference[n > 0], n[n > 0]
    residual = held - held.sum() / n.sum() * n
    clusters = len(n)
    return float(sqrt(clusters / (clusters - 1) * float((residual**2).sum())) / n.sum())


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which this share of the values lies, interpolated; None without values."""
    return float(np.quantile(np.asarray(values), share)) if len(values) else None
