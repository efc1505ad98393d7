"""A published table and its self-checks: the paper's, until a CSV is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.study.published import ImportedTable
    from sier_gui.gui.modes.study import StudyPage

TABLES = "Tables (*.csv);;All files (*)"
PAPER = "Table 1 of the paper, as printed"


class PublishedWorkflow(QObject):
    """``desk``: shows Study mode's tabs, without a project where none is open."""

    def __init__(self, context: Context, desk: Callable[[], StudyPage], parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._desk = context, desk
        self._name = ""  # of what is shown
        context.actions.bind("study.published", self.show)
        context.actions.bind("study.import_table", self.ask)

    @Slot()
    def show(self) -> None:
        page = self._desk()
        if not self._name:
            from sier_gui.core.study.checks import check_printed
            from sier_gui.core.study.published import ImportedTable, paper_table

            printed = paper_table()
            self._show(ImportedTable(printed, tuple(check_printed(printed))), PAPER)
        page.desk.show_tab("published")

    @Slot()
    def ask(self) -> None:
        ask_file(self._context, "A published table", self.read)

    @Slot(str)
    def read(self, file: str) -> None:
        """Check a table of a CSV."""
        path = Path(file)

        def work(_report: Report, _token: CancelToken) -> tuple[ImportedTable, str]:
            from sier_gui.core.study.published import import_table

            return import_table(path), path.name

        job = self._context.clerk.start("study.published", work)
        job.succeeded.connect(self._on_read)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_read(self, outcome: tuple[ImportedTable, str]) -> None:
        self._show(*outcome)
        self.show()

    def _show(self, imported: ImportedTable, name: str) -> None:
        self._name = name
        self._desk().desk.published.show_table(imported, name)


def ask_file(context: Context, title: str, chosen: Callable[[str], None]) -> None:
    """One CSV; ``chosen``, a slot, is given its path."""
    dialog = QFileDialog(context.window, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilters(TABLES.split(";;"))
    dialog.fileSelected.connect(chosen)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
