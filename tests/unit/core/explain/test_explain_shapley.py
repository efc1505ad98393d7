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
from sier_gui.core.explain.shapley import enumerable, enumerated_values, sampled_values

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
    final = last(enumerated_values(game))
    np.testing.assert_allclose(flat(final.values), brute_force(game), atol=1e-12)
    assert final.evaluations == 2 ** sum(int(np.prod(s)) for s in shape.values())


def test_enumerated_is_brute_force_at_twelve_players():
    game = SetGame.random({IMAGE: (2, 4), SPEECH: (4,)}, 1, classes=2)
    np.testing.assert_allclose(flat(last(enumerated_values(game)).values), brute_force(game), atol=1e-12)


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
        found = flat(last(enumerated_values(game)).values)[:, 0]
        np.testing.assert_allclose(found, case["computed"], rtol=1e-6)
        np.testing.assert_allclose(found, case["captum_expected"], rtol=1e-6)
        if len(groups) == 2:
            np.testing.assert_allclose(flat(last(owen_values(game)).values)[:, 0], found, rtol=1e-12)


def test_sampled_values_sum_up_repeat_and_cover_the_truth():
    game = SetGame.random({IMAGE: (2, 2), SPEECH: (4,)}, 2)
    truth = brute_force(game)
    gain = game.of(*range(8)) - game.of()
    covered = []
    for seed in range(30):
        final = last(sampled_values(game, budget=600, seed=seed))
        np.testing.assert_allclose(flat(final.values).sum(axis=0), gain, atol=1e-12)
        assert final.evaluations <= 600
        errors = flat(final.stderr)
        assert (errors > 0).all()
        covered.append(np.abs(flat(final.values) - truth) < 1.96 * errors)
    assert 0.88 < np.mean(covered) < 0.99  # 42 draws: a little below 95 % by Student's t
    again = last(sampled_values(game, budget=600, seed=29))
    assert np.array_equal(flat(again.values), flat(final.values))
    other = last(sampled_values(game, budget=600, seed=30))
    assert not np.array_equal(flat(other.values), flat(final.values))


def test_sampling_refines_and_an_additive_game_needs_no_luck():
    terms = np.random.default_rng(0).normal(size=(8, 2))
    game = SetGame({IMAGE: (2, 2), SPEECH: (4,)}, lambda masks: masks @ terms)
    estimates = list(sampled_values(game, budget=300, seed=0))
    assert len(estimates) == 4  # the split, then steps of eight draws
    for estimate in estimates[1:]:
        np.testing.assert_allclose(flat(estimate.values), terms, atol=1e-12)
        assert np.abs(flat(estimate.stderr)).max() < 1e-6


def test_too_small_a_budget_says_what_is_needed():
    game = SetGame.random({IMAGE: (2, 2), SPEECH: (4,)}, 2)
    with pytest.raises(SierError, match="at least 32"):
        list(sampled_values(game, budget=31, seed=0))
    last(sampled_values(game, budget=32, seed=0))


def test_enumeration_is_chosen_where_it_fits():
    small, large = {IMAGE: (2, 2), SPEECH: (8,)}, {IMAGE: (4, 4), SPEECH: (8,)}
    assert enumerable(small, separable=True, budget=300)  # 16 + 256 passes
    assert not enumerable(small, separable=False, budget=300)
    assert enumerable(small, separable=False, budget=4096)
    assert not enumerable(large, separable=True, budget=10**9)  # its table would not fit


def test_the_printed_formula_gives_the_printed_numbers_and_is_not_efficient():
    terms = np.array([0.1, 0.2, 0.3, 0, 0])[:, None]
    game = SetGame({IMAGE: (1, 4), SPEECH: (1,)}, lambda masks: masks @ terms)
    printed = last(printed_values(game))
    np.testing.assert_allclose(printed.values[IMAGE][0, 0], [-0.175, -0.125, -0.075, -0.225], atol=1e-12)
    gain = game.of(0, 1, 2, 3, 4) - game.of()
    assert abs(flat(printed.values).sum() - gain[0]) > 1  # −0.6 where 0.6 was gained
    np.testing.assert_allclose(flat(last(owen_values(game)).values), terms, atol=1e-12)
