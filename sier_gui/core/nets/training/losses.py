"""The paper's loss: cross entropy and focal loss, weighted (journal version §4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.nets.training.config import Loss

if TYPE_CHECKING:
    from torch import Tensor


def losses_of(logits: Tensor, targets: Tensor, config: Loss) -> Tensor:
    """(B,) cross_entropy·(−log p_y) + focal·(1 − p_y)^γ·(−log p_y).

    Focal loss: arXiv:1708.02002 equation 4. ``logits`` (B, C), ``targets`` (B,) class indices.
    """
    log_p = logits.log_softmax(1).gather(1, targets[:, None]).squeeze(1)
    # 1 - p by expm1: near p = 1 the difference would lose all digits, and with it the gradient
    miss = -log_p.expm1()
    return -(config.cross_entropy + config.focal * miss.clamp_min(1e-12) ** config.gamma) * log_p


def loss_of(logits: Tensor, targets: Tensor, config: Loss, class_weights: Tensor | None = None) -> Tensor:
    """Mean of `losses_of` over the batch, weighted by ``class_weights`` (C,) as torch's does."""
    each = losses_of(logits, targets, config)
    if class_weights is None:
        return each.mean()
    weights = class_weights[targets]
    return (each * weights).sum() / weights.sum()


def balanced_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """(classes,) n / (classes · n_c): every class weighs the same in all; 0 for a class without samples."""
    counts = np.bincount(labels, minlength=classes)
    present = max(int((counts > 0).sum()), 1)
    weights = np.where(counts > 0, len(labels) / (present * np.maximum(counts, 1)), 0.0)
    return weights.astype(np.float32)
