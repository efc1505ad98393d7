"""Graphics items and ticks of the speech plots; a line moving over an item costs no redraw of it."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem

from sier_gui.core.audio.levels import peaks
from sier_gui.core.domain import TimeFrequencyMap
from sier_gui.gui.widgets import hatch

HZ_TICKS = (125, 250, 500, 1000, 2000, 4000, 8000, 16000)


def round_ticks(start: float, stop: float, wanted: int) -> list[float]:
    """Multiples of 1, 2 or 5 × 10ⁿ within [start, stop], at most about ``wanted``."""
    span = stop - start
    if span <= 0 or wanted < 1:
        return []
    raw = span / wanted
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * (1 - 1e-9))
    first = int(np.ceil(start / step - 1e-9))
    last = int(np.floor(stop / step + 1e-9))
    return [round(i * step, 10) for i in range(first, last + 1)]


def hz_ticks(times: TimeFrequencyMap, row_height: float, gap: float) -> list[tuple[float, str]]:
    """Octaves as (mel row, label), highest first, leaving out those closer than ``gap`` points."""
    ticks: list[tuple[float, str]] = []
    for hz in reversed(HZ_TICKS):
        row = times.row(hz)
        fits = not ticks or (ticks[-1][0] - row) * row_height >= gap
        if hz <= times.mel_edges_hz[-1] and fits and row * row_height >= gap / 2:
            ticks.append((row, f"{hz / 1000:g}k" if hz >= 1000 else str(hz)))
    if ticks:
        ticks[0] = (ticks[0][0], f"{ticks[0][1]} Hz")
    return ticks


class Cached(pg.GraphicsObject):
    """Painted once into a pixmap of its own; later repaints beneath a moving line only copy it."""

    def __init__(self) -> None:
        super().__init__()
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.paints = 0  # how often it was really drawn
        self._bounds = QRectF()

    def boundingRect(self) -> QRectF:
        return self._bounds

    def _changed(self, bounds: QRectF) -> None:
        self.prepareGeometryChange()
        self._bounds = bounds
        self.update()


class Envelope(Cached):
    """Lowest and highest sample per screen column, one polygon per run of equal colour."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[tuple[QPolygonF, QColor, bool]] = []

    def show(
        self,
        speech: NDArray[np.float32],
        rate: int,
        span: tuple[float, float],
        bins: int,
        edges: NDArray[np.float64],
        colours: list[QColor],
        hatched: NDArray[np.bool_],
    ) -> None:
        """Draw ``span`` seconds in ``bins`` columns; ``colours[i]`` holds from ``edges[i]`` to the next edge.

        The last colour, one more than there are segments, is for what lies outside the edges. Segments that
        are ``hatched`` (segments,) are drawn as lines of their colour on a fainter ground.
        """
        first = max(0, int(np.floor(span[0] * rate)))
        last = min(len(speech), int(np.ceil(span[1] * rate)))
        self._parts = []
        if last - first < 2 or bins < 2:
            self._changed(QRectF())
            return
        bins = min(bins, last - first)
        envelope = peaks(speech[first:last], bins)
        at = (first + (np.arange(bins) + 0.5) * (last - first) / bins) / rate
        owner = np.searchsorted(edges, at, side="right") - 1
        owner[(owner < 0) | (at >= edges[-1])] = len(colours) - 1
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], bins], strict=True):
            piece = slice(start, min(stop + 1, bins))  # one column over, so that runs touch
            x = np.concatenate([at[piece], at[piece][::-1]])
            y = np.concatenate([envelope[piece, 1], envelope[piece, 0][::-1]])
            polygon, own = pg.functions.arrayToQPolygonF(x, y.astype(np.float64)), owner[start]
            lined = own < len(hatched) and bool(hatched[own])
            self._parts.append((polygon, colours[own], lined))
        low, high = float(envelope[:, 0].min()), float(envelope[:, 1].max())
        self._changed(QRectF(at[0], low, at[-1] - at[0], max(high - low, 1e-9)))

    def paint(self, painter: QPainter, *_arguments: object) -> None:
        self.paints += 1
        for polygon, colour, lined in self._parts:
            ground = QColor(colour)
            ground.setAlphaF(0.35 if lined else 1.0)
            pen = QPen(ground, 1)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.setBrush(ground)
            painter.drawPolygon(polygon)
            if lined:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QBrush(colour, Qt.BrushStyle.BDiagPattern))
                painter.drawPolygon(polygon)


class Cells(Cached):
    """Segments, or time × band cells of them, as coloured rectangles over the spectrogram."""

    def __init__(self) -> None:
        super().__init__()
        self._cells: list[tuple[QRectF, QColor, bool]] = []

    def show(
        self,
        edges: NDArray[np.float64],
        rgba: NDArray[np.uint8],
        hatched: NDArray[np.bool_],
        height: float,
    ) -> None:
        """``rgba`` (bands, segments, 4) and ``hatched`` (bands, segments), the lowest band first, between
        ``edges`` (segments + 1,) seconds; bands are equal parts of ``height`` mel rows."""
        bands, segments = hatched.shape
        each = height / max(bands, 1)
        self._cells = [
            (
                QRectF(edges[j], i * each, edges[j + 1] - edges[j], each),
                QColor(*rgba[i, j].tolist()),
                bool(hatched[i, j]),
            )
            for i in range(bands)
            for j in range(segments)
        ]
        self._changed(QRectF(edges[0], 0, edges[-1] - edges[0], height) if self._cells else QRectF())

    def paint(self, painter: QPainter, *_arguments: object) -> None:
        self.paints += 1
        for area, colour, lined in self._cells:
            painter.fillRect(area, colour)
            if lined:
                hatch(painter, area)


class MelImage(pg.ImageItem):
    """The log-mel, smoothed between its cells; kept as a pixmap like `Cached`."""

    def __init__(self) -> None:
        super().__init__(axisOrder="row-major")
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    def paint(self, painter: QPainter, *arguments: object) -> None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        super().paint(painter, *arguments)


def line(angle: int) -> pg.InfiniteLine:
    """A hidden line that the mouse cannot grab."""
    item = pg.InfiniteLine(angle=angle, movable=False)
    item.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
    item.setVisible(False)
    return item
