"""Where people marked the picture, as outlines over the network's map: seen on any colours, and without."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QLineF, QObject, QPointF, QRectF, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QWidget

from sier_gui.core.domain import PersonMarks
from sier_gui.core.explain.people.coverage import Span, outline, people_grid
from sier_gui.core.explain.people.wording import people_text
from sier_gui.gui import theme
from sier_gui.gui.panels.image.canvas import PictureCanvas
from sier_gui.gui.state import AppState

# share of people, in words, and how its border is drawn: more people, more ink
LEVELS = (
    (0.25, "¼", Qt.PenStyle.DotLine, 1.5),
    (0.5, "½", Qt.PenStyle.DashLine, 2.0),
    (0.75, "¾", Qt.PenStyle.SolidLine, 2.5),
)
_DASH, _GAP = 18, 6  # pixels of a sample line, and between words


class PeopleLayer(QWidget):
    """Lies over the canvas and lets the mouse through."""

    def __init__(self, state: AppState, canvas: PictureCanvas) -> None:
        super().__init__(canvas)
        self._state, self._canvas = state, canvas
        self._lines: list[list[tuple[Span, Span]]] = []
        self._who = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        canvas.installEventFilter(self)
        state.people_changed.connect(self._refresh)
        state.sample_changed.connect(self._refresh)
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        view, people = self._state.sample, self._state.people
        marks: list[PersonMarks] = []
        if people is not None and view is not None and people.sample_id == view.sample.sample_id:
            marks = [mark for mark in people.marks if mark.boxes]
        self._show(marks if view is not None and view.picture is not None else [])

    def _show(self, marks: Sequence[PersonMarks]) -> None:
        boxes: dict[str, list[tuple[float, float, float, float]]] = {}
        for mark in marks:
            boxes.setdefault(mark.person, []).extend(mark.boxes)
        self._lines, self._who = [], ""
        if boxes:
            grid = people_grid(list(boxes.values()))
            self._lines = [outline(*grid, level) for level, *_ in LEVELS]
            self._who = people_text(len(boxes), len({m.person for m in marks if m.simulated}))
        self.setAccessibleName(f"Marked by {self._who}" if boxes else "")
        self.setVisible(bool(boxes))
        self.setGeometry(self._canvas.rect())
        self.update()

    def outlines(self) -> list[list[tuple[Span, Span]]]:
        """Lines of each of `LEVELS`, in shares of the picture."""
        return self._lines

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return super().eventFilter(watched, event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        view = self._state.sample
        if view is None or view.picture is None:
            return
        height, width = view.picture.shape[:2]
        area = self._canvas.to_screen(QRectF(0, 0, width, height))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for lines, (_, _, style, thick) in zip(self._lines, LEVELS, strict=True):
            drawn = [QLineF(_on(area, first), _on(area, last)) for first, last in lines]
            flat = Qt.PenCapStyle.FlatCap
            painter.setPen(QPen(QColor(0, 0, 0, 200), thick + 2.0, Qt.PenStyle.SolidLine, flat))
            painter.drawLines(drawn)
            painter.setPen(QPen(QColor("white"), thick, style, flat))
            painter.drawLines(drawn)
        self._paint_key(painter)
        painter.end()

    def _paint_key(self, painter: QPainter) -> None:
        """Who marked, and which line means how many of them."""
        painter.setFont(theme.caption_font(self.font()))
        metrics = painter.fontMetrics()
        words = f"{self._who}:"
        each = [_DASH + 3 + metrics.horizontalAdvance(word) + _GAP for _, word, _, _ in LEVELS]
        width = metrics.horizontalAdvance(words) + _GAP + sum(each)
        plate = QRectF(4, 4, min(width + 2 * _GAP, self.width() - 8), metrics.height() + 6)
        ground = self.palette().color(QPalette.ColorRole.Window)
        ground.setAlpha(225)
        painter.fillRect(plate, ground)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        room = plate.width() - 2 * _GAP - sum(each)
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, round(max(room, 0)))
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(plate.adjusted(_GAP, 0, 0, 0), left, shown)
        x, middle = plate.right() - _GAP - sum(each) + _GAP, plate.center().y()
        for (_, word, style, thick), step in zip(LEVELS, each, strict=True):
            line = QLineF(x, middle, x + _DASH, middle)
            painter.setPen(QPen(QColor(0, 0, 0), thick + 2.0))
            painter.drawLine(line)
            painter.setPen(QPen(QColor("white"), thick, style, Qt.PenCapStyle.FlatCap))
            painter.drawLine(line)
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            painter.drawText(QRectF(x + _DASH + 3, plate.top(), step, plate.height()), left, word)
            x += step


def _on(area: QRectF, at: Span) -> QPointF:
    return QPointF(area.left() + at[0] * area.width(), area.top() + at[1] * area.height())
