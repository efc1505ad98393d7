"""Which of many coalitions look the same from a place: the key to computing each layer only once for them.

An output of a convolution layer sees a window of the input, hence some neighbouring players. Masks that
agree on those players give it the same value. For exact Owen values on an 8×8 grid the 2,732 masks show
only 2 % different patterns to the windows after VGG's conv3_2, and 31 % after conv4_3 (docs/explain.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.explain.players import Ints

Bools = NDArray[np.bool_]
Longs = NDArray[np.int64]
Rows = NDArray[np.int32]
MOST_BITS = 62  # of a key


@dataclass(frozen=True, slots=True)
class Window:
    """What an output sees along an axis: ``size`` input cells from ``i·stride + start`` on."""

    size: int
    stride: int
    start: int

    def after_convolution(self) -> Window:
        """Of a 3-tap convolution with padding 1."""
        return Window(self.size + 2 * self.stride, self.stride, self.start - self.stride)

    def after_pool(self) -> Window:
        """Of a max-pool over pairs."""
        return Window(self.size + self.stride, 2 * self.stride, self.start)

    def players(self, owners: Ints, tile: int = 1) -> tuple[Ints, Ints]:
        """First and last player along an axis that each tile of ``tile`` outputs sees.

        ``owners`` (cells,) ascending; outputs are as many as strides fit in.
        """
        first = np.arange(0, len(owners) // self.stride, tile) * self.stride + self.start
        last = first + (tile - 1) * self.stride + self.size - 1
        ends = (owners[np.clip(cells, 0, len(owners) - 1)] for cells in (first, last))
        return next(ends), next(ends)


@dataclass(frozen=True, slots=True)
class Patterns:
    """Masks as seen from tiles: ``number[k, t]`` is the pattern that mask k shows to tile t.

    Pattern n belongs to tile ``tile[n]`` and is what mask ``mask[n]`` shows there.
    """

    number: Rows
    tile: Ints
    mask: Ints

    @property
    def share(self) -> float:
        """Different patterns per mask and tile: 1 where no two masks look the same."""
        return len(self.tile) / max(self.number.size, 1)


class MaskSet:
    """Masks (k, rows, columns) of one modality, and what each tile of a layer's outputs sees of them."""

    def __init__(self, masks: Bools) -> None:
        self._masks = masks
        self._known: dict[bytes, Patterns] = {}

    def __len__(self) -> int:
        return len(self._masks)

    def seen(self, rows: tuple[Ints, Ints], columns: tuple[Ints, Ints]) -> Patterns:
        """Patterns on the tiles of a grid; by first and last player that each tile sees."""
        key = b"|".join(np.asarray(ends, np.int64).tobytes() for ends in (*rows, *columns))
        if key not in self._known:
            self._known[key] = self._patterns(rows, columns)
        return self._known[key]

    def _patterns(self, rows: tuple[Ints, Ints], columns: tuple[Ints, Ints]) -> Patterns:
        bits = self._masks.astype(np.int64)
        first, last = columns
        along = _Key((*bits.shape[:2], len(first)))
        for offset in range(int((last - first).max()) + 1):
            places = first + offset
            along.push(bits[:, :, np.minimum(places, last)] * (places <= last), 1)
        first, last = rows
        key = _Key((len(bits), len(first), along.value.shape[2]))
        for offset in range(int((last - first).max()) + 1):
            places = first + offset
            key.push(along.value[:, np.minimum(places, last)] * (places <= last)[:, None], along.bits)
        tiles = key.value[0].size
        key.push(np.arange(tiles).reshape(key.value.shape[1:]), tiles.bit_length())
        number, count = numbered(key.value)
        first_at = np.empty(count, np.intp)
        first_at[number[::-1]] = np.arange(len(number))[::-1]
        return Patterns(number.reshape(len(bits), tiles), first_at % tiles, first_at // tiles)


class _Key:
    """Grows an integer key by bits; what no longer fits is numbered, which keeps equal what was equal."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.value: Longs = np.zeros(shape, np.int64)
        self.bits = 0

    def push(self, more: Longs, bits: int) -> None:
        if self.bits + bits > MOST_BITS:
            number, count = numbered(self.value)
            self.value, self.bits = number.reshape(self.value.shape).astype(np.int64), count.bit_length()
        self.value = self.value << bits | more
        self.bits += bits


def numbered(keys: Longs) -> tuple[Rows, int]:
    """Each key's number in order of first appearance, flat, and how many there are; hashing beats sorting."""
    import pyarrow as pa

    encoded = pa.array(keys.ravel()).dictionary_encode()
    return encoded.indices.to_numpy(), len(encoded.dictionary)
