"""Shapley values of the flat game, and the formula as printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from explain_games import IMAGE, SPEECH, SetGame, brute_force, flat
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.errors import SierError
from sier_gui.core.explain.owen import owen_values
from sier_gui.core.explain.paper import printed_values
from sier_gui.core.explain.shapley import enumerable, shapley_values
from sier_gui.core.explain.shapley_estimator import kriged_values
from sier_gui.core.explain.shapley_exact import enumerated_values
from sier_gui.core.explain.shapley_limits import Limits
from sier_gui.core.explain.shapley_sampling import sampled_values

few = settings(max_examples=20, deadline=None)
shapes = st.sampled_from(
    [
        {IMAGE: (1, 1), SPEECH: (1,)},
        {IMAGE: (2, 2), SPEECH: (3,)},
        {IMAGE: (1, 3), SPEECH: (2,)},
        {IMAGE: (2, 1), SPEECH: (5,)},
    ]
)
REFERENCE = Path(__file__).parents[5] / "shared" / "data" / "refs" / "shapley_reference_captum.json"


def last(estimates):
    *_, final = estimates
    assert final.complete
    return final


@given(shapes, st.integers(0, 10**6))
@few
def test_enumerated_is_brute_force(shape, seed):
    game = SetGame.random(shape, seed)
    final = last(enumerated_values(game, separable=seed % 2 == 0))
    np.testing.assert_allclose(flat(final.values), brute_force(game), atol=1e-12)
    assert final.evaluations == 2 ** sum(int(np.prod(s)) for s in shape.values())


def test_enumerated_is_brute_force_at_twelve_players():
    game = SetGame.random({IMAGE: (2, 4), SPEECH: (4,)}, 1, classes=2)
    np.testing.assert_allclose(
        flat(last(enumerated_values(game, separable=True)).values), brute_force(game), atol=1e-12
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


def sampled(game, budget, seed=0, separable=False):
    return sampled_values(game, separable=separable, seed=seed, limits=Limits(budget))


def kriged(game, budget, seed=0, separable=True, **limits):
    return kriged_values(game, separable=separable, seed=seed, limits=Limits(budget, **limits))


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
    estimates = list(sampled(game, 300))
    assert len(estimates) > 3
    for estimate in estimates[1:]:
        np.testing.assert_allclose(flat(estimate.values), terms, atol=1e-12)
        assert np.abs(flat(estimate.stderr)).max() < 1e-6


@pytest.mark.parametrize("estimate", [sampled, kriged])
def test_too_small_a_budget_says_what_is_needed(estimate):
    game = SetGame.random({IMAGE: (2, 2), SPEECH: (5,)}, 2)
    with pytest.raises(SierError, match="Use at least") as told:
        list(estimate(game, 5))
    needed = int(str(told.value).rstrip(".").split()[-1])
    with pytest.raises(SierError, match="Use at least"):
        list(estimate(game, needed - 1))
    last(estimate(game, needed))


def test_enumeration_is_chosen_where_it_fits():
    small, large = {IMAGE: (2, 2), SPEECH: (8,)}, {IMAGE: (4, 4), SPEECH: (8,)}
    assert enumerable(small, separable=True, budget=300)  # 16 + 256 passes
    assert not enumerable(small, separable=False, budget=300)
    assert enumerable(small, separable=False, budget=4096)
    assert enumerable(large, separable=True, budget=70_000)  # 65,536 + 256 passes
    assert not enumerable(large, separable=True, budget=None)
    assert not enumerable(large, separable=False, budget=10**9)  # 2^24 passes of both
    assert not enumerable({IMAGE: (5, 5), SPEECH: (1,)}, separable=True, budget=10**9)


# ---------------------------------------------------------------- the estimator

SHAPE = {IMAGE: (3, 3), SPEECH: (4,)}  # 13 players, 8,192 coalitions


def bounded_game(seed, shape=SHAPE):
    """Like a network's: main effects and a few interactions behind a softmax."""
    rng = np.random.default_rng(seed)
    players = sum(int(np.prod(s)) for s in shape.values())
    main = rng.normal(size=(players, 3)) * rng.exponential(size=(players, 1))
    pairs = rng.integers(0, players, (12, 2))
    strength = rng.normal(size=(12, 3))

    def value(masks):
        logits = masks @ main + (masks[:, pairs[:, 0]] & masks[:, pairs[:, 1]]) @ strength
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    return SetGame(shape, value)


def relative(found, truth):
    return float(np.linalg.norm(flat(found.values) - truth) / np.linalg.norm(truth))


def test_estimates_sum_up_repeat_and_end_exact():
    game = bounded_game(0)
    truth = flat(last(enumerated_values(game, separable=True)).values)
    gain = game.of(*range(13)) - game.of()
    estimates = list(kriged(game, 10**6))
    for estimate in estimates:
        np.testing.assert_allclose(flat(estimate.values).sum(axis=0), gain, atol=1e-10)
    assert relative(estimates[-1], truth) < 1e-9  # all 512 + 16 masks were valued in the end
    assert estimates[-1].stderr is None
    assert estimates[-1].note == "every coalition is valued"
    errors = [relative(estimate, truth) for estimate in estimates[1:]]
    assert errors[-2] < errors[0]
    for one, other in zip(kriged(game, 60, seed=3), kriged(game, 60, seed=3), strict=True):
        assert np.array_equal(flat(one.values), flat(other.values))


def test_null_players_and_alike_players():
    """A player that changes nothing gets nothing; two that stand in for each other get the same."""

    def value(masks):
        loud = masks[:, 0] * 1.0 + masks[:, 1] + masks[:, 0] * masks[:, 1] * masks[:, 9] - masks[:, 5] * 0.5
        return loud[:, None]

    game = SetGame(SHAPE, value)
    exact = flat(last(kriged(game, 10**6)).values)[:, 0]
    assert abs(exact[0] - exact[1]) < 1e-9
    assert np.abs(exact[[2, 3, 4, 6, 7, 8, 10, 11, 12]]).max() < 1e-9
    rough = last(kriged(game, 80))
    assert np.abs(flat(rough.values)[[2, 3, 4], 0]).max() < 0.05 * np.abs(exact).max()


@pytest.mark.parametrize("separable", [True, False])
def test_error_bars_cover_and_permutations_are_beaten(separable):
    """Pooled over games, seeds and players; at equal passes antithetic permutations are the floor."""
    budget = 100 if separable else 300
    covered, ours, theirs = [], [], []
    for number in range(6):
        game = bounded_game(number)
        truth = flat(last(enumerated_values(game, separable=True)).values)
        for seed in range(4):
            found = last(kriged(game, budget, seed, separable))
            floor = last(sampled(game, budget, seed, separable))
            ours.append(relative(found, truth))
            theirs.append(relative(floor, truth))
            covered.append(np.abs(flat(found.values) - truth) <= 1.96 * flat(found.stderr))
    assert np.mean(ours) < 0.5 * np.mean(theirs)
    assert 0.85 < np.mean(covered) <= 1


def test_it_stops_at_the_error_the_time_or_the_budget():
    game = bounded_game(1)
    by_error = last(kriged(game, 10_000, error=0.2))
    assert "estimated error" in by_error.note
    c = int(by_error.corners.f_all.argmax())
    size = np.linalg.norm(flat(by_error.values)[:, c])
    assert np.linalg.norm(flat(by_error.stderr)[:, c]) <= 0.2 * size
    by_time = last(kriged(game, 10_000, seconds=1e-6))
    assert "are over" in by_time.note
    by_budget = last(kriged(game, 64))
    assert "budget of 64" in by_budget.note
    assert by_error.evaluations < 8192 > by_budget.evaluations


def test_a_target_is_never_answered_by_enumerating():
    game = bounded_game(1, {IMAGE: (2, 2), SPEECH: (3,)})
    exact = list(shapley_values(game, separable=True, budget=None, seed=0))
    assert exact[-1].stderr is None
    aimed = last(shapley_values(game, separable=True, budget=None, seed=0, error=0.5))
    assert aimed.evaluations < 128


def test_the_printed_formula_gives_the_printed_numbers_and_is_not_efficient():
    terms = np.array([0.1, 0.2, 0.3, 0, 0])[:, None]
    game = SetGame({IMAGE: (1, 4), SPEECH: (1,)}, lambda masks: masks @ terms)
    printed = last(printed_values(game))
    np.testing.assert_allclose(printed.values[IMAGE][0, 0], [-0.175, -0.125, -0.075, -0.225], atol=1e-12)
    gain = game.of(0, 1, 2, 3, 4) - game.of()
    assert abs(flat(printed.values).sum() - gain[0]) > 1  # −0.6 where 0.6 was gained
    np.testing.assert_allclose(flat(last(owen_values(game)).values), terms, atol=1e-12)
