"""What a network is to the rest of the program, and how one is made from a release's config."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from torch import Tensor, nn

GROUP = "sier_gui.networks"  # entry points: installed packages that bring networks
IMAGE_SHAPE = (3, 128, 128)
SPEECH_SHAPE = (1, 128, 128)
SHAPES: Mapping[Modality, tuple[int, int, int]] = {
    Modality.IMAGE: IMAGE_SHAPE,
    Modality.SPEECH: SPEECH_SHAPE,
}

# Loaded when first built, so that listing kinds costs no torch.
BUILT_IN: Mapping[str, str] = {
    "parallelnet": "sier_gui.core.nets.parallelnet:PARALLELNET",
    "transfer": "sier_gui.core.nets.transfer:TransferNet",
}


class Network(Protocol):
    """A plain class that owns its torch module: core imports without torch.

    ``module`` holds parameters and buffers (state_dict, train/eval, to(device)). Its buffers
    ``absence_image`` (3, 1, 1) and ``absence_speech`` (1, mels, 1) are the training set's means, given
    again by ``absence_mean``; the trainer fills them.
    """

    classes: tuple[str, ...]
    separable: bool  # forward is fuse of the embeds: coalitions can be factorised
    module: nn.Module

    @property
    def absence_mean(self) -> Mapping[Modality, Tensor]: ...

    def embed(self, modality: Modality, batch: Tensor) -> Tensor:
        """(B, 3|1, 128, 128) in [0, 1] → (B, D)."""
        ...

    def fuse(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, D) per modality → logits (B, C)."""
        ...

    def forward(self, images: Tensor, log_mels: Tensor) -> Tensor:
        """``fuse`` of the two ``embed``s: logits (B, C)."""
        ...


@runtime_checkable
class CachesFeatures(Protocol):
    """A network whose first part is frozen: the trainer computes that part once for each picture or sound.

    ``embed(m, x)`` equals ``embed_features(m, features(m, x))``. ``features`` runs without gradient and its
    parameters have ``requires_grad = False``.
    """

    def features(self, modality: Modality, batch: Tensor) -> Tensor:
        """(B, 3|1, 128, 128) → (B, …), small enough to keep for every augmented copy."""
        ...

    def embed_features(self, modality: Modality, features: Tensor) -> Tensor:
        """(B, …) → (B, D)."""
        ...


@runtime_checkable
class FusesGrids(Protocol):
    """A separable network that fuses all pairs of many embeddings for less than one by one."""

    def fuse_grid(self, images: Tensor, speech: Tensor) -> Tensor:
        """(K, D), (L, D) → logits (K, L, C)."""
        ...


@runtime_checkable
class HasFused(Protocol):
    """A network that shows what its heads see: the layer in which the modalities have met."""

    def fused(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, D) per modality → (B, F), all that `fuse` computes its logits from, side by side."""
        ...


@runtime_checkable
class HasStreamLogits(Protocol):
    """A network with a classifier for each stream, which a training stage can train by itself."""

    def stream_logits(self, modality: Modality, embedding: Tensor) -> Tensor:
        """(B, D) → logits (B, C) from this stream only."""
        ...


@runtime_checkable
class Pretrained(Protocol):
    """A network that can start from published weights. Only the trainer calls this, never loading."""

    def load_pretrained(self, sources: Mapping[str, str]) -> None:
        """The config's ``[init]``: part of the network → "vgg16", "vgg19", or a safetensors file."""
        ...


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The ``[network]`` table of a release or a training config.

    ``width`` scales channels and dense sizes; ``options`` are the kind's own keys (for ParallelNet those of
    `parallelnet.Family`), checked against the kind when the network is built.
    """

    kind: str
    classes: tuple[str, ...]
    width: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise SierError(
                f"A network needs at least two different classes, not {list(self.classes)}.",
                "Correct classes in the config.",
            )
        if not (math.isfinite(self.width) and 0 < self.width <= 1):
            raise SierError(f"Network width {self.width} is not in (0, 1].", "Use for example 0.125.")

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> NetworkConfig:
        """From a TOML table: ``kind``, ``classes``, ``width``; all other keys are options of the kind."""
        rest = dict(table)
        kind, classes, width = rest.pop("kind", None), rest.pop("classes", None), rest.pop("width", 1.0)
        if not isinstance(kind, str) or not kind:
            raise SierError("The network's config names no kind.", 'Add kind = "parallelnet".')
        if not isinstance(classes, list) or not all(isinstance(c, str) and c for c in classes):
            raise SierError("The network's classes are not a list of names.", 'Write classes = ["a", "b"].')
        if isinstance(width, bool) or not isinstance(width, int | float):
            raise SierError(f"The network's width {width!r} is not a number.", "Use for example 0.125.")
        return cls(kind, tuple(classes), float(width), rest)

    def to_table(self) -> dict[str, Any]:
        return {"kind": self.kind, "classes": list(self.classes), "width": self.width, **self.options}


class NetworkFactory(Protocol):
    """What a registry entry is: the network's class, or an object that chooses among classes.

    ``options``: the keys it knows, with defaults. They are
    merged before the call: the factory reads every key from ``config.options``.
    """

    options: Mapping[str, Any]

    def __call__(self, config: NetworkConfig) -> Network: ...


def kinds() -> tuple[str, ...]:
    """Names that ``build`` accepts: the built-in ones and those of installed packages."""
    installed = {point.name for point in entry_points(group=GROUP)}
    return tuple(sorted(installed | set(BUILT_IN)))


def build(config: NetworkConfig) -> Network:
    """A fresh network of ``config.kind`` with randomly initialised weights (torch's seed decides).

    Raises
    ------
    SierError : the kind or one of its options is unknown, or the package that brings it does not load.
    """
    factory = _factory(config.kind)
    unknown = sorted(set(config.options) - set(factory.options))
    if unknown:
        raise SierError(
            f"Network {config.kind} knows no option {', '.join(unknown)}.",
            f"Known ones: kind, classes, width, {', '.join(factory.options)}.",
        )
    options = {**factory.options, **config.options}
    return factory(NetworkConfig(config.kind, config.classes, config.width, options))


def parameter_count(network: Network) -> int:
    return sum(p.numel() for p in network.module.parameters())


def _factory(kind: str) -> NetworkFactory:
    if kind in BUILT_IN:
        module, _, name = BUILT_IN[kind].partition(":")
        return cast(NetworkFactory, getattr(import_module(module), name))
    found = [point for point in entry_points(group=GROUP) if point.name == kind]
    if not found:
        raise SierError(f"There is no network {kind!r}.", f"Known ones: {', '.join(kinds())}.")
    load: Callable[[], Any] = found[0].load
    try:
        return cast(NetworkFactory, load())
    except (ImportError, AttributeError) as error:
        raise SierError(
            f"The package that brings network {kind!r} does not load: {error}.", "Install it again."
        ) from error
