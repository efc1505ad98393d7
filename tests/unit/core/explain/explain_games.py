"""Games with known values, and a small network that a game can be played on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from math import factorial, prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.explain.game import corners_of

IMAGE, SPEECH = Modality.IMAGE, Modality.SPEECH


class SetGame:
    """A game given by a function of joint masks, (n, players) bool → (n, C), image players first."""

    def __init__(self, shapes: Mapping[Modality, tuple[int, ...]], value: Callable[[Any], Any]) -> None:
        self.shapes, self.corners, self._value = shapes, corners_of(shapes), value
        self.asked: list[bytes] = []

    @classmethod
    def random(cls, shapes: Mapping[Modality, tuple[int, ...]], seed: int, classes: int = 3) -> SetGame:
        """Every coalition has values of its own."""
        players = sum(prod(shape) for shape in shapes.values())
        table = np.random.default_rng(seed).normal(size=(2**players, classes))
        return cls(shapes, lambda masks: table[masks @ (1 << np.arange(players))])

    def values(self, masks: Mapping[Modality, Any], index: Mapping[Modality, Any]) -> Any:
        joint = np.concatenate([masks[m][index[m]] for m in self.shapes], axis=1)
        self.asked += [row.tobytes() for row in joint]
        return self._value(joint)

    def of(self, *present: int) -> Any:
        """Value (C,) of a coalition of joint player numbers."""
        mask = np.zeros((1, sum(prod(shape) for shape in self.shapes.values())), bool)
        mask[0, list(present)] = True
        return self._value(mask)[0]


def flat(values: Mapping[Modality, Any]) -> Any:
    """(C, …) per modality → (players, C), image players first."""
    return np.concatenate([v.reshape(len(v), -1).T for v in values.values()])


def brute_force(game: SetGame) -> Any:
    """Shapley values (players, C) from the definition: the sum over all coalitions without the player."""
    n = sum(prod(shape) for shape in game.shapes.values())
    values = []
    for player in range(n):
        others = [p for p in range(n) if p != player]
        total = 0
        for bits in product((0, 1), repeat=n - 1):
            inside = [p for p, bit in zip(others, bits, strict=True) if bit]
            weight = factorial(len(inside)) * factorial(n - len(inside) - 1) / factorial(n)
            total = total + weight * (game.of(*inside, player) - game.of(*inside))
        values.append(total)
    return np.array(values)


class TinyNet:
    """A separable network on 32×32 inputs: convolution and dense layer per modality, then a mixing head."""

    separable = True

    def __init__(self, classes: tuple[str, ...] = ("a", "b", "c"), *, seed: int = 0, double: bool = False):
        import torch
        from torch import nn

        torch.manual_seed(seed)
        self.classes = classes
        embed = {
            str(m): nn.Sequential(
                nn.Conv2d(channels, 4, 5, stride=2),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(7),
                nn.Flatten(),
                nn.Linear(196, 16),
                nn.Tanh(),
            )
            for m, channels in ((IMAGE, 3), (SPEECH, 1))
        }
        head = nn.Sequential(nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, len(classes)))
        self.module = nn.ModuleDict({**embed, "head": head}).eval()
        with torch.no_grad():
            head[2].weight.mul_(6)  # confident, so that probabilities differ
        if double:
            self.module.double()
        self.calls = 0

    @property
    def absence_mean(self) -> dict[Modality, Any]:
        import torch

        return {IMAGE: torch.full((3, 1, 1), 0.4), SPEECH: torch.full((1, 32, 1), 0.3)}

    def embed(self, modality: Modality, batch: Any) -> Any:
        self.calls += 1
        return self.module[str(modality)](batch - 0.5)

    def fuse(self, embeddings: Mapping[Modality, Any]) -> Any:
        import torch

        product_ = embeddings[IMAGE] * embeddings[SPEECH]
        return self.module["head"](torch.cat([product_, embeddings[IMAGE] + embeddings[SPEECH]], dim=1))

    def forward(self, images: Any, log_mels: Any) -> Any:
        return self.fuse({IMAGE: self.embed(IMAGE, images), SPEECH: self.embed(SPEECH, log_mels)})


SMALL_FRONT = FrontEnd(image_size=32, mels=32, frames=32, n_fft=512)


def predictor_of(network: Any, front: FrontEnd = SMALL_FRONT) -> Any:
    """What `explain` uses of a Predictor."""
    release = SimpleNamespace(weights_hash="0123abcd", label="tiny/1")
    return SimpleNamespace(
        network=network, front=front, classes=network.classes, device="cpu", release=release
    )


def generated_inputs(
    seconds: float = 1.0, *, front: FrontEnd = SMALL_FRONT, size: tuple[int, int] = (60, 80), seed: int = 0
) -> Any:
    """A noisy picture of ``size`` (height, width) and noisy speech through the real front end."""
    from sier_gui.core.dataset.inputs import inputs_from

    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    speech = (0.3 * rng.normal(size=round(seconds * front.sample_rate))).astype(np.float32)
    return inputs_from(f"sample-{seed}", picture, speech, front)
