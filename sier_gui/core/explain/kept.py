"""Embeddings that were computed before: a game that grows asks for old masks beside new ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sier_gui.core.explain.patterns import Bools

if TYPE_CHECKING:
    from torch import Tensor

MOST_KEPT = 4096  # masks of a modality; at full width 16 MiB


class KeptEmbeddings:
    """Of one modality, by mask: the first `MOST_KEPT`."""

    def __init__(self) -> None:
        self._rows: dict[bytes, Tensor] = {}

    def add(self, masks: Bools, embeddings: Tensor) -> None:
        """Masks (k, players) and their embeddings (k, D)."""
        for mask, row in zip(masks, embeddings, strict=True):
            if len(self._rows) >= MOST_KEPT:
                return
            self._rows.setdefault(mask.tobytes(), row)

    def embedded(self, masks: Bools, compute: Callable[[Bools], Tensor]) -> Tensor:
        """(k, players) → (k, D); ``compute`` is asked for the masks that are new."""
        import torch

        known = [self._rows.get(mask.tobytes()) for mask in masks]
        new = np.array([row is None for row in known])
        if new.all():
            found = compute(masks)
            self.add(masks, found)
            return found
        if new.any():
            found = compute(masks[new])
            self.add(masks[new], found)
            fresh = iter(found)
            known = [next(fresh) if row is None else row for row in known]
        return torch.stack([row for row in known if row is not None])
