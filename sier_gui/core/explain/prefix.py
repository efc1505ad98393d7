"""Prefix tables: the first layers computed once per local pattern of players, then looked up.

An early layer's output sees a small window of the input. Where windows reach over at most m_r × m_c players,
it depends on 2^(m_r·m_c) patterns of presence at most, so as many passes hold every value that it can take in
any coalition: sixteen on an image whose patches are no narrower than the window (explain.md §2.2). Later
layers see too many players for that; they are computed for what the masks at hand show (`sharing`).
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.explain.cost import Batching, Cost, counted
from sier_gui.core.explain.patterns import Bools, MaskSet, Window
from sier_gui.core.explain.plans import PLANS, Plan, Rows
from sier_gui.core.explain.players import Ints
from sier_gui.core.explain.sharing import Maps, SharedColumn, local_layers, whole_maps
from sier_gui.core.nets.rows import product

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST_BYTES = 2**30  # of tables: 512 patterns of a 16×16 grid at full width take half of it


@runtime_checkable
class HasPrefix(Protocol):
    """A network whose ``embed(m, x)`` equals ``join(m, outputs of columns(m) on prefix(m, x))``."""

    def prefix(self, modality: Modality, batch: Tensor) -> Sequence[Tensor]:
        """(B, channels, height, width) → parts (B, channels of the part, h, w), h and w common to all."""
        ...

    def columns(self, modality: Modality) -> Sequence[nn.Sequential]:
        """What each part goes through next."""
        ...

    def join(self, modality: Modality, outputs: Sequence[Tensor]) -> Tensor:
        """What the columns gave, (B, …) each → (B, D)."""
        ...

    def prefix_window(self, modality: Modality) -> tuple[int, int, int]:
        """Size, stride and start: along both axes output i sees the cells [i·stride + start, … + size)."""
        ...


class PrefixTables:
    """Embeds many masks of one modality, computing what they have in common once.

    Parameters
    ----------
    network : with a prefix.
    owners : (height | 1, width) which player owns a cell; a product of a row and a column number.
    shape : the players' layout, (rows, columns) or (segments,).
    masked : masks (b, players) → the input without the absent players.
    batching : of the network's device.
    after_batch : called with the number of masks that just became embeddings, 0 in between; may raise
        `Cancelled`.
    """

    def __init__(
        self,
        network: HasPrefix,
        modality: Modality,
        owners: Ints,
        shape: Sequence[int],
        masked: Callable[[Bools], Tensor],
        batching: Batching,
        after_batch: Callable[[int], None],
    ) -> None:
        self._network, self._modality, self._masked = network, modality, masked
        self._batching, self._after_batch = batching, after_batch
        self._shape = (1, *shape) if len(shape) == 1 else tuple(shape)
        side = owners.shape[1]
        rows = owners[:, 0] // self._shape[1] if len(owners) > 1 else np.zeros(side, np.intp)
        self._owners = (rows, owners[0] % self._shape[1])
        self._window = Window(*network.prefix_window(modality))
        ends = [self._window.players(along) for along in self._owners]
        self._first = tuple(first for first, _ in ends)
        self._reach = tuple(int((last - first).max()) + 1 for first, last in ends)
        row, column = np.indices(self._shape)
        self._slots = (row % self._reach[0]) * self._reach[1] + column % self._reach[1]
        self.patterns = 2 ** math.prod(self._reach)
        self._known: dict[int, list[Tensor]] = {}  # patterns that were computed before the others
        self._tables: list[Tensor] | None = None
        self._columns: list[tuple[nn.Sequential, SharedColumn]] = []
        self._costs: dict[tuple[int, int], Cost] = {}

    def alone(self, mask: Bools) -> Tensor:
        """(1, players) → (1, D) as the network does it; tables keep what nobody and everybody give."""
        parts = self._network.prefix(self._modality, self._masked(mask))
        if mask.all() or not mask.any():
            self._known[self.patterns - 1 if mask.all() else 0] = _as_rows(parts)
        columns = zip(self._network.columns(self._modality), parts, strict=True)
        return self._network.join(self._modality, [column(part) for column, part in columns])

    def fits(self) -> bool:
        """Whether the tables stay within `MOST_BYTES`; asks the first layers if nobody did before."""
        if self.patterns > 2**12:
            return False
        if not self._known:
            self._known[0] = self._computed(0, 1)
        one = next(iter(self._known.values()))
        return self.patterns * sum(part.numel() * part.element_size() for part in one) <= MOST_BYTES

    def build(self, batch: int) -> Iterator[None]:
        """Compute the tables, ``batch`` patterns at a time; yields after each."""
        import torch

        found: list[list[Tensor]] = []
        start = 0
        while start < self.patterns:
            stop = start + 1
            if start in self._known:
                found.append(self._known.pop(start))
            else:
                stop = next((n for n in sorted(self._known) if n > start), self.patterns)
                stop = min(stop, start + batch)
                found.append(self._computed(start, stop))
                yield
            start = stop
        padding = [part.new_zeros(1, part.shape[1]) for part in found[0]]
        self._tables = [torch.cat(part) for part in zip(*found, padding, strict=True)]
        shape = (len(self._first[0]), len(self._first[1]))
        for column, table in zip(self._network.columns(self._modality), self._tables, strict=True):
            layers = local_layers(column, table.shape[1])
            shared = SharedColumn(layers, shape, self._window, self._owners, self._batching, self._pause)
            self._columns.append((column, shared))

    def _computed(self, start: int, stop: int) -> list[Tensor]:
        """The first layers' outputs for these patterns, one row per place."""
        return _as_rows(self._network.prefix(self._modality, self._masked(self._pattern_masks(start, stop))))

    def _pause(self) -> None:
        self._after_batch(0)

    @property
    def built(self) -> bool:
        return self._tables is not None

    def embed(self, masks: Bools) -> Tensor:
        """(k, players) → (k, D)."""
        import torch

        assert self._tables is not None
        height, width = (len(first) for first in self._first)
        channels = sum(table.shape[1] for table in self._tables)
        at_once = self._batching.masks(height * width * channels * self._tables[0].element_size())
        return torch.cat(
            [self._embedded(masks[start : start + at_once]) for start in range(0, len(masks), at_once)]
        )

    def _embedded(self, masks: Bools) -> Tensor:
        assert self._tables is not None
        plan = PLANS.get(self._key(masks), lambda: self._plan(masks))
        outputs = []
        for number, (column, shared) in enumerate(self._columns):
            maps = shared.run(plan[number], self._tables[number])
            done = plan[number].done
            outputs.append(self._finished(list(column)[done:], maps, (number, done)))
        self._after_batch(len(masks))
        return self._network.join(self._modality, outputs)

    def _key(self, masks: Bools) -> bytes:
        digest = hashlib.blake2b(digest_size=16)
        for part in (self._shape, masks.shape, *(shared.signature for _, shared in self._columns)):
            digest.update(repr(part).encode())
        digest.update(np.packbits(masks).tobytes())
        return digest.digest()

    def _plan(self, masks: Bools) -> Plan:
        assert self._tables is not None
        height, width = (len(first) for first in self._first)
        cells = np.arange(height * width, dtype=np.int32).reshape(height, width)
        rows = self._patterns_at(masks) * np.int32(height * width) + cells
        seen = MaskSet(masks.reshape(-1, *self._shape))
        tables = zip(self._columns, self._tables, strict=True)
        return tuple(shared.plan(seen, rows, len(table)) for (_, shared), table in tables)

    def _finished(self, layers: list[nn.Module], maps: Maps, place: tuple[int, int]) -> Tensor:
        """The layers that are not shared, on whole maps; ``place`` says which layers these are."""
        import torch
        from torch import nn

        flat = next((i for i, layer in enumerate(layers) if isinstance(layer, nn.Flatten)), len(layers))
        run = nn.Sequential(*layers[:flat])
        if place not in self._costs:
            _, self._costs[place] = counted(run, lambda: run(next(whole_maps(maps, 1))))
        outputs = []
        for batch in whole_maps(maps, self._batching.maps(self._costs[place])):
            outputs.append(run(batch).flatten(1) if flat < len(layers) else run(batch))
            self._after_batch(0)
        return _dense(layers[flat + 1 :], torch.cat(outputs))

    def _pattern_masks(self, start: int, stop: int) -> Bools:
        """Masks (stop − start, players) that repeat a pattern over all players."""
        bits = np.arange(start, stop)[:, None, None] >> self._slots & 1
        return bits.astype(bool).reshape(stop - start, math.prod(self._shape))

    def _patterns_at(self, masks: Bools) -> Rows:
        """(b, players) → (b, h, w): the pattern that each output sees."""
        bits = masks.reshape(-1, *self._shape).astype(np.int32) << self._slots.astype(np.int32)
        m_rows, m_columns = self._reach
        bits = np.pad(bits, ((0, 0), (0, m_rows - 1), (0, m_columns - 1)))  # beyond the last: never seen
        first_row, first_column = self._first
        by_row = functools.reduce(np.add, (bits[:, first_row + i] for i in range(m_rows)))
        patterns: Rows = functools.reduce(np.add, (by_row[:, :, first_column + j] for j in range(m_columns)))
        return patterns


def _as_rows(parts: Sequence[Tensor]) -> list[Tensor]:
    """(B, channels, h, w) each → (B · h · w, channels)."""
    return [part.permute(0, 2, 3, 1).flatten(0, 2) for part in parts]


def _dense(layers: list[nn.Module], rows: Tensor) -> Tensor:
    """The layers after flattening, on all masks at once: many rows make a product fast."""
    from torch import nn

    for layer in layers:
        rows = product(rows, layer.weight, layer.bias) if isinstance(layer, nn.Linear) else layer(rows)
    return rows
