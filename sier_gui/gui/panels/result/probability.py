"""Who the sample is, what it is labelled, and how probable the network finds each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sier_gui.gui import overlay, theme
from sier_gui.gui.state import AppState
from sier_gui.gui.widgets import ElidedLabel, LoadingNotice, track_colour

if TYPE_CHECKING:
    from sier_gui.core.domain import Prediction
    from sier_gui.core.nets.releases import Release

_ROW_HEIGHT = 24


class ClassBar(QAbstractButton):
    """One class: name, bar and probability. Pressing it explains that class; arrow keys go to the next."""

    def __init__(self, name: str, colour: QColor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.class_name = name
        self.probability: float | None = None
        self.instead: float | None = None  # what it would be with parts taken away
        self._colour = colour
        self.name_width = 64.0
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(f"Explain {name}")
        self.show_probability(None)

    def sizeHint(self) -> QSize:
        return QSize(220, max(_ROW_HEIGHT, self.fontMetrics().height() + 6))

    def show_probability(self, value: float | None) -> None:
        self.probability = value
        self._say()

    def show_instead(self, value: float | None) -> None:
        """``value``: what the probability would be; None: nothing is taken away."""
        if value != self.instead:
            self.instead = value
            self._say()

    def _say(self) -> None:
        value = self.probability
        said = "not predicted yet" if value is None else f"probability {value:.2f}"
        if self.instead is not None:
            said += f", would be {self.instead:.2f}"
        self.setAccessibleName(f"{self.class_name}, {said}")
        self.update()

    def bar_area(self) -> QRectF:
        """Where a probability of 1 would reach."""
        left = self.name_width + 16
        number = self.fontMetrics().horizontalAdvance("0.00")
        change = 0 if self.instead is None else self.fontMetrics().horizontalAdvance("+0.00") + 8
        return QRectF(left, 5, max(8.0, self.width() - left - number - change - 32), self.height() - 10)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette, area = self.palette(), self.bar_area()
        font = QFont(self.font())
        font.setBold(self.isChecked())
        painter.setFont(font)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        centre = Qt.AlignmentFlag.AlignVCenter
        name = QFontMetricsF(font).elidedText(self.class_name, Qt.TextElideMode.ElideRight, self.name_width)
        painter.drawText(QRectF(8, 0, self.name_width + 4, self.height()), centre, name)
        painter.fillRect(area, track_colour(palette))
        if self.probability is not None:
            number = QRectF(area.right(), 0, self.width() - area.right() - 24, self.height())
            value = self.probability if self.instead is None else self.instead
            painter.drawText(number, centre | Qt.AlignmentFlag.AlignRight, overlay.short(value))
            self._paint_bars(painter, area, self.probability)
        if self.isChecked():
            self._paint_mark(painter)
        if self.hasFocus():
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _paint_bars(self, painter: QPainter, area: QRectF, probability: float) -> None:
        """The probability; with parts taken away a ghost of it behind what it would be, and the change."""
        bar = QRectF(area.left(), area.top(), area.width() * probability, area.height())
        if self.instead is None:
            painter.fillRect(bar, self._colour)
            return
        ghost = QColor(self._colour)
        ghost.setAlpha(70)
        painter.setPen(QPen(self._colour, 1))
        painter.setBrush(ghost)
        painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5))
        inset = area.height() / 4
        thin = QRectF(area.left(), area.top() + inset, area.width() * self.instead, area.height() - 2 * inset)
        painter.fillRect(thin, self._colour)
        change = QRectF(area.right() + 8, 0, self.fontMetrics().horizontalAdvance("+0.00"), self.height())
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(change, right, overlay.change(self.instead - probability))

    def _paint_mark(self, painter: QPainter) -> None:
        """The triangle that says: this class is explained."""
        x, y = self.width() - 16.0, self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawPolygon(QPolygonF([QPointF(x, y), QPointF(x + 8, y - 5), QPointF(x + 8, y + 5)]))


class ProbabilityPanel(QWidget):
    """Header and one bar per class."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.title = ElidedLabel(parent=self)
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        self.title.setFont(strong)
        self.verdict = ElidedLabel(parent=self, secondary=True)
        self.bars: list[ClassBar] = []
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._choose)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 8, 8, 8)
        self._layout.setSpacing(2)
        self.head = QHBoxLayout()  # room beside the name for what is done with the sample
        self.head.addWidget(self.title, 1)
        self._layout.addLayout(self.head)
        self._layout.addWidget(self.verdict)
        self._layout.addSpacing(4)
        self._layout.addStretch(1)
        LoadingNotice(state, self._show_loading, self)
        state.release_changed.connect(self._on_release)
        state.sample_changed.connect(self._refresh)
        state.annotated.notes_changed.connect(self._show_verdict)
        state.prediction_changed.connect(self._refresh)
        state.attribution_changed.connect(self._mark_target)
        state.target_changed.connect(self._mark_target)
        state.what_if_changed.connect(self._show_instead)
        self._refresh()

    @Slot()
    def _show_loading(self) -> None:
        self.title.set_text("Loading…")
        self.verdict.set_text("")
        self._show_values(None)

    @Slot()
    def _refresh(self) -> None:
        view, prediction = self._state.sample, self._prediction()
        self._ensure_bars(self._classes() or self._names())
        self.title.set_text(view.sample.sample_id if view else "No sample")
        self.verdict.set_text(self._verdict_text())
        self._show_values(prediction)
        self._mark_target()

    @Slot()
    def _show_verdict(self) -> None:
        self.verdict.set_text(self._verdict_text())

    @Slot(object)
    def _on_release(self, release: Release | None) -> None:
        if release is None:
            self._ensure_bars(())
        self._refresh()

    def _prediction(self) -> Prediction | None:
        view, prediction = self._state.sample, self._state.prediction
        if view is None or prediction is None or prediction.sample_id != view.sample.sample_id:
            return None
        return prediction

    def _verdict_text(self) -> str:
        view, prediction = self._state.sample, self._prediction()
        if view is None:
            return ""
        label = f"label {view.sample.label}" if view.sample.label else "no label"
        notes = self._state.annotated.notes
        if notes is not None and notes.sample_id == view.sample.sample_id:
            mine = notes.label_of(self._state.annotated.me)
            label += f" · you {mine}" if mine else ""
        if prediction is not None:
            without = f", without {view.lacking[0]}" if view.lacking else ""
            return f"{label} · sees {prediction.predicted}{without}"
        if view.inputs is None and not view.errors:
            return f"{label} · cannot be predicted: no {' and no '.join(view.lacking)}"
        if view.inputs is None:
            return f"{label} · cannot be predicted: a file is broken"
        known = self._state.release is not None
        return f"{label} · " + ("not predicted yet" if known else "no network for its classes")

    def _classes(self) -> tuple[str, ...]:
        prediction, release = self._state.prediction, self._state.release
        if prediction is not None:
            return prediction.classes
        return tuple(release.classes) if release is not None else ()

    def _names(self) -> tuple[str, ...]:
        return tuple(bar.class_name for bar in self.bars)

    def _ensure_bars(self, classes: tuple[str, ...]) -> None:
        """One bar per class; they stay while samples change, so that the focus does too."""
        if classes == self._names():
            return
        for bar in self.bars:
            self._group.removeButton(bar)
            self._layout.removeWidget(bar)
            bar.hide()
            bar.deleteLater()
        self.bars = [ClassBar(name, theme.class_colour(name, classes), self) for name in classes]
        widest = max((self.fontMetrics().horizontalAdvance(f"{c} ") for c in classes), default=0)
        for i, bar in enumerate(self.bars):
            bar.name_width = min(max(48.0, 1.1 * widest), 120.0)
            self._group.addButton(bar, i)
            self._layout.insertWidget(3 + i, bar)
            bar.show()  # the layout alone would do so one turn of the event loop later

    def _show_values(self, prediction: Prediction | None) -> None:
        for i, bar in enumerate(self.bars):
            bar.show_probability(None if prediction is None else float(prediction.probabilities[i]))
        self._show_instead()

    @Slot()
    def _show_instead(self) -> None:
        found, prediction = self._state.what_if, self._prediction()
        fits = found is not None and prediction is not None and found.classes == prediction.classes
        for i, bar in enumerate(self.bars):
            bar.show_instead(found.after[i] if fits and found is not None else None)

    @Slot()
    def _mark_target(self) -> None:
        target = overlay.explained_class(self._state)
        # an exclusive group cannot be cleared, so it is opened for a moment
        self._group.setExclusive(False)
        for bar in self.bars:
            bar.setChecked(bar.class_name == target)
        self._group.setExclusive(True)

    @Slot(int)
    def _choose(self, index: int) -> None:
        self._state.set_target(self.bars[index].class_name)
