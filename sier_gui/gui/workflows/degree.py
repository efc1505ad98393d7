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
    from sier_gui.gui.panels.overview.degree import DegreePanel

KIND = "degree"


class DegreeWorkflow(QObject):
    """Fills ``panel`` while a survey grows and it is looked at."""

    def __init__(self, context: Context, panel: DegreePanel) -> None:
        super().__init__(panel)
        self._context, self._panel = context, panel
        panel.survey_wished.connect(self._on_survey_wished)
        context.state.dataset_changed.connect(self._on_other)
        context.state.release_changed.connect(self._on_other)

    @Slot()
    def refresh(self) -> None:
        """Sum up what the survey's folder holds now."""
        state, options = self._context.state, remembered_options(self._context)
        dataset, release = state.dataset, state.release
        if dataset is None or release is None or options is None:
            self._panel.show_no_degrees()
            return
        request = request_for(options)

        def work(_report: Report, _token: CancelToken) -> DegreeTable | None:
            from sier_gui.core.explain.survey.degree import degree_table
            from sier_gui.core.explain.survey.facts import read_facts, survey_folder

            folder = survey_folder(dataset, release, request)
            return degree_table(folder) if read_facts(folder) is not None else None

        job = self._context.clerk.start(KIND, work)
        job.succeeded.connect(self._on_summed)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_summed(self, found: DegreeTable | None) -> None:
        if found is None or not len(found.samples):
            self._panel.show_no_degrees()
        else:
            self._panel.show_degrees(found)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._panel.show_no_degrees(str(error))
        if not isinstance(error, SierError):
            self._context.messages.error(error)

    @Slot()
    def _on_other(self) -> None:
        """Another dataset or release: its numbers, or none."""
        self._context.clerk.drop(KIND)
        self._panel.show_no_degrees()

    @Slot()
    def _on_survey_wished(self) -> None:
        self._context.actions.trigger("survey.start")
