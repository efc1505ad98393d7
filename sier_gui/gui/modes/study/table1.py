"""Table 1 as a page to read from top to bottom: the table, what speaks against it, what stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui.actions import ActionTable
from sier_gui.gui.modes.study.document import Document
from sier_gui.gui.modes.study.facts import ReportView
from sier_gui.gui.modes.study.parts import caption, heading, quiet, trigger, warning

if TYPE_CHECKING:
    from sier_gui.core.tasks import Progress

_SIMULATED = "SIMULATED RATERS: nothing below says how people judge."


class TablePage(QWidget):
    """Shows a report as it grows; nothing here computes."""

    cancelled = Signal()
    network_wished = Signal(str)  # label of a release, "" for none

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view: ReportView | None = None
        self.simulated, self.source, self.state = warning(), quiet(), caption()
        self.simulated.hide()
        self.everyone = QCheckBox("With the raters left out")
        self.everyone.setAccessibleName("Table with the raters that the rules leave out")
        self.network = QComboBox()
        self.network.setAccessibleName("A network's row beside the people's")
        self.network.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(128, 8)
        self.bar.setAccessibleName("Computing the report")
        self.cancel = QPushButton("Cancel")
        self.cancel.setAccessibleName("Cancel computing")
        self.empty_title, self.why = heading("", 16), quiet()
        self.empty = self._make_empty(actions)
        self.report = Document()
        self._buttons = [trigger(actions, name) for name in ("study.copy", "study.export")]
        self._lay_out()
        self.everyone.toggled.connect(self._show_table)
        self.cancel.clicked.connect(self.cancelled)
        self.network.activated.connect(self._wish_network)
        self.show_idle()

    # ---------------------------------------------------------------- making

    def _make_empty(self, actions: ActionTable) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(16)
        column.addStretch(1)
        for widget in (self.empty_title, self.why):
            widget.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(widget)
        row = QHBoxLayout()
        row.addStretch(1)
        for name in ("study.responses", "study.demo"):
            row.addWidget(trigger(actions, name))
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(2)
        return page

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.source, 1)
        for widget in (self.state, self.bar, self.cancel, self.everyone, self.network, *self._buttons):
            line.addWidget(widget)
        top = QVBoxLayout()
        top.setContentsMargins(24, 8, 24, 0)
        top.setSpacing(4)
        top.addWidget(self.simulated)
        top.addLayout(line)
        self._head = QWidget()
        self._head.setLayout(top)
        self.pages = QStackedLayout()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.report)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._head)
        layout.addLayout(self.pages, 1)

    # ---------------------------------------------------------------- what is shown

    def show_nothing(self, title: str, why: str) -> None:
        """There is nothing to report, and what to do about it."""
        self.view = None
        self.empty_title.setText(title)
        self.why.setText(why)
        self._head.hide()
        self.pages.setCurrentWidget(self.empty)

    def show_report(self, view: ReportView) -> None:
        """A report, or more of it."""
        first = self.view is None or self.view.source != view.source
        self.view, report = view, view.report
        self._head.show()
        self.pages.setCurrentWidget(self.report)
        self.simulated.setText(_SIMULATED if report.simulated else "")
        self.simulated.setVisible(report.simulated)
        self.source.setText(
            f"{view.source}: {len(report.answers.raters)} raters, {len(report.answers.items)} items, "
            f"{len(report.answers):,} responses that count"
        )
        out = len(report.excluded)
        self.everyone.setVisible(out > 0)
        self.everyone.setText(f"With the {out} left out")
        if not out:
            self.everyone.setChecked(False)
        self.report.show_parts(report)
        self._show_table()
        if first:
            self.report.verticalScrollBar().setValue(0)

    @Slot()
    def _show_table(self) -> None:
        if self.view is not None:
            self.report.show_table(self.view.report, everyone=self.everyone.isChecked())

    def show_releases(self, labels: Sequence[str], chosen: str = "") -> None:
        """Networks that can be asked about the items; none where the report is of a bare CSV."""
        self.network.clear()
        self.network.addItem("No network", "")
        for label in labels:
            self.network.addItem(f"Network: {label}", label)
        self.network.setCurrentIndex(max(0, self.network.findData(chosen)))
        self.network.setVisible(bool(labels))

    def show_progress(self, progress: Progress | None, what: str = "") -> None:
        """``None``: it is not known how far."""
        self.state.setText(what)
        self.bar.setRange(0, 0 if progress is None else max(0, progress.total))
        if progress is not None:
            self.bar.setValue(progress.done)
        for widget in (self.bar, self.cancel):
            widget.show()

    def show_idle(self, what: str = "") -> None:
        self.state.setText(what)
        for widget in (self.bar, self.cancel):
            widget.hide()

    def copied(self) -> str:
        """The table with a column for every number, as TSV."""
        return self.report.table.tsv()

    @Slot(int)
    def _wish_network(self, index: int) -> None:
        self.network_wished.emit(str(self.network.itemData(index)))
