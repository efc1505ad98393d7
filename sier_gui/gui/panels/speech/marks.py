"""What is marked on the plots: the part that is selected, and the parts that are taken away."""

from __future__ import annotations

from collections.abc import Iterable

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from sier_gui.core.domain import Selection, TimeFrequencyMap

Corner = tuple[float, float]  # seconds and, in the plot's own unit, height


class SelectingBox(pg.ViewBox):
    """A view in which a drag selects; with Shift, or the middle button, it moves the view as elsewhere."""

    dragged = Signal(object, object)  # Corner, Corner

    def __init__(self) -> None:
        super().__init__(enableMenu=False, defaultPadding=0)

    def mouseDragEvent(self, event: object, axis: int | None = None) -> None:
        left = event.button() == Qt.MouseButton.LeftButton  # type: ignore[attr-defined]
        if not left or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:  # type: ignore[attr-defined]
            super().mouseDragEvent(event, axis)
            return
        event.accept()  # type: ignore[attr-defined]
        first = self.mapToView(event.buttonDownPos())  # type: ignore[attr-defined]
        last = self.mapToView(event.pos())  # type: ignore[attr-defined]
        self.dragged.emit((first.x(), first.y()), (last.x(), last.y()))


class Marks(pg.GraphicsObject):
    """Rectangles over a plot: a veil over what is taken away, a tint and a border for a selection."""

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(5)
        self._selected: QRectF | None = None
        self._removed: list[QRectF] = []
        self._tint, self._veil = QColor(), QColor()
        self._bounds = QRectF()

    def boundingRect(self) -> QRectF:
        return self._bounds

    def areas(self) -> tuple[QRectF | None, list[QRectF]]:
        """What is selected and what is taken away, in the plot's coordinates."""
        return self._selected, list(self._removed)

    def set_colours(self, accent: QColor, window: QColor) -> None:
        self._tint, self._veil = accent, QColor(window)
        self._veil.setAlpha(205)
        self.update()

    def show_areas(self, selected: QRectF | None, removed: Iterable[QRectF]) -> None:
        given = selected, list(removed)
        if given == (self._selected, self._removed):
            return  # a drag on the picture draws nothing here
        self.prepareGeometryChange()
        self._selected, self._removed = given
        self._bounds = QRectF()
        for area in (*self._removed, *([] if selected is None else [selected])):
            self._bounds = self._bounds.united(area)
        self.update()

    def paint(self, painter: QPainter, *_arguments: object) -> None:
        pen = QPen(self._tint, 1, Qt.PenStyle.DotLine)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(self._veil)
        for area in self._removed:
            painter.drawRect(area)
        if self._selected is not None:
            fill = QColor(self._tint)
            fill.setAlpha(44)
            pen.setStyle(Qt.PenStyle.SolidLine)
            painter.setPen(pen)
            painter.setBrush(fill)
            painter.drawRect(self._selected)


def on_wave(selection: Selection, loudest: float) -> QRectF:
    """Where a span lies on the waveform, whose whole height is ± ``loudest``."""
    return QRectF(selection.start_s, -loudest, selection.end_s - selection.start_s, 2 * loudest)


def on_mel(selection: Selection, times: TimeFrequencyMap) -> QRectF:
    """Where a span × band lies on the spectrogram."""
    rows = len(times.mel_edges_hz) - 1
    low = times.row(selection.low_hz) if selection.banded else 0.0
    high = times.row(selection.high_hz) if selection.banded else float(rows)
    return QRectF(selection.start_s, low, selection.end_s - selection.start_s, high - low)
