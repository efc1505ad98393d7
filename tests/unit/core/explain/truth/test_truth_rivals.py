"""Other methods' maps on networks where the right answer is known."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from truth_games import IMAGE, SIDE, SPEECH, ToyNet, case_of, linear_net, pooled_net

from sier_gui.core.errors import SierError
from sier_gui.core.explain.players import Players
from sier_gui.core.explain.truth.case import Case
from sier_gui.core.explain.truth.rivals import (
    RIVALS,
    grad_cam,
    integrated_gradients,
    last_convolution,
    occlusion,
    player_sums,
    random_map,
    rival_maps,
)
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.tasks import Cancelled


def contributions(case: Case) -> dict:
    """What each player adds to a linear network's logit: weight · (present − absent) over its cells."""
    found = {}
    for m, x in case.tensors.items():
        weight = case.network.module[str(m)][1].weight[case.target].detach().numpy().reshape(x.shape)
        cells = (weight * (x.astype(float) - case.absent[m])).sum(0)
        owners = np.broadcast_to(case.players.maps[m], cells.shape)
        shape = case.players.shapes[m]
        found[m] = np.array([cells[owners == i].sum() for i in range(np.prod(shape))]).reshape(shape)
    return found


def assert_equal(one: Any, other: Any, tolerance: float) -> None:
    assert set(one) == set(other)
    for m in one:
        assert one[m].shape == other[m].shape
        np.testing.assert_allclose(one[m], other[m], atol=tolerance, rtol=0)


def test_linear_network_every_exact_method_finds_what_each_player_adds() -> None:
    case = case_of(linear_net())
    assert_equal(integrated_gradients(case), contributions(case), 1e-10)
    assert_equal(occlusion(case.game(), case.target), contributions(case), 1e-10)


def test_occlusion_removes_each_player_alone() -> None:
    case = case_of(pooled_net(), value="probability")
    found = occlusion(case.game(), case.target)

    def value(tensors: Any) -> float:
        given = {m: torch.from_numpy(np.array(x)).double()[None] for m, x in tensors.items()}
        return float(case.network.forward(given[IMAGE], given[SPEECH]).softmax(1)[0, case.target].detach())

    for m, shape in case.players.shapes.items():
        for player in range(int(np.prod(shape))):
            there = np.broadcast_to(case.players.maps[m] != player, case.tensors[m].shape)
            without = {**case.tensors, m: np.where(there, case.tensors[m], case.absent[m])}
            drop = value(case.tensors) - value(without)
            assert found[m].ravel()[player] == pytest.approx(drop, abs=1e-12)


def test_integrated_gradients_add_up_on_the_way_from_the_request_s_absence() -> None:
    case = case_of(pooled_net(), value="probability")
    game = case.game()
    none, everybody = game.values(game.corners, {m: np.arange(2) for m in game.corners})[:, case.target]
    assert abs(everybody - none) > 1e-3
    found = integrated_gradients(case, steps=200)
    assert sum(v.sum() for v in found.values()) == pytest.approx(everybody - none, abs=1e-5)


def cam(case: Case) -> dict:
    """Class activation maps (Zhou et al. 2016) of `pooled_net`: w · A / positions, summed over channels."""
    found = {}
    for m, x in case.tensors.items():
        stream = next(part for name, part in case.network.module.items() if str(m) in name)
        with torch.no_grad():
            activations = stream[:4](torch.from_numpy(np.array(x)).double()[None])
            weights = stream[6].weight[case.target][None, :, None, None]
            # the gradient at each position is w / positions, and so is its mean
            cells = (weights * activations / activations[0, 0].numel()).sum(1, keepdim=True)
            spread = nn.functional.interpolate(cells, x.shape[-2:], mode="bilinear")[0, 0].numpy()
        found[m] = player_sums(case.players, m, spread * cells.numel() / spread.size)
    return found


@pytest.mark.parametrize(
    "options", [{}, {"names": "{}_trunk"}, {"separable": False}], ids=["watched", "trunk", "mixing"]
)
def test_grad_cam_is_cam_where_the_network_pools(options: dict) -> None:
    case = case_of(pooled_net(**options))
    found = grad_cam(case)
    assert_equal(found, cam(case), 1e-12)
    assert min(np.abs(v).max() for v in found.values()) > 1e-6


def test_grad_cam_leaves_no_hook_and_no_gradient() -> None:
    case = case_of(pooled_net())
    grad_cam(case)
    integrated_gradients(case, steps=4)
    for layer in case.network.module.modules():
        assert not layer._forward_hooks
        assert not layer._forward_pre_hooks
    assert all(p.grad is None for p in case.network.module.parameters())


@pytest.mark.parametrize(("kind", "trunk"), [("parallelnet", "{}_trunk"), ("transfer", "trunk")])
def test_the_layer_is_the_trunk_s_last_convolution_after_its_relu(kind: str, trunk: str) -> None:
    network = build(NetworkConfig(kind, ("a", "b"), 1 / 16))
    network.module.eval()
    for m in (IMAGE, SPEECH):
        layers = list(network.module.get_submodule(trunk.format(m)).modules())
        at = max(i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d))
        case = Case(network, {}, {}, Players({}, {}, np.zeros(1)), 0)
        assert last_convolution(case, m) is layers[at + 1]
        assert isinstance(layers[at + 1], nn.ReLU)


def test_a_layer_that_both_modalities_share_is_looked_at_in_the_right_run() -> None:
    torch.manual_seed(0)
    shared = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
    torch.manual_seed(1)
    heads = [nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)) for _ in range(2)]

    class Grey(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, :1]

    network = ToyNet(nn.Sequential(Grey(), shared, heads[0]), nn.Sequential(shared, heads[1]))
    case = case_of(network)
    found = grad_cam(case)
    for m, head in zip((IMAGE, SPEECH), heads, strict=True):
        x = torch.from_numpy(case.tensors[m][:1].copy()).double()[None]
        with torch.no_grad():
            cells = (head[2].weight[case.target][None, :, None, None] * shared(x)).sum(1)[0].numpy() / SIDE**2
        np.testing.assert_allclose(found[m], player_sums(case.players, m, cells), atol=1e-12)


def test_a_network_without_convolutions_costs_grad_cam_only() -> None:
    case = case_of(linear_net())
    maps, left_out = rival_maps(case, np.random.default_rng(0))
    assert set(maps) == set(RIVALS) - {"gradcam"}
    assert "convolution" in str(left_out["gradcam"])


def test_without_captum_the_others_remain_and_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    case = case_of(pooled_net())
    maps, left_out = rival_maps(case, np.random.default_rng(0))
    assert set(maps) == {"occlusion", "random"}
    assert set(left_out) == {"gradcam", "gradients"}
    for error in left_out.values():
        assert isinstance(error, SierError)
        assert "sier-gui[explainers]" in error.hint
        assert "\n" not in str(error)


def test_cancel_is_answered_within_integrated_gradients() -> None:
    passed = 0

    def after_batch(count: int) -> None:
        nonlocal passed
        passed += count
        raise Cancelled

    with pytest.raises(Cancelled):
        integrated_gradients(case_of(pooled_net()), after_batch=after_batch)
    assert passed <= 8


def test_random_maps_come_from_their_stream() -> None:
    players = case_of(linear_net()).players
    one, same, other = (random_map(players, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert_equal(one, same, 0)
    assert not np.allclose(one[IMAGE], other[IMAGE])
    assert one[IMAGE].shape == (3, 3)
    assert one[SPEECH].shape == (5,)


def test_player_sums_keep_the_total_where_players_differ_in_size() -> None:
    case = case_of(linear_net(), grid=3, segments=5)  # 32 cells are no multiple of either
    cells = np.random.default_rng(0).normal(size=(SIDE, SIDE))
    for m, owners in case.players.maps.items():
        found = player_sums(case.players, m, cells)
        assert found.sum() == pytest.approx(cells.sum())
        assert found.ravel()[-1] == pytest.approx(
            cells[np.broadcast_to(owners, cells.shape) == found.size - 1].sum()
        )
