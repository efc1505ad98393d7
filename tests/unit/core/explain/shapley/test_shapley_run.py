"""Shapley values of the flat game: which way they are computed, exactly, by permutations, as printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from explain_games import IMAGE, SMALL_FRONT, SPEECH, SetGame, TinyNet, brute_force, flat, generated_inputs
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.errors import SierError
from sier_gui.core.explain.absence import stand_ins
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.owen import owen_values
from sier_gui.core.explain.paper import printed_values
from sier_gui.core.explain.players import players_for
from sier_gui.core.explain.shapley import exact
from sier_gui.core.explain.shapley.exact import enumerated_values
from sier_gui.core.explain.shapley.limits import Limits
from sier_gui.core.explain.shapley.run import enumerable, planned_passes, shapley_values
from sier_gui.core.explain.shapley.sampling import sampled_values

few = settings(max_examples=20, deadline=None)
shapes = st.sampled_from(
    [
        {IMAGE: (1, 1), SPEECH: (1,)},
        {IMAGE: (2, 2), SPEECH: (3,)},
        {IMAGE: (1, 3), SPEECH: (2,)},
        {IMAGE: (2, 1), SPEECH: (5,)},
        {IMAGE: (1, 2), SPEECH: (2, 2)},
    ]
)
REFERENCE = Path(__file__).parents[6] / "shared" / "data" / "refs" / "shapley_reference_captum.json"


def last(estimates):
    *_, final = estimates
    assert final.complete
    return final


# ---------------------------------------------------------------- enumerated


@given(shapes, st.integers(0, 10**6), st.booleans())
@few
def test_enumerated_is_brute_force(shape, seed, separable):
    game = SetGame.random(shape, seed)
    final = last(enumerated_values(game, separable=separable))
    np.testing.assert_allclose(flat(final.values), brute_force(game), atol=1e-12)
    assert final.evaluations == 2 ** sum(int(np.prod(s)) for s in shape.values())
    assert final.stderr is None
    assert final.note == "every coalition is valued"


@pytest.mark.parametrize("separable", [True, False])
def test_enumerated_in_small_parts_is_brute_force_at_twelve_players(monkeypatch, separable):
    game = SetGame.random({IMAGE: (2, 4), SPEECH: (4,)}, 1, classes=2)
    asked = []
    monkeypatch.setattr(exact, "CELLS", 100)
    monkeypatch.setattr(exact, "ROWS", 100)
    values = game.values
    monkeypatch.setattr(
        game, "values", lambda masks, index: asked.append(len(index[IMAGE])) or values(masks, index)
    )
    found = last(enumerated_values(game, separable=separable))
    np.testing.assert_allclose(flat(found.values), brute_force(game), atol=1e-12)
    assert max(asked) <= 100
    assert len(asked) > 40


def test_twenty_players_are_enumerated_without_a_table_of_them():
    weights = np.linspace(-1, 1, 20)

    def value(masks):  # additive, and one pair of players beside it
        return np.stack([masks @ weights + 3 * (masks[:, 2] & masks[:, 17]), masks[:, 0]], axis=1)

    game = SetGame({IMAGE: (3, 4), SPEECH: (8,)}, value)
    game.asked = _Forgetful()
    found = flat(last(enumerated_values(game, separable=True)).values)
    expected = np.stack([weights, np.eye(20)[0]], axis=1)
    expected[[2, 17], 0] += 1.5
    np.testing.assert_allclose(found, expected, atol=1e-10)


class _Forgetful(list):
    """A million coalitions need not be written down."""

    def __iadd__(self, other):
        return self


def test_the_reference_formulas_of_all_sizes_agree():
    """Weights by size: a game that is 1 for one size of coalition only."""
    for size in range(6):
        game = SetGame(
            {IMAGE: (1, 3), SPEECH: (2,)},
            lambda masks, s=size: (masks.sum(axis=1) == s)[:, None].astype(float),
        )
        np.testing.assert_allclose(
            flat(last(enumerated_values(game, separable=True)).values), brute_force(game), atol=1e-13
        )


@pytest.mark.shared
@pytest.mark.skipif(not REFERENCE.is_file(), reason="../shared is absent")
def test_the_reference_cases_are_matched():
    for case in json.loads(REFERENCE.read_text())["cases"]:
        inputs, groups = np.array(case["inputs"], float), case["groups"]

        def value(masks, inputs=inputs, groups=groups, baseline=case["baseline"]):
            present = np.zeros((len(masks), len(inputs)), bool)
            for player, members in enumerate(groups):
                present[:, members] = masks[:, [player]]
            s = np.where(present, inputs, baseline).sum(axis=1)
            return (np.maximum(s - 10, 0) + 3 * np.maximum(s + 1, 0) - 1)[:, None]

        game = SetGame({IMAGE: (1, len(groups) - 1), SPEECH: (1,)}, value)
        found = flat(last(enumerated_values(game, separable=True)).values)[:, 0]
        np.testing.assert_allclose(found, case["computed"], rtol=1e-6)
        np.testing.assert_allclose(found, case["captum_expected"], rtol=1e-6)
        if len(groups) == 2:
            np.testing.assert_allclose(flat(last(owen_values(game)).values)[:, 0], found, rtol=1e-12)


# ---------------------------------------------------------------- by permutations


def sampled(game, budget, seed=0, **limits):
    return list(sampled_values(game, separable=False, seed=seed, limits=Limits(budget, **limits)))


def test_sampled_values_sum_up_repeat_and_cover_the_truth():
    game = SetGame.random({IMAGE: (2, 2), SPEECH: (4,)}, 2)
    truth = brute_force(game)
    gain = game.of(*range(8)) - game.of()
    covered = []
    for seed in range(30):
        final = last(sampled(game, 600, seed))
        np.testing.assert_allclose(flat(final.values).sum(axis=0), gain, atol=1e-12)
        assert final.evaluations <= 600
        errors = flat(final.stderr)
        assert (errors > 0).all()
        covered.append(np.abs(flat(final.values) - truth) < 1.96 * errors)
    assert 0.88 < np.mean(covered) < 0.99  # 42 draws: a little below 95 % by Student's t
    again = last(sampled(game, 600, 29))
    assert np.array_equal(flat(again.values), flat(final.values))
    other = last(sampled(game, 600, 30))
    assert not np.array_equal(flat(other.values), flat(final.values))


def test_sampling_refines_and_an_additive_game_needs_no_luck():
    terms = np.random.default_rng(0).normal(size=(8, 2))
    game = SetGame({IMAGE: (2, 2), SPEECH: (4,)}, lambda masks: masks @ terms)
    estimates = sampled(game, 300)
    assert len(estimates) == 4  # the split, then steps of eight draws
    for estimate in estimates[1:]:
        np.testing.assert_allclose(flat(estimate.values), terms, atol=1e-12)
        assert np.abs(flat(estimate.stderr)).max() < 1e-6


@pytest.mark.parametrize(("separable", "budget"), [(True, 100), (False, 116)])
def test_sampling_counts_what_goes_through_the_network(separable, budget):
    """8 players: a permutation and its reverse meet 2·(4 + 4 − 2) masks of a modality, 2·7 coalitions."""
    network, inputs = TinyNet(), generated_inputs()
    network.separable = separable
    players = players_for(inputs, SMALL_FRONT, ExplainRequest("shapley", grid=2, segments=4))
    means = {m: v.numpy() for m, v in network.absence_mean.items()}
    game = NetworkGame(network, inputs.tensors, stand_ins("zeros", inputs.tensors, means, 0), players)
    last(sampled_values(game, separable=separable, seed=0, limits=Limits(budget)))
    assert game.passes == budget  # that of eight draws: in one step no mask is known from before


def test_sampling_stops_at_an_error():
    game = SetGame.random({IMAGE: (2, 2), SPEECH: (4,)}, 2)
    final = sampled(game, 10**6, error=0.3)[-1]
    c = int(game.of(*range(8)).argmax())
    assert np.linalg.norm(flat(final.stderr)[:, c]) <= 0.3 * np.linalg.norm(flat(final.values)[:, c])
    assert final.note == "the estimated error is at most 0.3"
    assert final.evaluations < 10**5


def test_too_small_a_budget_says_what_is_needed():
    game = SetGame.random({IMAGE: (2, 2), SPEECH: (4,)}, 2)
    with pytest.raises(SierError, match="at least 32"):
        sampled(game, 31)
    last(sampled(game, 32))


# ---------------------------------------------------------------- which way


def test_enumeration_is_chosen_where_it_fits():
    small, large = {IMAGE: (2, 2), SPEECH: (8,)}, {IMAGE: (4, 4), SPEECH: (8,)}
    assert enumerable(small, separable=True, budget=300)  # 16 + 256 passes
    assert not enumerable(small, separable=True, budget=271)
    assert not enumerable(small, separable=False, budget=300)
    assert enumerable(small, separable=False, budget=4096)
    assert enumerable(small, separable=False, budget=None)
    assert not enumerable(large, separable=True, budget=None)
    assert enumerable(large, separable=True, budget=65_792)
    assert not enumerable(large, separable=False, budget=10**9)
    assert not enumerable({IMAGE: (4, 4), SPEECH: (9,)}, separable=True, budget=10**9)
    assert planned_passes(small, True, 300) == 272
    assert planned_passes(large, True, 300) == 300


def test_a_wanted_error_or_time_is_not_answered_by_enumeration():
    game = SetGame.random({IMAGE: (2, 2), SPEECH: (4,)}, 2)
    exact = last(shapley_values(game, separable=True, budget=None, seed=0))
    assert exact.stderr is None
    np.testing.assert_allclose(flat(exact.values), brute_force(game), atol=1e-12)
    rough = last(shapley_values(game, separable=True, budget=None, seed=0, error=3.0))
    assert rough.evaluations < 256
    assert rough.note == "the estimated error is at most 3"
    timed = last(shapley_values(game, separable=True, budget=None, seed=0, seconds=1e-6))
    assert timed.evaluations < 256
    assert "1e-06 s" in timed.note


def test_very_many_players_are_sampled():
    terms = np.random.default_rng(0).normal(size=(400, 1))
    game = SetGame({IMAGE: (16, 16), SPEECH: (144,)}, lambda masks: masks @ terms)
    final = last(shapley_values(game, separable=True, budget=4000, seed=0))
    np.testing.assert_allclose(flat(final.values), terms, atol=1e-10)
    assert final.note == "the budget of 4000 is used"


# ---------------------------------------------------------------- the printed formula


def test_the_printed_formula_gives_the_printed_numbers_and_is_not_efficient():
    terms = np.array([0.1, 0.2, 0.3, 0, 0])[:, None]
    game = SetGame({IMAGE: (1, 4), SPEECH: (1,)}, lambda masks: masks @ terms)
    printed = last(printed_values(game))
    np.testing.assert_allclose(printed.values[IMAGE][0, 0], [-0.175, -0.125, -0.075, -0.225], atol=1e-12)
    gain = game.of(0, 1, 2, 3, 4) - game.of()
    assert abs(flat(printed.values).sum() - gain[0]) > 1  # −0.6 where 0.6 was gained
    np.testing.assert_allclose(flat(last(owen_values(game)).values), terms, atol=1e-12)
