"""Small things several panels draw: a label that elides, and the notice of an empty state."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget


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


def track_colour(palette: QPalette) -> QColor:
    """The empty part of a bar: there, but quiet."""
    colour = palette.color(QPalette.ColorRole.Mid)
    colour.setAlpha(110)
    return colour
