"""How often each class is a label and is predicted; whether the probabilities can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from sier_gui.gui import theme
from sier_gui.gui.widgets import track_colour

if TYPE_CHECKING:
    from sier_gui.core.overview.summary import Summary

ROW_PX = (16, 30)  # least and largest height of a class
HEAD_PX = 18
CHART_PX = 132  # side of the calibration plot


class SharesView(QWidget):
    """A pair of bars for each class: of the labels above, of the predictions below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[tuple[str, QColor, float, float]] = []
        self.setAccessibleName("Class shares")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def sizeHint(self) -> QSize:
        return QSize(240, HEAD_PX + ROW_PX[1] * max(len(self._lines), 1))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, HEAD_PX + ROW_PX[0] * max(len(self._lines), 1))

    def show_summary(self, summary: Summary) -> None:
        labelled = sum(int(n) for name, n in zip(summary.rows, summary.labels, strict=True) if name)
        self._lines = []
        for i, name in enumerate(summary.rows):
            if not name:
                continue
            of_labels = summary.labels[i] / labelled if labelled else 0.0
            said = summary.predicted[i] / summary.known if summary.known and i < len(summary.columns) else 0.0
            colour = theme.class_colour(name, summary.columns)
            self._lines.append((name, colour, float(of_labels), float(said)))
        words = [f"{name}: {a:.1%} of labels, {b:.1%} of predictions" for name, _, a, b in self._lines]
        self.setAccessibleDescription("; ".join(words))
        self.updateGeometry()
        self.update()

    def lines(self) -> list[tuple[str, float, float]]:
        """Name, share of the labels, share of the predictions."""
        return [(name, a, b) for name, _, a, b in self._lines]

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.colours(self.palette())
        middle = Qt.AlignmentFlag.AlignVCenter
        names = max((self.fontMetrics().horizontalAdvance(n) for n, *_ in self._lines), default=40)
        left, right = min(names, 120) + 16, 100
        width = self.width() - left - right
        painter.setFont(theme.caption_font(self.font()))
        painter.setPen(colours.muted)
        painter.drawText(
            QRectF(left, 0, width + right, HEAD_PX), middle, "share of labels ▬ and of predictions ▭"
        )
        top = float(HEAD_PX)
        height = min((self.height() - HEAD_PX) / max(len(self._lines), 1), ROW_PX[1])
        thick = round(height * 0.27)
        largest = max((max(a, b) for _, _, a, b in self._lines), default=1.0) or 1.0
        for name, colour, *shares in self._lines:
            painter.setFont(self.font() if height > 22 else theme.caption_font(self.font()))
            painter.setPen(colours.text)
            text = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, left - 12)
            painter.drawText(QRectF(0, top - 2, left, height), middle, text)
            numbers = QRectF(self.width() - right, top - 2, right, height)
            both = " / ".join(f"{100 * share:.1f}" for share in shares)
            painter.drawText(numbers, middle | Qt.AlignmentFlag.AlignRight, f"{both} %")
            for place, share in enumerate(shares):
                bar = QRectF(left, top + 1 + place * (thick + 3), width * share / largest, thick)
                painter.fillRect(QRectF(left, bar.top(), width, thick), track_colour(self.palette()))
                if place == 0:
                    painter.fillRect(bar, colour)
                else:
                    painter.setPen(QPen(colour, 2))
                    painter.drawRect(bar.adjusted(1, 1, -1, -1))
            top += height
        painter.end()


class CalibrationView(QWidget):
    """Accuracy against confidence: on the diagonal the probabilities can be taken at their word."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bins: list[dict[str, float]] = []
        self._words = ""
        self.setAccessibleName("Calibration")
        self.setToolTip(
            "Accuracy (up) against confidence (right), in ten bins of equally many samples.\n"
            "Below the diagonal the network is surer than it is right.\n"
            "ECE: mean distance from the diagonal. Brier: mean squared error of the probabilities, 0 to 2."
        )
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(CHART_PX + 36, CHART_PX + 20)

    def show_summary(self, summary: Summary) -> None:
        found = summary.calibration
        self._bins = found["bins"] if found else []
        self._words = f"ECE {found['ece']:.3f} · Brier {found['brier']:.3f}" if found else ""
        self.setAccessibleDescription(self._words)
        self.setVisible(found is not None)
        self.update()

    def text(self) -> str:
        return self._words

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, caption = theme.colours(self.palette()), theme.caption_font(self.font())
        painter.setFont(caption)
        area = QRectF(28, 22, CHART_PX, CHART_PX - 22)
        painter.setPen(colours.muted)
        middle, right = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(0, 0, self.width(), 14), middle, "accuracy by confidence")
        for value in (0.0, 0.5, 1.0):
            y = area.bottom() - value * area.height()
            painter.drawText(QRectF(0, y - 7, 24, 14), middle | right, f"{100 * value:.0f}")
        painter.drawText(QRectF(0, area.bottom() + 2, area.right(), 16), middle | right, self._words)
        painter.setPen(QPen(colours.grid, 1))
        painter.drawRect(area)
        painter.drawLine(area.bottomLeft(), area.topRight())
        painter.setPen(QPen(colours.accent, 2))
        painter.setBrush(colours.accent)
        spots = [
            QPointF(
                area.left() + one["confidence"] * area.width(),
                area.bottom() - one["accuracy"] * area.height(),
            )
            for one in self._bins
        ]
        painter.drawPolyline(spots)
        for spot in spots:
            painter.drawEllipse(spot, 2.5, 2.5)
        painter.end()
