"""Prefix tables: the first layers computed once per local pattern of players, then looked up.

An early layer's output sees a small window of the input. Where windows reach over at most m_r × m_c players,
it depends on 2^(m_r·m_c) patterns of presence at most, so as many passes hold every value that it can take in
any coalition: sixteen on an image whose patches are no narrower than the window (explain.md §2.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.explain.players import Ints

if TYPE_CHECKING:
    from torch import Tensor

Bools = NDArray[np.bool_]
MOST_BYTES = 256 * 2**20


@runtime_checkable
class HasPrefix(Protocol):
    """A network whose ``embed(m, x)`` equals ``suffix(m, prefix(m, x))``."""

    def prefix(self, modality: Modality, batch: Tensor) -> Sequence[Tensor]:
        """(B, channels, height, width) → parts (B, channels of the part, h, w), h and w common to all."""
        ...

    def suffix(self, modality: Modality, parts: Sequence[Tensor]) -> Tensor:
        """What ``prefix`` gave → (B, D)."""
        ...

    def prefix_window(self, modality: Modality) -> tuple[int, int, int]:
        """Size, stride and start: along both axes output i sees the cells [i·stride + start, … + size)."""
        ...


def first_players(owners: Ints, window: tuple[int, int, int]) -> tuple[Ints, int]:
    """The first player along one axis that each output sees, and how many it sees at most.

    ``owners`` (cells,) ascending; outputs are as many as strides fit in.
    """
    size, stride, start = window
    outputs = np.arange(len(owners) // stride) * stride + start
    first = owners[np.clip(outputs, 0, len(owners) - 1)]
    last = owners[np.clip(outputs + size - 1, 0, len(owners) - 1)]
    return first, int((last - first).max()) + 1


class PrefixTables:
    """Looks up what ``network.prefix`` gives for any coalition of one modality.

    Parameters
    ----------
    network : with a prefix.
    owners : (height | 1, width) which player owns a cell; a product of a row and a column number.
    shape : the players' layout, (rows, columns) or (segments,).
    masked : masks (b, players) → the input without the absent players.
    """

    def __init__(
        self,
        network: HasPrefix,
        modality: Modality,
        owners: Ints,
        shape: Sequence[int],
        masked: Callable[[Bools], Tensor],
    ) -> None:
        self._network, self._modality, self._masked = network, modality, masked
        self._shape = (1, *shape) if len(shape) == 1 else tuple(shape)
        window = network.prefix_window(modality)
        side = owners.shape[1]
        rows = owners[:, 0] // self._shape[1] if len(owners) > 1 else np.zeros(side, np.intp)
        first_row, m_rows = first_players(rows, window)
        first_column, m_columns = first_players(owners[0] % self._shape[1], window)
        self._first, self._reach = (first_row, first_column), (m_rows, m_columns)
        row, column = np.indices(self._shape)
        self._slots = (row % m_rows) * m_columns + column % m_columns
        self.patterns = 2 ** (m_rows * m_columns)
        self._tables: list[Tensor] | None = None

    def fits(self) -> bool:
        """Whether the tables stay within `MOST_BYTES`; asks for one pass."""
        if self.patterns > 2**12:
            return False
        parts = self._network.prefix(self._modality, self._masked(self._pattern_masks(0, 1)))
        return self.patterns * sum(part.numel() * part.element_size() for part in parts) <= MOST_BYTES

    def build(self, batch: int) -> Iterator[None]:
        """Compute the tables, ``batch`` patterns at a time; yields after each."""
        import torch

        found: list[list[Tensor]] = []
        for start in range(0, self.patterns, batch):
            masks = self._pattern_masks(start, min(start + batch, self.patterns))
            parts = self._network.prefix(self._modality, self._masked(masks))
            found.append([part.permute(0, 2, 3, 1).flatten(0, 2) for part in parts])
            yield
        self._tables = [torch.cat(part) for part in zip(*found, strict=True)]

    @property
    def built(self) -> bool:
        return self._tables is not None

    def embed(self, masks: Bools) -> Tensor:
        """(b, players) → (b, D), by look-up and the network's suffix."""
        import torch

        assert self._tables is not None
        height, width = (len(first) for first in self._first)
        patterns = self._patterns_at(masks)
        rows = patterns * (height * width) + np.arange(height * width).reshape(height, width)
        index = torch.from_numpy(rows.ravel()).to(self._tables[0].device)
        parts = [
            # channels lie last in the table, so this is a tensor in channels_last without a copy
            table.index_select(0, index).view(len(masks), height, width, -1).permute(0, 3, 1, 2)
            for table in self._tables
        ]
        return self._network.suffix(self._modality, parts)

    def _pattern_masks(self, start: int, stop: int) -> Bools:
        """Masks (stop − start, players) that repeat a pattern over all players."""
        bits = np.arange(start, stop)[:, None, None] >> self._slots & 1
        return bits.astype(bool).reshape(stop - start, math.prod(self._shape))

    def _patterns_at(self, masks: Bools) -> Ints:
        """(b, players) → (b, h, w): the pattern that each output sees."""
        bits = masks.reshape(-1, *self._shape).astype(np.intp) << self._slots
        m_rows, m_columns = self._reach
        bits = np.pad(bits, ((0, 0), (0, m_rows - 1), (0, m_columns - 1)))  # beyond the last: never seen
        first_row, first_column = self._first
        by_row = np.sum([bits[:, first_row + i] for i in range(m_rows)], axis=0)
        patterns: Ints = np.sum([by_row[:, :, first_column + j] for j in range(m_columns)], axis=0)
        return patterns
