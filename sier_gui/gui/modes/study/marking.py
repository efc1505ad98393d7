"""Where a rater marks what decided it: a box on the picture, a span of the recording, by mouse or keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from sier_gui.core.audio.levels import peaks
from sier_gui.core.study.records import BlindTrial, Box, Rationale, Span
from sier_gui.core.study.words import RaterWords
from sier_gui.gui import theme
from sier_gui.gui.modes.study.stimulus import as_image, picture_box

STEPS = 16  # of the grid that keys move on, along each axis
_FIRST = 4  # steps that a new mark spans
_LEAST = 1 / 64  # a shorter drag is a click
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class MarkPad(QWidget):
    """What can be marked, in shares 0–1 of it. ``pending`` is moved by keys, or dragged; then it is set."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.marks: list[Box] = []
        self.pending: Box | None = None
        self._from: QPointF | None = None  # where a drag began, in shares
        self.tall = True  # whether marks have a height of their own
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def all(self) -> tuple[Box, ...]:
        return (*self.marks, *([] if self.pending is None else [self.pending]))

    def clear(self) -> None:
        self.marks, self.pending, self._from = [], None, None
        self.update()

    def undo(self) -> bool:
        """Take the last mark back; whether there was one."""
        if self.pending is not None:
            self.pending = None
        elif self.marks:
            self.marks.pop()
        else:
            return False
        self._tell()
        return True

    def area(self) -> QRectF:
        """Where what is marked is painted."""
        return QRectF(self.rect())

    def _tell(self) -> None:
        self.update()
        self.changed.emit()

    # ---------------------------------------------------------------- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.take(event):
            super().keyPressEvent(event)

    def take(self, event: QKeyEvent) -> bool:
        """Whether the key was one of ours."""
        step = _ARROWS.get(Qt.Key(event.key()))
        if event.key() == Qt.Key.Key_Space and self.pending is not None:
            self.marks.append(self.pending)
            self.pending = None
        elif step is not None and (self.tall or not step[1]):
            grow = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.pending = self._first() if self.pending is None else _moved(self.pending, *step, grow)
        else:
            return False
        self._tell()
        return True

    def _first(self) -> Box:
        start, end = (STEPS - _FIRST) / 2 / STEPS, (STEPS + _FIRST) / 2 / STEPS
        return (start, start, end, end) if self.tall else (start, 0.0, end, 1.0)

    # ---------------------------------------------------------------- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.area().contains(event.position()):
            if self.pending is not None:
                self.marks.append(self.pending)
            self._from, self.pending = self._share(event.position()), None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            self.pending = self._between(self._from, self._share(event.position()))
            self._tell()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._from is None or event.button() != Qt.MouseButton.LeftButton:
            return
        self._from = None
        if self.pending is not None:
            self.marks.append(self.pending)
            self.pending = None
        self._tell()

    def _share(self, at: QPointF) -> QPointF:
        area = self.area()
        x, y = (at.x() - area.left()) / area.width(), (at.y() - area.top()) / area.height()
        return QPointF(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))

    def _between(self, one: QPointF, other: QPointF) -> Box | None:
        left, right = sorted((one.x(), other.x()))
        top, bottom = sorted((one.y(), other.y())) if self.tall else (0.0, 1.0)
        return (left, top, right, bottom) if min(right - left, bottom - top) >= _LEAST else None

    # ---------------------------------------------------------------- painting

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusOutEvent(event)

    def paint_marks(self, painter: QPainter) -> None:
        of, area = theme.colours(self.palette()), self.area()
        tint = QColor(of.accent)
        tint.setAlpha(56)
        for box in self.all():
            place = QRectF(
                area.left() + box[0] * area.width(),
                area.top() + box[1] * area.height(),
                (box[2] - box[0]) * area.width(),
                (box[3] - box[1]) * area.height(),
            )
            painter.setBrush(tint)
            painter.setPen(QPen(QColor("white"), 4))  # seen on any picture
            painter.drawRect(place)
            set_ = Qt.PenStyle.DashLine if box is self.pending else Qt.PenStyle.SolidLine
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(of.accent, 2, set_))
            painter.drawRect(place)
        if self.hasFocus():
            painter.setPen(QPen(of.accent, 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area.adjusted(-2, -2, 2, 2))


def _moved(box: Box, across: int, down: int, grow: bool) -> Box:
    """One step of the grid: moved, or its right or lower edge; never beyond the whole, never empty."""
    left, right = _along(box[0], box[2], across, grow)
    top, bottom = _along(box[1], box[3], down, grow)
    return left, top, right, bottom


def _along(start: float, end: float, step: int, grow: bool) -> Span:
    if not step:
        return start, end
    first, last = round(start * STEPS), round(end * STEPS)
    if grow:
        last = min(max(last + step, first + 1), STEPS)
    else:
        step = min(max(step, -first), STEPS - last)
        first, last = first + step, last + step
    return first / STEPS, last / STEPS


class PicturePad(MarkPad):
    """Boxes on the picture."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(120)

    def sizeHint(self) -> QSize:
        return QSize(480, 320)

    def show_picture(self, picture: NDArray[np.uint8] | None) -> None:
        self._picture = as_image(picture)
        self.clear()

    def area(self) -> QRectF:
        return picture_box(self._picture.size(), QRectF(self.rect()).adjusted(3, 3, -3, -3))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(self.area(), self._picture)
        self.paint_marks(painter)
        painter.end()


class SoundPad(MarkPad):
    """Spans of the recording, on its waveform."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tall = False
        self._sound: NDArray[np.float32] | None = None
        self._at = -1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(480, 96)

    def show_sound(self, sound: NDArray[np.float32] | None) -> None:
        """``sound``: (n, channels), or None."""
        self._sound = None if sound is None else sound.mean(axis=1)
        self._at = -1.0
        self.clear()

    def show_position(self, share: float) -> None:
        """What is being played; negative: nothing."""
        self._at = share
        self.update()

    def area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(3, 3, -3, -3)

    def paintEvent(self, _event: QPaintEvent) -> None:
        of, area = theme.colours(self.palette()), self.area()
        painter = QPainter(self)
        painter.fillRect(area, of.panel)
        if self._sound is not None:
            bins = min(max(2, round(area.width())), len(self._sound))
            envelope = peaks(self._sound, bins)
            height = area.height() / 2 / max(float(np.abs(envelope).max()), 1e-4) * 0.92
            painter.setPen(QPen(of.muted, area.width() / bins))
            for place, (low, high) in enumerate(envelope.tolist()):
                x = area.left() + (place + 0.5) * area.width() / bins
                middle = area.center().y()
                painter.drawLine(QPointF(x, middle - high * height), QPointF(x, middle - low * height))
        self.paint_marks(painter)
        if self._at >= 0:
            painter.setPen(QPen(of.text, 2))
            x = area.left() + min(self._at, 1.0) * area.width()
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.end()


class MarkBoard(QWidget):
    """The trial's picture, waveform, or both, to be marked."""

    changed = Signal()

    def __init__(self, words: RaterWords, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self.picture, self.sound = PicturePad(), SoundPad()
        self._order: list[MarkPad] = []  # whose marks came, one entry each
        self._seconds = 0.0
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(8)
        lines.addWidget(self.picture, 3)
        lines.addWidget(self.sound)
        self.picture.setAccessibleName(words.mark_picture)
        self.sound.setAccessibleName(words.mark_sound)
        for pad in (self.picture, self.sound):
            pad.changed.connect(self._on_changed)

    def show_trial(self, trial: BlindTrial) -> None:
        self._order = []
        self._seconds = 0.0 if trial.sound is None else len(trial.sound) / trial.rate
        self.picture.show_picture(trial.picture)
        self.sound.show_sound(trial.sound)
        self.picture.setVisible(trial.picture is not None)
        self.sound.setVisible(trial.sound is not None)
        self.sound.setFixedHeight(96 if trial.picture is not None else 160)
        self._on_changed()

    def pad(self) -> MarkPad:
        """The one that keys go to: with the focus, else the first there is."""
        if self.sound.hasFocus() or self.picture.isHidden():
            return self.sound
        return self.picture

    def _on_changed(self) -> None:
        """Keep the order in which marks came, so that they are taken back the other way round."""
        for pad in (self.picture, self.sound):
            now, known = len(pad.all()), self._order.count(pad)
            self._order += [pad] * max(0, now - known)
            for _ in range(known - now):
                last = len(self._order) - 1 - self._order[::-1].index(pad)
                del self._order[last]
        self.picture.setAccessibleDescription("; ".join(map(self._box_text, self.picture.all())))
        self.sound.setAccessibleDescription("; ".join(map(self._span_text, self.sound.all())))
        self.changed.emit()

    def _box_text(self, box: Box) -> str:
        left, top, right, bottom = (round(100 * share) for share in box)
        return self._words.marked_box.format(left=left, top=top, right=right, bottom=bottom)

    def _span_text(self, box: Box) -> str:
        start, end = (f"{share * self._seconds:.1f}" for share in (box[0], box[2]))
        return self._words.marked_span.format(start=start, end=end)

    def undo(self) -> bool:
        """Take the last mark back; whether there was one."""
        return bool(self._order) and self._order[-1].undo()

    def span(self) -> Span | None:
        """The last span marked, in shares of the recording."""
        marks = self.sound.all()
        return (marks[-1][0], marks[-1][2]) if marks else None

    def rationale(self) -> Rationale | None:
        """All that is marked, in seconds of the stimulus and shares of the picture; None where nothing is."""
        spans = tuple((box[0] * self._seconds, box[2] * self._seconds) for box in self.sound.all())
        found = Rationale(spans, self.picture.all())
        return found or None
