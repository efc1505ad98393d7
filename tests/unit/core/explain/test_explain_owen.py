"""Owen values: the properties of explain.md §1, with two independent oracles on small games."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from explain_games import IMAGE, SPEECH, SetGame, brute_force, flat
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.explain.estimate import value_corners
from sier_gui.core.explain.owen import (
    evaluation_count,
    halves,
    mask_count,
    owen_values,
    whole,
)

shapes = st.tuples(
    st.sampled_from([(1, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 2), (5, 1)]), st.integers(1, 3)
).map(lambda s: {IMAGE: s[0], SPEECH: (s[1],)})
few = settings(max_examples=25, deadline=None)


def final(game):
    *_, last = owen_values(game)
    assert last.complete
    return last


def tree(shape_by_modality):
    """Nested pairs of joint player numbers, from the halving rule alone."""

    def below(box, numbers):
        pair = halves(box)
        if pair is None:
            return int(numbers[tuple(start for start, _ in box)])
        return tuple(below(half, numbers) for half in pair)

    nested, first = [], 0
    for shape in shape_by_modality.values():
        numbers = first + np.arange(np.prod(shape)).reshape(shape)
        nested.append(below(whole(shape), numbers))
        first += numbers.size
    return tuple(nested)


def orders(node):
    """All orders of arrival in which the players of each part arrive together."""
    if isinstance(node, int):
        return [(node,)]
    left, right = map(orders, node)
    return [a + b for a, b in product(left, right)] + [b + a for a, b in product(left, right)]


def mean_over_orders(game):
    """Owen's definition: the mean marginal contribution over the orders that respect the tree."""
    arrivals = orders(tree(game.shapes))
    total = 0
    for order in arrivals:
        seen = [game.of(*order[:i]) for i in range(len(order) + 1)]
        steps = np.diff(seen, axis=0)
        total = total + steps[np.argsort(order)]
    return total / len(arrivals)


@given(shapes, st.integers(0, 10**6))
@few
def test_values_are_the_mean_over_orders_that_respect_the_tree(shape, seed):
    game = SetGame.random(shape, seed)
    np.testing.assert_allclose(flat(final(game).values), mean_over_orders(game), atol=1e-12)


@given(shapes, st.integers(0, 10**6))
@few
def test_every_estimate_sums_to_what_the_game_gains(shape, seed):
    game = SetGame.random(shape, seed)
    gain = game.of(*range(sum(np.prod(s) for s in shape.values()))) - game.of()
    for estimate in owen_values(game):
        np.testing.assert_allclose(flat(estimate.values).sum(axis=0), gain, atol=1e-12)
        for m, split in estimate.corners.split.items():
            np.testing.assert_allclose(flat({m: estimate.values[m]}).sum(axis=0), split, atol=1e-12)


@given(shapes, st.integers(0, 10**6))
@few
def test_an_additive_game_gives_back_its_terms(shape, seed):
    terms = np.random.default_rng(seed).normal(size=(sum(np.prod(s) for s in shape.values()), 2))
    values = flat(final(SetGame(shape, lambda masks: 5 + masks @ terms)).values)
    np.testing.assert_allclose(values, terms, atol=1e-12)


@given(shapes, st.integers(0, 10**6), st.integers(0, 100))
@few
def test_a_player_that_changes_nothing_is_worth_nothing(shape, seed, which):
    game = SetGame.random(shape, seed)
    player = which % sum(np.prod(s) for s in shape.values())

    def without(masks):
        reduced = masks.copy()
        reduced[:, player] = False
        return game._value(reduced)

    assert np.abs(flat(final(SetGame(shape, without)).values)[player]).max() < 1e-12


def test_sisters_that_are_alike_are_worth_the_same():
    def value(masks):  # symmetric in players 0 and 1, which share their part, and in no others
        return (masks[:, 0] + masks[:, 1]).reshape(-1, 1) ** 2 * (1 + 2 * masks[:, 2:3] + masks[:, 4:5])

    values = flat(final(SetGame({IMAGE: (2, 2), SPEECH: (2,)}, lambda m: value(m.astype(float)))).values)
    assert values[0] == pytest.approx(values[1], abs=1e-12)
    assert values[0] != pytest.approx(values[2], abs=1e-3)


@given(st.integers(0, 10**6))
@few
def test_two_players_have_their_shapley_values(seed):
    game = SetGame.random({IMAGE: (1, 1), SPEECH: (1,)}, seed)
    np.testing.assert_allclose(flat(final(game).values), brute_force(game), atol=1e-12)
    a, b, ab, none = game.of(0), game.of(1), game.of(0, 1), game.of()
    np.testing.assert_allclose(flat(final(game).values)[0], (a - none) / 2 + (ab - b) / 2, atol=1e-12)


def test_coarse_estimates_are_the_values_of_the_coarser_tree():
    fine = SetGame.random({IMAGE: (2, 2), SPEECH: (4,)}, 7)
    coarse = SetGame({IMAGE: (2, 1), SPEECH: (2,)}, lambda masks: fine._value(np.repeat(masks, 2, axis=1)))
    expected = final(coarse).values
    seen = []
    for estimate in owen_values(fine):
        image = estimate.values[IMAGE].sum(axis=2, keepdims=True)
        speech = estimate.values[SPEECH].reshape(3, 2, 2).sum(axis=2)
        seen.append(
            np.allclose(image, expected[IMAGE], atol=1e-12)
            and np.allclose(speech, expected[SPEECH], atol=1e-12)
        )
    assert seen[0] is False  # the modality split
    assert all(seen[2:])  # once both halves are known, finer parts sum to them
    assert len(seen) > 3


def test_masks_are_as_many_as_the_formula_says_and_each_is_asked_once():
    assert [mask_count((n, n)) for n in (1, 2, 4, 8, 16)] == [2, 12, 172, 2732, 43692]
    assert mask_count((16,)) == 172
    assert evaluation_count({IMAGE: (8, 8), SPEECH: (16,)}) == 2 * (2732 + 172) - 4
    for shape in (
        {IMAGE: (4, 4), SPEECH: (8,)},
        {IMAGE: (3, 3), SPEECH: (5,)},
        {IMAGE: (5, 6), SPEECH: (1,)},
    ):
        game = SetGame(shape, lambda masks: masks.sum(axis=1, keepdims=True).astype(float))
        last = final(game)
        assert len(game.asked) == len(set(game.asked)) == last.evaluations == evaluation_count(shape)


def test_halves_take_the_longer_side_in_turn():
    assert halves(((0, 8), (0, 8))) == (((0, 4), (0, 8)), ((4, 8), (0, 8)))
    assert halves(((0, 4), (0, 8))) == (((0, 4), (0, 4)), ((0, 4), (4, 8)))
    assert halves(((2, 5),)) == (((2, 4),), ((4, 5),))
    assert halves(((3, 4), (7, 8))) is None


def linkage(shape_by_modality):
    """The same tree in scipy's format, as shap wants it."""
    rows, sizes = [], {}
    players = sum(np.prod(s) for s in shape_by_modality.values())

    def add(node):
        if isinstance(node, int):
            return node, 1
        (left, n), (right, m) = map(add, node)
        rows.append([left, right, 0.0, n + m])
        sizes[players + len(rows) - 1] = n + m
        return players + len(rows) - 1, n + m

    add(tree(shape_by_modality))
    table = np.array(rows)
    table[:, 2] = np.arange(1, len(table) + 1) / len(table)
    return table


@pytest.mark.filterwarnings("ignore")  # shap's own
@pytest.mark.parametrize("shape", [((4, 4), (8,)), ((3, 3), (5,)), ((2, 4), (3,))])
def test_values_are_those_of_shap_on_the_same_tree(shape):
    shap = pytest.importorskip("shap")
    shape = {IMAGE: shape[0], SPEECH: shape[1]}
    n = sum(np.prod(s) for s in shape.values())
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(n, 6)), rng.normal(size=(6, 3))

    def value(masks):
        return np.tanh(masks @ first) @ second

    class Masker:
        def __init__(self):
            self.clustering, self.shape = linkage(shape), (1, n)

        def __call__(self, mask, x):
            return (np.asarray(mask, float).reshape(1, -1) * x,)

    explainer = shap.PartitionExplainer(lambda x: value(np.asarray(x) > 0.5), Masker())
    peer = explainer(np.ones((1, n)), max_evals=10**6, silent=True)
    np.testing.assert_allclose(flat(final(SetGame(shape, value)).values), peer.values[0], atol=1e-9)


def test_three_modalities_share_by_shapley_weights():
    """Nothing knows that there are two: a third modality (here any key) takes its part."""
    shape = {IMAGE: (1, 2), SPEECH: (2,), "text": (1,)}
    game = SetGame.random(shape, 5)
    split = value_corners(game).split
    merged = SetGame(
        dict.fromkeys(shape, (1,)), lambda masks: game._value(np.repeat(masks, [2, 2, 1], axis=1))
    )
    np.testing.assert_allclose(np.array(list(split.values())), brute_force(merged), atol=1e-12)
    values = final(game).values
    for m in shape:
        np.testing.assert_allclose(values[m].reshape(3, -1).sum(axis=1), split[m], atol=1e-12)
