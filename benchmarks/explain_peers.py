"""The peers of explain.py: shap, Captum and shapiq as they ship, each asked about one black-box game.

A peer sees coalitions in and values out. It gets its best settings: batches as large as it makes them,
l1_reg off (shap would else keep ten features), pairing on wherever it is an option (shapiq's default is
off), and KernelSHAP also with sizes drawn evenly, which is leverage-score sampling (Musco and Witter,
arXiv:2410.01917). Captum's inputs are the masks themselves, so it moves no pictures about.

Left out since their Shapley values are those of a peer that is here, to seven digits: shapiq's KernelSHAPIQ
and RegressionFSII (KernelSHAP), kADDSHAP and InconsistentKernelSHAPIQ of order 2 with pairing (KernelSHAP:
pairing hides even orders from the fit), SHAPIQ and SVARMIQ of order 1 (UnbiasedKernelSHAP, SVARM). SPEX and
ProxySPEX take ten seconds and more of their own for each answer, so they are tried on one sample with one
seed.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import Bools, Floats
from sier_gui.core.explain.owen import halves, whole

LIBRARIES = ("shap", "captum", "shapiq", "lightgbm", "scikit-learn")


def versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


class BlackBox:
    """What a peer may ask: coalitions (b, n) → values (b,) or (b, C). Counts them and its CPU seconds."""

    def __init__(self, values: Callable[[Bools], Floats], players: int) -> None:
        self._values, self.players = values, players
        self.evaluations = 0
        self.seconds = 0.0

    def __call__(self, coalitions: Any) -> Floats:
        started = time.process_time()
        present = np.atleast_2d(np.asarray(coalitions)) > 0.5
        values = self._values(present)
        self.evaluations += len(present)
        self.seconds += time.process_time() - started
        return values


@dataclass(frozen=True)
class Peer:
    """``run(box, budget, seed)`` → Shapley values (n,) from about ``budget`` evaluations.

    A ``slow`` one spends so much time of its own that it is tried on one sample, from ``least`` to ``most``.
    A fit of interactions up to ``order`` has as many unknowns, and is not tried with fewer evaluations.
    """

    library: str
    name: str
    run: Callable[[BlackBox, int, int], Floats]
    slow: bool = False
    order: int = 0
    least: int = 0
    most: int = 2**30

    @property
    def label(self) -> str:
        return f"{self.library} {self.name}"

    def smallest(self, players: int) -> int:
        """The first budget worth trying."""
        return max(self.least, sum(math.comb(players, size) for size in range(self.order + 1)))

    def values(self, box: BlackBox, budget: int, seed: int) -> Floats:
        """As ``run``; what the libraries say about convergence or their own future is not shown."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(self.run(box, budget, seed), float)


# ---------------------------------------------------------------- Captum


def _torch(box: BlackBox) -> Callable[[Any], Any]:
    import torch

    return lambda masks: torch.from_numpy(box(masks.numpy()))


def shapley_value_sampling(box: BlackBox, budget: int, seed: int) -> Floats:
    import torch
    from captum.attr import ShapleyValueSampling

    torch.manual_seed(seed)
    n = box.players
    found = ShapleyValueSampling(_torch(box)).attribute(
        torch.ones(1, n), baselines=0, n_samples=max((budget - 1) // n, 1), perturbations_per_eval=n
    )
    return found[0].numpy()


def captum_kernel_shap(box: BlackBox, budget: int, seed: int) -> Floats:
    import torch
    from captum.attr import KernelShap

    torch.manual_seed(seed)
    found = KernelShap(_torch(box)).attribute(
        torch.ones(1, box.players), baselines=0, n_samples=budget, perturbations_per_eval=1024
    )
    return found[0].numpy()


# ---------------------------------------------------------------- shap


class Masker:
    """What shap needs in order to hide players: the mask itself is the masked input."""

    def __init__(self, players: int, clustering: NDArray[Any] | None = None) -> None:
        self.shape = (1, players)
        if clustering is not None:
            self.clustering = clustering

    def __call__(self, mask: Any, x: Any) -> tuple[Any]:
        return (np.asarray(mask, float).reshape(1, -1) * x,)


def kernel_explainer(box: BlackBox, budget: int, seed: int) -> Floats:
    import shap

    np.random.seed(seed)
    n = box.players
    explainer = shap.KernelExplainer(box, np.zeros((1, n)))
    return explainer.shap_values(np.ones((1, n)), nsamples=budget, l1_reg=False, silent=True)[0]


def permutation_explainer(box: BlackBox, budget: int, seed: int) -> Floats:
    import shap

    n = box.players
    explainer = shap.PermutationExplainer(box, Masker(n), seed=seed)
    evaluations = max(budget, 2 * n + 1)
    return explainer(np.ones((1, n)), max_evals=evaluations, batch_size=1024, silent=True).values[0]


def partition_explainer(
    box: BlackBox, shapes: Mapping[Modality, Sequence[int]], evaluations: int, batch: int
) -> Floats:
    """Owen values (n, C) on the halving tree that our engine uses, from at most ``evaluations``."""
    import shap

    explainer = shap.PartitionExplainer(box, Masker(box.players, linkage(shapes)))
    x = np.ones((1, box.players))
    return explainer(x, max_evals=evaluations, batch_size=batch, silent=True).values[0]


def linkage(shapes: Mapping[Modality, Sequence[int]]) -> Floats:
    """The halving tree in scipy's format, which shap takes as a clustering."""
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    rows: list[list[float]] = []

    def join(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        size = left[1] + right[1]
        rows.append([left[0], right[0], len(rows) + 1, size])
        return total + len(rows) - 1, size

    def below(box: Any, numbers: NDArray[Any]) -> tuple[int, int]:
        pair = halves(box)
        if pair is None:
            return int(numbers[tuple(start for start, _ in box)]), 1
        return join(below(pair[0], numbers), below(pair[1], numbers))

    first, nodes = 0, []
    for shape in shapes.values():
        numbers = first + np.arange(np.prod(shape)).reshape(shape)
        nodes.append(below(whole(shape), numbers))
        first += numbers.size
    join(*nodes)
    table = np.array(rows, float)
    table[:, 2] /= len(table)
    return table


# ---------------------------------------------------------------- shapiq


def _shapiq(name: str, **options: Any) -> Callable[[BlackBox, int, int], Floats]:
    """An approximator of shapiq by its class's name; ``leverage`` draws coalition sizes evenly."""

    def run(box: BlackBox, budget: int, seed: int) -> Floats:
        from shapiq import approximator

        given = dict(options)
        if given.pop("leverage", False):
            given["sampling_weights"] = np.ones(box.players + 1)
        made = getattr(approximator, name)(n=box.players, random_state=seed, **given)
        return made.approximate(budget, box).get_n_order_values(1)

    return run


def _shapiq_peers() -> list[Peer]:
    paired, evenly = {"pairing_trick": True}, {"leverage": True}
    slow: dict[str, Any] = {"slow": True, "least": 1024, "most": 4096}

    def peer(shown: str, name: str, about: Mapping[str, Any] | None = None, **options: Any) -> Peer:
        return Peer(
            "shapiq", shown, _shapiq(name, **options), order=options.get("max_order", 0), **(about or {})
        )

    return [
        peer("KernelSHAP, paired", "KernelSHAP", **paired),
        peer("KernelSHAP, paired, leverage", "KernelSHAP", **paired, **evenly),
        peer("kADDSHAP of order 2", "kADDSHAP", max_order=2),
        peer("kADDSHAP of order 3, paired", "kADDSHAP", max_order=3, **paired),
        peer("kADDSHAP of order 3, paired, leverage", "kADDSHAP", max_order=3, **paired, **evenly),
        peer("SVARM, paired", "SVARM", **paired),
        peer("UnbiasedKernelSHAP, paired", "UnbiasedKernelSHAP", **paired),
        peer("PermutationSamplingSV", "PermutationSamplingSV"),
        peer("StratifiedSamplingSV", "StratifiedSamplingSV"),
        peer("OwenSamplingSV", "OwenSamplingSV"),
        peer("SPEX", "SPEX", slow, index="SV", max_order=1),
        peer("ProxySPEX", "ProxySPEX", slow, index="SV", max_order=1),
    ]


PEERS = [
    Peer("captum", "ShapleyValueSampling", shapley_value_sampling),
    Peer("captum", "KernelShap", captum_kernel_shap),
    Peer("shap", "KernelExplainer", kernel_explainer),
    Peer("shap", "PermutationExplainer", permutation_explainer),
    *_shapiq_peers(),
]


def own_seconds(peer: Peer, players: int, budget: int) -> float:
    """CPU seconds that a peer spends besides its evaluations: drawing, fitting, its own Python.

    The game asked is a made-up smooth one, whose own time is taken off; the values hardly matter.
    """
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=players), rng.normal(size=players)

    def smooth(present: Bools) -> Floats:
        return np.tanh(present @ first) + 0.1 * (present @ second) ** 2

    peer.values(
        BlackBox(smooth, players), max(peer.smallest(players), 4 * players), 0
    )  # imports and compiles
    box = BlackBox(smooth, players)
    started = time.process_time()
    peer.values(box, budget, 0)
    return time.process_time() - started - box.seconds
