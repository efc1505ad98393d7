"""Is the map true? The checks of one sample's map, beside the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QColor, QFont, QPalette, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.tasks import Progress
from sier_gui.gui import theme
from sier_gui.gui.dialogs.truth_words import Finding, findings, method_name, table_rows
from sier_gui.gui.widgets import ChoiceBox, Choices

if TYPE_CHECKING:
    from sier_gui.core.explain.truth.report import TruthReport

_SCOPES: Choices = (
    ("picture and speech", "both"),
    ("picture only", "image"),
    ("speech only", "speech"),
)
_COLUMNS = ("Order by", "Deletion ↓", "Insertion ↑", "Difference ↑")
_ROW_PX = 24
_LINES = {  # each with a line of its own for other colour vision
    "gradcam": (theme.SERIES[0], Qt.PenStyle.DashLine),
    "gradients": (theme.SERIES[1], Qt.PenStyle.DashDotLine),
    "occlusion": (theme.SERIES[2], Qt.PenStyle.SolidLine),
    "random": (theme.SERIES[2], Qt.PenStyle.DotLine),
}


class CurvePlot(pg.PlotWidget):
    """The class's value while parts go, or come, by method."""

    def __init__(self, name: str, below: str, corner: tuple[int, int]) -> None:
        super().__init__(enableMenu=False)
        self._name = name
        self._lines: dict[tuple[str, str], pg.PlotCurveItem] = {}  # by method and its name in words
        self.setAccessibleName(name)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumSize(220, 190)
        self.setTitle(name, size="10pt")
        self.setLabel("bottom", below)
        self.setXRange(0, 1, padding=0.02)
        self.disableAutoRange()  # else each line would measure all
        self.plotItem.layout.setContentsMargins(0, 0, 12, 0)  # room for half of the last number
        self.getAxis("bottom").setStyle(hideOverlappingLabels=False)
        for side in ("left", "bottom"):
            self.getAxis(side).enableAutoSIPrefix(False)
        self.legend = self.addLegend(offset=corner, labelTextSize="8pt")
        self._colour()

    def show_curves(self, drawn: list[tuple[str, str, np.ndarray]]) -> None:
        """``drawn``: method, its name in words, and the value after each step, (steps + 1,)."""
        if list(self._lines) != [(method, words) for method, words, _ in drawn]:
            self._make_lines([(method, words) for method, words, _ in drawn])
        for line, (_, _, curve) in zip(self._lines.values(), drawn, strict=True):
            line.setData(np.linspace(0, 1, len(curve)), curve)

    def _make_lines(self, names: list[tuple[str, str]]) -> None:
        """Not `plot`, whose items can do more and take five times as long to make."""
        self.legend.clear()
        for line in self._lines.values():
            self.removeItem(line)
        self._lines = {name: pg.PlotCurveItem(pen=self._pen(name[0]), name=name[1]) for name in names}
        for depth, line in enumerate(self._lines.values()):
            line.setZValue(-depth)  # ours, the first, on top
            self.addItem(line, ignoreBounds=True)

    def _pen(self, method: str) -> QPen:
        colour, style = _LINES.get(method, (self.palette().color(QPalette.ColorRole.Accent).name(), None))
        width = 3 if style is None else 2
        return pg.mkPen(QColor(colour), width=width, style=style or Qt.PenStyle.SolidLine)

    def _colour(self) -> None:
        palette = self.palette()
        self.setBackground(palette.color(palette.ColorRole.Window))
        text = palette.color(palette.ColorRole.WindowText)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(palette.color(palette.ColorRole.Mid))
            axis.setTextPen(text)
        self.setTitle(self._name, size="10pt", color=text.name())
        veil = palette.color(palette.ColorRole.Window)
        veil.setAlpha(200)  # lines shine through, letters stay readable
        self.legend.setBrush(veil)
        self.legend.setLabelTextColor(text)
        for (method, _), line in self._lines.items():
            line.setPen(self._pen(method))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "legend"):
            self._colour()


class TruthDialog(QDialog):
    """Not modal. Shows progress where the report will appear, then the report."""

    check_wished = Signal()
    cancel_wished = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Is the map true?")
        self._report: TruthReport | None = None
        self.title = QLabel()
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        self.title.setFont(strong)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.bar.setAccessibleName("Progress of the checks")
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self.cancel_wished)
        self.again = QPushButton("Check the Sample on Show")
        self.again.clicked.connect(self.check_wished)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title, 1)
        head.addWidget(self.bar)
        head.addWidget(self.cancel)
        head.addWidget(self.again)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(self._make_findings(), 2)
        body.addWidget(self._make_curves(), 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.status)
        layout.addLayout(body, 1)
        self.resize(1000, 620)
        self.show_stopped("")

    def _make_findings(self) -> QWidget:
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(4)
        self.findings: list[tuple[QLabel, QLabel]] = []
        for _ in range(4):
            number, meaning = QLabel(), QLabel()
            number.setFont(self.title.font())
            meaning.setWordWrap(True)
            for label in (number, meaning):
                label.setTextInteractionFlags(
                    Qt.TextInteractionFlag.TextSelectableByMouse
                    | Qt.TextInteractionFlag.TextSelectableByKeyboard
                )
            layout.addWidget(number)
            layout.addWidget(meaning)
            layout.addSpacing(8)
            self.findings.append((number, meaning))
        layout.addStretch(1)
        self._left = QScrollArea()
        self._left.setWidget(column)
        self._left.setWidgetResizable(True)
        self._left.setFrameShape(QFrame.Shape.NoFrame)
        self._left.setAccessibleName("What the checks found")
        return self._left

    def _make_curves(self) -> QWidget:
        self.scope = ChoiceBox("scope", _SCOPES)
        self.scope.setAccessibleName("Parts that go and come")
        self.scope.setToolTip("Which parts are taken away and added; those of the other modality stay")
        self.scope.chosen.connect(self._on_scope)
        self.deletion = CurvePlot("Deletion: lower is better", "share of parts gone", (-4, 4))
        self.insertion = CurvePlot("Insertion: higher is better", "share of parts there", (-4, -4))
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setMinimumSectionSize(_ROW_PX)
        self.table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setFrameShape(QFrame.Shape.NoFrame)
        self.table.setAccessibleName("Areas under the curves by method")
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        plots = QHBoxLayout()
        plots.setSpacing(8)
        plots.addWidget(self.deletion, 1)
        plots.addWidget(self.insertion, 1)
        self._right = QWidget()
        layout = QVBoxLayout(self._right)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.scope, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addLayout(plots, 3)
        layout.addWidget(self.table, 2)
        return self._right

    # ---------------------------------------------------------------- what is shown

    def show_progress(self, of: str) -> None:
        """A check of ``of`` has begun."""
        self.title.setText(of)
        self.bar.setValue(0)
        self._report = None
        self._show(
            busy=True, status="About ten explanations of this sample are computed; the window stays free."
        )

    @Slot(object)
    def on_progress(self, progress: Progress) -> None:
        self.bar.setValue(round(1000 * progress.fraction))
        if progress.text:
            self.status.setText(f"{progress.text[:1].upper()}{progress.text[1:]} …")

    def show_stopped(self, why: str) -> None:
        """No report: cancelled, or it failed."""
        self._report = None
        self._show(busy=False, status=why)

    @Slot(object)
    def show_report(self, report: TruthReport) -> None:
        self._report = report
        self._show(busy=False, status="")
        for (number, meaning), finding in zip(self.findings, findings(report), strict=True):
            _say(number, meaning, finding)
        value = "logit" if report.provenance.get("value") == "logit" else "probability"
        self.deletion.setLabel("left", f"{value} of {report.target}")
        self._on_scope()

    def _show(self, *, busy: bool, status: str) -> None:
        for widget in (self.bar, self.cancel):
            widget.setVisible(busy)
        self.again.setVisible(not busy)
        self.status.setText(status)
        self.status.setVisible(bool(status))
        for part in (self._left, self._right):
            part.setVisible(self._report is not None)

    @Slot()
    def _on_scope(self) -> None:
        report, scope = self._report, str(self.scope.currentData())
        if report is None:
            return
        drawn = {name: report.curves[name][scope] for name in report.maps}
        names = {name: method_name(report, name) for name in drawn}
        self.deletion.show_curves([(n, names[n], c.deletion) for n, c in drawn.items()])
        self.insertion.show_curves([(n, names[n], c.insertion) for n, c in drawn.items()])
        every = np.concatenate([values for c in drawn.values() for values in (c.deletion, c.insertion)])
        for plot in (self.deletion, self.insertion):  # one scale: the two are read together
            plot.setYRange(float(every.min()), float(every.max()), padding=0.05)
        self._fill(list(table_rows(report, scope)))

    def _fill(self, rows: list[tuple[str, ...]]) -> None:
        self.table.clearSpans()
        self.table.setRowCount(len(rows))
        for i, cells in enumerate(rows):
            for j, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if j and len(cells) == len(_COLUMNS):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(i, j, item)
            if len(cells) == 2:  # why it has no map, in place of its numbers
                self.table.setSpan(i, 1, 1, len(_COLUMNS) - 1)
                self.table.setRowHeight(i, 2 * _ROW_PX)
            else:
                self.table.setRowHeight(i, _ROW_PX)
        said = "; ".join(" ".join(cells) for cells in rows)
        for plot in (self.deletion, self.insertion):
            plot.setAccessibleDescription(said)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.cancel_wished.emit()
        super().closeEvent(event)

    def reject(self) -> None:
        """Escape: nobody looks at it any more, so nobody computes it."""
        self.cancel_wished.emit()
        super().reject()


def _say(number: QLabel, meaning: QLabel, finding: Finding) -> None:
    number.setText(f"{finding.title}   {finding.number}")
    meaning.setText(finding.meaning)
    meaning.setFont(theme.caption_font(meaning.font()))
