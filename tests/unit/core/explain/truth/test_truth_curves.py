"""Deletion and insertion curves against brute force, and the best order where it is known."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from truth_games import IMAGE, SPEECH, SetGame, case_of, pooled_net, random_game

from sier_gui.core.explain.truth.curves import Curves, curves

SHAPES = {IMAGE: (1, 3), SPEECH: (2,)}


def additive(values: Any) -> SetGame:
    """Class 0 gains each player's value; class 1 stays."""
    return SetGame(SHAPES, lambda masks: np.stack([masks @ np.asarray(values), np.zeros(len(masks))], axis=1))


def as_map(values: Any) -> dict:
    return {IMAGE: np.asarray(values[:3], float).reshape(1, 3), SPEECH: np.asarray(values[3:], float)}


def sweep(game: SetGame, values: Any, players: list[int], target: int) -> Curves:
    """Players leave, and come, one by one; the others are there."""
    order = sorted(players, key=lambda p: -values[p])
    present = np.ones(5, bool)
    deletion, insertion = [], []
    for step in range(len(order) + 1):
        present[:] = True
        present[order[:step]] = False
        deletion.append(game.value(present[None])[0, target])
        present[:] = True
        present[order[step:]] = False
        insertion.append(game.value(present[None])[0, target])
    return Curves(np.array(deletion), np.array(insertion))


def test_curves_are_those_of_players_taken_away_one_by_one() -> None:
    game, oracle = random_game(SHAPES), random_game(SHAPES)
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=5) for name in ("one", "two", "three")}
    found = curves(game, 1, {name: as_map(v) for name, v in values.items()}, rng)
    assert list(found) == list(values)
    for name, v in values.items():
        assert list(found[name]) == ["both", "image", "speech"]
        for scope, players in (("both", range(5)), ("image", range(3)), ("speech", (3, 4))):
            expected = sweep(oracle, v, list(players), 1)
            np.testing.assert_array_equal(found[name][scope].deletion, expected.deletion)
            np.testing.assert_array_equal(found[name][scope].insertion, expected.insertion)


def test_no_coalition_is_asked_for_twice() -> None:
    game = random_game(SHAPES)
    rng = np.random.default_rng(0)
    curves(game, 0, {str(i): as_map(rng.normal(size=5)) for i in range(8)}, rng)
    assert len(game.asked) == len(set(game.asked)) <= 2**5


def test_areas_are_trapezoids_over_the_share_of_players() -> None:
    curve = Curves(np.array([1.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    assert curve.deletion_area == 0.5
    assert curve.insertion_area == 0.25
    assert curve.faithfulness == -0.25
    line = Curves(np.linspace(1, 0, 9), np.linspace(0, 1, 9))
    assert line.deletion_area == line.insertion_area == pytest.approx(0.5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=5, max_size=5))
def test_no_order_beats_the_true_values_of_an_additive_game(values: list[float]) -> None:
    game = additive(values)
    ours = curves(game, 0, {"true": as_map(values)}, np.random.default_rng(0))["true"]["both"]
    total = np.sum(values)
    lowest = min(
        np.convolve(total - np.cumsum([0, *order]), [0.5, 0.5], "valid").mean()
        for order in permutations(values)
    )
    assert ours.deletion_area == pytest.approx(lowest, abs=1e-9)
    # inserting mirrors deleting where players add up
    assert ours.insertion_area == pytest.approx(total - lowest, abs=1e-9)


def test_a_map_that_says_nothing_is_as_good_as_its_opposite_on_average() -> None:
    values = [3.0, 1.0, 0.0, -1.0, 2.0]
    rng = np.random.default_rng(0)
    maps = {str(i): as_map(rng.permutation(5)) for i in range(400)}
    found = curves(additive(values), 0, maps, rng)
    faithfulness = [by_scope["both"].faithfulness for by_scope in found.values()]
    assert np.mean(faithfulness) == pytest.approx(0, abs=4 * np.std(faithfulness) / 20)


def test_equal_values_leave_in_an_order_that_the_seed_draws() -> None:
    game = additive([1, 2, 3, 4, 5])
    constant = as_map(np.zeros(5))

    def drawn(seed: int) -> list[float]:
        return curves(game, 0, {"": constant}, np.random.default_rng(seed))[""]["both"].deletion.tolist()

    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(5)}) > 1


@pytest.mark.parametrize("separable", [True, False])
def test_a_network_s_curves_begin_and_end_at_its_answers(separable: bool) -> None:
    network = pooled_net(separable=separable)
    case = case_of(network, value="probability")
    game = case.game()
    rng = np.random.default_rng(0)
    maps = {str(i): {m: rng.normal(size=s) for m, s in case.players.shapes.items()} for i in range(4)}
    found = curves(game, case.target, maps, rng)["2"]
    none, everybody = game.values(game.corners, {m: np.arange(2) for m in game.corners})[:, case.target]
    assert found["both"].deletion[0] == found["both"].insertion[-1] == pytest.approx(everybody, abs=1e-12)
    assert found["both"].deletion[-1] == found["both"].insertion[0] == pytest.approx(none, abs=1e-12)
    assert len(found["both"].deletion) == 9 + 5 + 1
    assert len(found["image"].deletion) == 9 + 1


def test_maps_and_scopes_share_passes() -> None:
    case = case_of(pooled_net())
    rng = np.random.default_rng(0)
    one = {m: rng.normal(size=s) for m, s in case.players.shapes.items()}
    game = case.game()
    curves(game, 0, {"one": one, "same": one}, rng)
    # 9 image players: 10 masks each way that share the two ends, so 18; 5 segments: 10; and 4 corners
    assert game.passes <= 18 + 10 + 4
