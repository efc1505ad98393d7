"""What networks of a picture and a log-mel share: their inputs' statistics, and how forward is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import SHAPES, SPEECH_SHAPE, NetworkConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

# the statistics that published weights were made with; pictures are RGB in [0, 1]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class PairNetwork(ABC):
    """A network of pictures and log-mels that owns ``module`` (see `networks.Network`).

    Its constructor sets ``module``, then calls `_register_inputs`.
    """

    module: nn.Module
    separable = True

    def _register_inputs(self) -> None:
        """Buffers: the training set's means, which the trainer fills; ImageNet's, which no file stores."""
        import torch

        self.module.register_buffer("absence_image", torch.zeros(3, 1, 1))
        self.module.register_buffer("absence_speech", torch.zeros(1, SPEECH_SHAPE[1], 1))
        for name, values in (("image_mean", IMAGENET_MEAN), ("image_std", IMAGENET_STD)):
            self.module.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def _standardised(self, batch: Tensor) -> Tensor:
        """By ImageNet's statistics: pictures, or one grey channel that becomes three → (B, 3, h, w)."""
        return (batch - self.module.get_buffer("image_mean")) / self.module.get_buffer("image_std")

    @property
    def absence_mean(self) -> Mapping[Modality, Tensor]:
        return {
            Modality.IMAGE: self.module.get_buffer("absence_image"),
            Modality.SPEECH: self.module.get_buffer("absence_speech"),
        }

    @abstractmethod
    def embed(self, modality: Modality, batch: Tensor) -> Tensor:
        """(B, 3|1, 128, 128) → (B, D)."""

    @abstractmethod
    def fuse(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, D) per modality → logits (B, C)."""

    def forward(self, images: Tensor, log_mels: Tensor) -> Tensor:
        """(B, 3, 128, 128), (B, 1, 128, 128) → logits (B, C)."""
        return self.fuse(
            {
                Modality.IMAGE: self.embed(Modality.IMAGE, images),
                Modality.SPEECH: self.embed(Modality.SPEECH, log_mels),
            }
        )


def chosen_streams(config: NetworkConfig) -> tuple[Modality, ...]:
    """The option ``streams``: what the network looks at, in the order of `SHAPES`.

    Raises
    ------
    SierError : it is no list of one or both modalities.
    """
    given = config.options["streams"]
    known = [str(m) for m in SHAPES]
    names = [m for m in known if m in given] if isinstance(given, list | tuple) else []
    if not names or len(names) < len(given):
        raise SierError(
            f"streams = {given!r} is not an option of network {config.kind}.",
            f"Use one or both of {', '.join(known)}, in a list.",
        )
    return tuple(m for m in SHAPES if str(m) in given)
