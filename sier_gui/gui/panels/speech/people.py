"""Where people marked the speech: a strip of shares above the waveform, on its time axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from sier_gui.core.explain.people.coverage import people_grid
from sier_gui.core.explain.people.wording import people_text
from sier_gui.gui import theme
from sier_gui.gui.state import AppState

_HEIGHT = 26


class PeopleStrip(QWidget):
    """Share of people who marked each moment of the sample's own speech; hidden where nobody did."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._edges: NDArray[np.float64] = np.array([0.0, 1.0])  # seconds
        self._shares: NDArray[np.float64] = np.zeros(1)
        self._said = ""
        self._span, self._columns = (0.0, 1.0), (0.0, 1.0)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        state.people_changed.connect(self._refresh)
        state.sample_changed.connect(self._refresh)
        self._refresh()

    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    def shares(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Edges in seconds (n + 1,) and the share of people between them (n,)."""
        return self._edges, self._shares

    def place(self, span: tuple[float, float], columns: tuple[float, float]) -> None:
        """``span``: seconds visible; ``columns``: left edge and width of that axis in this widget."""
        self._span, self._columns = span, columns
        self.update()

    @Slot()
    def _refresh(self) -> None:
        view, people = self._state.sample, self._state.people
        spans: dict[str, list[tuple[float, float]]] = {}
        simulated = set()
        known = people is not None and view is not None and people.sample_id == view.sample.sample_id
        if people is not None and known:
            for mark in people.marks:
                if mark.spans and not mark.voice:
                    spans.setdefault(mark.person, []).extend(mark.spans)
                    if mark.simulated:
                        simulated.add(mark.person)
        self.setVisible(bool(spans) and view is not None and view.speech is not None)
        if view is None or view.speech is None or not spans:
            return
        seconds = len(view.speech) / view.rate
        edges, _, shares = people_grid(
            [[(a / seconds, 0.0, b / seconds, 1.0) for a, b in own] for own in spans.values()]
        )
        self._edges, self._shares = edges * seconds, shares[0]
        who = people_text(len(spans), len(simulated))
        most = int(self._shares.argmax())
        where = f"{self._edges[most]:.2f}–{self._edges[most + 1]:.2f} s"
        self._said = f"Marked by {who}; most, {100 * self._shares[most]:.0f} %, at {where}."
        self.setAccessibleName("Where people marked the speech")
        self.setAccessibleDescription(self._said)
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._said, self)
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, width = self._columns
        text = self.palette().color(QPalette.ColorRole.WindowText)
        area = QRectF(left, 2, width, self.height() - 4)
        painter.setFont(theme.caption_font(self.font()))
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        head = QRectF(0, area.top(), left - 6, area.height())
        painter.drawText(head, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "people")
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1, Qt.PenStyle.DotLine))
        for share in (0.5, 1.0):
            y = area.bottom() - share * area.height()
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setClipRect(area.adjusted(0, -1, 0, 1))
        start, stop = self._span
        x = np.asarray(area.left() + (self._edges - start) / max(stop - start, 1e-9) * width)
        heights = np.asarray(area.bottom() - self._shares * area.height())
        steps = [QPointF(float(x[0]), area.bottom())]
        for place, height in enumerate(heights.tolist()):
            steps += [QPointF(float(x[place]), height), QPointF(float(x[place + 1]), height)]
        steps.append(QPointF(float(x[-1]), area.bottom()))
        ground = QColor(text)
        ground.setAlpha(90)
        painter.setBrush(ground)
        painter.setPen(QPen(text, 1))
        painter.drawPolygon(QPolygonF(steps))
        painter.end()
