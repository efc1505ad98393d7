"""People's marks beside the network's maps: this sample, the dataset, and where they disagree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QFont, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.explain.people.wording import (
    ASSUMPTIONS,
    GROUP_NAMES,
    MEASURE_NAMES,
    MEASURE_TIPS,
    SENSES,
    balance_text,
    p_text,
    share_text,
    short,
)
from sier_gui.core.tasks import Progress
from sier_gui.gui import theme
from sier_gui.gui.explaining import parts_text
from sier_gui.gui.widgets import ChoiceBox, Choices

if TYPE_CHECKING:
    from sier_gui.core.explain.people.items import Item
    from sier_gui.core.explain.people.run import Comparison
    from sier_gui.core.explain.people.table import Line

_CLASSES: Choices = (
    ("for the predicted class", "predicted"),
    ("for the label", "label"),
    ("for each person's answer", "answer"),
)
_VALUES: Choices = (("what speaks for it", "positive"), ("magnitudes", "magnitude"))
_MEASURES: Choices = (("Pointing game", "pointing"), ("IoU", "iou"), ("Rank correlation", "rho"))
_LINES = ("Marks", "Maps", "Raters", "Network", "Chance", "Shuffled", "One person", "Difference")
_LINE_TIPS = (
    "Which marks; right and wrong answers apart",
    "Pictures or voices of samples with marks",
    "Who marked them",
    "The network's map against all marks, mean and 95 % interval over people and samples",
    "A map that ranks parts at random",
    "Each map against another sample's marks, and how often those agree as well",
    "How well one person's mark predicts the others', mean and 95 % interval",
    "The network against the same others, minus the person",
)
_HERE = ("On show", "Raters", "Explained for", "Pointing", "IoU", "Rank correlation")
_HERE_TIPS = ("The sample on show", "Who marked it", "Class", *MEASURE_TIPS.values())
_SAMPLES = (
    "Sample", "Marked", "Explained for", "Raters", "Pointing", "IoU", "ρ", "One person's ρ", "Difference",
)  # fmt: skip
_ROW_PX = 24
_SORT = Qt.ItemDataRole.UserRole + 1


Figured = Sequence[tuple["Item", Mapping[str, Mapping[str, float]]]]


class NumberItem(QTableWidgetItem):
    """Sorts by the number behind its text; what cannot be said comes last."""

    def __init__(self, text: str, number: float) -> None:
        super().__init__(text)
        self.setData(_SORT, math.inf if math.isnan(number) else number)
        self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return float(self.data(_SORT)) < float(other.data(_SORT))


class PeopleDialog(QDialog):
    """Not modal. Shows progress where the figures will appear, then the figures."""

    choose_wished = Signal()
    demo_wished = Signal()
    compare_wished = Signal()
    cancel_wished = Signal()
    reading_changed = Signal(str, str)  # of which class, which values
    sample_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Raters' marks and the network's maps")
        self._found: Comparison | None = None
        self.title, self.status, self.about = QLabel(), QLabel(), QLabel()
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        self.title.setFont(strong)
        self.about.setFont(theme.caption_font(self.font()))
        self.about.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for label in (self.title, self.status, self.about):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.bar.setMinimumWidth(200)
        self.bar.setAccessibleName("Progress of the comparison")
        self.here = _table(_HERE, _HERE_TIPS, "Marks and map of the sample on show")
        self.here.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.lines = _table(_LINES, _LINE_TIPS, "Marks and maps over the dataset")
        self.samples = _table(_SAMPLES, (), "Marks and maps by sample", stretched=1)
        self.samples.setSortingEnabled(True)
        self.samples.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.samples.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.samples.itemActivated.connect(self._on_activated)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.lines, "Dataset")
        self.tabs.addTab(self.samples, "Samples")
        self._lay_out()
        self.resize(1060, 640)
        self.show_nothing("", demo=False)

    def _lay_out(self) -> None:
        self.choose = QPushButton("Choose a Study…")
        self.demo = QPushButton("Try Simulated Marks")
        self.compare = QPushButton("Compare with the Network")
        self.cancel = QPushButton("Cancel")
        for made, wish in (
            (self.choose, self.choose_wished),
            (self.demo, self.demo_wished),
            (self.compare, self.compare_wished),
            (self.cancel, self.cancel_wished),
        ):
            made.clicked.connect(wish)
            made.setAutoDefault(False)  # Enter is the table's
        self.of = ChoiceBox("of", _CLASSES)
        self.values = ChoiceBox("values", _VALUES)
        self.measure = ChoiceBox("measure", _MEASURES)
        for box, name in ((self.measure, "Measure"), (self.values, "Values"), (self.of, "Class")):
            box.setAccessibleName(name)
        self.of.chosen.connect(self._on_reading)
        self.values.chosen.connect(self._on_reading)
        self.measure.chosen.connect(self._on_measure)
        head, choices = QHBoxLayout(), QHBoxLayout()
        for row in (head, choices):
            row.setSpacing(8)
        head.addWidget(self.title, 1)
        for widget in (self.bar, self.cancel, self.compare, self.demo, self.choose):
            head.addWidget(widget)
        self.options = QFrame()
        self.options.setLayout(choices)
        choices.setContentsMargins(0, 0, 0, 0)
        for box in (self.measure, self.values, self.of):
            choices.addWidget(box)
        choices.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.status)
        layout.addWidget(self.here)
        layout.addWidget(self.options)
        layout.addWidget(self.tabs, 100)
        layout.addWidget(self.about)
        layout.addStretch(1)  # while there are no tables

    # ---------------------------------------------------------------- what is shown

    def show_nothing(self, why: str, *, demo: bool) -> None:
        """No marks; ``demo``: simulated ones could be had."""
        self._found = None
        self.title.setText("No marks yet")
        self._show(why or "Choose a study of this dataset whose raters marked what decided them.", busy=False)
        self.demo.setVisible(demo)
        self.compare.hide()

    def show_marks(self, title: str, status: str = "") -> None:
        """Marks are there, and not compared, or no longer."""
        self._found = None
        self.title.setText(title)
        self._show(status, busy=False)

    def show_progress(self) -> None:
        self._found = None
        self.bar.setRange(0, 0)
        self._show("Each marked sample is explained, once; the window stays free.", busy=True)

    @Slot(object)
    def on_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, max(progress.total, 1))
        self.bar.setValue(progress.done)
        if progress.text:
            self.status.setText(f"{progress.done} of {progress.total}: {progress.text}")

    def show_here(self, name: str, found: Figured) -> None:
        """The figures of the sample on show; nothing where there are none."""
        self.here.setVisible(bool(found))
        self.here.setRowCount(len(found))
        for row, (item, said) in enumerate(found):
            cells = [f"{name}: {sense_text(item)}", str(len(item.people)), item.target]
            cells += [
                f"{short(said['network'][m])}   chance {short(said['chance'][m])}, "
                f"person {short(said['person'][m])}"
                for m in MEASURE_NAMES
            ]
            for column, text in enumerate(cells):
                self.here.setItem(row, column, QTableWidgetItem(text))
        head = self.here.horizontalHeader().sizeHint().height()
        self.here.setFixedHeight(head + _ROW_PX * len(found) + 2)

    @Slot(object)
    def show_comparison(self, found: Comparison) -> None:
        self._found = found
        left = [f"{count} marks are left out: {why}." for why, count in found.left_out.items()]
        self._show(" ".join([balance_text(found.balance), *left]).strip(), busy=False)
        self.of.show_value(found.reading.of)
        self.values.show_value(found.reading.values)
        facts = found.provenance
        parts = parts_text(facts["grid"], facts["segments"], facts["bands"])
        made = f"{facts['release']}, {facts['method']} {parts}, absence {facts['absence']}."
        self.about.setText(f"{made} {' '.join(ASSUMPTIONS)}")
        self._on_measure()
        self._fill_samples()
        layout = self.layout()
        if layout is not None:
            layout.activate()  # words that wrap have their height before the first paint

    def _show(self, status: str, *, busy: bool) -> None:
        there = self._found is not None
        self.status.setText(status)
        self.status.setVisible(bool(status))
        for widget in (self.bar, self.cancel):
            widget.setVisible(busy)
        self.compare.setVisible(not busy and not there)
        self.choose.setVisible(not busy)
        self.demo.hide()
        for part in (self.options, self.tabs, self.about):
            part.setVisible(there)

    @Slot()
    def _on_measure(self) -> None:
        found, name = self._found, str(self.measure.currentData())
        if found is None:
            return
        self.measure.setToolTip(MEASURE_TIPS[name])
        self.lines.setRowCount(len(found.lines))
        for row, line in enumerate(found.lines):
            self._fill_line(row, line, name)

    def _fill_line(self, row: int, line: Line, name: str) -> None:
        first = line.group == "all"
        group = f"{SENSES[line.sense].capitalize()}, all marks" if first else f"    {GROUP_NAMES[line.group]}"
        texts = (
            group,
            str(line.maps),
            str(line.people),
            share_text(line.network[name]),
            short(line.chance[name]),
            f"{short(line.shuffled[name])}  {p_text(line.p[name])}".strip(),
            share_text(line.person[name]),
            share_text(line.gap[name]),
        )
        strong = QFont(self.lines.font())
        strong.setWeight(QFont.Weight.DemiBold if first else QFont.Weight.Normal)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setFont(strong)
            if column:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.lines.setItem(row, column, item)

    def _fill_samples(self) -> None:
        assert self._found is not None
        found = self._found.samples()
        self.samples.setSortingEnabled(False)
        self.samples.setRowCount(len(found))
        for row, (item, said) in enumerate(found):
            network, person, gap = said["network"], said["person"], said["gap"]
            cells: list[QTableWidgetItem] = [
                QTableWidgetItem(item.looked.sample_id),
                QTableWidgetItem(sense_text(item)),
                QTableWidgetItem(item.target),
                NumberItem(str(len(item.people)), len(item.people)),
                NumberItem(short(network["pointing"]), network["pointing"]),
                NumberItem(short(network["iou"]), network["iou"]),
                NumberItem(short(network["rho"]), network["rho"]),
                NumberItem(short(person["rho"]), person["rho"]),
                NumberItem(short(gap["rho"]), gap["rho"]),
            ]
            for column, cell in enumerate(cells):
                self.samples.setItem(row, column, cell)
        self.samples.setSortingEnabled(True)
        # where people agree with each other and not with the network comes first
        self.samples.sortByColumn(len(_SAMPLES) - 1, Qt.SortOrder.AscendingOrder)
        if found:
            self.samples.selectRow(0)

    # ---------------------------------------------------------------- what the user does

    @Slot()
    def _on_reading(self) -> None:
        self.reading_changed.emit(str(self.of.currentData()), str(self.values.currentData()))

    @Slot(QTableWidgetItem)
    def _on_activated(self, item: QTableWidgetItem) -> None:
        name = self.samples.item(item.row(), 0)
        if name is not None:
            self.sample_chosen.emit(name.text())

    def closeEvent(self, event: QCloseEvent) -> None:
        self.cancel_wished.emit()
        super().closeEvent(event)


def sense_text(item: Item) -> str:
    voice = item.looked.voice
    return f"{SENSES[item.looked.sense]}, {voice}" if voice else SENSES[item.looked.sense]


def _table(names: Sequence[str], tips: Sequence[str], name: str, stretched: int = 0) -> QTableWidget:
    table = QTableWidget(0, len(names))
    for column, text in enumerate(names):
        item = QTableWidgetItem(text)
        item.setToolTip(tips[column] if tips else text)
        table.setHorizontalHeaderItem(column, item)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(_ROW_PX)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setFrameShape(QFrame.Shape.NoFrame)
    table.setAccessibleName(name)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
    return table
