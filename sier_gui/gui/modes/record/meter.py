"""The microphone's level: RMS as a bar, the peak as a line, the highest peak of the last 1.5 s held."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from sier_gui.core.audio.capture import Levels
from sier_gui.core.study.verdicts import CLIPPED_DBFS
from sier_gui.gui import theme
from sier_gui.gui.widgets import track_colour

FLOOR_DB = -60.0
TICKS = (-60, -48, -36, -24, -12, -6, 0)
GOOD = (-18.0, -3.0)  # where peaks of a voice should lie
_BAR = 16


class LevelBar(QWidget):
    """From −60 to 0 dBFS with ticks; beside it, in words, the held peak."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.levels = Levels()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Level of the microphone")

    def sizeHint(self) -> QSize:
        return QSize(480, _BAR + 4 + self.fontMetrics().height())

    def show_levels(self, levels: Levels) -> None:
        if levels != self.levels:
            self.levels = levels
            self.setAccessibleDescription(in_words(levels))
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        palette = self.palette()
        width = float(self.width())
        painter.fillRect(QRectF(0, 0, width, _BAR), track_colour(palette))
        loud = self.levels.held >= CLIPPED_DBFS
        colour = theme.colours(palette).error if loud else palette.color(QPalette.ColorRole.Accent)
        painter.fillRect(QRectF(0, 0, width * share(self.levels.rms), _BAR), colour)
        soft = QColor(colour)
        soft.setAlpha(110)
        start, end = width * share(self.levels.rms), width * share(self.levels.peak)
        painter.fillRect(QRectF(start, 0, max(0.0, end - start), _BAR), soft)
        held = width * share(self.levels.held)
        if held > 0:
            painter.fillRect(QRectF(min(held, width - 3), 0, 3, _BAR), colour)
        self._paint_scale(painter, width)
        painter.end()

    def _paint_scale(self, painter: QPainter, width: float) -> None:
        painter.setFont(theme.caption_font(self.font()))
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        for tick in TICKS:
            x = width * share(tick)
            box = QRectF(x - 24, _BAR + 2, 48, self.height() - _BAR - 2)
            where = Qt.AlignmentFlag.AlignHCenter
            if tick == TICKS[0]:
                box, where = QRectF(0, box.top(), 48, box.height()), Qt.AlignmentFlag.AlignLeft
            elif tick == 0:
                box, where = QRectF(width - 72, box.top(), 72, box.height()), Qt.AlignmentFlag.AlignRight
            painter.drawText(box, where, f"{tick} dBFS".replace("-", "−") if not tick else f"−{-tick}")
            painter.fillRect(
                QRectF(min(x, width - 1), _BAR - 4, 1, 4), self.palette().color(QPalette.ColorRole.Base)
            )


def share(decibel: float) -> float:
    """Of the bar's length."""
    return min(max(1 - decibel / FLOOR_DB, 0.0), 1.0) if math.isfinite(decibel) else 0.0


def in_words(levels: Levels) -> str:
    """For a screen reader, and for those who cannot see the bar's colour."""
    if levels.held < FLOOR_DB:
        return "silent"
    if levels.held >= CLIPPED_DBFS:
        return "too loud"
    return f"peak {levels.held:.0f} dBFS".replace("-", "−")
