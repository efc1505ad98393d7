"""Embeddings that are kept: a mask asked for again costs no pass, and gives the same bits."""

from __future__ import annotations

import numpy as np
import torch
from explain_games import IMAGE, SPEECH, TinyNet, generated_inputs, predictor_of

from sier_gui.core.explain import kept
from sier_gui.core.explain.absence import stand_ins
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.kept import KeptEmbeddings
from sier_gui.core.explain.players import players_for


def embed_by_bits(asked):
    def compute(masks):
        asked.append(masks.tolist())
        return torch.from_numpy(masks @ np.array([[1.0], [2.0], [4.0]]))

    return compute


def test_only_new_masks_are_computed_and_the_order_is_kept():
    store, asked = KeptEmbeddings(), []
    first = np.array([[1, 0, 0], [0, 1, 1]], bool)
    store.embedded(first, embed_by_bits(asked))
    second = np.array([[0, 1, 1], [1, 1, 1], [1, 0, 0], [0, 0, 1]], bool)
    found = store.embedded(second, embed_by_bits(asked))
    assert found[:, 0].tolist() == [6, 7, 1, 4]
    assert asked == [first.tolist(), second[[1, 3]].tolist()]
    assert store.embedded(second[::-1], embed_by_bits(asked))[:, 0].tolist() == [4, 1, 7, 6]
    assert len(asked) == 2


def test_no_more_is_kept_than_allowed(monkeypatch):
    monkeypatch.setattr(kept, "MOST_KEPT", 1)
    store, asked = KeptEmbeddings(), []
    masks = np.array([[1, 0, 0], [0, 1, 1]], bool)
    for _ in range(2):
        assert store.embedded(masks, embed_by_bits(asked))[:, 0].tolist() == [1, 6]
    assert asked == [masks.tolist(), masks[1:].tolist()]


def test_a_growing_grid_passes_each_mask_once():
    network, inputs = TinyNet(), generated_inputs()
    players = players_for(inputs, predictor_of(network).front, ExplainRequest("shapley", grid=2, segments=3))
    means = {m: v.numpy() for m, v in network.absence_mean.items()}
    game = NetworkGame(network, inputs.tensors, stand_ins("mean", inputs.tensors, means, 0), players)
    corners = game.values(game.corners, dict.fromkeys(game.corners, np.array([0, 1])))
    few = {
        m: np.concatenate([corner, np.eye(corner.shape[1], dtype=bool)]) for m, corner in game.corners.items()
    }
    first = game.grid({IMAGE: few[IMAGE][:4], SPEECH: few[SPEECH][:3]})
    assert game.passes == 4 + 3
    np.testing.assert_allclose(first[[0, 1], [0, 1]], corners, atol=1e-6)
    larger = game.grid(few)
    assert game.passes == 6 + 5
    np.testing.assert_allclose(larger[:4, :3], first, atol=1e-6)
