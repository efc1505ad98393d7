"""The prior over games, its posterior and the weights that follow, each against the sums that it shortens."""

from __future__ import annotations

import numpy as np
import pytest
from explain_games import IMAGE, SPEECH, SetGame, brute_force
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.explain.shapley.design import SizeScale, candidates, first_masks, next_masks
from sier_gui.core.explain.shapley.grid import asked
from sier_gui.core.explain.shapley.kernel import (
    Posterior,
    SetKernel,
    _unlikeliness,
    fitted,
    minimised,
    signs_of,
)
from sier_gui.core.explain.shapley.weights import (
    all_masks,
    complete_weights,
    kriged_weights,
    quadrature,
    shapley_sums,
    shapley_variances,
)

few = settings(max_examples=15, deadline=None)
NODES = np.array([0.1, 0.45, 0.8])


def some_kernel(n, seed=0):
    rng = np.random.default_rng(seed)
    return SetKernel(rng.uniform(0.05, 0.8, n), float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.001, 0.2)))


def some_masks(n, count, seed=0):
    every = all_masks(n)
    return every[np.random.default_rng(seed).permutation(len(every))[:count]]


def prior_covariance(kernel, n):
    """(2^n, 2^n) from the formula in the module's text, player by player."""
    signs, lam = signs_of(all_masks(n)), np.tanh(kernel.reach)
    product, line = np.ones((2**n, 2**n)), np.zeros((2**n, 2**n))
    for p in range(n):
        both = np.outer(signs[:, p], signs[:, p])
        product *= (1 + lam[p] * both) / (1 + lam[p])
        line += lam[p] * both / lam.sum()
    return (1 - kernel.linear) * product + kernel.linear * line + kernel.nugget * np.eye(2**n)


def test_the_kernel_is_its_formula():
    kernel, signs = some_kernel(5), signs_of(all_masks(5))
    full = prior_covariance(kernel, 5)
    np.testing.assert_allclose(kernel.gram(signs), full, atol=1e-13)
    np.testing.assert_allclose(np.diag(full), 1 + kernel.nugget, atol=1e-13)
    np.testing.assert_allclose(kernel.between(signs[:9], signs[9:]), full[:9, 9:], atol=1e-13)


@given(st.integers(0, 10**6))
@few
def test_expectations_are_those_over_all_coalitions(seed):
    n, kernel = 5, some_kernel(5, seed)
    every = all_masks(n)
    full = prior_covariance(kernel, n)
    chance = np.array([[q ** m.sum() * (1 - q) ** (n - m.sum()) for m in every] for q in NODES])
    contrast = np.zeros((len(NODES), 2**n, n))
    for i in range(n):
        others = np.delete(every, i, axis=1).sum(axis=1)
        sign = np.where(every[:, i], 1, -1)
        for k, q in enumerate(NODES):
            contrast[k, :, i] = sign * q**others * (1 - q) ** (n - 1 - others)
    whole, difference = kernel.expected(NODES, signs_of(every))
    np.testing.assert_allclose(whole, chance @ full, atol=1e-12)
    np.testing.assert_allclose(difference, np.einsum("qai,ab->qbi", contrast, full), atol=1e-12)
    prior, prior_difference = kernel.variance(NODES)
    np.testing.assert_allclose(prior, chance @ full @ chance.T, atol=1e-12)
    np.testing.assert_allclose(
        prior_difference, np.einsum("qai,ab,rbi->iqr", contrast, full, contrast, optimize=True), atol=1e-12
    )
    exact = complete_weights(every, NODES)
    np.testing.assert_allclose(exact.whole, chance, atol=1e-14)
    np.testing.assert_allclose(exact.difference, contrast, atol=1e-13)


def test_the_gradient_is_the_slope():
    rng = np.random.default_rng(0)
    signs, values = signs_of(some_masks(6, 40)), rng.normal(size=(40, 5)) + 3
    x, start = np.append(np.log(rng.uniform(0.1, 1, 6)), [-1.0, -2.5]), np.zeros(8)
    squares = values @ values.T
    slope = _unlikeliness(x, signs, squares, start)[1]
    steps = 1e-6 * np.eye(8)
    measured = [
        (_unlikeliness(x + e, signs, squares, start)[0] - _unlikeliness(x - e, signs, squares, start)[0])
        / 2e-6
        for e in steps
    ]
    np.testing.assert_allclose(slope, measured, atol=1e-6)


def test_the_likelihood_does_not_see_a_constant():
    rng = np.random.default_rng(0)
    signs, values = signs_of(some_masks(6, 40)), rng.normal(size=(40, 2))
    x, start = np.append(np.log(rng.uniform(0.1, 1, 6)), [-1.0, -2.5]), np.zeros(8)
    moved = values + np.array([5, -40])
    first = _unlikeliness(x, signs, values @ values.T, start)[0]
    assert _unlikeliness(x, signs, moved @ moved.T, start)[0] == pytest.approx(first, abs=1e-9)


def test_minimised_finds_the_bottom_of_a_valley():
    def valley(x):  # Rosenbrock's
        a, b = 1 - x[0], x[1] - x[0] ** 2
        return a**2 + 100 * b**2, np.array([-2 * a - 400 * x[0] * b, 200 * b])

    found = minimised(valley, np.array([-1.2, 1.0]), 100)
    np.testing.assert_allclose(found, [1, 1], atol=0.02)


def test_fitting_finds_the_players_that_matter():
    rng = np.random.default_rng(3)
    masks = some_masks(10, 120)
    deep = masks[:, 2] & masks[:, 5] & ~masks[:, 7]
    values = np.stack([deep + 0.0, deep * 2 + masks[:, 2]], axis=1) + 1e-4 * rng.normal(size=(120, 2))
    lam = fitted(masks, values).lam
    assert set(np.argsort(lam)[-3:]) == {2, 5, 7}
    assert np.sort(lam)[-3] > 5 * np.sort(lam)[-4]
    constant = fitted(masks, np.full((120, 2), 0.25))
    assert np.ptp(constant.lam) == 0


# ---------------------------------------------------------------- posterior and weights


def test_the_posterior_is_that_of_generalised_least_squares():
    """Against a prior with a mean of huge variance, conditioned in the plain way."""
    n, kernel = 5, some_kernel(5)
    masks = some_masks(n, 20)
    open_mean = 1e7
    full = prior_covariance(kernel, n) + open_mean
    rows = [int(m @ (1 << np.arange(n))) for m in masks]
    gram = full[np.ix_(rows, rows)]
    posterior = Posterior(kernel, masks)
    weights = kriged_weights(posterior, NODES)
    exact = complete_weights(all_masks(n), NODES)
    expected = exact.whole @ full[:, rows] @ np.linalg.inv(gram)
    np.testing.assert_allclose(weights.whole, expected, atol=1e-4)
    contrast = np.moveaxis(exact.difference, 2, 0)
    np.testing.assert_allclose(
        np.moveaxis(weights.difference, 2, 0), contrast @ full[:, rows] @ np.linalg.inv(gram), atol=1e-4
    )
    left = full - full[:, rows] @ np.linalg.solve(gram, full[rows])
    np.testing.assert_allclose(weights.whole_error, exact.whole @ left @ exact.whole.T, atol=1e-4)
    np.testing.assert_allclose(
        weights.difference_error, contrast @ left @ np.swapaxes(contrast, 1, 2), atol=1e-4
    )
    np.testing.assert_allclose(posterior.root.T @ posterior.root, posterior.precision, atol=1e-7)


def test_nothing_is_left_open_where_every_coalition_is_known():
    n = 5
    given, exact = (
        kriged_weights(Posterior(some_kernel(n), all_masks(n)), NODES),
        complete_weights(all_masks(n), NODES),
    )
    np.testing.assert_allclose(given.whole, exact.whole, atol=1e-12)
    np.testing.assert_allclose(given.difference, exact.difference, atol=1e-12)
    assert np.abs(given.whole_error).max() < 1e-12
    assert np.abs(given.difference_error).max() < 1e-12


def test_weights_pass_constants_on():
    weights = kriged_weights(Posterior(some_kernel(6), some_masks(6, 20)), NODES)
    np.testing.assert_allclose(weights.whole.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(weights.difference.sum(axis=1), 0, atol=1e-8)


@given(st.integers(1, 9))
@few
def test_quadrature_integrates_what_it_must(players):
    nodes, share = quadrature(players)
    for power in range(players):
        assert share @ nodes**power == pytest.approx(1 / (power + 1), abs=1e-13)


@pytest.mark.parametrize("shape", [{IMAGE: (2, 2), SPEECH: (3,)}, {IMAGE: (1, 2), SPEECH: (2,)}])
def test_sums_over_all_masks_are_shapley_values(shape):
    game = SetGame.random(shape, 5)
    nodes, share = quadrature(sum(int(np.prod(s)) for s in shape.values()))
    masks = [all_masks(int(np.prod(s))) for s in shape.values()]
    weights = [complete_weights(own, nodes) for own in masks]
    values = asked(game, masks)
    np.testing.assert_allclose(
        np.concatenate(shapley_sums(values, weights, share)), brute_force(game), atol=1e-12
    )
    variances, due = shapley_variances(values, weights, share, [np.ones(len(nodes))] * 2)
    assert not np.concatenate(variances).any()
    assert not np.concatenate(due).any()


def test_three_modalities_go_the_same_way():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(4, 8, 4, 2))  # 2 + 3 + 2 players
    game = SetGame(
        {IMAGE: (1, 5), SPEECH: (2,)},
        lambda m: table[
            tuple(
                m[:, part] @ (1 << np.arange(m[:, part].shape[1]))
                for part in (slice(0, 2), slice(2, 5), slice(5, 7))
            )
        ],
    )
    nodes, share = quadrature(7)
    weights = [complete_weights(all_masks(n), nodes) for n in (2, 3, 2)]
    found = np.concatenate(shapley_sums(table, weights, share))
    np.testing.assert_allclose(found, brute_force(game), atol=1e-12)
    part = kriged_weights(Posterior(some_kernel(3), some_masks(3, 6)), nodes)
    variances, due = shapley_variances(
        table[:, :6], [weights[0], part, weights[2]], share, [np.ones(len(nodes))] * 3
    )
    assert [v.shape for v in variances] == [(2, 2), (3, 2), (2, 2)]
    assert (np.concatenate(variances) > 0).all()
    np.testing.assert_allclose(due[1], np.concatenate(variances).sum(axis=0))


@pytest.mark.parametrize("count", [24, 40, 60])
def test_the_variance_is_that_of_games_drawn_from_the_prior(count):
    """Also where most coalitions are known: what was valued is not in doubt."""
    n, kernel, rng = 6, some_kernel(6), np.random.default_rng(0)
    every, nodes_share = all_masks(n), quadrature(6)
    known = np.sort(rng.permutation(2**n)[:count])
    draws = np.linalg.cholesky(prior_covariance(kernel, n) + 1e-9 * np.eye(2**n)) @ rng.normal(
        size=(2**n, 400)
    )
    exact = shapley_sums(draws, [complete_weights(every, nodes_share[0])], nodes_share[1])[0]
    weights = kriged_weights(Posterior(kernel, every[known]), nodes_share[0])
    guess = shapley_sums(draws[known], [weights], nodes_share[1])[0]
    one = [np.ones(len(nodes_share[0]))]
    (variances,), _ = shapley_variances(draws[known], [weights], nodes_share[1], one)
    ratio = ((guess - exact) ** 2).mean(axis=1) / variances.mean(axis=1)
    assert ratio.min() > 0.7
    assert ratio.max() < 1.35


# ---------------------------------------------------------------- which masks


def test_the_first_masks_are_the_extremes():
    rng = np.random.default_rng(0)
    masks = first_masks([4, 3], rng)
    assert (
        masks[:4].tolist()
        == np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], [4, 3], axis=1).astype(bool).tolist()
    )
    assert sorted(masks.sum(axis=1)) == [0] + [1] * 7 + [3, 4] + [6] * 7 + [7]
    assert len(np.unique(masks, axis=0)) == len(masks)
    assert len(first_masks([1], rng)) == 2
    assert len(first_masks([3], rng)) == 8
    assert len(first_masks([5], rng)) == 12


@pytest.mark.parametrize("n", [5, 12, 13, 40])
def test_candidates_are_new_and_of_all_sizes(n):
    rng = np.random.default_rng(0)
    known = first_masks([n], rng)
    scale = SizeScale(known.mean(axis=1), np.where(known.mean(axis=1) < 0.5, 4.0, 0.01))
    found = candidates(known, 300, scale, rng)
    assert 20 <= len(found) <= 300
    both = np.concatenate([known, found])
    assert len(np.unique(both, axis=0)) == len(both)
    sizes = found.sum(axis=1)
    assert sizes.min() <= 3
    assert sizes.max() >= n - 3
    if n > 12:  # where the kernel is off more are drawn
        assert (sizes < n / 2).mean() > 0.6


def test_chosen_masks_leave_less_open_than_random_ones():
    n, kernel, nodes = 12, some_kernel(12), quadrature(12)
    known = first_masks([n], np.random.default_rng(0))
    even = SizeScale(np.linspace(0, 1, 5), np.ones(5))
    posterior = Posterior(kernel, known)

    def left(new):
        weights = kriged_weights(Posterior(kernel, np.concatenate([known, new])), nodes[0])
        return np.einsum("q,r,iqr->", nodes[1], nodes[1], weights.difference_error)

    chosen = next_masks(posterior, even, 24, nodes, np.random.default_rng(1))
    assert len(chosen) == 24
    random = [left(candidates(known, 24, even, np.random.default_rng(s))) for s in range(20)]
    assert left(chosen) < min(random)
    again = next_masks(posterior, even, 24, nodes, np.random.default_rng(1))
    assert np.array_equal(chosen, again)


def test_a_scale_sees_where_a_kernel_is_off():
    rng = np.random.default_rng(0)
    masks = some_masks(10, 300)
    small = masks.sum(axis=1) < 5
    values = np.where(small[:, None], rng.normal(size=(300, 8)), 0.01 * rng.normal(size=(300, 8)))
    posterior = Posterior(some_kernel(10), masks)
    low, high = SizeScale.of(posterior, values).at(np.array([0.25, 0.8]))
    assert low > 5 * high
    assert np.array_equal(SizeScale.of(posterior, np.zeros((300, 2))).at(np.array([0.5])), [1.0])


def test_a_scale_over_random_coalitions_is_the_mean_over_their_sizes():
    n, rng = 5, np.random.default_rng(0)
    scale = SizeScale(rng.uniform(size=40), rng.exponential(size=40))
    every = all_masks(n)
    squares = scale.at(every.mean(axis=1)) ** 2
    chance = np.array([[q ** m.sum() * (1 - q) ** (n - m.sum()) for m in every] for q in NODES])
    np.testing.assert_allclose(scale.over(NODES, n) ** 2, chance @ squares, rtol=1e-12)
    even = SizeScale(np.linspace(0, 1, 5), np.full(5, 4.0))
    np.testing.assert_allclose(even.over(quadrature(320)[0], 320), 2, rtol=1e-9)
