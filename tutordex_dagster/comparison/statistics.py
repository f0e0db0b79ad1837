"""Statistics of paired answers: two versions read the same posts, and each is right on a post or is not.

`only_a` and `only_b` count the posts on which exactly one of the two is right (or filled a field): the
discordant ones. A difference is always B minus A, as a share of all `n` posts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan, cos, exp, lgamma, log, pi, sin, sqrt
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

ALPHA = 0.05
POWER = 0.8
BOTH = (1 + POWER) / 2
MANY_CLUSTERS = 8
"""Below this, resampling channels says too little about channels nobody has seen."""

_ROUNDING = 1e-9
_NORMAL = NormalDist()
_Z95 = _NORMAL.inv_cdf(0.975)

Interval = tuple[float, float]
Method = Literal["bootstrap over channels", "posts of these channels"]
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


def student(t: float, df: int) -> float:
    """Return the two-sided p value of Student's t for whole degrees of freedom.

    Abramowitz and Stegun (1964), 26.7.3 and 26.7.4.
    """
    angle = atan(abs(t) / sqrt(df))
    term, total = (cos(angle), 0.0) if df % 2 else (1.0, 0.0)
    for step in range(1 + df % 2, df, 2):
        total += term
        term *= cos(angle) ** 2 * step / (step + 1)
    inside = (angle + sin(angle) * total) * 2 / pi if df % 2 else sin(angle) * total
    return min(1.0, max(0.0, 1 - inside))


def student_point(p: float, df: int) -> float:
    """Return the t whose two-sided p value is `p`."""
    low, high = 0.0, 1e6
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if student(middle, df) > p else (low, middle)
    return high


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A 95 % interval of a difference, how it was come by, and over how many channels.

    `margin` is the true difference that shows over channels with the usual power (Student's t, with caution).
    """

    interval: Interval
    method: Method
    clusters: int
    margin: float


def spreads(
    only_a: Counts, only_b: Counts, n: Counts, rng: np.random.Generator, *, alpha: float = ALPHA
) -> list[Spread | None]:
    """Return the interval of every field's difference; the arrays are channels by fields.

    Posts of one channel resemble each other, so whole channels are drawn (2,000 times, with replacement).
    With few channels nothing can be said of others: then it is the interval over the posts of these ones.
    `alpha` is what a test has to reach after correction. None for a field without posts.
    """
    drawn = _resampled(only_b - only_a, n, rng)
    return [
        _spread(only_a[:, field], only_b[:, field], n[:, field], drawn[:, field], alpha)
        for field in range(n.shape[1])
    ]


def swapping(net: Counts, rng: np.random.Generator) -> list[float]:
    """Return p values over channels, for a page as a whole; `net` is only_b - only_a, channels by fields.

    Were the two versions equal, swapping their names in any channel would give a page as likely as this one.
    So names are swapped at random, 2,000 times, in whole channels and all fields at once; a field's p is the
    share of pages whose largest standardised difference reaches its own. This assumes nothing of how posts
    of a channel, or fields, hang together. Corrected for all fields step by step (Westfall and Young 1993,
    algorithm 2.8), and valid for any number of draws (Phipson and Smyth 2010).
    """
    size = np.sqrt((net.astype(float) ** 2).sum(axis=0))
    standard = net / np.where(size, size, 1.0)
    seen = np.abs(standard.sum(axis=0))
    order = np.argsort(-seen)
    reached = np.ones(len(seen))
    for draws in [200] * 10:  # bounded memory, also with thousands of channels
        signs = rng.choice((-1.0, 1.0), size=(draws, len(net)))
        from_last = np.abs(signs @ standard[:, order[::-1]])
        largest = np.maximum.accumulate(from_last, axis=1)[:, ::-1]
        reached += (largest >= seen[order] - _ROUNDING).sum(axis=0)
    p = np.empty(len(seen))
    p[order] = np.maximum.accumulate(reached / (1 + 2000))
    return [float(each) for each in p]


def power(difference: float, *, n: int, discordant: float, alpha: float) -> float:
    """Return how likely the exact McNemar test sees a true difference, given the share of discordant posts.

    Connor (1987), Biometrics 43, 207-211, with Edwards' correction (1 post off the difference), because the
    exact test is more careful than the normal one. A difference needs at least as many discordant posts.
    """
    share = max(discordant, difference)
    over = n * difference - 1 - _NORMAL.inv_cdf(1 - alpha / 2) * sqrt(n * share)
    spread = sqrt(max(0.0, n * (share - difference**2)))
    return _NORMAL.cdf(over / spread) if spread else float(over > 0)


def detectable(*, n: int, discordant: float, alpha: float, spread: Spread | None = None) -> float | None:
    """Return the smallest true difference found with 80 % power, None when no difference could have been.

    Where a difference has to show over posts and over channels, each of the two gets 90 %: whatever they have
    to do with each other, both show it in 80 %.
    """
    wanted = BOTH if spread and spread.method == "bootstrap over channels" else POWER
    margin = spread.margin if spread else 0.0
    low, high = 0.0, 1.0
    if not n or power(high, n=n, discordant=discordant, alpha=alpha) < wanted:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        enough = power(middle, n=n, discordant=discordant, alpha=alpha) >= wanted
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


def _spread(
    only_a: Counts, only_b: Counts, n: Counts, drawn: npt.NDArray[np.float64], alpha: float
) -> Spread | None:
    clusters = int(np.count_nonzero(n))
    if not clusters:
        return None
    by_posts, posts_error = _posts(int(only_a.sum()), int(only_b.sum()), int(n.sum()))
    if clusters < MANY_CLUSTERS:
        margin = (_Z95 + _NORMAL.inv_cdf(POWER)) * posts_error
        return Spread(interval=by_posts, method="posts of these channels", clusters=clusters, margin=margin)
    usable = drawn[np.isfinite(drawn)]
    low, high = (float(end) for end in np.percentile(usable, [2.5, 97.5]))
    error = _over_channels(only_b - only_a, n)
    return Spread(
        interval=(low, high) if (only_a + only_b).any() else by_posts,
        method="bootstrap over channels",
        clusters=clusters,
        margin=(student_point(alpha, clusters - 1) + _NORMAL.inv_cdf(BOTH)) * error * _caution(clusters - 1),
    )


def _posts(only_a: int, only_b: int, n: int) -> tuple[Interval, float]:
    """Return the interval over single posts and its standard error.

    Agresti and Min (2005), Statistics in Medicine 24: half a post more in each of the four cells.
    """
    discordant, net, total = only_a + only_b + 1, only_b - only_a, n + 2
    middle = net / total
    error = sqrt(max(0.0, discordant - net**2 / total)) / total
    return (max(-1.0, middle - _Z95 * error), min(1.0, middle + _Z95 * error)), error


def _over_channels(difference: Counts, n: Counts) -> float:
    """Return the standard error of a ratio of sums over channels, by linearisation."""
    held, n = difference[n > 0], n[n > 0]
    ratio, clusters = float(held.sum() / n.sum()), len(n)
    residual = float(((held - ratio * n) ** 2).sum())
    return sqrt(clusters / (clusters - 1) * residual) / float(n.sum())


def _caution(df: int) -> float:
    """Return by what factor the spread over channels may well be greater than seen: four times in five less.

    The root of `df` over the lower fifth of chi square (Wilson and Hilferty 1931). Without it, a page whose
    few channels happen to look alike would promise too much.
    """
    fifth = df * (1 - 2 / (9 * df) + _NORMAL.inv_cdf(1 - POWER) * sqrt(2 / (9 * df))) ** 3
    return sqrt(df / fifth)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which this share of the values lies, interpolated; None without values."""
    return float(np.quantile(np.asarray(values), share)) if len(values) else None
