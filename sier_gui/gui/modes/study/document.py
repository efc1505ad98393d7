"""The report as one page to scroll: Table 1, its self-checks, the figure, and every number beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from sier_gui.gui.modes.study.parts import caption, heading, quiet
from sier_gui.gui.modes.study.picture import FigureView
from sier_gui.gui.modes.study.tables import FactTable, MainTable

if TYPE_CHECKING:
    from sier_gui.core.study.report import StudyReport
    from sier_gui.core.study.sections import Section

WIDTH = 1320  # wider lines are hard to follow
_ACROSS = 3  # confusion matrices


class Document(QScrollArea):
    """The report's parts, one below the other; each is as high as what it holds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setAccessibleName("Report")
        self.table = MainTable("Table 1")
        self.about, self.checks = caption(), quiet()
        self.checks.setAccessibleName("Self-checks")
        self.checks.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.figure = FigureView()
        self.parts: dict[str, _Part] = {}
        self.matrices = QGridLayout()
        self.matrices.setSpacing(24)
        self.matrix_note = caption()
        column = QWidget()
        column.setMaximumWidth(WIDTH)
        self.column = QVBoxLayout(column)
        self.column.setContentsMargins(24, 0, 24, 24)
        self.column.setSpacing(8)
        self.column.addWidget(self.table)
        for label in (self.about, heading("Self-checks"), self.checks):
            self.column.addWidget(label)
        self.column.addSpacing(8)
        self.column.addWidget(heading("Beside the published table"))
        self.column.addWidget(self.figure)
        self.column.addStretch(1)
        outer = QWidget()
        row = QHBoxLayout(outer)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(column, 10_000)  # margins only beyond its widest
        row.addStretch(1)
        self.setWidget(outer)

    def show_table(self, report: StudyReport, *, everyone: bool) -> None:
        from sier_gui.core.study.report import ASSUMPTIONS
        from sier_gui.core.study.sections import HEADS, MEANINGS, cells_in_full, main_table, tsv

        table = report.everyone if everyone and report.everyone is not None else report.table
        heads = [f"{HEADS[modality]}\n{MEANINGS[modality]}" for modality in table.modalities]
        full = cells_in_full(table)
        self.table.show_lines(
            heads,
            [f"{MEANINGS[modality]}. {ASSUMPTIONS['percent']}" for modality in table.modalities],
            main_table(table, report.network),
            tsv([full.head, *full.rows]),
        )
        which = ""
        if report.excluded:
            names = "; ".join(f"{rater} {why}" for rater, why in report.excluded.items())
            which = f"{'With' if everyone else 'Without'} the raters left out ({names}). "
            which += "What stands below is without them. " if everyone else ""
        self.about.setText(
            f"{which}{ASSUMPTIONS['percent']} In brackets: {ASSUMPTIONS['interval']} "
            f"W, Wilson: {ASSUMPTIONS['wilson']}"
        )

    def show_parts(self, report: StudyReport) -> None:
        from sier_gui.core.study.sections import sections

        flags = [f"!  {flag.message}" for flag in report.flags]
        self.checks.setText("\n".join(flags) or "Nothing to report.")
        matrices = 0
        for section in sections(report):
            part = self.parts.get(section.key)
            if part is None:
                part = self.parts[section.key] = self._add(section, matrices)
            matrices += section.key.startswith("confusion")
            part.show_section(section)
        shown = {section.key for section in sections(report)}
        for key, part in self.parts.items():
            part.setVisible(key in shown)

    def _add(self, section: Section, matrices: int) -> _Part:
        matrix = section.key.startswith("confusion")
        part = _Part(section, small=matrix)
        if matrix:
            if matrices == 0:
                self.column.insertWidget(
                    self.column.count() - 1, heading("Confusion: labels down, answers across")
                )
                self.matrix_note.setText(section.note)
                self.column.insertSpacing(self.column.count() - 1, 16)
                self.column.insertWidget(self.column.count() - 1, self.matrix_note)
                self.column.insertLayout(self.column.count() - 1, self.matrices)
            self.matrices.addWidget(part, matrices // _ACROSS, matrices % _ACROSS)
        else:
            self.column.insertWidget(self.column.count() - 1, part)
        return part


class _Part(QWidget):
    """Title, assumption, numbers; or why there are none."""

    def __init__(self, section: Section, *, small: bool) -> None:
        super().__init__()
        self.title, self.note, self.missing = heading(section.title), caption(), quiet()
        self.table = FactTable(section.title, whole=True, wide=False)
        self.title.setVisible(not small)
        self._small = small
        self._shown: Section | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0 if small else 16, 0, 0)
        layout.setSpacing(8)
        for widget in (self.title, self.note, self.missing, self.table):
            layout.addWidget(widget)
        layout.addStretch(1)

    def show_section(self, section: Section) -> None:
        if section == self._shown:
            return
        self._shown = section
        self.title.setText(section.title)
        self.note.setText(section.note)
        self.note.setVisible(not self._small)
        self.missing.setText(section.missing)
        self.missing.setVisible(bool(section.missing))
        self.table.setVisible(not section.missing)
        if not section.missing:
            self.table.show_section(section)
