"""The text above its sound: words where they are likely spoken, the telling ones in bold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from sier_gui.core.audio.alignment import POCKETSPHINX
from sier_gui.core.domain import FloatArray, WordSpan
from sier_gui.core.export.words import Span, contributing, word_spans, word_values

if TYPE_CHECKING:
    from sier_gui.gui.state import StillHeard

_TOOLTIP_CHARACTERS = 1200
_CLICK = "A click on a word selects it."
_GAP = 3  # points between neighbours


class WordsRow(QWidget):
    """One line of words on the plots' time axis; zooming the plots spreads crowded words out."""

    chosen = Signal(float, float)  # seconds of the word that was clicked

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = self._how = ""
        self._spans: list[Span] = []
        self._words: list[tuple[str, float, float]] = []
        self._emphasised: NDArray[np.bool_] = np.zeros(0, bool)
        self._span = (0.0, 1.0)
        self._columns = (0.0, 1.0)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Words of the speech")

    def sizeHint(self) -> QSize:
        return QSize(200, self.fontMetrics().height() + 8)

    def show_text(self, text: str, speech: FloatArray, rate: int) -> None:
        """``text`` spread over ``speech``, as the exported figure spreads it."""
        self._text = text
        self._show_spans(word_spans(text, speech, rate) if len(speech) else [], "spread by their lengths")

    def show_aligned(self, words: Sequence[WordSpan], method: str) -> None:
        """The same text, each word where ``method`` found it."""
        how = f"aligned by {method}" if method == POCKETSPHINX else "spread by their lengths"
        self._show_spans([Span(word.start_s, word.end_s, word.word) for word in words], how)

    def _show_spans(self, spans: list[Span], how: str) -> None:
        self._spans = spans
        self._how = f"Words {how}." if spans else ""
        self._words = [(span.text, span.start_s, span.end_s) for span in spans]
        self._emphasised = np.zeros(len(self._words), bool)
        self.setAccessibleDescription(f"{self._text[:_TOOLTIP_CHARACTERS]} {self._how}".strip())
        self.update()

    def emphasise(self, edges: NDArray[np.float64] | None, values: NDArray[np.float64] | None) -> None:
        """Bold where a word carries much of the segments' ``values`` between ``edges`` seconds."""
        self._emphasised = np.zeros(len(self._words), bool)
        if edges is not None and values is not None and self._spans:
            self._emphasised = contributing(word_values(self._spans, edges, values))
        self.update()

    def place(self, span: tuple[float, float], columns: tuple[float, float]) -> None:
        """``span``: seconds visible; ``columns``: left edge and width of that axis in this widget."""
        self._span, self._columns = span, columns
        self.update()

    def emphasised_words(self) -> list[str]:
        return [word for (word, _, _), bold in zip(self._words, self._emphasised, strict=True) if bold]

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._crowded():
            super().mousePressEvent(event)
            return
        start, stop = self._span
        left, width = self._columns
        seconds = start + (event.position().x() - left) / max(width, 1.0) * (stop - start)
        for _, begin, end in self._words:
            if begin <= seconds < end:
                self.chosen.emit(begin, end)
                return

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._words:
            if not self._crowded():
                self._paint_words(painter)
            else:
                self._paint_line(painter)
        painter.end()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._text:
            text = self._text
            if len(text) > _TOOLTIP_CHARACTERS:
                text = f"{text[:_TOOLTIP_CHARACTERS]}… ({len(self._text):,} characters)"
            # rich text wraps, plain text would cross the whole screen
            QToolTip.showText(event.globalPos(), f"<p>{_escaped(text)}</p><p>{self._how} {_CLICK}</p>", self)
            return True
        return super().event(event)

    def _x(self, seconds: float) -> float:
        start, stop = self._span
        left, width = self._columns
        return left + (seconds - start) / max(stop - start, 1e-9) * width

    def _visible(self) -> list[int]:
        start, stop = self._span
        return [i for i, (_, a, b) in enumerate(self._words) if b > start and a < stop]

    def _crowded(self) -> bool:
        """More text than the visible span can hold, even shortened."""
        visible = self._visible()
        if not visible:
            return False
        letters = sum(len(self._words[i][0]) + 1 for i in visible)
        needed = letters * self.fontMetrics().averageCharWidth()
        shown = self._x(self._words[visible[-1]][2]) - self._x(self._words[visible[0]][1])
        return needed > 1.6 * shown

    def _paint_line(self, painter: QPainter) -> None:
        """The beginning of a text too long to be spread; the rest by tooltip, or by zooming in."""
        left, width = self._columns
        first = self._visible()[0]
        text = " ".join(word for word, _, _ in self._words[first : first + 200])
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(width))
        area = QRectF(left, 0, width, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)

    def _paint_words(self, painter: QPainter) -> None:
        left, width = self._columns
        painter.setClipRect(QRectF(left, 0, width, self.height()))
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.Bold)
        centred = Qt.AlignmentFlag.AlignCenter
        accent = self.palette().color(QPalette.ColorRole.Highlight)
        for i in self._visible():
            word, start, stop = self._words[i]
            area = QRectF(self._x(start), 0, self._x(stop) - self._x(start), self.height())
            strong = bool(self._emphasised[i])
            font = bold if strong else self.font()
            painter.setFont(font)
            role = QPalette.ColorRole.WindowText if strong else QPalette.ColorRole.PlaceholderText
            painter.setPen(self.palette().color(role))
            shown = QFontMetricsF(font).elidedText(word, Qt.TextElideMode.ElideRight, area.width() - _GAP)
            painter.drawText(area, centred, shown)
            if strong:
                inset = min(_GAP, area.width() / 2)
                rule = QRectF(area.left() + inset, area.bottom() - 2, area.width() - 2 * inset, 2)
                painter.fillRect(rule.toRect(), accent)


class HeardRow(WordsRow):
    """What a recogniser still hears, where it hears it: in bold what the text says too."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Words a recogniser still hears in the important part")
        self._notice = ""

    def show_notice(self, notice: str) -> None:
        """Instead of words."""
        self._show_spans([], "")
        self._text = self._notice = notice
        self.setAccessibleDescription(notice)

    def show_heard(self, heard: StillHeard) -> None:
        """Words in their places, or why there are none."""
        if not heard.method:
            self.show_notice("no recogniser here knows this language")
        elif not heard.words:
            self.show_notice("nothing is understood")
        else:
            self._notice, self._text = "", " ".join(word.word for word in heard.words)
            self._show_spans([Span(word.start_s, word.end_s, word.word) for word in heard.words], "")
            self._how = f"What {heard.method} still hears in the important part; in bold what the text says."
            self._emphasised = np.array(heard.agrees, bool)
            self.setAccessibleDescription(f"{self._text} {self._how}")

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        left, width = self._columns
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, left - 4, self.height()), middle | Qt.AlignmentFlag.AlignRight, "hears")
        if self._notice:
            painter.drawText(QRectF(left + 4, 0, width, self.height()), middle, self._notice)
        painter.end()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br>")
