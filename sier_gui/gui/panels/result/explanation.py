"""What the explanation adds up to, how it was computed, and the controls of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.domain import Modality
from sier_gui.gui import overlay
from sier_gui.gui.explaining import absence_text, count_unsettled, how_text, one_stream_text
from sier_gui.gui.panels.result.controls import ExplainControls, OverlayControls
from sier_gui.gui.state import AppState
from sier_gui.gui.widgets import ElidedLabel, track_colour

if TYPE_CHECKING:
    from sier_gui.core.explain.attribution import Attribution
    from sier_gui.gui.actions import ActionTable

BUSY_KIND = "explain"  # the job kind whose progress is shown here


class ShareBar(QWidget):
    """How much each modality carries in the game of two players, as the samples' column "image" says it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shares: dict[Modality, float] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Shares in the game of two players, the whole picture and the whole speech: the column “image”\n"
            "of the samples. They do not depend on how many parts the map has."
        )

    def sizeHint(self) -> QSize:
        return QSize(220, self.fontMetrics().height() + 14)

    def show_shares(self, shares: dict[Modality, float]) -> None:
        self.shares = shares
        said = ", ".join(f"{m} {100 * s:.0f} %" for m, s in shares.items())
        self.setAccessibleName(f"Modality shares: {said}" if said else "Modality shares: not explained yet")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        palette = self.palette()
        text = QRectF(0, 0, self.width(), self.fontMetrics().height() + 2)
        bar = QRectF(0, text.bottom() + 2, self.width(), 8)
        painter.fillRect(bar, track_colour(palette))
        roles = (QPalette.ColorRole.Accent, QPalette.ColorRole.PlaceholderText)
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)
        left = 0.0
        if not self.shares:
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(
                text, sides[0] | Qt.AlignmentFlag.AlignVCenter, "image and speech: not explained yet"
            )
        for (modality, share), role, side in zip(self.shares.items(), roles, sides, strict=False):
            width = bar.width() * share
            painter.fillRect(QRectF(left, bar.top(), width, bar.height()), palette.color(role))
            painter.setPen(palette.color(QPalette.ColorRole.WindowText))
            painter.drawText(text, side | Qt.AlignmentFlag.AlignVCenter, f"{modality} {100 * share:.0f} %")
            left += width
        painter.end()


class ExplanationPanel(QWidget):
    """Shares, additivity, provenance of the numbers; progress where the result will appear."""

    def __init__(self, state: AppState, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.shares = ShareBar(self)
        self.split = ElidedLabel(parent=self, secondary=True)
        self.sums = ElidedLabel(parent=self, secondary=True)
        self.degree = ElidedLabel(parent=self, secondary=True)
        self.additivity = QLabel(self)
        self.additivity.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.how = QLabel(self)
        self.absence = QLabel(self)
        self.absence.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for label in (self.how, self.absence):
            label.setWordWrap(True)
        self.controls = ExplainControls(state, actions, self)
        self.overlay_controls = OverlayControls(state, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(4)
        for widget in (self.shares, self.split, self.sums, self.degree, self.additivity, self.how):
            layout.addWidget(widget)
        layout.addLayout(self._status_row(actions))
        layout.addWidget(self.absence)
        layout.addSpacing(8)
        layout.addWidget(self.controls)
        layout.addSpacing(8)
        layout.addWidget(self.overlay_controls)
        layout.addStretch(1)
        state.release_changed.connect(self._refresh)
        state.sample_changed.connect(self._refresh)
        state.prediction_changed.connect(self._refresh)
        state.attribution_changed.connect(self._refresh)
        state.target_changed.connect(self._refresh)
        state.explain_options_changed.connect(self._refresh)
        state.busy_changed.connect(self._on_busy)
        self._refresh()

    def _status_row(self, actions: ActionTable) -> QStackedLayout:
        """Either a line saying how it stands, or progress and Cancel: same place, same height."""
        self.status = ElidedLabel(parent=self, secondary=True)
        busy = QWidget(self)
        row = QHBoxLayout(busy)
        row.setContentsMargins(0, 0, 0, 0)
        self.progress = QProgressBar(busy)
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(8)
        self.progress.setAccessibleName("Progress of the explanation")
        self.cancel = QPushButton("Cancel", busy)
        self.cancel.clicked.connect(actions.action("explain.cancel").trigger)
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.status)
        self._stack.addWidget(busy)
        return self._stack

    @Slot(str, float)
    def _on_busy(self, kind: str, fraction: float) -> None:
        if kind != BUSY_KIND:
            return
        self._stack.setCurrentIndex(1 if fraction >= 0 else 0)
        self.progress.setValue(round(1000 * max(fraction, 0.0)))
        self._show_status()

    @Slot()
    def _refresh(self) -> None:
        attribution = overlay.current_attribution(self._state)
        if attribution is None:
            self.shares.show_shares({})
            for label in (self.split, self.sums, self.degree):
                label.set_text("")
            self.additivity.setText(self._waiting_text())
            self.how.setText("")
            self._show_absence(self._state.explain_options.absence)
        else:
            self._show_attribution(attribution, overlay.explained_class(self._state) or attribution.target)
        self._show_status()

    def _show_absence(self, absence: str) -> None:
        texts = (one_stream_text(self._state.release), absence_text(absence))
        self.absence.setText(" ".join(filter(None, texts)))

    def _waiting_text(self) -> str:
        view = self._state.sample
        if view is None and self._state.row >= 0:
            return "\n"
        if view is None:
            return "Choose a sample to see why the network decides.\n"
        if view.lacking and not view.errors:
            return f"Not explained: the dataset has no {view.lacking[0]} here.\n"
        if view.inputs is None:
            return "Not explained: a file of this sample is broken.\n"
        return "Not explained yet.\n"

    def _show_attribution(self, attribution: Attribution, target: str) -> None:
        self.shares.show_shares(attribution.split_degree(target))
        index = attribution.index(target)
        whole = {m: float(values[index]) for m, values in attribution.split.items()}
        number = _number_of(attribution)
        self.split.set_text(f"two players: {_pair(whole, number)}")
        parts = " + ".join(str(v[index].size) for v in attribution.values.values())
        self.sums.set_text(f"{parts} parts: {_pair(attribution.sums(target), number)}")
        shares = ", ".join(f"{m} {100 * share:.0f} %" for m, share in attribution.degree(target).items())
        self.degree.set_text(f"their Σ|φ|: {shares}")
        self.additivity.setText(additivity_text(attribution, target))
        self.how.setText(how_text(attribution, target, self._state.explain_options))
        self._show_absence(attribution.absence)

    def _show_status(self) -> None:
        attribution = overlay.current_attribution(self._state)
        self.status.set_text("" if attribution is None else self._status_text(attribution))

    def _status_text(self, attribution: Attribution) -> str:
        target = overlay.explained_class(self._state)
        unsettled, players = count_unsettled(attribution, target)
        said = f"Explains {target}" if attribution.complete else "Stopped early"
        if not unsettled:
            return said
        what = "signs unsettled" if attribution.complete else "not divided"
        return f"{said} · {unsettled} of {players} {what}"


def additivity_text(attribution: Attribution, target: str) -> str:
    """f(all) − f(none) = Σφ + residual, over two lines."""
    index = attribution.index(target)
    total = sum(attribution.sums(target).values())
    residual = attribution.residual(target)
    number = _number_of(attribution)
    full, empty = (number(float(f[index])) for f in (attribution.f_all, attribution.f_none))
    rest = "0" if abs(residual) < 5e-6 else f"{residual:.1e}".replace("-", "−")
    return f"f(all) {full} − f(none) {empty}\n= Σφ {number(total)} + residual {rest}"


def _number_of(attribution: Attribution) -> Callable[[float], str]:
    return overlay.short if attribution.value == "probability" else _two_decimals


def _pair(values: dict[Modality, float], number: Callable[[float], str]) -> str:
    return ", ".join(f"{m} {'+' if v >= 0 else ''}{number(v)}" for m, v in values.items())


def _two_decimals(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
