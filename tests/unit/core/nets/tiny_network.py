"""Two networks small enough for tests, brought by entry points as an installed package would bring them."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from sier_gui.core.domain import Modality

CELLS = {Modality.IMAGE: 3 * 64, Modality.SPEECH: 64}


class TinyRaw:
    """Averages over 16×16 cells, one dense layer for each stream, one for the fusion."""

    options: ClassVar = {"hidden": 8, "dropout": 0.1}
    separable = True

    def __init__(self, config):
        self.classes = config.classes
        hidden, classes = config.options["hidden"], len(config.classes)
        dropout = config.options["dropout"]
        self.module = nn.ModuleDict(
            {
                f"dense_{m}": nn.Sequential(nn.Linear(n, hidden), nn.Tanh(), nn.Dropout(dropout))
                for m, n in CELLS.items()
            }
            | {f"head_{m}": nn.Linear(hidden, classes) for m in CELLS}
            | {"fusion": nn.Linear(2 * hidden, classes)}
        )
        self.module.register_buffer("absence_image", torch.zeros(3, 1, 1))
        self.module.register_buffer("absence_speech", torch.zeros(1, 128, 1))

    @property
    def absence_mean(self):
        return {m: self.module.get_buffer(f"absence_{m}") for m in Modality}

    def embed(self, modality, batch):
        return self.module[f"dense_{modality}"](F.avg_pool2d(batch, 16).flatten(1))

    def fuse(self, embeddings):
        return self.module["fusion"](torch.cat([embeddings[m] for m in Modality], 1))

    def forward(self, images, log_mels):
        return self.fuse(
            {
                Modality.IMAGE: self.embed(Modality.IMAGE, images),
                Modality.SPEECH: self.embed(Modality.SPEECH, log_mels),
            }
        )


class TinyCached(TinyRaw):
    """The same with its averages declared a frozen part, and logits for each stream."""

    calls = 0

    def features(self, modality, batch):
        TinyCached.calls += len(batch)
        return F.avg_pool2d(batch, 16).flatten(1)

    def embed_features(self, modality, features):
        return self.module[f"dense_{modality}"](features)

    def stream_logits(self, modality, embedding):
        return self.module[f"head_{modality}"](embedding)
