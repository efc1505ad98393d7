"""What a design can detect, as one types; nothing is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.errors import SierError
from sier_gui.gui.modes.study.parts import caption, heading, quiet, warning
from sier_gui.gui.modes.study.tables import FactTable

if TYPE_CHECKING:
    from sier_gui.core.study.planning import Need, Outlook, Question
    from sier_gui.core.study.records import Protocol
    from sier_gui.gui.modes.study.curve import DetectionPlot

# field, label, least, most, step, decimals, suffix, factor to what the formulas take
_FIELDS = (
    ("base", "&Base rate", 0.1, 99.9, 1.0, 2, " %", 100.0),
    ("difference", "&Difference to find", -99.0, 99.0, 0.5, 2, " points", 100.0),
    ("margin", "&Margin of equivalence", 0.1, 99.0, 0.5, 2, " points", 100.0),
    ("power", "&Power", 1.0, 99.9, 5.0, 1, " %", 100.0),
    ("alpha", "&Alpha", 0.001, 0.5, 0.01, 3, "", 1.0),
    ("icc_rater", "ICC of &raters", 0.0, 1.0, 0.01, 3, "", 1.0),
    ("icc_item", "ICC of &items", 0.0, 1.0, 0.01, 3, "", 1.0),
)
_TIPS = {
    "base": "Share right in the column to compare with",
    "difference": "How many points the other column lies above it, or below",
    "margin": "Two columns within it count as equal (TOST); to be fixed before the first answer",
    "power": "Chance of finding the difference where it is there",
    "alpha": "Chance of finding one where there is none, two-sided",
    "icc_rater": "How alike one rater's answers are, beyond the column's mean",
    "icc_item": "How alike different raters' answers to one item are",
}
_HEAD = ("what is to be found", "independent", "with the design effect", "raters needed")
_WIDTH, _SIDE = 1100, 320
_MOST, _STEP = 120, 3  # raters in the plot, if the design has fewer


class PlanningPage(QWidget):
    """Fields at the left, at the right what follows from them."""

    pilot_wished = Signal()  # take over the ICCs of the report

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._protocol: Protocol | None = None
        self._classes = 4
        self.fields: dict[str, QDoubleSpinBox] = {}
        self.raters = QSpinBox()
        self.raters.setRange(1, 100_000)
        self.raters.setAccessibleName("Raters")
        self.raters.setToolTip("How many raters answer; each meets every column alike")
        self.plot: DetectionPlot | None = None  # made when it is first looked at: pyqtgraph takes a while
        self.pilot = QPushButton("Take the ICCs of Table 1")
        self.pilot.setAutoDefault(True)
        self.pilot.setEnabled(False)
        self.reset = QPushButton("As in the protocol")
        self.reset.setAutoDefault(True)
        self.problem, self.verdict = warning(), heading("", 13)
        self.before, self.after, self.note, self.design = quiet(), quiet(), caption(), caption()
        self.table = FactTable("Responses needed per column", whole=True, wide=False)
        self._room, self._needed = QWidget(), heading("Responses needed in each column")
        self._lay_out()
        self.pilot.clicked.connect(self.pilot_wished)
        self.reset.clicked.connect(self._on_reset)
        for field in self.fields.values():
            field.valueChanged.connect(self.refresh)
        self.raters.valueChanged.connect(self.refresh)

    # ---------------------------------------------------------------- making

    def _lay_out(self) -> None:
        side = QWidget()
        side.setFixedWidth(_SIDE)
        side.setLayout(self._suppositions())
        row = QHBoxLayout()
        row.setSpacing(48)
        row.addWidget(side)
        row.addLayout(self._consequences(), 1)
        box = QWidget()
        box.setMaximumWidth(_WIDTH)
        box.setLayout(row)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(24, 16, 24, 16)
        outer.addStretch(1)
        outer.addWidget(box, 10_000)  # margins only beyond its widest
        outer.addStretch(1)

    def _suppositions(self) -> QVBoxLayout:
        form = QFormLayout()
        form.setSpacing(8)
        for name, label, least, most, step, decimals, suffix, _factor in _FIELDS:
            field = QDoubleSpinBox()
            field.setDecimals(decimals)
            field.setRange(least, most)
            field.setSingleStep(step)
            field.setSuffix(suffix)
            field.setAccessibleName(label.replace("&", ""))
            field.setToolTip(_TIPS[name])
            field.setMinimumWidth(128)
            self.fields[name] = field
            form.addRow(label, field)
        form.addRow("Ra&ters", self.raters)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(heading("Suppose"))
        column.addLayout(form)
        column.addSpacing(8)
        column.addWidget(self.pilot)
        column.addWidget(self.reset)
        column.addStretch(1)
        return column

    def _consequences(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        shown = (self.design, self.problem, self.verdict, self.before, self.after)
        for told in (heading("This design"), *shown):
            column.addWidget(told)
        column.addSpacing(16)
        column.addWidget(self._needed)
        column.addWidget(self.table)
        column.addWidget(self.note)
        column.addSpacing(16)
        QVBoxLayout(self._room).setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._room, 1)  # there also where it is empty: what is above stays above
        return column

    def showEvent(self, event: QShowEvent) -> None:
        if self.plot is None:
            from sier_gui.gui.modes.study.curve import DetectionPlot

            self.plot = DetectionPlot()
            room = self._room.layout()
            assert room is not None
            room.addWidget(self.plot)
            self.refresh()
        super().showEvent(event)

    # ---------------------------------------------------------------- what is shown

    def show_protocol(self, protocol: Protocol, classes: int) -> None:
        """The design asked about, its margin and its number of raters."""
        if (self._protocol, self._classes) == (protocol, classes):
            return
        self._protocol, self._classes = protocol, classes
        self._on_reset()

    @Slot()
    def _on_reset(self) -> None:
        from sier_gui.core.study.planning import Question

        if self._protocol is None:
            return
        tests = self._protocol.tests
        self._put(Question(margin=tests.margin, alpha=tests.alpha), self._protocol.design.raters)

    def show_icc(self, rater: float, item: float) -> None:
        """As measured in a report."""
        for name, value in (("icc_rater", rater), ("icc_item", item)):
            self.fields[name].setValue(value)

    def _put(self, question: Question, raters: int) -> None:
        for name, *_rest, factor in _FIELDS:
            field = self.fields[name]
            field.blockSignals(True)
            field.setValue(factor * getattr(question, name))
            field.blockSignals(False)
        self.raters.setValue(raters)
        self.refresh()

    def question(self) -> Question:
        """What the fields say, as shares."""
        from sier_gui.core.study.planning import Question

        values = {name: self.fields[name].value() / factor for name, *_rest, factor in _FIELDS}
        return Question(**values)

    @Slot()
    def refresh(self) -> None:
        """Every formula anew: microseconds."""
        from sier_gui.core.study.planning import DIFFERENCES, ask

        if self._protocol is None:
            return
        design = replace(self._protocol.design, raters=self.raters.value())
        protocol, question = replace(self._protocol, design=design), self.question()
        try:
            found = ask(question, protocol, self._classes)
        except SierError as error:
            self.problem.setText(f"{error.message} {error.hint}".strip())
            self._show_results(False)
            return
        self._show_outlook(found, protocol)
        self._show_curves(question, protocol)
        rows = [(_asked(question), found.difference)]
        for base, difference in DIFFERENCES:
            other = replace(question, base=base, difference=difference)
            if _asked(other) != _asked(question):
                rows.append((_asked(other), ask(other, protocol, self._classes).difference))
        rows.append((f"equal within ±{100 * question.margin:.4g} points, from {100 * question.base:.4g} %",
                     found.equivalence))  # fmt: skip
        self.table.fill(_HEAD, [(name, *_needed(need)) for name, need in rows])
        self.problem.setText("")
        self._show_results(True)

    def _show_results(self, there: bool) -> None:
        self.problem.setVisible(not there)
        for widget in (self.verdict, self.before, self.after, self._needed, self.table, self.note):
            widget.setVisible(there)
        if self.plot is not None:
            self.plot.setVisible(there)

    def _show_curves(self, question: Question, protocol: Protocol) -> None:
        from sier_gui.core.study.planning import ask

        if self.plot is None:
            return
        here = protocol.design.raters
        last = max(_MOST, 2 * here)
        raters = range(_STEP, last + 1, max(_STEP, last // 60))
        outlooks = [
            ask(question, replace(protocol, design=replace(protocol.design, raters=n)), self._classes)
            for n in raters
        ]
        before = [100 * one.detects for one in outlooks]
        after = [100 * one.detects_clustered for one in outlooks]
        self.plot.show_curves(raters, before, after, here)

    def _show_outlook(self, found: Outlook, protocol: Protocol) -> None:
        items = protocol.items
        count = items.lists * items.per_class * self._classes
        each = found.responses / protocol.design.raters
        self.design.setText(
            f"Protocol {protocol.name}: {protocol.design.raters} raters × {each:g} answers = "
            f"{found.responses:,} responses in each column; {count} items."
        )
        self.verdict.setText(f"detects about {100 * found.detects:.0f} points")
        self.before.setText(
            f"{100 * found.detects:.1f} points before the design effect, were all responses independent."
        )
        companions = each - 1, protocol.design.raters * protocol.design.visits / 5 - 1
        self.after.setText(
            f"{100 * found.detects_clustered:.1f} points with the design effect "
            f"1 + {companions[0]:g} · ICC of raters + {companions[1]:g} · ICC of items = {found.effect:.2f}."
        )
        self.note.setText(
            "Two-sided z tests with unpooled variances (TOST for equivalence), quantiles and shares to three "
            "decimals. Needed: from the base rate up; detected: half a difference at either side of it. "
            "“No number”: more raters answer the same items more often; only more items help."
        )


def _asked(question: Question) -> str:
    return f"{100 * question.difference:.4g} points from {100 * question.base:.4g} %"


def _needed(need: Need) -> tuple[str, str, str]:
    raters = "no number" if need.raters is None else f"{need.raters:,}"
    return f"{need.independent:,}", f"{need.clustered:,}", raters
