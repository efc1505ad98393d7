"""A matrix of counts, such as the confusion matrix: a cell, row or column is chosen by click or key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from sier_gui.gui import theme
from sier_gui.gui.panels.overview.spots import rgb
from sier_gui.gui.widgets import paint_notice

TITLE_PX = 16  # what rows and columns are
NAME_PX = (18, 84)  # names of the columns: in a line, and at most where they stand upright
CELL_PX = (17, 92)  # least and largest height of a cell
HEAD = -1  # the row, or column, of the names

_MOVES = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
_CHOOSE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


@dataclass(frozen=True, slots=True)
class Matrix:
    """What `MatrixView` shows.

    ``counts`` (rows, columns); ``row_totals``, ``column_totals`` what a whole row or column selects;
    ``titles`` and ``words``: what rows and columns are, as a heading and within a sentence. ``signed``:
    differences, blue below zero and red above, in place of counts with their share of the row.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    counts: NDArray[np.int64]
    row_totals: Sequence[int]
    column_totals: Sequence[int]
    titles: tuple[str, str]
    words: tuple[str, str]
    signed: bool = False

    def shares(self) -> NDArray[np.float64]:
        """0 to 1 of a row; where ``signed`` −1 to 1 of the largest magnitude."""
        if self.signed:
            return self.counts / max(int(np.abs(self.counts).max(initial=0)), 1)
        sums = self.counts.sum(axis=1, keepdims=True)
        return np.divide(self.counts, sums, out=np.zeros(self.counts.shape), where=sums > 0)


class MatrixView(QWidget):
    """Colour and per cent are of a row, the number counts samples. A name selects its whole row or column."""

    chosen = Signal(int, int)  # row, column of the counts; HEAD for all of them

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._matrix: Matrix | None = None
        self._shares: list[list[float]] = []
        self._current = (0, 0)
        self._marked: tuple[int, int] | None = None  # what the table shows
        self._notice = ("", "")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Confusion matrix")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(400, 300)

    def minimumSizeHint(self) -> QSize:
        matrix = self._matrix
        if matrix is None:
            return QSize(280, 140)
        width = self._names_px() + len(matrix.columns) * min(self._widest() + 24, 72)
        height = TITLE_PX + NAME_PX[0] + len(matrix.rows) * CELL_PX[0] + 8
        return QSize(min(round(width), 268), height)

    # ---------------------------------------------------------------- what is shown

    def show_matrix(self, matrix: Matrix) -> None:
        old = self._matrix
        other = old is None or (*old.rows, "", *old.columns) != (*matrix.rows, "", *matrix.columns)
        self._matrix, self._shares = matrix, matrix.shares().tolist()
        if other:
            self._current, self._marked = (0, 0), None
            self.updateGeometry()
        self._describe()
        self.update()

    def show_nothing(self, title: str, hint: str = "") -> None:
        self._matrix, self._notice = None, (title, hint)
        self.update()

    def mark(self, row: int | None, column: int | None) -> None:
        """Outline what the table shows; (None, None): nothing of the matrix."""
        self._marked = None
        if row is not None or column is not None:
            self._marked = (HEAD if row is None else row, HEAD if column is None else column)
        self.update()

    def text_of(self, row: int, column: int) -> str:
        """What a cell says, in words."""
        matrix = self._matrix
        if matrix is None:
            return ""
        of_rows, of_columns = matrix.words
        if row == HEAD and column == HEAD:
            return f"All {sum(matrix.column_totals):,} samples"
        if column == HEAD:
            return f"{of_rows} {_label(matrix.rows[row])}: {matrix.row_totals[row]:,} samples"
        if row == HEAD:
            return f"{of_columns} {matrix.columns[column]}: {matrix.column_totals[column]:,} samples"
        count, share = int(matrix.counts[row, column]), self._shares[row][column]
        where = f"{of_rows} {_label(matrix.rows[row])}, {of_columns} {matrix.columns[column]}"
        return (
            f"{where}: {count:+,} samples"
            if matrix.signed
            else f"{where}: {count:,} samples, {share:.1%} of the row"
        )

    # ---------------------------------------------------------------- places

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a cell is, in pixels; `HEAD` for names."""
        matrix = self._matrix
        if matrix is None:
            return QRectF()
        left = self._names_px()
        rows, columns = len(matrix.rows), max(len(matrix.columns), 1)
        head = TITLE_PX + self._head_px()
        height = min(max((self.height() - head - 4) / max(rows, 1), 8), CELL_PX[1])
        width = (self.width() - left - 4) / columns
        x = 0.0 if column == HEAD else left + column * width
        y = float(TITLE_PX) if row == HEAD else head + row * height
        return QRectF(x, y, left if column == HEAD else width, head - TITLE_PX if row == HEAD else height)

    def cell_at(self, point: QPoint) -> tuple[int, int] | None:
        matrix = self._matrix
        if matrix is None:
            return None
        for row in range(HEAD, len(matrix.rows)):
            for column in range(HEAD, len(matrix.columns)):
                if self.cell_rect(row, column).contains(point):
                    return row, column
        return None

    def _widest(self) -> int:
        """Pixels of the longest name of a column."""
        names = self._matrix.columns if self._matrix is not None else ()
        return max((self.fontMetrics().horizontalAdvance(name) for name in names), default=0)

    def _upright(self) -> bool:
        """Whether the columns are too narrow for their names."""
        columns = len(self._matrix.columns) if self._matrix is not None else 1
        return self._widest() + 18 > (self.width() - self._names_px() - 4) / max(columns, 1)

    def _head_px(self) -> int:
        return min(self._widest() + 18, NAME_PX[1]) if self._upright() else NAME_PX[0]

    def _names_px(self) -> float:
        matrix = self._matrix
        metrics = self.fontMetrics()
        names = [_label(name) for name in matrix.rows] if matrix is not None else []
        counts = [f"{count:,}" for count in matrix.row_totals] if matrix is not None else []
        widest = max((metrics.horizontalAdvance(name) for name in names), default=40)
        numbers = max((metrics.horizontalAdvance(number) for number in counts), default=20)
        return float(min(widest, 120) + numbers + 32)

    # ---------------------------------------------------------------- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        matrix = self._matrix
        if matrix is None:
            paint_notice(painter, self.rect(), *self._notice, self.palette())
            painter.end()
            return
        colours = theme.colours(self.palette())
        self._paint_names(painter, matrix, colours)
        caption = theme.caption_font(self.font())
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        for row in range(len(matrix.rows)):
            for column in range(len(matrix.columns)):
                self._paint_cell(painter, row, column, (strong, caption), colours)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._marked is not None:
            painter.setPen(QPen(colours.accent, 2))
            painter.drawRect(self.cell_rect(*self._marked).adjusted(2, 2, -2, -2))
        if self.hasFocus():
            painter.setPen(QPen(colours.text, 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.cell_rect(*self._current).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _paint_names(self, painter: QPainter, matrix: Matrix, colours: theme.ThemeColours) -> None:
        left, middle = self._names_px(), Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.caption_font(self.font()))
        painter.setPen(colours.muted)
        painter.drawText(
            QRectF(0, 0, left - 8, TITLE_PX), middle | Qt.AlignmentFlag.AlignLeft, matrix.titles[0]
        )
        painter.drawText(
            QRectF(left, 0, self.width() - left, TITLE_PX),
            middle | Qt.AlignmentFlag.AlignLeft,
            matrix.titles[1],
        )
        painter.setFont(self.font())
        metrics, elide = self.fontMetrics(), Qt.TextElideMode.ElideRight
        painter.setPen(colours.text)
        upright = self._upright()
        for column, name in enumerate(matrix.columns):
            area = self.cell_rect(HEAD, column)
            if upright:
                painter.save()
                painter.translate(area.center().x(), area.bottom() - 4)
                painter.rotate(-90)
                self._dot(painter, 0, 0, name)
                text = metrics.elidedText(name, elide, int(area.height()) - 16)
                painter.drawText(QRectF(14, -9, area.height(), 18), middle, text)
                painter.restore()
                continue
            start = area.center().x() - (metrics.horizontalAdvance(name) + 14) / 2
            self._dot(painter, start, area.center().y(), name)
            painter.drawText(area.adjusted(start + 14 - area.left(), 0, 0, 0), middle, name)
        for row, name in enumerate(matrix.rows):
            area = self.cell_rect(row, HEAD)
            if name:
                self._dot(painter, 0, area.center().y(), name)
            painter.setPen(colours.text)
            text = metrics.elidedText(_label(name), elide, 120)
            painter.drawText(area.adjusted(14, 0, 0, 0), middle, text)
            painter.setPen(colours.muted)
            number = f"{matrix.row_totals[row]:,}"
            painter.drawText(area.adjusted(0, 0, -8, 0), middle | Qt.AlignmentFlag.AlignRight, number)
            painter.setPen(colours.text)

    def _dot(self, painter: QPainter, x: float, y: float, name: str) -> None:
        assert self._matrix is not None
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.class_colour(name, self._matrix.columns))
        painter.drawEllipse(QRectF(x, y - 4, 8, 8))
        painter.restore()

    def _paint_cell(
        self,
        painter: QPainter,
        row: int,
        column: int,
        fonts: tuple[QFont, QFont],
        colours: theme.ThemeColours,
    ) -> None:
        assert self._matrix is not None
        matrix, share = self._matrix, self._shares[row][column]
        area, count = self.cell_rect(row, column), int(matrix.counts[row, column])
        if matrix.signed:
            place = round(127.5 * (1 + 0.8 * share))  # the ends of the map would swallow the number
            red, green, blue = (int(part) for part in theme.lut("diverging")[place])
            fill = QColor(red, green, blue)
            ink = QColor(Qt.GlobalColor.black)
        else:
            fill = blend(colours.panel, colours.accent, share)
            ink = self.palette().color(QPalette.ColorRole.HighlightedText) if share > 0.5 else colours.text
        painter.fillRect(area.adjusted(1, 1, -1, -1), fill)
        painter.setPen(ink)
        both = area.height() >= 40 and not matrix.signed
        middle = Qt.AlignmentFlag.AlignHCenter
        vertical = Qt.AlignmentFlag.AlignBottom if both else Qt.AlignmentFlag.AlignVCenter
        text = f"{count:+,}".replace("-", "−") if matrix.signed and count else f"{count:,}"
        painter.setFont(fonts[0])
        if painter.fontMetrics().horizontalAdvance(text) > area.width() - 4:
            painter.setFont(fonts[1])
        upper = area.adjusted(0, 0, 0, -area.height() / 2) if both else area
        painter.drawText(upper, middle | vertical, text)
        if both:
            painter.setFont(fonts[1])
            painter.drawText(area.adjusted(0, area.height() / 2, 0, 0), middle, f"{100 * share:.0f} %")

    # ---------------------------------------------------------------- choosing

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.cell_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            self._go_to(found)
            self.chosen.emit(*found)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.cell_at(event.position().toPoint())
        self.setCursor(Qt.CursorShape.PointingHandCursor if found is not None else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, matrix = event.key(), self._matrix
        if matrix is not None and key in _MOVES:
            rows, columns = len(matrix.rows), len(matrix.columns)
            down, right = _MOVES[Qt.Key(key)]
            row = min(max(self._current[0] + down, HEAD), rows - 1)
            self._go_to((row, min(max(self._current[1] + right, HEAD), columns - 1)))
        elif matrix is not None and key in _CHOOSE:
            self.chosen.emit(*self._current)
        else:
            super().keyPressEvent(event)

    def _go_to(self, cell: tuple[int, int]) -> None:
        self._current = cell
        self._describe()
        self.update()

    def _describe(self) -> None:
        self.setAccessibleDescription(self.text_of(*self._current))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self.cell_at(event.pos())
            if found is not None:
                QToolTip.showText(
                    event.globalPos(), f"{self.text_of(*found)}\nClick to show them in the table", self
                )
            else:
                QToolTip.hideText()
            return True
        return super().event(event)


def _label(name: str) -> str:
    return name or "no label"


def blend(low: QColor, high: QColor, share: float) -> QColor:
    """``low`` at 0, ``high`` at 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(rgb(low), rgb(high), strict=True))
    return QColor(red, green, blue)
