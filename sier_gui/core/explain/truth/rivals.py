"""Maps of the same players from other explainers: Grad-CAM, integrated gradients, occlusion, chance.

The gradient methods are Captum's (an extra: ``sier-gui[explainers]``). Their relevance of pixels is summed
over the cells of each player, as Shapley values are: it is what all its cells brought together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.game import Game
from sier_gui.core.explain.players import Players
from sier_gui.core.explain.truth.case import AfterBatch, Case, PlayerMap, unobserved

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sier_gui.core.nets.networks import Network

GRAD_CAM, INTEGRATED_GRADIENTS, OCCLUSION, RANDOM = "gradcam", "gradients", "occlusion", "random"
RIVALS = (GRAD_CAM, INTEGRATED_GRADIENTS, OCCLUSION, RANDOM)
STEPS = 50  # of integrated gradients: Captum's default
GRADIENT_BATCH = 8  # inputs per pass: gradients keep every activation in memory


def rival_maps(
    case: Case,
    rng: np.random.Generator,
    *,
    methods: Collection[str] = RIVALS,
    after_batch: AfterBatch = unobserved,
) -> tuple[dict[str, PlayerMap], dict[str, SierError]]:
    """Maps by method, and why a method has none (Captum is missing, or the network has no convolution)."""
    make: Mapping[str, Callable[[], PlayerMap]] = {
        GRAD_CAM: lambda: grad_cam(case, after_batch),
        INTEGRATED_GRADIENTS: lambda: integrated_gradients(case, after_batch=after_batch),
        OCCLUSION: lambda: occlusion(case.game(after_batch), case.target),
        RANDOM: lambda: random_map(case.players, rng),
    }
    maps: dict[str, PlayerMap] = {}
    left_out: dict[str, SierError] = {}
    for name in methods:
        try:
            maps[name] = make[name]()
        except SierError as error:
            left_out[name] = error
    return maps, left_out


def random_map(players: Players, rng: np.random.Generator) -> PlayerMap:
    """Independent normal numbers: what any other map has to beat."""
    return {m: rng.normal(size=shape) for m, shape in players.shapes.items()}


def occlusion(game: Game, target: int) -> PlayerMap:
    """v(all) − v(all without the player), each player removed alone: one mask for each."""
    found: dict[Modality, Floats] = {}
    for m, shape in game.shapes.items():
        n = int(np.prod(shape))
        masks = np.concatenate([np.ones((1, n), bool), ~np.eye(n, dtype=bool)])
        index = {m: np.arange(n + 1), **{o: np.ones(n + 1, np.intp) for o in game.corners if o is not m}}
        values = game.values({**game.corners, m: masks}, index)[:, target]
        found[m] = (values[0] - values[1:]).reshape(shape)
    return found


def integrated_gradients(
    case: Case, *, steps: int = STEPS, after_batch: AfterBatch = unobserved
) -> PlayerMap:
    """Sundararajan, Taly and Yan 2017 (arXiv:1703.01365) on the straight way from absent to present.

    Both modalities go together and the value is the request's, so that the sum over all players comes near
    v(all) − v(none).

    Raises
    ------
    SierError : Captum is not installed.
    Cancelled : raised by ``after_batch``.
    """
    attr = _captum()
    modalities = tuple(case.tensors)

    def forward(*inputs: Tensor) -> Tensor:
        logits = _run(case, dict(zip(modalities, inputs, strict=True)))
        after_batch(len(logits))
        return logits.softmax(1) if case.value == "probability" else logits

    relevance = attr.IntegratedGradients(forward).attribute(
        tuple(_tensor(case, case.tensors[m]) for m in modalities),
        baselines=tuple(_tensor(case, case.absent[m]) for m in modalities),
        target=case.target,
        n_steps=steps,
        internal_batch_size=case.batch or GRADIENT_BATCH,
    )
    return {
        m: player_sums(case.players, m, _cells(part)) for m, part in zip(modalities, relevance, strict=True)
    }


def grad_cam(case: Case, after_batch: AfterBatch = unobserved) -> PlayerMap:
    """Selvaraju et al. 2017 (arXiv:1610.02391) at the last convolution of each modality (`last_convolution`).

    Of the class's logit, as there, but signed (without their final ReLU, which would leave most players
    equal and their order to chance). The layer's cells are interpolated over the input and weighted by their
    share of it, so that a modality's sum does not depend on how coarse its layer is.

    Raises
    ------
    SierError : Captum is not installed, or a modality meets no convolution.
    Cancelled : raised by ``after_batch``.
    """
    attr = _captum()
    found: dict[Modality, Floats] = {}
    for m in case.tensors:
        layer = last_convolution(case, m)
        x = _tensor(case, case.tensors[m])
        cells = attr.LayerGradCam(_of_one(case, m), layer).attribute(x, target=case.target)
        spread = attr.LayerAttribution.interpolate(cells, tuple(x.shape[-2:]), "bilinear")
        share = cells[0, 0].numel() / x[0, 0].numel()
        found[m] = player_sums(case.players, m, _cells(spread) * share)
        after_batch(1)
    return found


def last_convolution(case: Case, modality: Modality) -> nn.Module:
    """Where Grad-CAM looks: the last convolution of the modality's trunk, after its ReLU where one follows.

    The trunk is the part called ``<modality>_trunk`` or ``trunk``. Networks without one are watched: it is
    the last convolution to run whose output changes with the modality's input.

    Raises
    ------
    SierError : there is none.
    """
    from torch import nn

    parts = dict(case.network.module.named_children())
    trunks = [parts[name] for name in (f"{modality}_trunk", "trunk") if name in parts]
    if trunks:
        layers = _leaves(trunks[0])
        moved = [isinstance(layer, nn.Conv2d) for layer in layers]
    else:
        forward, x = _of_one(case, modality), _tensor(case, case.tensors[modality])
        runs, others = (_watched(case.network, partial(forward, given)) for given in (x, 1 - x))
        layers = [layer for layer, _ in runs]
        moved = [
            isinstance(layer, nn.Conv2d) and not one.equal(other)
            for (layer, one), (_, other) in zip(runs, others, strict=True)
        ]
    if not any(moved):
        raise SierError(f"Grad-CAM needs a convolution, and this network has none for the {modality}.")
    last = max(np.flatnonzero(moved))
    return next((layer for layer in layers[last + 1 : last + 2] if isinstance(layer, nn.ReLU)), layers[last])


def player_sums(players: Players, modality: Modality, cells: Floats) -> Floats:
    """Relevance of the input's cells (height, width) → its sum over each player, in the players' layout."""
    shape = players.shapes[modality]
    owners = np.broadcast_to(players.maps[modality], cells.shape)
    sums = np.bincount(owners.ravel(), weights=cells.ravel(), minlength=int(np.prod(shape)))
    return sums.reshape(shape).astype(np.float64)


def _leaves(module: nn.Module) -> list[nn.Module]:
    return [layer for layer in module.modules() if not any(True for _ in layer.children())]


def _watched(network: Network, run: Callable[[], Tensor]) -> list[tuple[nn.Module, Tensor]]:
    """The network's innermost layers as they run, with what they give."""
    import torch

    seen: list[tuple[nn.Module, Tensor]] = []

    def note(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        seen.append((layer, output.clone()))  # a ReLU may follow in place

    hooks = [layer.register_forward_hook(note) for layer in _leaves(network.module)]
    try:
        with torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _of_one(case: Case, modality: Modality) -> Callable[[Tensor], Tensor]:
    """Logits as a function of one modality's input, the others as they are.

    Their embeddings are computed beforehand where they can be: a layer that modalities share runs once, and
    Captum sees the right run.
    """
    import torch

    others = {m: _tensor(case, x) for m, x in case.tensors.items() if m is not modality}
    network = case.network
    if not network.separable:
        return lambda x: _run(case, {**others, modality: x})
    with torch.no_grad():
        kept = {m: network.embed(m, x) for m, x in others.items()}
    return lambda x: network.fuse(
        {modality: network.embed(modality, x), **{m: e.expand(len(x), -1) for m, e in kept.items()}}
    )


def _run(case: Case, given: Mapping[Modality, Tensor]) -> Tensor:
    return case.network.forward(given[Modality.IMAGE], given[Modality.SPEECH])


def _tensor(case: Case, array: Any) -> Tensor:
    """(channels, height, width) → (1, …) where and as the network's parameters are."""
    import torch

    parameter = next(iter(case.network.module.parameters()), torch.zeros(()))
    return torch.from_numpy(np.array(array)).to(parameter.device, parameter.dtype)[None]


def _cells(relevance: Tensor) -> Floats:
    """(1, channels, height, width) → (height, width), channels summed."""
    cells: Floats = relevance.detach()[0].sum(0).double().cpu().numpy()
    return cells


def load_captum() -> None:
    """Import it where it is installed, ahead of its use: 0.4 s, since matplotlib comes with it."""
    with suppress(SierError):
        _captum()


def _captum() -> Any:
    try:
        from captum import attr
    except ImportError as error:
        raise SierError(
            "Grad-CAM and integrated gradients need Captum, which is not installed.",
            "Run pip install 'sier-gui[explainers]'.",
        ) from error
    return attr
