"""From the outputs of trunk and convolution networks to logits: equations 1 and 2, and a stream alone.

An embedding here is a modality's trunk output followed by its convolution network's, (B, 2·dense).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from sier_gui.core.domain import Modality
from sier_gui.core.nets.rows import product

if TYPE_CHECKING:
    from torch import Tensor, nn

HEADS = ("head_speech", "head_image", "head_product")


def head(dense: int, hidden: int, classes: int, dropout: float) -> nn.Module:
    """Dense 1024, 1024 and classes of §3.2.2, scaled: (B, dense) → (B, classes)."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(dense, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )


class Fusing(Protocol):
    """What a network of the family does with its embeddings."""

    def fuse(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, D) per modality → logits (B, C)."""
        ...

    def fused(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, D) per modality → (B, F): what the heads see, side by side."""
        ...

    def fuse_grid(self, images: Tensor, speech: Tensor) -> Tensor:
        """(K, D), (L, D) → logits (K, L, C): `fuse` of all pairs."""
        ...


class HybridFusing:
    """F_i, F_s and F_mul, a head for each, weighted addition.

    Parameters
    ----------
    module : has `HEADS` and ``late_weights``.
    crossing : what is added to trunk_i and to trunk_s: conv_s and conv_i ("crisscross"); conv_s and trunk_i
        ("printed", equation 1 as it stands: conv_i is then unused); conv_i and conv_s ("own").
    product : F_mul is the product of F_i and F_s, else their sum.
    """

    def __init__(self, module: nn.Module, dense: int, crossing: str, *, product: bool) -> None:
        self._module, self._dense, self._crossing, self._product = module, dense, crossing, product

    def fuse(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        f_speech, f_image, f_product = self._met(embeddings)
        w = self._module.get_parameter("late_weights").softmax(0)
        part = self._module.get_submodule
        return (
            w[0] * part("head_speech")(f_speech)
            + w[1] * part("head_image")(f_image)
            + w[2] * part("head_product")(f_product)
        )

    def fused(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """F_s, F_i and F_mul: (B, 3·dense)."""
        import torch

        return torch.cat(self._met(embeddings), dim=1)

    def _met(self, embeddings: Mapping[Modality, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """F_s, F_i and F_mul, (B, dense) each."""
        trunk_i, conv_i = embeddings[Modality.IMAGE].split(self._dense, dim=1)
        trunk_s, conv_s = embeddings[Modality.SPEECH].split(self._dense, dim=1)
        added_i, added_s = {
            "crisscross": (conv_s, conv_i),
            "printed": (conv_s, trunk_i),
            "own": (conv_i, conv_s),
        }[self._crossing]
        f_image, f_speech = trunk_i + added_i, trunk_s + added_s
        return f_speech, f_image, f_image * f_speech if self._product else f_image + f_speech

    def fuse_grid(self, images: Tensor, speech: Tensor) -> Tensor:
        """F_i and F_s are sums of an image's and an utterance's share, so a head's first layer on them is the
        sum of its products with the shares, K + L products in place of K·L. Not for "own".
        """
        trunk_i, conv_i = images.split(self._dense, dim=1)
        trunk_s, conv_s = speech.split(self._dense, dim=1)
        own = conv_i if self._crossing == "crisscross" else trunk_i
        w = self._module.get_parameter("late_weights").softmax(0)
        logits = w[0] * self._head_of_sums("head_speech", own, trunk_s)
        logits += w[1] * self._head_of_sums("head_image", trunk_i, conv_s)
        if not self._product:
            return logits + w[2] * self._head_of_sums("head_product", trunk_i + own, trunk_s + conv_s)
        f_product = (trunk_i[:, None] + conv_s) * (own[:, None] + trunk_s)
        weight, bias = self._layer("head_product.0")
        hidden = product(f_product.flatten(0, 1), weight, bias)
        return logits + w[2] * self._after_first("head_product", hidden).view_as(logits)

    def _head_of_sums(self, name: str, images: Tensor, speech: Tensor) -> Tensor:
        """A head on the sums of all pairs: (K, dense), (L, dense) → (K, L, C)."""
        weight, bias = self._layer(f"{name}.0")
        hidden = product(images, weight, None)[:, None] + product(speech, weight, bias)
        return self._after_first(name, hidden.flatten(0, 1)).view(len(images), len(speech), -1)

    def _after_first(self, name: str, hidden: Tensor) -> Tensor:
        """(n, hidden) before the first ReLU → (n, C)."""
        from torch.nn.functional import linear

        hidden = product(hidden.relu_(), *self._layer(f"{name}.3"))
        return linear(hidden.relu_(), *self._layer(f"{name}.6"))

    def _layer(self, name: str) -> tuple[Tensor, Tensor]:
        """Weight and bias."""
        return self._module.get_parameter(f"{name}.weight"), self._module.get_parameter(f"{name}.bias")


class OneStream:
    """A single modality: F = trunk + conv, and its head; the other modality's embedding is not looked at."""

    def __init__(self, module: nn.Module, dense: int, modality: Modality) -> None:
        self._module, self._dense, self._modality = module, dense, modality

    def fuse(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        logits: Tensor = self._module.get_submodule(f"head_{self._modality}")(self.fused(embeddings))
        return logits

    def fused(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """F: (B, dense)."""
        trunk, conv = embeddings[self._modality].split(self._dense, dim=1)
        return trunk + conv

    def fuse_grid(self, images: Tensor, speech: Tensor) -> Tensor:
        given = {Modality.IMAGE: images, Modality.SPEECH: speech}
        logits = self.fuse(given)
        along = logits[:, None] if self._modality is Modality.IMAGE else logits[None]
        return along.expand(len(images), len(speech), -1)
