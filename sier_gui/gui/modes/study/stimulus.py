"""What is judged: a picture, a recording that one cannot see, or a written instruction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from sier_gui.gui import theme
from sier_gui.gui.modes.study.layout import TITLE_PT, sized

_ENLARGED = 3.0  # small pictures grow by no more
_WORDS = 32  # pixels for what is said below


class StimulusView(QFrame):
    """Paints one trial's stimulus; ``painted`` says once, for each, that it is on the screen."""

    painted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(160)
        self._picture = QImage()
        self._words = ""
        self._sound = False
        self._state = ""
        self._share = 0.0
        self._told = True

    def sizeHint(self) -> QSize:
        return QSize(480, 360)

    def show_stimulus(self, picture: NDArray[np.uint8] | None, words: str, *, sound: bool, name: str) -> None:
        """``picture``: uint8 (height, width, 3). ``name`` is for screen readers and the same for all."""
        self._picture = as_image(picture)
        self._words, self._sound, self._state, self._share = words, sound, "", 0.0
        self._told = False
        self.setAccessibleName(words or name)
        self.update()

    def show_state(self, state: str, share: float) -> None:
        """What the recording does, in a word, and how much of it was played."""
        self._state, self._share = state, min(max(share, 0.0), 1.0)
        self.setAccessibleDescription(state)
        self.update()

    def state(self) -> str:
        return self._state

    def clear(self) -> None:
        """Nothing is seen between trials."""
        self.show_stimulus(None, "", sound=False, name="")
        self._told = True

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect())
        below = _WORDS if self._sound else 0
        space = area.adjusted(0, 0, 0, -below)
        if not self._picture.isNull():
            painter.drawImage(picture_box(self._picture.size(), space), self._picture)
        elif self._words:
            painter.setFont(sized(self.font(), TITLE_PT))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(space, flags, self._words)
        elif self._sound:
            self._loudspeaker(painter, space)
        if self._sound:
            self._bar(painter, area.adjusted(0, area.height() - below, 0, 0))
        painter.end()
        if not self._told:
            self._told = True
            self.painted.emit()

    def _loudspeaker(self, painter: QPainter, space: QRectF) -> None:
        """A box, a cone and two waves."""
        of = theme.colours(self.palette())
        centre, unit = space.center(), min(space.height(), 240.0) / 12
        painter.setPen(QPen(of.muted, unit / 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.setBrush(of.muted)
        x, y = centre.x() - unit, centre.y()
        painter.drawPolygon(
            [
                QPointF(x - 2 * unit, y - unit),
                QPointF(x - unit, y - unit),
                QPointF(x + unit, y - 2.5 * unit),
                QPointF(x + unit, y + 2.5 * unit),
                QPointF(x - unit, y + unit),
                QPointF(x - 2 * unit, y + unit),
            ]
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for radius in (2.0, 3.5):
            box = QRectF(0, 0, 2 * radius * unit, 2 * radius * unit)
            box.moveCenter(QPointF(x + unit, y))
            painter.drawArc(box, -40 * 16, 80 * 16)

    def _bar(self, painter: QPainter, space: QRectF) -> None:
        of = theme.colours(self.palette())
        track = QRectF(0, 0, 240, 6)
        track.moveCenter(QPointF(space.center().x(), space.top() + 8))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(of.grid)
        painter.drawRoundedRect(track, 3, 3)
        painter.setBrush(of.accent)
        if self._share:
            painter.drawRoundedRect(
                QRectF(track.left(), track.top(), track.width() * self._share, track.height()), 3, 3
            )
        painter.setPen(of.muted)
        painter.setFont(theme.caption_font(self.font()))
        words = QRectF(space.left(), track.bottom(), space.width(), space.bottom() - track.bottom())
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, self._state)


def as_image(picture: NDArray[np.uint8] | None) -> QImage:
    """uint8 (height, width, 3), or nothing, as an image of its own."""
    if picture is None:
        return QImage()
    data = np.ascontiguousarray(picture)
    height, width = data.shape[:2]
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def picture_box(size: QSize, space: QRectF) -> QRectF:
    """Where a picture of ``size`` is painted within ``space``."""
    scale = min(space.width() / max(size.width(), 1), space.height() / max(size.height(), 1), _ENLARGED)
    box = QRectF(0, 0, size.width() * scale, size.height() * scale)
    box.moveCenter(space.center())
    return box
