"""Prefix tables give what the network gives, and the window they rely on is the one it has."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from explain_games import IMAGE, SPEECH, generated_inputs, predictor_of

from sier_gui.core.domain import FrontEnd
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.players import players_for
from sier_gui.core.explain.prefix import HasPrefix, PrefixTables
from sier_gui.core.nets.networks import NetworkConfig, build


@pytest.fixture(scope="module")
def network():
    import torch

    torch.manual_seed(0)
    made = build(NetworkConfig("parallelnet", ("a", "b", "c"), 1 / 32))
    made.module.eval()
    return made


@pytest.fixture(scope="module")
def transfer():
    import torch

    torch.manual_seed(0)
    options = {"image_side": 64, "dense": 8}
    made = build(NetworkConfig("transfer", ("a", "b", "c"), 1 / 16, options))
    for modality, channels in ((IMAGE, 3), (SPEECH, 1)):  # its features are standardised by what it has seen
        dense = made.module.get_submodule(f"{modality}_dense.1")
        torch.nn.init.normal_(dense.get_parameter("weight"), std=0.1)  # it starts from zero
        made.embed(modality, torch.rand(16, channels, 128, 128))
    made.module.eval()
    return made


@pytest.fixture(params=["network", "transfer"])
def either(request):
    return request.getfixturevalue(request.param)


def without_prefix(network):
    hidden = ("prefix", "columns", "join", "prefix_window")
    kept = ("module", "classes", "separable", "embed", "fuse", "forward", "absence_mean")
    plain = SimpleNamespace(**{name: getattr(network, name) for name in kept})
    assert not any(hasattr(plain, name) for name in hidden)
    return plain


def masker(network, request):
    """The game's own replacement of absent players by noise."""
    inputs = generated_inputs(front=FrontEnd())
    players = players_for(inputs, FrontEnd(), request)
    rng = np.random.default_rng(9)
    absent = {m: rng.random(x.shape, np.float32) for m, x in inputs.tensors.items()}
    return players, NetworkGame(network, inputs.tensors, absent, players)


@pytest.mark.parametrize(
    ("modality", "players", "patterns"),
    [
        (IMAGE, 1, 2),
        (IMAGE, 3, 16),
        (IMAGE, 5, 16),
        (IMAGE, 8, 16),
        (IMAGE, 16, 512),
        (SPEECH, 1, 2),
        (SPEECH, 7, 4),
        (SPEECH, 16, 8),
        (SPEECH, 32, 32),
    ],
)
def test_looked_up_is_computed(network, modality, players, patterns):
    import torch

    request = ExplainRequest(grid=players) if modality is IMAGE else ExplainRequest(segments=players)
    who, game = masker(network, request)
    shape = who.shapes[modality]
    with torch.inference_mode():
        told = []
        tables = PrefixTables(
            network,
            modality,
            who.maps[modality],
            shape,
            lambda k: game._masked(modality, k),
            game._batching,
            told.append,
        )
        assert tables.patterns == patterns
        assert tables.fits()
        assert not tables.built
        for _ in tables.build(16):
            pass
        masks = np.random.default_rng(players).random((9, who.counts[modality])) < 0.5
        direct = network.embed(modality, game._masked(modality, masks))
        size = max(1.0, float(direct.abs().max()))
        assert float((tables.embed(masks) - direct).abs().max()) < 1e-5 * size
        assert float(direct.std(dim=0).max()) > 1e-3  # the masks do differ
        assert sum(told) == len(masks)


@pytest.mark.parametrize("modality", [IMAGE, SPEECH])
def test_the_window_is_the_one_the_network_has(either, modality):
    import torch

    size, stride, start = either.prefix_window(modality)
    torch.manual_seed(1)
    x = torch.rand(1, 3 if modality is IMAGE else 1, 128, 128)
    with torch.inference_mode():
        before = either.prefix(modality, x)
        for cell in (0, 37, 64, 127):
            changed = x.clone()
            changed[..., cell] += 1
            after = either.prefix(modality, changed)
            for one, other in zip(before, after, strict=True):
                touched = set(np.flatnonzero((one != other).any(dim=(0, 1, 2)).numpy()))
                seen = {
                    i for i in range(one.shape[-1]) if i * stride + start <= cell < i * stride + start + size
                }
                assert touched
                assert touched <= seen


def test_an_explanation_is_the_same_with_and_without(either):
    assert isinstance(either, HasPrefix)
    inputs, request = generated_inputs(front=FrontEnd()), ExplainRequest(grid=5, segments=8, value="logit")
    found = []
    for one in (either, without_prefix(either)):
        *_, last = explain(predictor_of(one, FrontEnd()), inputs, request)
        found.append(last)
    size = max(1.0, float(np.abs(found[0].f_all).max()))
    for m in (IMAGE, SPEECH):
        np.testing.assert_allclose(found[0].values[m], found[1].values[m], atol=1e-5 * size)
    assert np.abs(found[0].values[IMAGE]).max() > 1e-4 * size


def test_tables_that_would_not_fit_are_not_made(network, monkeypatch):
    from sier_gui.core.explain import prefix

    who, game = masker(network, ExplainRequest(grid=8))
    masked = lambda k: game._masked(IMAGE, k)  # noqa: E731
    assert PrefixTables(network, IMAGE, who.maps[IMAGE], (8, 8), masked, game._batching, print).fits()
    monkeypatch.setattr(prefix, "MOST_BYTES", 1000)
    assert not PrefixTables(network, IMAGE, who.maps[IMAGE], (8, 8), masked, game._batching, print).fits()
    dense, _ = masker(network, ExplainRequest(grid=32))  # patches of 4 pixels: 5 × 5 in a window
    assert not PrefixTables(network, IMAGE, dense.maps[IMAGE], (32, 32), masked, game._batching, print).fits()
