"""The modality degree of the dataset, from its survey, as far as that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.explain import request_for
from sier_gui.gui.workflows.survey import remembered_options

if TYPE_CHECKING:
    from sier_gui.core.explain.survey.degree import DegreeTable
    from sier_gui.gui.dialogs.degree import DegreeDialog

KIND = "degree"
NOTHING = "This dataset was not explained as a whole yet."


class DegreeWorkflow(QObject):
    """One dialog, refreshed while the survey grows and it is looked at."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._dialog: DegreeDialog | None = None
        context.actions.bind("survey.degree", self.show)
        context.state.dataset_changed.connect(self._on_other)
        context.state.release_changed.connect(self._on_other)

    @Slot()
    def show(self) -> None:
        if self._dialog is None:
            from sier_gui.gui.dialogs.degree import DegreeDialog

            self._dialog = DegreeDialog(self._context.window)
            self._dialog.survey_wished.connect(self._on_survey_wished)
        self._dialog.show()
        self._dialog.activateWindow()
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Sum up what the survey's folder holds now, where somebody looks at it."""
        if self._dialog is None or not self._dialog.isVisible():
            return
        state, options = self._context.state, remembered_options(self._context)
        dataset, release = state.dataset, state.release
        if dataset is None or release is None or options is None:
            self._dialog.show_nothing(NOTHING)
            return
        if not self._dialog.table.isVisible():
            self._dialog.show_nothing("Summing up …")
        request = request_for(options)

        def work(_report: Report, _token: CancelToken) -> DegreeTable:
            from sier_gui.core.explain.survey.degree import degree_table
            from sier_gui.core.explain.survey.facts import read_facts, survey_folder

            folder = survey_folder(dataset, release, request)
            if read_facts(folder) is None:
                raise SierError(NOTHING)
            return degree_table(folder)

        job = self._context.clerk.start(KIND, work)
        job.succeeded.connect(self._dialog.show_table)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        if self._dialog is not None:
            self._dialog.show_nothing(str(error))
        if not isinstance(error, SierError):
            self._context.messages.error(error)

    @Slot()
    def _on_other(self) -> None:
        """Another dataset or release: its numbers, or none."""
        self._context.clerk.drop(KIND)
        if self._dialog is not None:
            self._dialog.show_nothing("")
        self.refresh()

    @Slot()
    def _on_survey_wished(self) -> None:
        self._context.actions.trigger("survey.start")
