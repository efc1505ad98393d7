"""A published table and its self-checks: the paper's, until a CSV is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.study.published import ImportedTable
    from sier_gui.gui.modes.study import StudyPage

TABLES = "Tables (*.csv);;All files (*)"
PAPER = "Table 1 of the paper, as printed"


class PublishedWorkflow(QObject):
    """Fills its tab when it is first looked at."""

    read = Signal()  # a CSV, to be shown

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._page: StudyPage | None = None
        self._outcome: tuple[ImportedTable, str] | None = None  # and what it is called
        context.actions.bind("study.import_table", self.ask)

    def furnish(self, page: StudyPage) -> None:
        self._page = page
        page.desk.tab_shown.connect(self._on_tab)

    @Slot(str)
    def _on_tab(self, tab: str) -> None:
        if tab == "published":
            self._show()

    def _show(self) -> None:
        from sier_gui.core.study.checks import check_printed
        from sier_gui.core.study.published import ImportedTable, paper_table

        if self._outcome is None:
            printed = paper_table()
            self._outcome = ImportedTable(printed, tuple(check_printed(printed))), PAPER
        if self._page is not None:
            self._page.desk.published.show_table(*self._outcome)

    @Slot()
    def ask(self) -> None:
        ask_file(self._context, "A published table", self.read_file)

    @Slot(str)
    def read_file(self, file: str) -> None:
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
        self._outcome = outcome
        self._show()
        self.read.emit()


def ask_file(context: Context, title: str, chosen: Callable[[str], None]) -> None:
    """One CSV; ``chosen``, a slot, is given its path."""
    dialog = QFileDialog(context.window, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilters(TABLES.split(";;"))
    dialog.fileSelected.connect(chosen)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
