"""Does a map depend on what the network has learnt? Randomised copies of it (Adebayo et al. 2018).

"Sanity checks for saliency maps", arXiv:1810.03292, §3: weights are drawn anew from the output towards the
input. A map that stays the same tells about the input or the architecture, not about the network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sier_gui.core.domain import Modality

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sier_gui.core.nets.networks import Network

HEAD, UPPER, WHOLE = "head", "upper half", "whole"
CASCADE = (HEAD, UPPER, WHOLE)


def randomised(
    network: Network, fresh: Callable[[], Network], tensors: Mapping[Modality, Tensor], seed: int
) -> Iterator[tuple[str, Network]]:
    """Copies whose weights are drawn anew: the heads', those and the embeddings' later halves', all.

    The three share one draw. ``network`` is only read. Buffers of the root (what stands for absence) stay;
    those of a redrawn layer (batch-norm's statistics) go with it.

    Parameters
    ----------
    fresh : a new network of the same architecture, as `core.nets.networks.build` makes it.
    tensors : one input by modality, (1, channels, height, width): shows in which order layers run.
    seed : 0 … 2⁶³ − 1.
    """
    order = layers_as_they_run(network, tensors)
    later = {name for names in order[:-1] for name in names[len(names) // 2 :]}
    head = {"", *order[-1]}
    everything = {name for name, _ in network.module.named_modules()}
    for step, redrawn in ((HEAD, head), (UPPER, head | later), (WHOLE, everything)):
        yield step, _copy(network, _drawn(fresh, seed), redrawn)


def layers_as_they_run(network: Network, tensors: Mapping[Modality, Tensor]) -> list[list[str]]:
    """Names of the layers that own weights: of each modality's embedding, then of the head.

    A network that cannot be taken apart has one embedding, its first two thirds.
    """
    import torch

    with torch.no_grad(), _noted(network.module) as names:
        if not network.separable:
            network.forward(tensors[Modality.IMAGE], tensors[Modality.SPEECH])
            ran = _once(names)
            return [ran[: -(-2 * len(ran) // 3)], ran[-(-2 * len(ran) // 3) :]]
        order, embeddings = [], {}
        for m, x in tensors.items():
            embeddings[m] = network.embed(m, x)
            order.append(_once(names))
            names.clear()
        network.fuse(embeddings)
        return [*order, _once(names)]


def _once(names: list[str]) -> list[str]:
    """Each at its last run."""
    return list(dict.fromkeys(reversed(names)))[::-1]


@contextmanager
def _noted(module: nn.Module) -> Iterator[list[str]]:
    """Collects the names of layers with weights of their own, as they run."""
    names: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *_: names.append(name)

    hooks = [
        layer.register_forward_hook(note(name))
        for name, layer in module.named_modules()
        if name and any(True for _ in layer.parameters(recurse=False))
    ]
    try:
        yield names
    finally:
        for hook in hooks:
            hook.remove()


def _drawn(fresh: Callable[[], Network], seed: int) -> Network:
    """A new network from a seed of its own; torch's stream goes on as if nothing had been drawn."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = fresh()
        for layer in network.module.modules():
            _wake(layer)
    return network


def _wake(layer: nn.Module) -> None:
    """Layers that a network starts from zero get He's weights: else nothing would come through."""
    from torch import nn

    if isinstance(layer, nn.Conv2d | nn.Linear) and not layer.weight.any():
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")


def _copy(network: Network, new: Network, redrawn: Collection[str]) -> Network:
    """``new`` with ``network``'s state, but for the layers named in ``redrawn``."""
    own = {name for name, _ in network.module.named_parameters()}
    state = {
        name: value
        for name, value in network.module.state_dict().items()
        if name.rpartition(".")[0] not in redrawn or ("." not in name and name not in own)
    }
    new.module.load_state_dict({**new.module.state_dict(), **state})
    example = next(network.module.parameters())
    new.module.to(example.device, example.dtype).eval().requires_grad_(False)
    return new
