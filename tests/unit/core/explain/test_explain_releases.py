"""What must hold (explain.md §1), on the networks that are shipped and the samples of the demo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from explain_games import IMAGE, SPEECH, flat

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.explain.absence import stand_ins
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.players import players_for
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.nets.releases import choose_release

ROOT = Path(__file__).parents[4]
RELEASES = ("demo/1", pytest.param("emodb_fer/2", marks=pytest.mark.slow))
TOLERANCE = 1e-5  # explain.md §1, float32


@pytest.fixture(scope="module", params=RELEASES)
def predictor(request):
    return Predictor(choose_release((), name=request.param), device="cpu")


@pytest.fixture(scope="module")
def inputs(predictor):
    catalogue = open_dataset(ROOT / "resources" / "demo")
    return load_inputs(catalogue.sample(5), predictor.front)


def game_of(predictor, inputs, request, network=None, **more):
    means = {m: v.numpy() for m, v in predictor.network.absence_mean.items()}
    absent = stand_ins(request.absence, inputs.tensors, means, 0)
    players = players_for(inputs, predictor.front, request)
    return NetworkGame(network or predictor.network, inputs.tensors, absent, players, **more)


def black_box(network):
    """The same network without what makes it fast."""
    return SimpleNamespace(
        module=network.module, forward=network.forward, separable=False, classes=network.classes
    )


def final(predictor, inputs, request):
    *_, last = explain(predictor, inputs, request)
    return last


@pytest.mark.parametrize(("grid", "segments"), [(4, 8), (8, 16), (16, 32)])
@pytest.mark.parametrize("absence", ["zeros", "noise"])
def test_shared_and_factorised_is_the_network_asked_for_each_pair(predictor, inputs, grid, segments, absence):
    """Random masks and neighbours of them, as many as make the layers shared, against the plain path."""
    request = ExplainRequest(grid=grid, segments=segments, absence=absence)
    fast = game_of(predictor, inputs, request, value="logit")
    plain = game_of(predictor, inputs, request, black_box(predictor.network), value="logit")
    rng = np.random.default_rng(grid)
    masks = {}
    for m, shape in fast.shapes.items():
        players = int(np.prod(shape))
        masks[m] = np.repeat(rng.random((6, players)) < 0.5, 90, axis=0)
        masks[m][np.arange(540), np.tile(rng.integers(0, players, 90), 6)] ^= True
    chosen = rng.choice(540, 8, replace=False)
    for m in masks:  # more than the tables cost, so that they are made
        fast.values(
            {**fast.corners, m: masks[m]}, {o: np.zeros(540, int) for o in masks} | {m: np.arange(540)}
        )
        assert fast._tables[m] is None or fast._asked[m] >= fast._tables[m].patterns or grid == 16
    index = dict.fromkeys(masks, chosen)
    ours, theirs = fast.values(masks, index), plain.values(masks, index)
    assert np.abs(ours - theirs).max() < TOLERANCE * max(1, np.abs(theirs).max())
    assert theirs.std(axis=0).max() > 1e-3


def test_efficiency_and_every_refinement_adds_up(predictor, inputs):
    before = None
    for found in explain(predictor, inputs, ExplainRequest(grid=8, segments=16)):
        assert max(abs(found.residual(name)) for name in found.classes) < 1e-12
        if before is not None:
            done = ~before.coarse[IMAGE] & ~found.coarse[IMAGE] if found.coarse else ~before.coarse[IMAGE]
            np.testing.assert_array_equal(found.values[IMAGE][:, done], before.values[IMAGE][:, done])
            for m in (IMAGE, SPEECH):
                np.testing.assert_allclose(
                    found.values[m].reshape(len(found.classes), -1).sum(1),
                    before.values[m].reshape(len(found.classes), -1).sum(1),
                    atol=1e-12,
                )
        before = found
    assert before is not None
    assert before.complete


def test_players_that_are_as_if_absent_get_nothing(predictor, inputs):
    """Two patches and a segment already look as their stand-ins do."""
    tensors = {m: x.copy() for m, x in inputs.tensors.items()}
    tensors[IMAGE][:, 32:64, 64:128] = 0
    tensors[SPEECH][:, :, 32:48] = 0
    changed = replace(inputs, tensors=tensors, content_hash="changed")
    request = ExplainRequest(grid=4, segments=8, absence="zeros")
    found = final(predictor, changed, request)
    owner = players_for(changed, predictor.front, request).maps[SPEECH][0]
    silent = [p for p in range(8) if (tensors[SPEECH][..., owner == p] == 0).all()]
    assert np.abs(found.values[IMAGE][:, 1, 2:]).max() < TOLERANCE
    assert np.abs(found.values[IMAGE]).max() > 10 * TOLERANCE
    for player in silent:
        assert np.abs(found.values[SPEECH][:, player]).max() < TOLERANCE


def test_players_that_stand_in_for_each_other_get_the_same(predictor, inputs):
    """A picture of one colour, mirrored in itself by a network that cannot tell: two parts of one segment's
    speech are absent and present alike, so halving the other way round changes nothing."""
    request = ExplainRequest("shapley", grid=1, segments=4, budget=10_000)
    found = final(predictor, inputs, request)
    game = game_of(predictor, inputs, request)
    swap = [0, 2, 1, 3]  # relabelled players: the values move along
    maps = dict(game._maps)
    maps[SPEECH] = maps[SPEECH].clone().apply_(lambda p: swap[p])
    game._maps = maps
    game.network = SimpleNamespace(**vars(black_box(predictor.network)))
    from sier_gui.core.explain.shapley.run import shapley_values

    *_, moved = shapley_values(game, separable=False, budget=10_000, seed=0)
    np.testing.assert_allclose(moved.values[SPEECH][:, swap], found.values[SPEECH], atol=TOLERANCE)


def test_owen_is_shapley_at_two_players_and_brute_force_at_few(predictor, inputs):
    split = final(predictor, inputs, ExplainRequest("modality"))
    for method in ("owen", "shapley"):
        found = final(predictor, inputs, ExplainRequest(method, grid=1, segments=1, budget=100))
        for m in (IMAGE, SPEECH):
            np.testing.assert_allclose(
                found.values[m].ravel(), split.values[m].ravel(), atol=TOLERANCE, err_msg=method
            )


def test_enumerated_is_the_definition(predictor, inputs):
    """Eight players, every coalition asked of the network itself."""
    from math import factorial

    request = ExplainRequest("shapley", grid=2, segments=4, budget=10_000)
    found = final(predictor, inputs, request)
    game = game_of(predictor, inputs, request, black_box(predictor.network))
    bits = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(bool)
    table = game.values({IMAGE: bits[:, :4], SPEECH: bits[:, 4:]}, dict.fromkeys(game.shapes, np.arange(256)))
    size = bits.sum(1)
    expected = []
    for player in range(8):
        without = np.flatnonzero(~bits[:, player])
        weight = np.array([factorial(s) * factorial(7 - s) / factorial(8) for s in size[without]])
        expected.append(weight @ (table[without | 1 << player] - table[without]))
    np.testing.assert_allclose(flat(found.values), expected, atol=TOLERANCE)


def test_batches_change_nothing_but_rounding(predictor, inputs):
    ours = [final(predictor, inputs, ExplainRequest(grid=4, segments=8, batch=b)) for b in (None, 1, 7)]
    for other in ours[1:]:
        for m in (IMAGE, SPEECH):
            np.testing.assert_allclose(other.values[m], ours[0].values[m], atol=TOLERANCE)


def test_a_grid_of_masks_is_its_pairs(predictor, inputs):
    request = ExplainRequest(grid=4, segments=8)
    game = game_of(predictor, inputs, request)
    rng = np.random.default_rng(1)
    masks = {IMAGE: rng.random((9, 16)) < 0.5, SPEECH: rng.random((5, 8)) < 0.5}
    grid = game.grid(masks)
    rows, columns = np.indices((9, 5)).reshape(2, -1)
    np.testing.assert_allclose(
        grid.reshape(45, -1), game.values(masks, {IMAGE: rows, SPEECH: columns}), atol=TOLERANCE
    )
    plain = game_of(predictor, inputs, request, black_box(predictor.network))
    np.testing.assert_allclose(plain.grid(masks), grid, atol=TOLERANCE)
