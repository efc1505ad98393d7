"""What masks have in common is computed once, and is what each of them would have given by itself."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from explain_games import IMAGE, SPEECH, generated_inputs
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.domain import FrontEnd
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.cost import Batching
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.owen import owen_values
from sier_gui.core.explain.patterns import MaskSet, Window, numbered
from sier_gui.core.explain.players import players_for
from sier_gui.core.explain.sharing import SharedColumn, local_layers
from sier_gui.core.nets.networks import NetworkConfig, build


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 9),
    st.integers(1, 70),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.02, 0.5, 0.98]),
)
def test_patterns_are_the_different_views(count, rows, columns, seed, density):
    """Beside a plain count of different sub-masks, on windows of any size: also past 62 bits."""
    rng = np.random.default_rng(seed)
    masks = rng.random((count, rows, columns)) < density
    ends = [np.sort(rng.integers(0, side, (3, 2)), axis=1).T for side in (rows, columns)]
    patterns = MaskSet(masks).seen(tuple(ends[0]), tuple(ends[1]))
    tiles = [(r, c) for r in range(3) for c in range(3)]
    for tile, (r, c) in enumerate(tiles):
        view = masks[:, ends[0][0][r] : ends[0][1][r] + 1, ends[1][0][c] : ends[1][1][c] + 1]
        found = patterns.number[:, tile]
        same = (view[:, None] == view[None]).all(axis=(2, 3))
        np.testing.assert_array_equal(found[:, None] == found[None], same)
        assert (patterns.tile[found] == tile).all()
        np.testing.assert_array_equal(view[patterns.mask[found]], view)
    assert len(patterns.tile) == sum(len(np.unique(patterns.number[:, t])) for t in range(9))


def test_numbers_follow_the_first_appearance():
    number, count = numbered(np.array([[7, -2], [7, 9]]))
    assert number.tolist() == [0, 1, 0, 2]
    assert count == 3


def test_windows_grow_as_receptive_fields_do():
    """Beside gradients: which input cells an output of conv, conv, pool, conv depends on."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1), nn.MaxPool2d(2)]
    layers.append(nn.Conv2d(2, 1, 3, padding=1))
    column = nn.Sequential(*layers)
    window = Window(1, 1, 0).after_convolution().after_convolution().after_pool().after_convolution()
    x = torch.rand(1, 1, 32, 32)
    owners = np.arange(32)
    before = column(x)
    first, last = window.players(owners)
    for cell in range(32):
        changed = x.clone()
        changed[..., cell] += 10
        touched = (column(changed) != before).any(dim=(0, 1, 2)).numpy()
        assert touched.any()
        seen = (first <= cell) & (cell <= last)
        assert not (touched & ~seen).any()
    wide, _ = window.players(owners, 4)
    np.testing.assert_array_equal(wide, first[::4])


def network_of(kind, width, **options):
    import torch

    torch.manual_seed(0)
    network = build(NetworkConfig(kind, ("a", "b", "c"), width, options))
    network.module.eval()
    if (
        kind == "transfer"
    ):  # its features are standardised by what it has seen, and its dense layer starts from zero
        network.module.train()
        for modality, channels in ((IMAGE, 3), (SPEECH, 1)):
            torch.nn.init.normal_(network.module.get_submodule(f"{modality}_dense.1").weight, std=0.1)
            network.embed(modality, torch.rand(16, channels, 128, 128))
        network.module.eval()
    return network


def owen_masks(shape, modality, game):
    """All masks that exact Owen values ask for, in their order."""
    asked = []

    class Recording:
        shapes, corners = game.shapes, game.corners

        def values(self, masks, index):
            if masks[modality] is not self.corners[modality]:
                asked.append(masks[modality])
            return np.zeros((len(index[modality]), 2))

    for _ in owen_values(Recording()):
        pass
    return np.concatenate(asked)


@pytest.mark.parametrize(
    ("kind", "width", "options", "modality", "request_"),
    [
        ("parallelnet", 1 / 8, {}, IMAGE, ExplainRequest(grid=4)),
        ("parallelnet", 1 / 16, {}, IMAGE, ExplainRequest(grid=8)),
        ("parallelnet", 1 / 8, {}, SPEECH, ExplainRequest(segments=8)),
        ("parallelnet", 1 / 8, {}, SPEECH, ExplainRequest(segments=16)),
        ("parallelnet", 1 / 8, {}, SPEECH, ExplainRequest(segments=32)),
        ("parallelnet", 1 / 16, {}, SPEECH, ExplainRequest(segments=8, bands=4)),
        ("transfer", 1 / 4, {"image_side": 64, "dense": 8}, IMAGE, ExplainRequest(grid=8)),
        ("transfer", 1 / 4, {"image_side": 128, "dense": 8}, SPEECH, ExplainRequest(segments=16)),
    ],
)
def test_shared_layers_give_what_the_network_gives(kind, width, options, modality, request_):
    """In float64, on the masks of exact Owen values, a sample of them compared with the network itself."""
    import torch

    network = network_of(kind, width, **options)
    network.module.double()
    inputs = generated_inputs(front=FrontEnd())
    players = players_for(inputs, FrontEnd(), request_)
    rng = np.random.default_rng(5)
    absent = {m: rng.random(x.shape, np.float32) for m, x in inputs.tensors.items()}
    game = NetworkGame(network, inputs.tensors, absent, players)
    masks = owen_masks(players.shapes[modality], modality, game)[:700]
    chosen = rng.choice(len(masks), 24, replace=False)
    with torch.inference_mode():
        game._corner(modality)
        game._asked[modality] = 10**6
        tables = game._ready_tables(modality, 8)
        assert tables is not None
        together = tables.embed(masks)
        direct = network.embed(modality, game._masked(modality, masks[chosen]))
    size = float(direct.abs().max())
    assert float((together[chosen] - direct).abs().max()) < 1e-12 * max(size, 1)
    assert float(direct.std(dim=0).max()) > 1e-4 * size


def test_layers_that_are_not_local_end_the_sharing():
    from torch import nn

    conv = nn.Conv2d(4, 8, 3, padding=1)
    for other in (
        nn.Conv2d(8, 8, 5, padding=2),
        nn.Conv2d(8, 8, 3, padding=1, groups=2),
        nn.Conv2d(8, 8, 3, padding=1, stride=2),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
        nn.MaxPool2d(3),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Flatten(),
    ):
        layers = local_layers(nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), other, nn.MaxPool2d(2)), 4)
        assert [(layer.pools, layer.length, layer.channels) for layer in layers] == [
            (False, 2, 8),
            (True, 1, 8),
        ]


def test_few_masks_are_not_worth_sharing_and_many_alike_ones_are():
    import torch
    from torch import nn

    column = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1))
    owners = np.arange(32) // 8
    shared = SharedColumn(
        local_layers(column, 64),
        (32, 32),
        Window(1, 1, 0),
        (owners, owners),
        Batching(torch.device("cpu")),
        lambda: None,
    )

    def run(masks):
        rows = np.arange(len(masks) * 1024, dtype=np.int32).reshape(-1, 32, 32)
        return shared.plan(MaskSet(masks), rows, len(masks) * 1024 + 1).done

    masks = np.random.default_rng(0).random((2, 4, 4)) < 0.5
    masks[1] = ~masks[0]
    assert run(masks) == 0
    assert run(np.repeat(masks, 4, axis=0)) == 2


def test_cancel_is_asked_for_between_products():
    from sier_gui.core.tasks import Cancelled, CancelToken

    network = network_of("parallelnet", 1 / 32)
    inputs = generated_inputs(front=FrontEnd())
    players = players_for(inputs, FrontEnd(), ExplainRequest(grid=8))
    token, calls = CancelToken(), []

    def after(count):
        calls.append(count)
        if len(calls) == 60:
            token.cancel()
        token.check()

    absent = {m: np.zeros_like(x) for m, x in inputs.tensors.items()}
    game = NetworkGame(network, inputs.tensors, absent, players, after_batch=after)
    with pytest.raises(Cancelled):
        for _ in owen_values(game):
            pass
    assert len(calls) == 60


def test_estimates_come_often_enough_to_watch():
    """Levels of up to 512 masks come as a whole, the last one of 8×8 in four steps."""
    network = network_of("parallelnet", 1 / 64)
    inputs = generated_inputs(front=FrontEnd())
    players = players_for(inputs, FrontEnd(), ExplainRequest(grid=8, segments=1))
    absent = {m: np.zeros_like(x) for m, x in inputs.tensors.items()}
    game = NetworkGame(network, inputs.tensors, absent, players)
    coarse = [e.coarse[IMAGE].sum() if e.coarse else 0 for e in owen_values(game)]
    assert coarse == [64] * 6 + [48, 32, 16, 0]
    assert all(a >= b for a, b in pairwise(coarse))
