"""Every statistic against an independent oracle, to 1e-9; AC1 against published worked examples."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from itertools import product

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q
from statsmodels.stats.inter_rater import fleiss_kappa as fleiss_oracle
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

from sier_gui.core import agreement
from sier_gui.core.nets.ablation.significance import holm
from sier_gui.core.study import intervals, planning, protocol
from sier_gui.core.study.agreement import unbiased_hit_rates
from sier_gui.core.study.checks import fits
from sier_gui.core.study.equivalence import cochran_q, tost
from sier_gui.core.study.rounding import as_number, as_text
from sier_gui.core.study.simulation import Effects, log_odds

# Four observers, twelve units, gaps: Krippendorff (2011), Computing Krippendorff's alpha-reliability, part C;
# as `cac.raw4raters` in Gwet's own package irrCAC, whose pages print α .743 and AC1 .77544 for it
FOUR_OBSERVERS = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, np.nan, np.nan, np.nan],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, np.nan, 3],
    [np.nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, np.nan],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, np.nan],
])  # fmt: skip


def counts_of(ratings: NDArray[np.float64], classes: int) -> NDArray[np.int64]:
    """(raters, items) codes from 1 on, NaN for none → (items, classes)."""
    return np.array(
        [[int((column == c).sum()) for c in range(1, classes + 1)] for column in ratings.T], np.int64
    )


def random_ratings(seed: int, raters: int = 9, items: int = 25, gaps: float = 0.3) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    truth = random.integers(1, 5, items)
    ratings = np.where(random.random((raters, items)) < 0.6, truth, random.integers(1, 5, (raters, items)))
    return np.where(random.random((raters, items)) < gaps, np.nan, ratings.astype(float))


@pytest.mark.parametrize("seed", range(20))
def test_alpha_is_krippendorffs(seed: int) -> None:
    ratings = random_ratings(seed)
    ours = agreement.krippendorff_alpha(counts_of(ratings, 4))
    oracle = krippendorff.alpha(reliability_data=ratings, level_of_measurement="nominal")
    assert ours == pytest.approx(oracle, abs=1e-9)


def test_alpha_and_ac1_of_the_published_example() -> None:
    counts = counts_of(FOUR_OBSERVERS, 5)
    alpha, ac1 = agreement.krippendorff_alpha(counts), agreement.gwet_ac1(counts)
    assert alpha is not None
    assert ac1 is not None
    assert round(alpha, 3) == 0.743
    assert round(ac1, 5) == 0.77544  # irrCAC's vignette prints it so


def test_ac1_and_kappa_of_two_abstractors() -> None:
    """`cont3x3abstractors` of irrCAC: AC1 .8493305, and Scott's π, which κ is for two raters, .7962397."""
    table = {(0, 0): 13, (1, 1): 20, (1, 2): 7, (2, 1): 4, (2, 2): 56}
    pairs = [pair for pair, n in table.items() for _ in range(n)]
    counts = np.array([np.bincount(pair, minlength=3) for pair in pairs])
    ac1, kappa = agreement.gwet_ac1(counts), agreement.fleiss_kappa(counts)
    assert ac1 == pytest.approx(0.8493305, abs=5e-8)
    assert kappa == pytest.approx(0.7962397, abs=5e-8)


def test_ac1_stays_high_where_one_class_is_rare_and_kappa_does_not() -> None:
    """Of 125 subjects 118 are found positive by both, 7 by one: by hand from equations 6 and 7."""
    counts = np.repeat([[2, 0], [1, 1]], [118, 7], axis=0)
    positive = (118 + 3.5) / 125
    chance = 2 * positive * (1 - positive)
    assert agreement.gwet_ac1(counts) == pytest.approx((118 / 125 - chance) / (1 - chance), abs=1e-12)
    kappa = agreement.fleiss_kappa(counts)
    assert kappa is not None
    assert kappa < 0


@pytest.mark.parametrize("seed", range(10))
def test_fleiss_kappa_is_statsmodels(seed: int) -> None:
    counts = counts_of(random_ratings(seed, gaps=0), 4)
    assert agreement.fleiss_kappa(counts) == pytest.approx(fleiss_oracle(counts), abs=1e-9)


def test_agreement_that_is_not_defined_is_none() -> None:
    assert agreement.krippendorff_alpha(np.array([[1, 0], [0, 1]])) is None
    assert agreement.gwet_ac1(np.array([[1, 0], [0, 1]])) is None
    same = np.array([[3, 0], [3, 0]])
    assert agreement.krippendorff_alpha(same) is None
    assert agreement.fleiss_kappa(same) is None
    assert agreement.gwet_ac1(same) == 1


def test_unbiased_hit_rates_by_hand() -> None:
    matrix = np.array([[8, 2, 0], [4, 6, 0], [0, 0, 0]])
    first, second, third = unbiased_hit_rates(matrix)
    assert first == pytest.approx(8 / 10 * 8 / 12)
    assert second == pytest.approx(6 / 10 * 6 / 8)
    assert third is None


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (7, 7), (23, 36), (75, 96), (1, 1000), (500, 1000)])
def test_wilson_is_statsmodels(hits: int, n: int) -> None:
    assert intervals.wilson(hits, n) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-12)


def test_without_clusters_the_interval_is_wilsons() -> None:
    """One rater, every item once: what the two-way interval knows beyond Wilson is nothing."""
    n, hits = 50, 37
    correct = (np.arange(n) < hits).astype(float)
    zeros = np.zeros(n, np.int64)
    layout = intervals.Layout(np.full(n, 1 / n), zeros, np.arange(n), zeros, zeros)
    low, high = intervals.proportion_interval(intervals.spread(layout, correct), layout.weights)
    exact = proportion_confint(hits, n, method="wilson")
    assert low <= exact[0]
    assert high >= exact[1]
    assert (float(low), float(high)) == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_two_way_variance_is_raters_plus_items_minus_pairs(seed: int) -> None:
    """Against statsmodels' cluster-robust covariance of a mean, its three parts called one by one."""
    from statsmodels.regression.linear_model import OLS

    random = np.random.default_rng(seed)
    rater, item = (grid.ravel() for grid in np.indices((12, 9)))
    keep = random.random(len(rater)) < 0.7
    rater, item = rater[keep], item[keep]
    y = (random.random(len(rater)) < 0.5 + 0.03 * (item - 4) + 0.02 * (rater - 6)).astype(float)
    n = len(y)
    zeros = np.zeros(n, np.int64)
    ours = intervals.spread(intervals.Layout(np.full(n, 1 / n), rater, item, zeros, zeros), y)
    model = OLS(y, np.ones((n, 1)))

    def part(groups: NDArray[np.int64]) -> float:
        plain = {"groups": groups, "use_correction": False, "df_correction": False}
        count = len(np.unique(groups))
        robust = model.fit(cov_type="cluster", cov_kwds=plain)
        return float(np.asarray(robust.cov_params())[0, 0]) * count / (count - 1)

    expected = part(rater) + part(item) - part(rater * 100 + item)
    assert float(ours.variance) == pytest.approx(expected, abs=1e-9)
    assert ours.df == min(len(np.unique(rater)), len(np.unique(item))) - 1


def test_holm_is_statsmodels() -> None:
    p = list(np.random.default_rng(1).random(20) ** 3)
    assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_tost_is_statsmodels(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.normal(0.7, 0.1, 25), random.normal(0.71, 0.1, 25)
    gaps = first - second
    ours = tost(float(gaps.mean()), float(gaps.std(ddof=1) / 5), 24, 0.05)
    p, _, _ = ttost_paired(first, second, -0.05, 0.05)
    assert ours.p == pytest.approx(p, abs=1e-9)
    inside = ours.low > -0.05 and ours.high < 0.05
    assert inside == (ours.p < 0.05)


@pytest.mark.parametrize("seed", range(5))
def test_cochrans_q_is_statsmodels(seed: int) -> None:
    hits = np.random.default_rng(seed).random((60, 5)) < [0.5, 0.6, 0.7, 0.6, 0.75]
    oracle = cochrans_q(hits.astype(int))
    q, p = cochran_q(hits)
    assert q == pytest.approx(oracle.statistic, abs=1e-9)
    assert p == pytest.approx(oracle.pvalue, abs=1e-9)
    assert cochran_q(np.ones((5, 3), bool)) == (0.0, 1.0)


# ---------------------------------------------------------------- rounding, GRIM


def test_percentages_are_rounded_half_up_from_exact_shares() -> None:
    assert as_text(Fraction(75, 96)) == "78.13"
    assert as_text(75 / 96) == "78.13"
    assert as_number(Fraction(1, 3)) == 33.33
    assert as_text(Fraction(1, 800)) == "0.13"
    assert as_text(Fraction(2, 3), 4) == "66.6667"
    assert as_text(None) == "–"


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 3000), st.data())
def test_every_true_percentage_passes_grim(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    assert fits(Decimal(as_text(Fraction(hits, n))), n)
    assert fits(Decimal(as_text(Fraction(hits, n), 1)), n)


def test_grim_finds_what_no_count_gives() -> None:
    possible = {as_text(Fraction(k, 36)) for k in range(37)}
    for hundredths in range(0, 10001):
        text = f"{hundredths // 100}.{hundredths % 100:02d}"
        halves = any(abs(Fraction(100 * k, 36) - Fraction(text)) == Fraction(1, 200) for k in range(37))
        assert fits(Decimal(text), 36) == (text in possible or halves)


# ---------------------------------------------------------------- planning


def test_planning_figures() -> None:
    assert [planning.per_column(*pair) for pair in planning.DIFFERENCES] == [247, 1091, 7480]
    assert planning.per_column_equivalence() == 1285
    default = protocol.load("default")
    plan = planning.make_plan(default)
    assert plan.responses == 240
    assert round(100 * plan.detects) == 11
    assert planning.design_effect(default, 0.1, 0.2) == pytest.approx(1 + 7 * 0.1 + 5 * 0.2)
    assert planning.make_plan(default, 0.1, 0.2).detects_clustered == pytest.approx(
        planning.detectable(240 / 2.7)
    )


@pytest.mark.parametrize(("base", "difference"), [(0.75, 0.1), (0.75, 0.05), (0.745, 0.0197), (0.5, 0.2)])
def test_the_planned_number_has_the_planned_power(base: float, difference: float) -> None:
    """Against scipy's normal distribution: within a thousandth of 80 %."""
    n = planning.per_column(base, difference)
    error = math.sqrt((base * (1 - base) + (base + difference) * (1 - base - difference)) / n)
    power = stats.norm.sf(stats.norm.ppf(0.975) - difference / error)
    assert power == pytest.approx(0.8, abs=2e-3)


def test_what_a_design_detects_needs_as_many_responses() -> None:
    d = planning.detectable(240)
    shares = (0.75 - d / 2, 0.75 + d / 2)
    error = math.sqrt(sum(p * (1 - p) for p in shares) / 240)
    assert stats.norm.sf(stats.norm.ppf(0.975) - d / error) == pytest.approx(0.8, abs=1e-3)


# ---------------------------------------------------------------- simulation


def test_simulated_accuracy_is_what_it_is_said_to_be() -> None:
    """The mean over raters and items of the logistic, by a fine sum over the normal distribution."""
    effects = Effects(0.5, 0.8)
    shares = np.array([[0.3, 0.64], [0.86, 0.97]])
    fixed = log_odds(shares, effects)
    grid = np.linspace(-9, 9, 20_001)
    weight = stats.norm.pdf(grid)
    weight /= weight.sum()
    for place in product(range(2), range(2)):
        odds = fixed[place] + math.hypot(0.5, 0.8) * grid
        assert float((weight / (1 + np.exp(-odds))).sum()) == pytest.approx(shares[place], abs=1e-9)
