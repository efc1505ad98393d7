"""The opening report: what is wrong with the dataset, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.dialogs.report import ReportDialog
from sier_gui.gui.jobs import Priority
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.domain import Problem


class CheckWorkflow(QObject):
    """Validates in the background and shows the problems as a table."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        context.actions.bind("file.validate", self.check)
        context.state.dataset_changed.connect(self._on_dataset)

    @Slot()
    def check(self) -> None:
        state = self._context.state
        catalogue = state.dataset
        if catalogue is None:
            return
        classes = state.release.classes if state.release is not None else None

        def work(report: Report, token: CancelToken) -> list[Problem]:
            from sier_gui.core.dataset.validation import validate

            return validate(catalogue, classes=classes, report=report, token=token)

        job = self._context.reader.start("check", work, Priority.BACKGROUND)
        job.succeeded.connect(self._on_checked)
        job.failed.connect(self._context.messages.error)

    @Slot()
    def _on_dataset(self) -> None:
        self._context.reader.drop("check")

    @Slot(object)
    def _on_checked(self, problems: list[Problem]) -> None:
        dataset = self._context.state.dataset
        if dataset is None:
            return
        if not problems:
            self._context.messages.info(f"{dataset.name}: nothing is wrong with its {len(dataset):,} rows.")
            return
        dialog = ReportDialog(dataset.name, problems, self._context.window)
        dialog.row_chosen.connect(self._context.state.set_row)
        dialog.finished.connect(dialog.deleteLater)
        dialog.show()
