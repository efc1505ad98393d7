"""Networks drawn anew: what is redrawn, what stays, and that the original is left alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from truth_games import IMAGE, SPEECH, pooled_net

from sier_gui.core.explain.truth.sanity import CASCADE, layers_as_they_run, randomised
from sier_gui.core.nets.networks import NetworkConfig, build

INPUTS = {IMAGE: torch.rand(1, 3, 128, 128), SPEECH: torch.rand(1, 1, 128, 128)}
CONFIGS = {
    "parallelnet": NetworkConfig("parallelnet", ("a", "b", "c"), 1 / 32),
    "transfer": NetworkConfig("transfer", ("a", "b", "c"), 1 / 16, {"image_side": 32, "dense": 8}),
}


@pytest.fixture(params=CONFIGS)
def config(request: pytest.FixtureRequest) -> NetworkConfig:
    return CONFIGS[request.param]


def trained(config: NetworkConfig) -> Any:
    """As if trained: every number, buffers too, is its own."""
    network = build(config)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for value in network.module.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    network.module.eval()
    return network


def copies(network: Any, config: NetworkConfig, seed: int = 0) -> dict[str, Any]:
    return dict(randomised(network, partial(build, config), INPUTS, seed))


def changed(one: Any, other: Any) -> set[str]:
    pairs = zip(one.module.state_dict().items(), other.module.state_dict().values(), strict=True)
    return {name for (name, x), y in pairs if not x.equal(y)}


def test_each_step_redraws_more_and_the_last_one_all_weights(config: NetworkConfig) -> None:
    network = trained(config)
    found = copies(network, config)
    assert tuple(found) == CASCADE
    head, upper, whole = (changed(network, found[step]) for step in CASCADE)
    assert head < upper < whole
    assert {name for name, _ in network.module.named_parameters()} <= whole
    assert all("head" in name or "late_weights" in name for name in head)


def test_the_upper_half_is_the_later_one(config: NetworkConfig) -> None:
    network = trained(config)
    upper = changed(network, copies(network, config)["upper half"])
    for m in (IMAGE, SPEECH):
        part = f"{m}_trunk" if config.kind == "parallelnet" else "trunk"
        layers = [
            f"{part}.{name}.weight"
            for name, layer in network.module.get_submodule(part).named_modules()
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)
        ]
        assert layers[0] not in upper
        assert layers[-1] in upper
        redrawn = [layer in upper for layer in layers]
        assert redrawn == sorted(redrawn)


def test_the_original_and_torch_s_own_stream_are_left_alone(config: NetworkConfig) -> None:
    network = trained(config)
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    found = copies(network, config)
    assert torch.rand(4).equal(expected)
    assert all(value.equal(before[name]) for name, value in network.module.state_dict().items())
    own = {value.data_ptr() for value in network.module.parameters()}
    for other in found.values():
        assert not own & {value.data_ptr() for value in other.module.parameters()}
        with torch.no_grad():
            next(other.module.parameters()).zero_()
    assert next(network.module.parameters()).any()


def test_what_stands_for_absence_stays(config: NetworkConfig) -> None:
    network = trained(config)
    for other in copies(network, config).values():
        for m, mean in network.absence_mean.items():
            assert other.absence_mean[m].equal(mean)


def test_equal_seeds_equal_weights(config: NetworkConfig) -> None:
    network = trained(config)
    one, same, other = (copies(network, config, seed)["whole"] for seed in (1, 1, 2))
    assert not changed(one, same)
    assert changed(one, other)


def test_layers_that_start_silent_are_woken(config: NetworkConfig) -> None:
    """TransferNet's dense layers start from zero: its maps would be constant, and correlate with nothing."""
    whole = copies(trained(config), config)["whole"]
    with torch.no_grad():
        answers = whole.forward(torch.rand(4, 3, 128, 128), torch.rand(4, 1, 128, 128))
    assert answers.std(0).min() > 0


@pytest.mark.parametrize("separable", [True, False])
def test_layers_are_listed_in_the_order_they_run(separable: bool) -> None:
    network = pooled_net(separable=separable)
    inputs = {m: x[..., :32, :32].double() for m, x in INPUTS.items()}
    listed = layers_as_they_run(network, inputs)
    names = {m: [f"{m}.{i}" for i in (0, 2, 6)] for m in (IMAGE, SPEECH)}
    if separable:
        assert listed == [names[IMAGE], names[SPEECH], []]
    else:  # six layers: the last third is taken for the head
        assert listed == [[*names[IMAGE], *names[SPEECH][:1]], names[SPEECH][1:]]
    fresh: Callable[[], Any] = partial(pooled_net, 9, separable=separable)
    steps = dict(randomised(network, fresh, inputs, 0))
    assert len(changed(network, steps["whole"])) == 12
    for layer in network.module.modules():
        assert not layer._forward_hooks
