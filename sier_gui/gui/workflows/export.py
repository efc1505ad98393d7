"""Writing figures, spans and values of the sample on show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.dialogs.export import ExportChoice, ExportDialog
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.export.view import FigureInput


class ExportWorkflow(QObject):
    """Asks what to write and writes it on the computing thread."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._dialog: ExportDialog | None = None
        context.actions.bind("file.export", self.ask)

    @Slot()
    def ask(self) -> None:
        saved = self._context.settings.get("export", {})
        self._dialog = ExportDialog(ExportChoice.from_saved(saved), self._context.window)
        self._dialog.finished.connect(self._on_finished)
        self._dialog.open()

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is None:
            return
        dialog.deleteLater()
        if result == QDialog.DialogCode.Accepted:
            choice = dialog.choice()
            self._context.settings.set("export", choice.to_saved())
            self.export(choice)

    def export(self, choice: ExportChoice) -> None:
        """Write the sample on show as ``choice`` says."""
        view = self._figure_input()
        if view is None:
            self._context.messages.info(
                "There is no explanation to export yet.", "Wait until it is complete."
            )
            return
        overlay, aligner = self._context.state.overlay, self._context.aligner

        def work(_report: Report, token: CancelToken) -> list[dict[str, Any]]:
            from sier_gui.core.export.bundle import export
            from sier_gui.core.export.view import FigureOptions

            options = FigureOptions(width_mm=choice.width_mm, signed=overlay.signed, opacity=overlay.opacity)
            try:
                inputs = aligner.with_words(view.inputs, view.speech, view.rate, view.sample, token)
            except SierError:  # the figure says that its words are not aligned
                inputs = view.inputs
            known = replace(view, inputs=inputs)
            return export(known, choice.formats, None, Path(choice.folder), options=options)

        job = self._context.computer.start("export", work)
        job.succeeded.connect(self._on_written)
        job.failed.connect(self._context.messages.error)

    def _figure_input(self) -> FigureInput | None:
        """Everything on show, for the class on show; None while something is missing."""
        from sier_gui.core.export.view import FigureInput

        state = self._context.state
        view, prediction, attribution = state.sample, state.prediction, state.attribution
        if view is None or prediction is None or attribution is None or not attribution.complete:
            return None
        if view.picture is None or view.speech is None or view.inputs is None:
            return None
        if state.target in attribution.classes:
            attribution = attribution.with_target(str(state.target))
        label = state.release.label if state.release is not None else ""
        return FigureInput(
            view.sample, view.picture, view.speech, view.rate, view.inputs, prediction, attribution, label
        )

    @Slot(object)
    def _on_written(self, manifest: list[dict[str, Any]]) -> None:
        names = ", ".join(Path(entry["file"]).name for entry in manifest)
        self._context.messages.info(f"Wrote {names}.", f"In {Path(manifest[0]['file']).parent}.")
