"""Small things that several panels share: a label that elides, a colour key, the notice of an empty state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QBrush, QColor, QFont, QImage, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sier_gui.gui.state import AppState

Choices = tuple[tuple[str, Any], ...]  # text, value
LOADING_MS = 150  # a sample that arrives sooner never flashes the word


class ElidedLabel(QFrame):
    """One line of text that shortens itself with an ellipsis instead of forcing its neighbours to move."""

    def __init__(self, text: str = "", parent: QWidget | None = None, *, secondary: bool = False) -> None:
        super().__init__(parent)
        self._text = text
        self._role = QPalette.ColorRole.PlaceholderText if secondary else QPalette.ColorRole.WindowText
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        return self._text

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.setToolTip(text if self.fontMetrics().horizontalAdvance(text) > self.width() else "")
            self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._text), metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, self.fontMetrics().height() + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self._role))
        shown = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()


def hatch(painter: QPainter, area: QRectF) -> None:
    """Diagonal lines over ``area``, black beside white: seen on any colour. Of equal width at any zoom."""
    painter.save()
    on_screen = painter.worldTransform().mapRect(area)
    painter.setWorldMatrixEnabled(False)
    for shift, colour in enumerate((QColor(0, 0, 0, 120), QColor(255, 255, 255, 120))):
        painter.setBrushOrigin(shift, 0)
        painter.fillRect(on_screen, QBrush(colour, Qt.BrushStyle.BDiagPattern))
    painter.restore()


class ColourKey(QWidget):
    """Which colour means which value: a strip of the colour map between its two ends; what hatching means."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ends = ("", "")
        self._hatched = ""
        self._brief = False
        self._strip = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        words = 0 if self._brief else self.fontMetrics().horizontalAdvance(self._hatched) + 6
        return QSize(180 + (words + 28 if self._hatched else 0), self.fontMetrics().height() + 2)

    def set_brief(self, brief: bool) -> None:
        """``brief``: what hatching means is said by the tool tip only, where there is little room."""
        if brief != self._brief:
            self._brief = brief
            self.updateGeometry()
            self.update()

    def show_scale(
        self, lut: NDArray[np.uint8], low: str, high: str, hatching: tuple[str, str] = ("", "")
    ) -> None:
        """``lut``: uint8 (n, 3) from ``low`` to ``high``; ``hatching``: what it means, short and in full."""
        data = np.ascontiguousarray(lut)
        self._strip = QImage(data.data, len(lut), 1, 3 * len(lut), QImage.Format.Format_RGB888).copy()
        self._ends = (low, high)
        self._hatched, meaning = hatching
        self.setAccessibleName(f"Colours from {low} to {high}")
        self.setAccessibleDescription(meaning)
        self.setToolTip(meaning)
        self.updateGeometry()
        self.update()

    def hatching(self) -> str:
        """What hatching is said to mean; "" where nothing is hatched."""
        return self._hatched

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        widths = [self.fontMetrics().horizontalAdvance(end) + 6 for end in self._ends]
        area = QRectF(self.rect())
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(area, middle | Qt.AlignmentFlag.AlignRight, self._ends[1])
        strip = QRectF(area.right() - widths[1] - 72, area.center().y() - 4, 72, 8)
        painter.drawImage(strip, self._strip)
        ahead = QRectF(strip.left() - widths[0], 0, widths[0] - 6, area.height())
        painter.drawText(ahead, middle | Qt.AlignmentFlag.AlignRight, self._ends[0])
        if self._hatched:
            swatch = QRectF(area.left(), strip.top() - 1, 16, 10)
            painter.fillRect(swatch, QColor(128, 128, 128))
            hatch(painter, swatch)
        if self._hatched and not self._brief:
            words = QRectF(swatch.right() + 6, 0, ahead.left() - swatch.right() - 6, area.height())
            painter.drawText(words, middle | Qt.AlignmentFlag.AlignLeft, self._hatched)
        painter.end()


class ChoiceBox(QComboBox):
    """A combo box that knows which option it sets."""

    chosen = Signal(str, object)  # option, value

    def __init__(self, option: str, choices: Choices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option = option
        for text, value in choices:
            self.addItem(text, value)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.activated.connect(self._activated)

    @Slot(int)
    def _activated(self, index: int) -> None:
        self.chosen.emit(self.option, self.itemData(index))

    def show_value(self, value: object) -> None:
        """Show ``value``, adding it where the window offers no such choice (the command line may set any)."""
        index = self.findData(value)
        if index < 0:
            self.addItem(str(value), value)
            index = self.count() - 1
        self.setCurrentIndex(index)


class LoadingNotice(QTimer):
    """Calls ``show`` when a row was chosen and its sample keeps one waiting; at most once per row."""

    def __init__(self, state: AppState, show: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._show = show
        self.setSingleShot(True)
        self.setInterval(LOADING_MS)
        self.timeout.connect(self._due)
        state.row_changed.connect(self._on_row)
        state.sample_changed.connect(self.stop)

    @Slot(int)
    def _on_row(self, row: int) -> None:
        if row >= 0:
            self.start()

    @Slot()
    def _due(self) -> None:
        view = self._state.sample
        # a sample kept from before may have arrived ahead of this timer's start
        if view is None or view.sample.row != self._state.row:
            self._show()


def paint_notice(painter: QPainter, area: QRect | QRectF, title: str, hint: str, palette: QPalette) -> None:
    """Centred words in place of content: what is (not) there, and below it what to do."""
    box = QRectF(area).adjusted(16, 8, -16, -8)
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
    strong = QFont(painter.font())
    strong.setWeight(QFont.Weight.DemiBold)
    plain = painter.font()
    painter.setFont(strong)
    title_box = painter.boundingRect(box, flags, title)
    painter.setFont(plain)
    hint_box = painter.boundingRect(box, flags, hint) if hint else QRectF()
    top = box.center().y() - (title_box.height() + hint_box.height() + 4) / 2
    top = max(top, box.top())
    painter.setFont(strong)
    painter.setPen(palette.color(QPalette.ColorRole.WindowText))
    painter.drawText(QRectF(box.left(), top, box.width(), title_box.height()), flags, title)
    painter.setFont(plain)
    painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
    below = top + title_box.height() + 4
    painter.drawText(QRectF(box.left(), below, box.width(), max(0.0, box.bottom() - below)), flags, hint)


def absent_text(sample_id: str, what: str, stands_for_it: str) -> str:
    """In place of what a dataset does not have; nothing is wrong."""
    return f"The dataset has no {what} for {sample_id}. A network that takes both is given {stands_for_it}."


def track_colour(palette: QPalette) -> QColor:
    """The empty part of a bar: there, but quiet."""
    colour = palette.color(QPalette.ColorRole.Mid)
    colour.setAlpha(110)
    return colour


def centred(page: QWidget, column: QVBoxLayout, width: int) -> None:
    """``column``, ``width`` pixels wide, in the middle of ``page``, whatever the window's size."""
    frame = QFrame()
    frame.setFixedWidth(width)
    frame.setLayout(column)
    column.setContentsMargins(0, 0, 0, 0)
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(frame)  # no alignment: it would make Qt forget how high words that wrap are
    row.addStretch(1)
    outer = QVBoxLayout(page)
    outer.setContentsMargins(16, 16, 16, 16)
    outer.addStretch(1)
    outer.addLayout(row)
    outer.addStretch(2)
