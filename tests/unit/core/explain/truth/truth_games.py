"""Games and networks whose true maps are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from sier_gui.core.dataset.inputs import inputs_from
from sier_gui.core.domain import FrontEnd, Modality, SampleInputs
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.game import corners_of
from sier_gui.core.explain.players import players_for
from sier_gui.core.explain.truth.case import Case

IMAGE, SPEECH = Modality.IMAGE, Modality.SPEECH
SIDE = 32
FRONT = FrontEnd(image_size=SIDE, mels=SIDE, frames=SIDE, n_fft=512)
CLASSES = ("a", "b", "c")


class SetGame:
    """A game given by a function of joint masks, (n, players) bool → (n, C), image players first."""

    def __init__(self, shapes: Mapping[Modality, tuple[int, ...]], value: Callable[[Any], Any]) -> None:
        self.shapes, self.corners, self.value = shapes, corners_of(shapes), value
        self.asked: list[bytes] = []

    def values(self, masks: Mapping[Modality, Any], index: Mapping[Modality, Any]) -> Any:
        joint = np.concatenate([masks[m][index[m]] for m in self.shapes], axis=1)
        self.asked += [row.tobytes() for row in joint]
        return self.value(joint)


def random_game(shapes: Mapping[Modality, tuple[int, ...]], seed: int = 0) -> SetGame:
    """Every coalition has values of its own, for two classes."""
    players = sum(prod(shape) for shape in shapes.values())
    table = np.random.default_rng(seed).normal(size=(2**players, 2))
    return SetGame(shapes, lambda masks: table[masks @ (1 << np.arange(players))])


class ToyNet:
    """embed = the modality's module, fuse = the sum of both: logits (B, C)."""

    def __init__(
        self, image: nn.Module, speech: nn.Module, *, separable: bool = True, names: str = "{}"
    ) -> None:
        self.classes, self.separable = CLASSES, separable
        self._names = {m: names.format(m) for m in (IMAGE, SPEECH)}
        self.module = nn.ModuleDict({self._names[IMAGE]: image, self._names[SPEECH]: speech}).double().eval()
        self.embedded = 0

    @property
    def absence_mean(self) -> dict[Modality, torch.Tensor]:
        return {IMAGE: torch.full((3, 1, 1), 0.4), SPEECH: torch.full((1, SIDE, 1), 0.3)}

    def embed(self, modality: Modality, batch: torch.Tensor) -> torch.Tensor:
        self.embedded += len(batch)
        return self.module[self._names[modality]](batch)

    def fuse(self, embeddings: Mapping[Modality, torch.Tensor]) -> torch.Tensor:
        return embeddings[IMAGE] + embeddings[SPEECH]

    def forward(self, images: torch.Tensor, log_mels: torch.Tensor) -> torch.Tensor:
        return self.fuse({IMAGE: self.embed(IMAGE, images), SPEECH: self.embed(SPEECH, log_mels)})


def linear_net(seed: int = 0) -> ToyNet:
    """Logits are sums over pixels and log-mel cells: with zeros for absent the game is additive."""
    torch.manual_seed(seed)
    image, speech = (
        nn.Sequential(nn.Flatten(), nn.Linear(c * SIDE * SIDE, len(CLASSES), bias=False)) for c in (3, 1)
    )
    return ToyNet(image, speech)


def pooled_net(seed: int = 0, **options: Any) -> ToyNet:
    """Convolutions, ReLU, mean over the map, dense: where Grad-CAM is CAM, and exact."""
    torch.manual_seed(seed)

    def stream(channels: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(channels, 4, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 5, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(5, len(CLASSES)),
        )

    return ToyNet(stream(3), stream(1), **options)


def inputs_of(seconds: float = 1.0, *, front: FrontEnd = FRONT, seed: int = 0) -> SampleInputs:
    """A noisy picture and noisy speech through the real front end."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    speech = (0.3 * rng.normal(size=round(seconds * front.sample_rate))).astype(np.float32)
    return inputs_from(f"sample-{seed}", picture, speech, front)


def case_of(network: Any, *, grid: int = 3, segments: int = 5, value: str = "logit", target: int = 1) -> Case:
    """A noisy sample, with other noise for the absent: no cell is the same."""
    inputs = inputs_of()
    absent = {m: np.random.default_rng(7).random(x.shape, np.float32) for m, x in inputs.tensors.items()}
    players = players_for(inputs, FRONT, ExplainRequest(grid=grid, segments=segments))
    return Case(network, inputs.tensors, absent, players, target, value)


def predictor_of(network: Any, front: FrontEnd = FRONT, config: Any = None) -> Any:
    """What the checks use of a Predictor."""
    release = SimpleNamespace(weights_hash="0123abcd", label="toy/1", network=config)
    return SimpleNamespace(
        network=network, front=front, classes=network.classes, device="cpu", release=release
    )
