"""Waveform over spectrogram on one time axis, with segment colours, cross-hair and play-head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sier_gui.core.domain import Selection, TimeFrequencyMap
from sier_gui.gui import overlay, selecting, theme
from sier_gui.gui.panels.speech.items import (
    Cells,
    Envelope,
    MelImage,
    hz_ticks,
    line,
    round_ticks,
)
from sier_gui.gui.panels.speech.marks import Corner, Marks, SelectingBox, on_mel, on_wave
from sier_gui.gui.state import OverlayOptions
from sier_gui.gui.widgets import paint_notice

AXIS_WIDTH, TIME_HEIGHT = 46, 24
_MINIMUM_SPAN_S = 0.02  # as far as one can zoom in


class SpeechPlots(pg.GraphicsLayoutWidget):
    """Knows sound and colours, no state. Speaks in seconds and Hz."""

    pointed = Signal(object)  # (seconds, Hz or None), or None when the pointer left
    chosen = Signal(float)  # seconds clicked
    stepped = Signal(int)  # segments the cross-hair should move, by key
    selected = Signal(object)  # Selection | None, while it is dragged
    nudged = Signal(int, int, bool)  # steps later and higher, by key; whether it grows instead of moving
    dismissed = Signal()  # Escape
    span_changed = Signal(float, float)  # seconds visible

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 150)
        self._speech: NDArray[np.float32] | None = None
        self._rate = 16_000
        self._times: TimeFrequencyMap | None = None
        self._edges: NDArray[np.float64] = np.array([0.0, 1.0])
        self._layer: overlay.Layer | None = None
        self._notice = ("", "")
        self._build()
        self._restyle()
        self.scene().sigMouseClicked.connect(self._on_mouse_clicked)
        self.wave.sigXRangeChanged.connect(self._on_span)
        self.wave.sigResized.connect(self._on_span)

    def _build(self) -> None:
        layout = self.ci.layout
        self.ci.setContentsMargins(0, 0, 12, 0)
        self.ci.setSpacing(0)
        layout.setRowSpacing(0, 4)
        self.wave, self.mel = SelectingBox(), SelectingBox()
        self.wave_axis, self.mel_axis = (pg.AxisItem("left") for _ in range(2))
        self.time_axis = pg.AxisItem("bottom")
        for row, (box, axis) in enumerate(((self.wave, self.wave_axis), (self.mel, self.mel_axis))):
            axis.setWidth(AXIS_WIDTH)
            axis.setStyle(hideOverlappingLabels=False, tickLength=4)
            axis.linkToView(box)
            box.setMouseEnabled(x=True, y=False)
            box.disableAutoRange()
            self.ci.addItem(axis, row, 0)
            self.ci.addItem(box, row, 1)
            layout.setRowStretchFactor(row, 2 + row)
        self.time_axis.setHeight(TIME_HEIGHT)
        self.time_axis.setStyle(hideOverlappingLabels=False, tickLength=4)
        self.time_axis.linkToView(self.mel)
        self.ci.addItem(self.time_axis, 2, 1)
        self.mel.setXLink(self.wave)
        self.envelope, self.picture, self.cells = Envelope(), MelImage(), Cells()
        self.wave.addItem(self.envelope)
        self.mel.addItem(self.picture)
        self.mel.addItem(self.cells)
        self.cross = (line(90), line(90))
        self.cross_hz = line(0)
        self.heads = (line(90), line(90))
        for box, cross, head in zip((self.wave, self.mel), self.cross, self.heads, strict=True):
            box.addItem(cross, ignoreBounds=True)
            box.addItem(head, ignoreBounds=True)
        self.mel.addItem(self.cross_hz, ignoreBounds=True)
        self.marks = (Marks(), Marks())
        for box, marks in zip((self.wave, self.mel), self.marks, strict=True):
            box.addItem(marks, ignoreBounds=True)
        self.wave.dragged.connect(self._on_wave_dragged)
        self.mel.dragged.connect(self._on_mel_dragged)

    # content

    def show_speech(
        self, speech: NDArray[np.float32], rate: int, mel: NDArray[np.float32], times: TimeFrequencyMap
    ) -> None:
        """``speech``: (n,) mono; ``mel``: (mels, columns) in [0, 1], row 0 lowest, placed by ``times``."""
        self._speech, self._rate, self._times = speech, rate, times
        if not self.ci.isVisible():
            self._reveal()
        self.picture.setImage(mel, autoLevels=False, levels=(0.0, 1.0))
        self.picture.setRect(QRectF(times.start_s, 0, times.columns * times.column_s, len(mel)))
        duration = len(speech) / rate
        loudest = max(float(np.abs(speech).max(initial=0.0)), 1e-3)
        self.wave.setLimits(xMin=0, xMax=duration, minXRange=min(_MINIMUM_SPAN_S, duration))
        self.wave.setRange(xRange=(0, duration), yRange=(-loudest * 1.08, loudest * 1.08), padding=0)
        self.mel.setYRange(0, len(mel), padding=0)
        level = max(t for t in round_ticks(0, loudest, 3))
        self.wave_axis.setTicks([[(v, f"{v:g}".replace("-", "−")) for v in (-level, 0.0, level)]])
        self.hide_crosshair()
        self.set_playhead(-1.0)
        self._on_span()

    def _reveal(self) -> None:
        """Show the plots again; axes forget their size while they are hidden."""
        self.ci.setVisible(True)
        for axis in (self.wave_axis, self.mel_axis):
            axis.setWidth(AXIS_WIDTH)
        self.time_axis.setHeight(TIME_HEIGHT)
        self.ci.layout.activate()

    def show_notice(self, title: str, hint: str) -> None:
        """Words instead of a sound."""
        self._notice = (title, hint)
        self.setAccessibleDescription(f"{title} {hint}".strip())
        self._speech = self._times = None
        self.ci.setVisible(False)
        self.viewport().update()

    def show_segments(
        self, edges: NDArray[np.float64], layer: overlay.Layer, cells: overlay.Layer, options: OverlayOptions
    ) -> None:
        """Colour what lies between ``edges`` (n + 1,) seconds: the waveform by ``layer`` (n,), the
        spectrogram by ``cells`` (bands, n)."""
        self._layer, self._edges = layer, edges
        rgba = cells.rgba()
        rgba[..., 3] = np.rint(rgba[..., 3] * options.opacity)
        height = self.picture.image.shape[0] if self.picture.image is not None else 0
        self.cells.show(edges, rgba, cells.hatched, height)
        self.picture.setLookupTable(theme.lut("grey"))
        self._draw_envelope()

    def clear_segments(self) -> None:
        """No overlay: the spectrogram in its own colours."""
        self._layer, self._edges = None, np.array([0.0, 1.0])
        self.cells.show(np.zeros(1), np.zeros((0, 0, 4), np.uint8), np.zeros((0, 0), bool), 0)
        self.picture.setLookupTable(theme.lut("magma"))
        self._draw_envelope()

    def set_playhead(self, seconds: float) -> None:
        """Move the play-head; negative hides it."""
        for head in self.heads:
            head.setVisible(seconds >= 0)
            head.setPos(max(seconds, 0.0))

    def set_crosshair(self, seconds: float, hz: float | None) -> None:
        for cross in self.cross:
            cross.setPos(seconds)
            cross.setVisible(True)
        self.cross_hz.setVisible(hz is not None)
        if hz is not None and self._times is not None:
            self.cross_hz.setPos(self._times.row(hz))

    def hide_crosshair(self) -> None:
        for item in (*self.cross, self.cross_hz):
            item.setVisible(False)

    def show_marks(self, selection: Selection | None, removed: Sequence[Selection] = ()) -> None:
        """Mark what is selected, and veil what is taken away; all of them parts of the speech."""
        if self._times is None:
            for marks in self.marks:
                marks.show_areas(None, ())
            return
        loudest = self.wave.viewRange()[1][1]
        on_plots = (partial(on_wave, loudest=loudest), partial(on_mel, times=self._times))
        for marks, place in zip(self.marks, on_plots, strict=True):
            marks.show_areas(None if selection is None else place(selection), map(place, removed))

    @Slot(object, object)
    def _on_wave_dragged(self, first: Corner, last: Corner) -> None:
        if self._speech is not None:
            self.selected.emit(selecting.span(first[0], last[0], len(self._speech) / self._rate))

    @Slot(object, object)
    def _on_mel_dragged(self, first: Corner, last: Corner) -> None:
        if self._speech is None or self._times is None:
            return
        low, high = (self._times.hz(corner[1]) for corner in (first, last))
        duration = len(self._speech) / self._rate
        self.selected.emit(selecting.span(first[0], last[0], duration, (low, high)))

    # geometry

    def span(self) -> tuple[float, float]:
        """Seconds visible."""
        (start, stop), _ = self.wave.viewRange()
        return start, stop

    def columns(self) -> tuple[float, float]:
        """Left edge and width of the time axis, in this widget's coordinates."""
        area = self.viewportTransform().mapRect(self.wave.sceneBoundingRect())  # mapFromScene would round
        return area.left(), area.width()

    def reset_zoom(self) -> None:
        if self._speech is not None:
            self.wave.setXRange(0, len(self._speech) / self._rate, padding=0)

    @Slot()
    def _on_span(self) -> None:
        if self._speech is None:
            return
        start, stop = self.span()
        width = max(self.wave.width(), 50.0)
        ticks = round_ticks(start, stop, max(2, int(width // 90)))
        labels = [(t, f"{t:g}") for t in ticks]
        roomy = [i for i, t in enumerate(ticks) if (stop - t) / (stop - start) * width > 24]
        if roomy:  # the unit goes to the last tick that has room for it before the edge
            labels[roomy[-1]] = (ticks[roomy[-1]], f"{ticks[roomy[-1]]:g} s")
        self.time_axis.setTicks([labels])
        if self._times is not None and self.picture.image is not None:
            row_height = self.mel.height() / self.picture.image.shape[0]
            gap = self.fontMetrics().height()
            self.mel_axis.setTicks([hz_ticks(self._times, row_height, gap)])
        self._draw_envelope()
        self.span_changed.emit(start, stop)

    def _draw_envelope(self) -> None:
        if self._speech is None:
            return
        bins = max(16, int(self.wave.width()))
        colours = [self.palette().color(QPalette.ColorRole.Text)] * 2
        if self._layer is not None and self._layer.signed:
            colours = self._signed_colours(self._layer)
        elif self._layer is not None:
            colours = self._importance_colours(self._layer)
        hatched = self._layer.hatched if self._layer is not None else np.zeros(0, bool)
        self.envelope.show(self._speech, self._rate, self.span(), bins, self._edges, colours, hatched)

    def _signed_colours(self, layer: overlay.Layer) -> list[QColor]:
        """Grey towards red or blue: the map's white middle would vanish on a light window."""
        grey = np.array(self.palette().color(QPalette.ColorRole.PlaceholderText).getRgb()[:3], float)
        ends = theme.lut("diverging")[[0, -1]].astype(float)
        full = np.where(layer.values[:, None] < 0, ends[0], ends[1])
        mixed = grey + (full - grey) * np.abs(layer.strength)[:, None]
        return [QColor(r, g, b) for r, g, b in np.rint(np.vstack([mixed, grey])).astype(int).tolist()]

    def _importance_colours(self, layer: overlay.Layer) -> list[QColor]:
        """Cividis without the end that would vanish on the window: navy on dark, lemon on light."""
        lut = theme.lut("cividis")
        low, high = (0.3, 1.0) if theme.is_dark(self.palette()) else (0.0, 0.93)
        at = np.rint((low + (high - low) * layer.strength) * (len(lut) - 1)).astype(int)
        outside = self.palette().color(QPalette.ColorRole.PlaceholderText)
        return [*(QColor(r, g, b) for r, g, b in lut[at].tolist()), outside]

    # events

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if self._speech is None or self._times is None:
            return
        position = self.viewportTransform().inverted()[0].map(event.position())
        for box in (self.wave, self.mel):
            if box.sceneBoundingRect().contains(position):
                at = box.mapSceneToView(position)
                hz = self._times.hz(at.y()) if box is self.mel else None
                self.pointed.emit((float(at.x()), hz))
                return
        self.pointed.emit(None)

    @Slot(object)
    def _on_mouse_clicked(self, event: object) -> None:
        position: QPointF = event.scenePos()  # type: ignore[attr-defined]
        if self._speech is None or event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        if event.double():  # type: ignore[attr-defined]
            self.reset_zoom()
        elif any(box.sceneBoundingRect().contains(position) for box in (self.wave, self.mel)):
            self.chosen.emit(float(self.wave.mapSceneToView(position).x()))

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, step = event.key(), selecting.key_step(event)
        if step is not None:
            across, down, grow = step
            self.nudged.emit(across, -down, grow)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.stepped.emit(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.wave.scaleBy(x=1.25 if key == Qt.Key.Key_Minus else 0.8)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            start, stop = self.span()
            self.wave.translateBy(x=(stop - start) / 2 * (-1 if key == Qt.Key.Key_PageUp else 1))
        elif key == Qt.Key.Key_Home:
            self.reset_zoom()
        elif key == Qt.Key.Key_Escape and (self.marks[0].areas()[0] or self.cross[0].isVisible()):
            self.dismissed.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "wave"):  # Qt resizes once while pyqtgraph's constructor still runs
            self._on_span()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "wave"):
            self._restyle()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        if self._speech is None:
            paint_notice(painter, self.viewport().rect(), *self._notice, self.palette())
        if self.hasFocus():
            painter.setPen(self.palette().color(QPalette.ColorRole.Highlight))
            painter.drawRect(self.viewport().rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _restyle(self) -> None:
        """Colours from the palette: the theme may change at any time."""
        self.setBackground(self.palette().color(QPalette.ColorRole.Window))
        text = self.palette().color(QPalette.ColorRole.WindowText)
        quiet = self.palette().color(QPalette.ColorRole.Mid)
        for axis in (self.wave_axis, self.mel_axis, self.time_axis):
            axis.setTextPen(text)
            axis.setPen(quiet)
            axis.setTickFont(self.font())
        accent = self.palette().color(QPalette.ColorRole.Accent)
        for marks in self.marks:
            marks.set_colours(accent, self.palette().color(QPalette.ColorRole.Window))
        for item in (*self.cross, self.cross_hz):
            item.setPen(pg.mkPen(QColor(128, 128, 128), width=1))
        for head in self.heads:
            head.setPen(pg.mkPen(accent, width=2))
        self._draw_envelope()
