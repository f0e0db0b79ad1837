"""The statistics agree with scipy, with statsmodels and with published examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as oracle_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from tutordex_dagster.comparison.statistics import (
    detectable,
    holm,
    mcnemar,
    percentile,
    power,
    spreads,
    student,
    student_point,
    swapping,
    wilson,
)


@given(hits=st.integers(0, 5000), misses=st.integers(0, 5000))
def test_wilson_agrees_with_statsmodels(hits: int, misses: int) -> None:
    n = hits + misses
    if not n:
        assert wilson(hits, n) is None
        return
    assert wilson(hits, n) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-12)


@given(only_a=st.integers(0, 3000), only_b=st.integers(0, 3000))
def test_mcnemar_agrees_with_statsmodels(only_a: int, only_b: int) -> None:
    expected = oracle_mcnemar([[7, only_a], [only_b, 9]], exact=True).pvalue
    assert mcnemar(only_a, only_b) == pytest.approx(min(1.0, expected), rel=1e-9, abs=1e-250)


def test_mcnemar_gives_the_published_p_value() -> None:
    """Bentur et al. (2009) as worked out by Fagerland, Lydersen and Laake (2013): 1 and 7 give p = 0.070."""
    assert round(mcnemar(1, 7), 3) == 0.070
    assert round(mcnemar(6, 16), 4) == 0.0525


def test_mcnemar_holds_for_a_million_discordant_posts() -> None:
    expected = stats.binomtest(499_000, 1_000_000).pvalue
    assert mcnemar(499_000, 501_000) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=4)  # the oracle takes its time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holm_agrees_with_statsmodels(values: list[float]) -> None:
    expected = multipletests(values, method="holm")[1]
    assert holm(values) == pytest.approx(list(expected), abs=1e-12)


@given(t=st.floats(-40, 40), df=st.integers(1, 300))
def test_students_t_agrees_with_scipy(t: float, df: int) -> None:
    assert student(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), abs=1e-8)


@given(p=st.floats(0.001, 0.9), df=st.integers(1, 60))
def test_the_points_of_students_t_are_scipys(p: float, df: int) -> None:
    assert student_point(p, df) == pytest.approx(stats.t.isf(p / 2, df), rel=1e-6)


@given(
    n=st.integers(50, 20_000),
    discordant=st.floats(0.001, 0.6),
    alpha=st.sampled_from([0.05, 0.05 / 19, 0.001]),
)
def test_the_detectable_difference_has_the_power_it_states(n: int, discordant: float, alpha: float) -> None:
    smallest = detectable(n=n, discordant=discordant, alpha=alpha)
    if smallest is None:
        assert power(1.0, n=n, discordant=discordant, alpha=alpha) < 0.8
        return
    assert power(smallest, n=n, discordant=discordant, alpha=alpha) >= 0.8 - 1e-6
    assert power(smallest * 0.99, n=n, discordant=discordant, alpha=alpha) < 0.8


def test_power_is_close_to_the_exact_tests_own() -> None:
    """1,000 posts, 12 % discordant, 4 points apart: summed over every table that can come."""
    total = np.arange(1001)
    weights = stats.binom.pmf(total, 1000, 0.12)
    exact = sum(
        weight
        * sum(stats.binom.pmf(k, m, (1 + 0.04 / 0.12) / 2) for k in range(m + 1) if mcnemar(k, m - k) < 0.01)
        for m, weight in zip(range(70, 180), weights[70:180], strict=True)
    )
    assert power(0.04, n=1000, discordant=0.12, alpha=0.01) == pytest.approx(exact, abs=0.02)


def test_no_post_shows_no_difference() -> None:
    assert detectable(n=0, discordant=0.0, alpha=0.05) is None
    assert detectable(n=4, discordant=0.5, alpha=0.05) is None
    assert percentile([], 0.5) is None


def _columns(*rows: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    array = np.array(rows, dtype=np.int64)
    return array[:, :1], array[:, 1:2], array[:, 2:]


def test_the_bootstrap_draws_whole_channels() -> None:
    """All posts of a channel say the same: ten channels are ten observations, not a thousand."""
    rows = [(0, 30, 100) if number % 2 else (30, 0, 100) for number in range(10)]
    (found,) = spreads(*_columns(*rows), np.random.default_rng(1))
    assert found is not None
    assert found.method == "bootstrap over channels"
    low, high = found.interval
    standard_error = 0.3 / np.sqrt(10)
    assert low == pytest.approx(-1.96 * standard_error, abs=0.02)
    assert high == pytest.approx(1.96 * standard_error, abs=0.02)


def test_the_bootstrap_agrees_with_scipys() -> None:
    rng = np.random.default_rng(5)
    n = rng.integers(50, 150, size=25)
    gain, loss = rng.binomial(n, 0.12), rng.binomial(n, 0.05)
    (found,) = spreads(loss[:, None], gain[:, None], n[:, None], np.random.default_rng(2))
    expected = stats.bootstrap(
        ((gain - loss).astype(float), n.astype(float)),
        lambda d, m, axis: d.sum(axis=axis) / m.sum(axis=axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert found is not None
    assert found.interval == pytest.approx((expected.low, expected.high), abs=0.004)


def test_the_margin_over_channels_has_the_error_of_a_mean() -> None:
    """With as many posts in every channel the ratio's error is that of a mean."""
    net = [3, 5, -1, 4, 0, 6, 2, 3, 1, 4]
    (found,) = spreads(*_columns(*[(max(-d, 0), max(d, 0), 50) for d in net]), np.random.default_rng(1))
    assert found is not None
    errors = stats.t.isf(0.025, 9) + stats.norm.isf(0.1)
    cautious = errors * np.sqrt(9 / stats.chi2.ppf(0.2, 9))
    assert found.margin == pytest.approx(cautious * stats.sem(net) / 50, rel=3e-3)


def test_swapping_names_agrees_with_scipys_permutation_test() -> None:
    net = np.array([3, 5, -1, 4, 0, 6, 2, -3, 1, 4])
    exact = stats.permutation_test((net,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    (found,) = swapping(net[:, None], np.random.default_rng(1))
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact / 2000))


def test_swapping_names_corrects_for_every_field_that_is_not_more_odd() -> None:
    """Step by step: independent fields count one by one, a field told twice counts once."""
    rng = np.random.default_rng(4)
    odd, noise = rng.integers(-2, 6, size=(30, 1)), rng.integers(-4, 5, size=(30, 6))
    alone, twice = swapping(odd, rng), swapping(np.hstack([odd, odd]), rng)
    assert twice == pytest.approx(alone * 2, abs=0.01)
    page = swapping(np.hstack([noise, odd]), rng)
    raw = [swapping(noise[:, [field]], rng)[0] for field in range(6)]
    assert all(of_page >= one - 0.03 for of_page, one in zip(page, [*raw, *alone], strict=True))
    assert max(page) == pytest.approx(max(raw), abs=0.05)
    assert page[int(np.argmin(raw))] > min(raw) + 0.05


def test_swapping_names_finds_nothing_odd_in_nothing() -> None:
    assert swapping(np.zeros((9, 2), dtype=np.int64), np.random.default_rng(1)) == [1.0, 1.0]


@pytest.mark.parametrize("channels", [1, 7])
def test_few_channels_speak_for_themselves_only(channels: int) -> None:
    """Agresti and Min's interval over their posts, worked out by hand: 0, 9 and 100 posts a channel."""
    (found,) = spreads(*_columns(*[(0, 9, 100)] * channels), np.random.default_rng(1))
    assert found is not None
    assert (found.method, found.clusters) == ("posts of these channels", channels)
    net, n = 9 * channels, 100 * channels + 2
    error = np.sqrt(net + 1 - net**2 / n) / n
    assert found.interval == pytest.approx((net / n - 1.96 * error, net / n + 1.96 * error), abs=1e-4)


def test_no_discordant_post_is_no_proof_of_equality() -> None:
    (found,) = spreads(*_columns(*[(0, 0, 10)] * 12), np.random.default_rng(1))
    assert found is not None
    assert found.interval[0] < 0 < found.interval[1]


def test_a_field_without_posts_has_no_interval() -> None:
    assert spreads(*_columns((0, 0, 0), (0, 0, 0)), np.random.default_rng(1)) == [None]
