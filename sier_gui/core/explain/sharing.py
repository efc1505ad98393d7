"""Convolution layers on many masks at once: each output computed once per different pattern that it sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sier_gui.core.explain.cost import Batching
from sier_gui.core.explain.patterns import MaskSet, Patterns, Window
from sier_gui.core.explain.plans import ColumnPlan, Rows
from sier_gui.core.explain.players import Ints
from sier_gui.core.nets.rows import BLOCK, product

if TYPE_CHECKING:
    from torch import Tensor, nn

FINEST, COARSEST = 8, 32  # input cells per side of the tiles that patterns are counted for
# Gathering a row's nine neighbours costs about as much as multiplying it for so many output channels, so
# narrow layers must save more to be worth it (measured: 14 GB/s against 95 GMAC/s).
GATHER_CHANNELS = 27
WORTHWHILE = 0.9


@dataclass(frozen=True, slots=True)
class Maps:
    """What a layer gives to every mask: row ``rows[k, y, x]`` of ``table`` (n, channels).

    The table's last row is zero: the padding around the map.
    """

    table: Tensor
    rows: Rows


class LocalLayer:
    """A 3×3 convolution with its ReLU, or a max-pool over pairs, on rows gathered from a table.

    ``length``: entries of the column that it stands for. ``channels``: of its output.
    """

    def __init__(self, channels: int, length: int, convolution: nn.Conv2d | None = None) -> None:
        self.channels, self.length = channels, length
        self._weight, self._bias = None, None
        if convolution is not None:
            self._weight = convolution.weight.permute(0, 2, 3, 1).reshape(channels, -1)
            self._bias = convolution.bias

    @property
    def pools(self) -> bool:
        return self._weight is None

    @property
    def relative_cost(self) -> float:
        """Of computing one output by gathering, over computing it in a whole map."""
        return 1.0 if self.pools else 1 + GATHER_CHANNELS / self.channels

    def __call__(self, gathered: Tensor, out: Tensor) -> None:
        """Rows (n · taps, channels in) of the table → ``out`` (n, channels)."""
        import torch

        n = len(out)
        if self._weight is None:
            torch.amax(gathered.view(n, -1, self.channels), 1, out=out)
            return
        result = product(gathered.view(n, -1), self._weight, self._bias)
        if self.length > 1:
            torch.clamp_min(result, 0, out=out)
        else:
            out.copy_(result)


def local_layers(column: nn.Sequential, channels: int) -> list[LocalLayer]:
    """The leading layers of a column that can be shared: 3×3 convolutions with padding 1, 2×2 max-pools."""
    from torch import nn

    found: list[LocalLayer] = []
    place = 0
    while place < len(column):
        layer = column[place]
        if isinstance(layer, nn.MaxPool2d):
            plain = (layer.kernel_size, layer.stride, layer.padding, layer.dilation) == (2, 2, 0, 1)
            if not plain or layer.ceil_mode:
                break
            found.append(LocalLayer(channels, 1))
        elif isinstance(layer, nn.Conv2d):
            shape = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
            if (
                shape != ((3, 3), (1, 1), (1, 1), (1, 1))
                or layer.groups != 1
                or layer.padding_mode != "zeros"
            ):
                break
            channels = layer.out_channels
            relu = place + 1 < len(column) and isinstance(column[place + 1], nn.ReLU)
            found.append(LocalLayer(channels, 1 + relu, layer))
        else:
            break
        place += found[-1].length
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """A layer on tiles of its map: what they see, and which places of the map before they are made from.

    ``cells`` (tiles, tile²): places in the map, row by row. ``sources`` (tiles, tile², taps): places in the
    map before, padded by one cell. ``rows``, ``columns``: first and last player that each tile sees.
    """

    layer: LocalLayer
    window: Window
    shape: tuple[int, int]
    rows: tuple[Ints, Ints]
    columns: tuple[Ints, Ints]
    cells: Ints
    sources: Ints

    def maps(self, patterns: Patterns) -> Rows:
        """(k, h, w): rows of the table that this layer makes, tile after tile of each pattern."""
        size = self.cells.size
        tile_of, place = np.empty(size, np.intp), np.empty(size, np.int32)
        tile_of[self.cells] = np.arange(len(self.cells))[:, None]
        place[self.cells] = np.arange(self.cells.shape[1])
        rows = patterns.number[:, tile_of] * np.int32(self.cells.shape[1]) + place
        return rows.reshape(-1, *self.shape)


class SharedColumn:
    """Runs the leading layers of a column on the maps of many masks, sharing as long as that pays.

    What is to be done is planned first: the masks alone decide it.

    Parameters
    ----------
    layers : of the column, from the prefix on.
    shape, window : of the prefix's maps.
    owners : rows (cells,), columns (cells,): which player owns an input cell along each axis, ascending.
    batching : of the device.
    pause : called between products; may raise `Cancelled`.
    """

    def __init__(
        self,
        layers: list[LocalLayer],
        shape: tuple[int, int],
        window: Window,
        owners: tuple[Ints, Ints],
        batching: Batching,
        pause: Callable[[], None],
    ) -> None:
        self._batching, self._pause = batching, pause
        self._shape, self._window, self._owners = shape, window, owners
        self._steps: list[Step] = []
        for layer in layers:
            window = window.after_pool() if layer.pools else window.after_convolution()
            shape = (shape[0] // 2, shape[1] // 2) if layer.pools else shape
            tile = tile_side(window, owners)
            rows, columns = (window.players(along, tile) for along in owners)
            cells = _tiles(*shape, tile)
            sources = _neighbours(*shape, layer.pools)[cells]
            self._steps.append(Step(layer, window, shape, rows, columns, cells, sources))

    @property
    def signature(self) -> str:
        """Equal where plans for the same masks are."""
        layers = [(step.layer.channels, step.layer.pools, step.layer.length) for step in self._steps]
        return repr((self._shape, self._window, [along.tolist() for along in self._owners], layers))

    def plan(self, masks: MaskSet, rows: Rows, length: int) -> ColumnPlan:
        """How the layers that it pays to share are computed.

        ``rows`` (k, h, w) of the maps in a table (length, channels).
        """
        indices: list[Rows] = []
        done = 0
        for step in self._steps:
            patterns = masks.seen(step.rows, step.columns)
            if patterns.share * step.layer.relative_cost > WORTHWHILE:
                break
            indices.append(_gathered_rows(rows, length - 1, step.sources, patterns))
            rows, length = step.maps(patterns), len(indices[-1]) + 1
            done += step.layer.length
        return ColumnPlan(tuple(indices), rows, done)

    def run(self, plan: ColumnPlan, table: Tensor) -> Maps:
        """The maps after the shared layers; ``table`` (length, channels) as it was planned for."""
        for step, index in zip(self._steps, plan.indices, strict=False):
            table = self._computed(step.layer, table, index)
        return Maps(table, plan.rows)

    def _computed(self, layer: LocalLayer, before: Tensor, index: Rows) -> Tensor:
        import torch

        (n, taps), channels = index.shape, before.shape[1]
        table = before.new_empty((n + 1, layer.channels))
        table[-1] = 0
        size = taps * channels * before.element_size()
        # whole blocks, since an incomplete one is copied
        rows = self._batching.rows(taps * channels * layer.channels, size, size * layer.channels)
        chunk = min(max(rows // BLOCK, 1) * BLOCK, n)
        gathered = self._batching.scratch(chunk * taps, before)
        for start in range(0, n, chunk):
            part = torch.from_numpy(index[start : start + chunk]).to(before.device)
            into = gathered[: part.numel()]
            torch.index_select(before, 0, part.view(-1), out=into)
            layer(into, table[start : start + len(part)])
            self._pause()
        return table


def tile_side(window: Window, owners: tuple[Ints, Ints]) -> int:
    """Outputs per side of a tile: more than `FINEST` input cells where it sees no more players for it."""

    def reach(tile: int) -> list[float]:
        ends = [window.players(along, tile) for along in owners]
        return [float((last - first).mean()) for first, last in ends]

    tile = max(1, FINEST // window.stride)
    while tile * window.stride < COARSEST and reach(2 * tile) == reach(tile):
        tile *= 2
    return tile


def _gathered_rows(rows: Rows, padding: int, sources: Ints, patterns: Patterns) -> Rows:
    """Rows of the table that each output is made from, pattern after pattern: (patterns · tile², taps).

    ``rows`` (k, h, w) of the maps, and the row around them, ``padding``. ``sources`` (tiles, tile², taps):
    places in the map, padded by one cell.
    """
    padded = np.full((len(rows), *(side + 2 for side in rows.shape[1:])), padding, np.int32)
    padded[:, 1:-1, 1:-1] = rows
    places = sources.reshape(len(sources), -1).astype(np.int32).take(patterns.tile, axis=0)
    places += (patterns.mask * padded[0].size).astype(np.int32)[:, None]
    return padded.ravel().take(places).reshape(-1, sources.shape[2])


def _tiles(height: int, width: int, tile: int) -> Ints:
    """(tiles, tile²): the cells of each tile, row by row."""
    cells = np.arange(height * width).reshape(height // tile, tile, width // tile, tile)
    return cells.transpose(0, 2, 1, 3).reshape(-1, tile * tile)


def _neighbours(height: int, width: int, pools: bool) -> Ints:
    """(height · width, taps): places in the input map, padded by one cell, that an output is made from."""
    step, side, first = (2, 2, 1) if pools else (1, 3, 0)
    across = width * step + 2
    corner = (np.arange(height)[:, None] * across + np.arange(width)) * step + first * (across + 1)
    taps = np.arange(side)[:, None] * across + np.arange(side)
    return corner.reshape(-1, 1) + taps.reshape(1, -1)


def whole_maps(maps: Maps, at_once: int) -> Iterator[Tensor]:
    """(at most ``at_once``, channels, height, width) in channels_last, mask after mask."""
    import torch

    for start in range(0, len(maps.rows), at_once):
        rows = maps.rows[start : start + at_once]
        index = torch.from_numpy(rows.reshape(-1)).to(maps.table.device)
        yield maps.table.index_select(0, index).view(*rows.shape, -1).permute(0, 3, 1, 2)
