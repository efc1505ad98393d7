"""Progress: the cells and who is next, every rater, and what one of them met in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui.actions import ActionTable
from sier_gui.gui.modes.study.cells import CellGrid
from sier_gui.gui.modes.study.facts import CourseView, DeskView
from sier_gui.gui.modes.study.parts import caption, heading, quiet, trigger
from sier_gui.gui.modes.study.tables import FactTable

if TYPE_CHECKING:
    from sier_gui.core.study.progress import Step

RATERS = ("rater", "cell", "blocks, as they were met", "state", "done", "of", "voices heard", "traps missed",
          "gold missed", "median ms")  # fmt: skip
_TIPS = (
    "Pseudonym",
    "Group and order of blocks",
    "Blocks in the order in which they were met; practice apart",
    "Finished or not; by which rule left out",
    "Trials answered",
    "Trials planned, with practice, traps and gold",
    "Trials with each reader's voice that count",
    "Wrong answers of those given to trap trials",
    "Wrong answers of those given to gold trials",
    "Median response time of the trials that count",
)
COURSE = (
    "trial", "block", "kind", "sample", "label", "column", "voice", "answer", "what happened", "list", "sure",
    "ms", "replays",
)  # fmt: skip


class ProgressPage(QWidget):
    """The experimenter may see labels here: the window shows it only while no rater sits there."""

    seated = Signal(str)  # pseudonym of somebody new
    resumed = Signal(str)
    chosen = Signal(str)  # a rater whose course is to be shown

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view: DeskView | None = None
        self.sat = ""  # who sat here last: chosen when the experimenter is back
        self.summary, self.following = quiet(), quiet()
        self.cells = CellGrid()
        self.pseudonym = QLineEdit()
        self.pseudonym.setAccessibleName("Pseudonym")
        self.pseudonym.setPlaceholderText("for instance rater-01; no real name")
        self.pseudonym.setMaxLength(64)
        self.seat = QPushButton("Seat This Rater")
        self.seat.setAutoDefault(True)
        self.raters, self.course = FactTable("Raters"), FactTable("Trials of the rater")
        self.raters.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.resume, self.withdraw = trigger(actions, "study.resume"), trigger(actions, "study.withdraw")
        self.draw = trigger(actions, "study.draw")
        self.seating = QWidget()
        kept = self.seating.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # its width is the column's
        self.seating.setSizePolicy(kept)
        self.course_title = heading()
        self._lay_out()
        self.seat.clicked.connect(self._seat)
        self.pseudonym.returnPressed.connect(self._seat)
        self.pseudonym.textChanged.connect(self._refresh)
        self.raters.itemSelectionChanged.connect(self._choose)
        self._refresh()

    # ---------------------------------------------------------------- making

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(24)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(heading("Cells"))
        left.addWidget(self.cells)
        left.addWidget(self.summary)
        top.addLayout(left, 3)
        top.addLayout(self._seating(), 2)
        below = QSplitter(Qt.Orientation.Vertical)
        below.setChildrenCollapsible(False)
        below.setHandleWidth(8)
        below.addWidget(self._raters_panel())
        below.addWidget(self._course_panel())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 8)
        layout.setSpacing(16)
        layout.addLayout(top)
        layout.addWidget(below, 1)

    def _seating(self) -> QVBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.pseudonym, 1)
        row.addWidget(self.seat)
        below = QVBoxLayout(self.seating)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(8)
        below.addLayout(row)
        made = QVBoxLayout()
        made.setSpacing(8)
        made.addWidget(heading("The next rater"))
        made.addWidget(self.following)
        made.addWidget(self.draw)
        made.addWidget(self.seating)
        below.addWidget(
            caption(
                "From then on the window is the rater's, until the session has ended or was stopped (Esc): "
                "then Ctrl+Alt+U brings you back here. Nothing is stored before the rater agrees."
            )
        )
        made.addStretch(1)
        return made

    def _raters_panel(self) -> QWidget:
        panel, line = QWidget(), QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(heading("Raters"))
        line.addStretch(1)
        line.addWidget(self.resume)
        line.addWidget(self.withdraw)
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(line)
        layout.addWidget(self.raters, 1)
        return panel

    def _course_panel(self) -> QWidget:
        panel = QWidget()
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.course_title)
        layout.addWidget(self.course, 1)
        return panel

    # ---------------------------------------------------------------- what is shown

    def show_desk(self, view: DeskView) -> None:
        """All of it anew. Chosen is who sat here last, else who was, else somebody who has not finished."""
        before = self.sat or self.selected()
        self.sat = ""
        self.view, status = view, view.status
        self.cells.show_status(status, view.planned)
        self.summary.setText(_summary(view))
        self.following.setText(_following(status.following, bool(status.items)))
        self.draw.setVisible(not status.items)
        self.seating.setVisible(bool(status.items))
        self.pseudonym.clear()
        rows = [_rater_row(line, view.sexes) for line in status.raters]
        self.raters.blockSignals(True)
        self.raters.fill(RATERS, rows, left=4, tips=_TIPS, wide=3)
        for row, line in enumerate(status.raters):
            if line["excluded"]:
                item = self.raters.item(row, 3)
                assert item is not None
                item.setForeground(self.palette().color(QPalette.ColorRole.BrightText))
        self.raters.blockSignals(False)
        self._select(before)
        self._refresh()

    def _select(self, before: str) -> None:
        lines = self.view.status.raters if self.view is not None else ()
        names = [line["rater"] for line in lines]
        unfinished = [line["rater"] for line in lines if not line["finished"] and not line["simulated"]]
        wanted = before if before in names else next(iter(unfinished or names), "")
        if wanted:
            self.raters.selectRow(names.index(wanted))
            QTimer.singleShot(0, self, self._scroll)  # once the rows have their places
        else:
            self.show_course(CourseView())
            self.chosen.emit("")

    @Slot()
    def _scroll(self) -> None:
        for item in self.raters.selectedItems()[:1]:
            self.raters.scrollToItem(item, QAbstractItemView.ScrollHint.PositionAtCenter)

    def selected(self) -> str:
        """Pseudonym of the rater whose row is chosen, "" for none."""
        line = self._line()
        return str(line["rater"]) if line is not None else ""

    def resumable(self) -> bool:
        """Whether the chosen rater is a person who has not finished."""
        line = self._line()
        return line is not None and not line["finished"] and not line["simulated"]

    def first(self) -> QWidget:
        """Where one begins: with the items, then with who sits down."""
        return self.draw if self.view is not None and not self.view.status.items else self.pseudonym

    def drawable(self) -> bool:
        """Whether no answer has fixed the items yet."""
        return self.view is not None and not self.view.status.frozen_at

    def _line(self) -> Mapping[str, Any] | None:
        rows = self.raters.selectionModel().selectedRows() if self.raters.selectionModel() else []
        if self.view is None or not rows or rows[0].row() >= len(self.view.status.raters):
            return None
        return self.view.status.raters[rows[0].row()]

    def show_course(self, view: CourseView) -> None:
        """What a rater met, trial by trial."""
        if not view.rater:
            drawn = self.view is not None and self.view.status.items
            self.course_title.setText(
                "Nobody has sat here yet: type a pseudonym above." if drawn else "Nobody has sat here yet."
            )
            self.course.fill(COURSE, (), left=9, wide=8)
            return
        self.course_title.setText(f"{view.rater}, trial by trial")
        self.course.setAccessibleName(f"Trials of {view.rater}")
        self.course.fill(COURSE, [_step_row(step) for step in view.steps], left=9, wide=8)
        muted = self.palette().color(QPalette.ColorRole.PlaceholderText)
        for row, step in enumerate(view.steps):
            if step.standing == "to come":
                for column in range(self.course.columnCount()):
                    item = self.course.item(row, column)
                    assert item is not None
                    item.setForeground(muted)

    # ---------------------------------------------------------------- what is done

    @Slot()
    def _refresh(self) -> None:
        self.seat.setEnabled(bool(self.pseudonym.text().strip()))

    @Slot()
    def _seat(self) -> None:
        if self.pseudonym.text().strip():
            self.seated.emit(self.pseudonym.text().strip())

    @Slot()
    def _choose(self) -> None:
        if rater := self.selected():
            self.course_title.setText(f"{rater}, trial by trial")
        self.chosen.emit(rater)


def _summary(view: DeskView) -> str:
    status = view.status
    people = [line for line in status.raters if not line["simulated"]]
    finished = sum(1 for line in people if line["finished"])
    filled = sum(count > 0 for count in status.cells.values())
    parts = [f"{filled} of {len(status.cells)} cells have a rater"]
    parts.append(f"{len(people)} of {view.planned} raters have sat here, {finished} have finished")
    if simulated := len(status.raters) - len(people):
        parts.append(f"{simulated} are simulated, no people")
    if out := sum(bool(line["excluded"]) for line in status.raters):
        parts.append(f"{out} left out: they gave their cells back")
    return ". ".join(parts) + "."


def _following(cell: tuple[int, int] | None, drawn: bool) -> str:
    from sier_gui.core.study.assignment import ORDERS

    if not drawn:
        return (
            "Nobody can sit down yet: no items are drawn. Once both readers have recorded, draw them here "
            "or with Study, Draw the Items; it says what is missing."
        )
    if cell is None:
        return "No cell is free."
    return f"gets group {cell[0]}, order {cell[1]}: {' → '.join(ORDERS[cell[1]])}"


def _rater_row(line: Mapping[str, Any], sexes: Mapping[str, str]) -> Sequence[str]:
    middle, traps, gold = line["median_rt_ms"], line["traps"], line["gold"]
    voices: dict[str, int] = {}
    for reader, count in line["voices"].items():
        name = sexes.get(reader, reader)
        voices[name] = voices.get(name, 0) + count
    return (
        line["rater"],
        f"{line['group']} · {line['order']}",
        " → ".join(line["blocks"]) or "–",
        _state(line),
        str(line["answered"]),
        str(line["planned"]),
        ", ".join(f"{count} {name}" for name, count in voices.items()) or "–",
        f"{traps['missed']} of {traps['of']}",
        f"{gold['missed']} of {gold['of']}",
        "–" if middle is None else f"{middle:,.0f}",
    )


def _state(line: Mapping[str, Any]) -> str:
    parts = ["simulated"] if line["simulated"] else []
    parts.append("finished" if line["finished"] else "unfinished")
    if line["interrupted"]:
        parts.append(f"{line['interrupted']} interrupted")
    if line["excluded"]:
        parts = [*parts[:1], f"left out: {line['excluded']}"]
    return ", ".join(parts)


def _step_row(step: Step) -> Sequence[str]:
    right = {True: "✓", False: "✗"}[step.answer == step.label] if step.answer else ""
    said = f"{step.answer} {right}" if step.answer else str(step.standing)
    numbers = (step.list, step.confidence, None if step.rt_ms is None else round(step.rt_ms), step.replays)
    return (
        str(step.trial),
        step.block,
        str(step.kind),
        step.sample_id,
        step.label,
        str(step.modality),
        step.voice,
        said,
        ", ".join(step.events),
        *("" if number is None else f"{number:,}" for number in numbers),
    )
