"""Is the map true? The sample on show is checked in the background, its report shown beside the window."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui import overlay
from sier_gui.gui.explaining import METHODS, parts_text
from sier_gui.gui.jobs import Priority
from sier_gui.gui.workflows.context import Context, lasting, with_gradients
from sier_gui.gui.workflows.explain import inputs_for, request_for

if TYPE_CHECKING:
    from sier_gui.core.dataset.evidence import Evidence
    from sier_gui.core.domain import Sample
    from sier_gui.core.explain.truth.report import TruthReport
    from sier_gui.gui.dialogs.truth import TruthDialog

KIND = "truth"


class TruthWorkflow(QObject):
    """One check at a time; looking at other samples goes on and comes first."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._dialog: TruthDialog | None = None
        context.actions.bind("explain.truth", self.check)

    @Slot()
    def check(self) -> None:
        """Check how the sample on show is explained, for the class explained."""
        state = self._context.state
        view, release, options = state.sample, state.release, state.explain_options
        if view is None or view.inputs is None or release is None:
            return
        if view.inputs.absent:
            self._context.messages.info("This sample has one modality only: no map of it to be checked.")
            return
        target, sample = overlay.explained_class(state), view.sample
        root = state.dataset.root if state.dataset is not None and sample.row >= 0 else None
        predictors, aligner = self._context.predictors, self._context.aligner

        def work(report: Report, token: CancelToken) -> TruthReport:
            from sier_gui.core.dataset.evidence import read_evidence
            from sier_gui.core.explain.cache import AttributionCache
            from sier_gui.core.explain.truth.report import check_sample
            from sier_gui.core.explain.truth.rivals import load_captum

            request = replace(request_for(options), target=target)
            known = read_evidence(root) if root is not None else {}
            predictor, inputs = predictors.get(release), inputs_for(request, view, aligner, token)
            if "captum" not in sys.modules:
                with lasting():
                    load_captum()
            with with_gradients():
                return check_sample(
                    predictor,
                    inputs,
                    request,
                    evidence=_of(known.get(sample.sample_id), sample),
                    cache=AttributionCache(),
                    report=report,
                    token=token,
                )

        dialog = self._shown_dialog()
        parts = parts_text(options.grid, options.segments, options.bands)
        made = f"{METHODS[options.method].short} {parts} · {options.absence}"
        dialog.show_progress(f"{sample.sample_id} · {target} · {made}")
        job = self._context.computer.start(KIND, work, Priority.ASKED)
        job.progressed.connect(dialog.on_progress)
        job.succeeded.connect(dialog.show_report)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_cancelled)

    def _shown_dialog(self) -> TruthDialog:
        if self._dialog is None:
            from sier_gui.gui.dialogs.truth import TruthDialog

            self._dialog = TruthDialog(self._context.window)
            self._dialog.check_wished.connect(self.check)
            self._dialog.cancel_wished.connect(self.cancel)
        self._dialog.show()
        self._dialog.activateWindow()
        return self._dialog

    @Slot()
    def cancel(self) -> None:
        self._context.computer.cancel(KIND)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        expected = isinstance(error, SierError)
        if self._dialog is not None:
            self._dialog.show_stopped(str(error) if expected else "The check failed.")
        if not expected:
            self._context.messages.error(error)

    @Slot()
    def _on_cancelled(self) -> None:
        if self._dialog is not None:
            self._dialog.show_stopped("The check was cancelled; nothing of it is kept.")


def _of(evidence: Evidence | None, sample: Sample) -> Evidence | None:
    """Evidence speaks for the sample's label."""
    return replace(evidence, label=sample.label) if evidence is not None else None
