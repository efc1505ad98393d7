"""The map of the dataset: a point for each sample; hover, click, lasso, zoom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from sier_gui.gui import theme
from sier_gui.gui.panels.overview.spots import drawn, radius_for
from sier_gui.gui.widgets import paint_notice

if TYPE_CHECKING:
    from sier_gui.core.overview.picking import Points

MARGIN = 20  # pixels around the outermost points
REACH = 10  # pixels within which a point is meant
DRAG = 4  # pixels from which on a press becomes a lasso
STEP = 3  # pixels between two corners of a lasso
ZOOM = 1.25
_PAN = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class MapView(QWidget):
    """Points in one scale for both directions; ``places`` count them as they were given."""

    hovered = Signal(int)  # place, −1 for none
    clicked = Signal(int)  # place
    opened = Signal(int)  # place: a double click
    lassoed = Signal(object)  # NDArray[int64]: places

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.points: Points | None = None
        self._codes: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._palette: NDArray[np.uint8] = np.zeros((1, 3), np.uint8)
        self._bright: NDArray[np.bool_] | None = None
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._mixed: NDArray[np.float32] = np.empty((2, 0), np.float32)
        self._notice = ("", "")
        self._scale, self._centre = 1.0, (0.0, 0.0)  # pixels per unit; what lies in the middle
        self._fitted = True  # nobody zoomed or moved: resizing keeps all in sight
        self._image: QImage | None = None
        self._hover = self._current = -1
        self._press: QPointF | None = None
        self._line: list[QPointF] = []
        self._panning: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Map of the dataset")
        self.setToolTip("")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(600, 360)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 160)

    # ---------------------------------------------------------------- what is shown

    def show_points(self, points: Points) -> None:
        """Another map, wholly in sight; colours follow by `colour`."""
        self.points = points
        n = len(points)
        # a fixed order at random: no class lies on top of another because it comes later in the table
        self._order = np.random.default_rng(0).permutation(n)
        self._mixed = np.ascontiguousarray(points.positions[self._order].T)
        self._codes, self._bright = np.zeros(n, np.uint8), None
        self._hover = self._current = -1
        self.setAccessibleDescription(
            f"{n:,} samples. Enter selects those in sight, plus and minus zoom, arrows move, Home shows all."
        )
        self.fit()

    def show_nothing(self, title: str, hint: str = "") -> None:
        self.points, self._notice = None, (title, hint)
        self._changed()

    def colour(self, codes: NDArray[np.uint8], palette: NDArray[np.uint8]) -> None:
        """``codes`` (n,) of the points in ``palette`` (k, 3)."""
        self._codes, self._palette = codes[self._order], palette
        self._changed()

    def brighten(self, bright: NDArray[np.bool_] | None) -> None:
        """(n,) which points keep their colour; None: all."""
        mixed = None if bright is None else bright[self._order]
        if mixed is None and self._bright is None:
            return
        if mixed is not None and self._bright is not None and np.array_equal(mixed, self._bright):
            return  # a lasso has shown it already
        self._bright = mixed
        self._changed()

    def mark(self, place: int) -> None:
        """Ring the sample on show; −1: none."""
        if place != self._current:
            self._current = place
            self.update()

    def _changed(self) -> None:
        self._image = None
        self.update()

    # ---------------------------------------------------------------- places

    def fit(self) -> None:
        """All points in sight."""
        if self.points is None or not len(self.points):
            return
        low, high = self.points.low, self.points.high
        span = np.maximum(high - low, 1e-6)
        room = (max(self.width() - 2 * MARGIN, 20), max(self.height() - 2 * MARGIN, 20))
        self._scale = float(min(room[0] / span[0], room[1] / span[1]))
        middle = (low + high) / 2
        self._centre = (float(middle[0]), float(middle[1]))
        self._fitted = True
        self._changed()

    def zoom(self, factor: float, about: QPointF | None = None) -> None:
        at = about or QPointF(self.width() / 2, self.height() / 2)
        x, y = self.to_map(at)
        self._scale *= factor
        self._centre = (
            x - (at.x() - self.width() / 2) / self._scale,
            y + (at.y() - self.height() / 2) / self._scale,
        )
        self._fitted = False
        self._changed()

    def move_by(self, right: float, down: float) -> None:
        """Move the points by so many pixels."""
        self._centre = (self._centre[0] - right / self._scale, self._centre[1] + down / self._scale)
        self._fitted = False
        self._changed()

    def to_map(self, point: QPointF) -> tuple[float, float]:
        return (
            self._centre[0] + (point.x() - self.width() / 2) / self._scale,
            self._centre[1] - (point.y() - self.height() / 2) / self._scale,
        )

    def to_screen(self, place: int) -> QPointF:
        assert self.points is not None
        x, y = self.points.positions[place].tolist()
        return QPointF(
            self.width() / 2 + (x - self._centre[0]) * self._scale,
            self.height() / 2 - (y - self._centre[1]) * self._scale,
        )

    def place_at(self, point: QPointF) -> int:
        """The nearest point within `REACH` pixels; −1 for none."""
        if self.points is None:
            return -1
        return self.points.nearest(*self.to_map(point), REACH / self._scale)

    def in_sight(self) -> NDArray[np.int64]:
        """Places of the points that lie within the widget."""
        if self.points is None:
            return np.empty(0, np.int64)
        left, top = self.to_map(QPointF(0, 0))
        right, bottom = self.to_map(QPointF(self.width(), self.height()))
        x, y = self.points.positions.T
        there = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
        return np.flatnonzero(there)

    # ---------------------------------------------------------------- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        if self.points is None:
            paint_notice(painter, self.rect(), *self._notice, self.palette())
            painter.end()
            return
        if self._image is None:
            self._image = self._drawn()
        painter.drawImage(QRectF(self.rect()), self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = theme.colours(self.palette())
        for place, width in ((self._current, 2.5), (self._hover, 1.5)):
            if 0 <= place < len(self.points):
                centre = self.to_screen(place)
                painter.setPen(QPen(colours.panel, width + 2))
                painter.drawEllipse(centre, 8, 8)
                painter.setPen(QPen(colours.text, width))
                painter.drawEllipse(centre, 8, 8)
        if self._line:
            tint = QColor(colours.accent)
            tint.setAlpha(40)
            painter.setPen(QPen(colours.accent, 1.5))
            painter.setBrush(tint)
            painter.drawPolygon(QPolygonF(self._line))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours.accent, 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _drawn(self) -> QImage:
        assert self.points is not None
        ratio = self.devicePixelRatioF()
        width, height = max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)
        scale, (right, up) = np.float32(self._scale * ratio), self._mixed
        x = np.float32(width / 2) + (right - np.float32(self._centre[0])) * scale
        y = np.float32(height / 2) - (up - np.float32(self._centre[1])) * scale
        ground = self.palette().color(QPalette.ColorRole.Base)
        return drawn(
            x,
            y,
            self._codes,
            self._palette,
            (width, height),
            radius_for(len(right), ratio),
            (ground.red(), ground.green(), ground.blue()),
            self._bright,
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()
        self._changed()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._changed()

    # ---------------------------------------------------------------- mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._press, self._line = event.position(), []
        elif event.button() in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton):
            self._panning = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._panning is not None:
            self.move_by(at.x() - self._panning.x(), at.y() - self._panning.y())
            self._panning = at
        elif self._press is not None:
            self._extend(at)
        else:
            self._hover_over(self.place_at(at))

    def _extend(self, at: QPointF) -> None:
        assert self._press is not None
        if not self._line:
            if (at - self._press).manhattanLength() < DRAG:
                return
            self._line = [self._press]
            self._hover_over(-1)
        if (at - self._line[-1]).manhattanLength() >= STEP:
            self._line.append(at)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._panning = None
        if event.button() != Qt.MouseButton.LeftButton or self._press is None:
            return
        line, self._line, self._press = self._line, [], None
        self.update()
        if self.points is None:
            return
        if not line:
            place = self.place_at(event.position())
            if place >= 0:
                self.clicked.emit(place)
            return
        found = self.points.inside(np.array([self.to_map(corner) for corner in line]))
        if len(found):
            self.lassoed.emit(found)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position())
        if place >= 0:
            self.opened.emit(place)
        else:
            self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover_over(-1)

    def _hover_over(self, place: int) -> None:
        if place != self._hover:
            self._hover = place
            self.setCursor(Qt.CursorShape.PointingHandCursor if place >= 0 else Qt.CursorShape.CrossCursor)
            self.hovered.emit(place)
            self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.points is not None:
            self.zoom(ZOOM ** (event.angleDelta().y() / 120), event.position())
            event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if self.points is None:
            super().keyPressEvent(event)
        elif key in _PAN:
            right, down = _PAN[Qt.Key(key)]
            self.move_by(right * self.width() / 8, down * self.height() / 8)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(ZOOM)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / ZOOM)
        elif key == Qt.Key.Key_Home:
            self.fit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            found = self.in_sight()
            if len(found):
                self.lassoed.emit(found)
        elif key == Qt.Key.Key_Escape and self._line:
            self._press, self._line = None, []
            self.update()
        else:
            super().keyPressEvent(event)
