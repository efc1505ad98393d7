"""Writing figures, spans and values: of the sample on show, or of all that the table shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import JobRunner, Priority
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.explain import request_for

if TYPE_CHECKING:
    from sier_gui.core.export.batch import BatchState
    from sier_gui.core.export.gather import Source
    from sier_gui.core.export.view import FigureInput, FigureOptions
    from sier_gui.gui.dialogs.export import ExportChoice, ExportDialog
    from sier_gui.gui.workflows.press import Press

KIND, PREVIEW = "export", "export.preview"
NICENESS = 10  # the window goes first
TOLD_ERRORS = 2
_SEVERAL = "One figure of all samples: it is drawn when it is written, if Samples says all shown."
MOST_PIXELS = 1600  # of a preview's picture: a larger one would only take time


class ExportWorkflow(QObject):
    """Asks what to write and writes it, in processes of its own.

    Parameters
    ----------
    runner : the thread that waits for them; the computing thread is never asked.
    """

    def __init__(self, context: Context, runner: JobRunner) -> None:
        super().__init__(context.window)
        self._context = context
        self.runner = runner
        self._drawing: Press | None = None
        self._dialog: ExportDialog | None = None
        self._shown: FigureInput | None = None  # of the dialog: it stays while the window moves on
        self._state: BatchState | None = None
        context.actions.bind("file.export", self.ask)
        context.actions.bind("export.cancel", self.cancel)

    @Slot()
    def ask(self) -> None:
        """The dialog, with a picture of the sample on show."""
        if self.runner.busy(KIND):
            self._context.messages.info(
                "An export is being written.", "Wait until it has ended.", "export.cancel", "Cancel It"
            )
            return
        from sier_gui.core.export.templates import list_templates
        from sier_gui.gui.dialogs.export import ExportChoice, ExportDialog, Offer

        state = self._context.state
        self._shown = self._figure_input()
        saved = ExportChoice.from_saved(self._context.settings.get("export", {}))
        classes = state.attribution.classes if state.attribution is not None else ()
        target = state.target if state.target in classes else None
        offer = Offer(
            list_templates(),
            classes,
            state.sample.sample.sample_id if state.sample is not None else "",
            len(state.rows) if state.dataset is not None else 0,
        )
        self._dialog = ExportDialog(replace(saved, target=target), offer, self._context.window)
        self._dialog.preview_wished.connect(self._draw_preview)
        self._dialog.finished.connect(self._on_finished)
        self._dialog.open()
        self._draw_preview()

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is None:
            return
        self.runner.drop(PREVIEW)
        choice = dialog.choice()
        dialog.deleteLater()
        if result == QDialog.DialogCode.Accepted:
            self._context.settings.set("export", choice.to_saved())
            self.export_all(choice) if choice.every else self._write(choice, self._shown)
        if not self.runner.busy(KIND) or choice.every:
            self._end_press()  # nobody needs its memory any more

    # ---------------------------------------------------------------- the preview

    @Slot()
    def _draw_preview(self) -> None:
        dialog, view = self._dialog, self._shown
        if dialog is None:
            return
        if view is None:
            dialog.preview.show_words("The explanation of this sample is not complete yet.")
            return
        choice, dpi = dialog.choice(), dialog.preview.dpi()
        if _several(self._options(choice)):
            dialog.preview.show_words(_SEVERAL)
            dialog.preview.tell("")
            self.runner.drop(PREVIEW)
            return
        press, source = self._press(), self._source(view)

        def work(_report: Report, token: CancelToken) -> tuple[bytes, int]:
            from sier_gui.gui.workflows.press import rendered

            options = self._options(choice, dpi=max(dpi, 10))
            return press.do(token, rendered, _smaller(_with_class(view, choice.target)), source, options), dpi

        if dialog.preview.picture.pixmap().isNull():
            dialog.preview.show_words("Drawing the figure …")
        dialog.preview.tell("drawing …")
        job = self.runner.start(PREVIEW, work, Priority.URGENT)
        job.succeeded.connect(self._show_preview)
        job.failed.connect(self._on_no_preview)

    @Slot(object)
    def _show_preview(self, drawn: tuple[bytes, int]) -> None:
        dialog = self._dialog
        if dialog is None:
            return
        png, dpi = drawn
        dialog.preview.show_picture(png)
        width, height = (size / dpi * 25.4 for size in _png_size(png))
        shared = "; all samples will share one scale" if dialog.choice().every else ""
        dialog.preview.tell(f"{width:.0f} × {height:.0f} mm{shared if dialog.choice().shared else ''}")

    @Slot(object)
    def _on_no_preview(self, error: Exception) -> None:
        if self._dialog is not None:
            self._dialog.preview.show_words(str(error))
            self._dialog.preview.tell("")

    # ---------------------------------------------------------------- one sample

    def export(self, choice: ExportChoice) -> None:
        """Write the sample on show as ``choice`` says."""
        self._write(choice, self._figure_input())

    def _write(self, choice: ExportChoice, view: FigureInput | None) -> None:
        if view is None:
            self._context.messages.info(
                "There is no explanation to export yet.", "Wait until it is complete."
            )
            return
        press, source = self._press(), self._source(view)

        def work(_report: Report, token: CancelToken) -> list[dict[str, Any]]:
            from sier_gui.gui.workflows.press import written

            known, options = _with_class(view, choice.target), self._options(choice)
            return press.do(token, written, known, source, options, choice.formats, Path(choice.folder))

        job = self.runner.start(KIND, work)
        job.succeeded.connect(self._on_written)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_written(self, manifest: list[dict[str, Any]]) -> None:
        self._end_press()
        names = ", ".join(Path(entry["file"]).name for entry in manifest)
        self._context.messages.info(f"Wrote {names}.", f"In {Path(manifest[0]['file']).parent}.")

    # ---------------------------------------------------------------- all samples shown

    def export_all(self, choice: ExportChoice) -> None:
        """Write all samples that the table shows, in its order, on one colour scale or each on its own."""
        state = self._context.state
        catalogue, release, rows = state.dataset, state.release, state.rows.tolist()
        if catalogue is None or release is None or not rows:
            self._context.messages.info("There is no sample to export.", "Open a dataset.")
            return
        explain = replace(request_for(state.explain_options), target=choice.target)
        device, workers = self._context.predictors.device, max(1, (os.cpu_count() or 2) - 1)
        self._state = None

        def work(report: Report, token: CancelToken) -> Iterator[BatchState]:
            from sier_gui.core.export.batch import BatchRequest, Means, batching

            request = BatchRequest(explain, self._options(choice), choice.formats, choice.shared)
            means = Means(workers, device, NICENESS, report, token)
            yield from batching(catalogue, release, request, rows, Path(choice.folder), means)

        job = self.runner.start(KIND, work)
        job.partial.connect(self._on_state)
        job.succeeded.connect(self._on_all_written)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_cancelled)
        self._context.messages.info(
            f"{len(rows):,} samples are written in the background.", "", "export.cancel", "Cancel"
        )

    @Slot(object)
    def _on_state(self, state: BatchState) -> None:
        self._state = state

    @Slot(object)
    def _on_all_written(self, state: BatchState) -> None:
        failed = f"; {state.failed:,} could not be" if state.failed else ""
        before = f", {state.done - state.made:,} of them before" if state.made < state.done else ""
        reasons = " ".join(state.errors[:TOLD_ERRORS])
        more = f" And {state.failed - TOLD_ERRORS:,} more." if state.failed > TOLD_ERRORS else ""
        self._context.messages.info(
            f"{state.done - state.failed:,} samples are written{before}{failed}. {reasons}{more}".strip(),
            f"In {state.out}; export.manifest.json lists the files.",
        )

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._context.messages.error(error, "file.export", "Export Again")

    @Slot()
    def _on_cancelled(self) -> None:
        done = self._state.done if self._state is not None else 0
        self._context.messages.info(
            f"The export was cancelled; {done:,} samples are written.",
            "The same export goes on from there.",
            "file.export",
            "Export Again",
        )

    @Slot()
    def cancel(self) -> None:
        self.runner.cancel(KIND)

    def stop(self) -> None:
        """The window closes; a batch goes on the next time it is asked for."""
        if self._dialog is not None:
            self._dialog.reject()
        self._end_press()

    def _press(self) -> Press:
        """The process that draws; it starts with what it is asked first."""
        if self._drawing is None:
            from sier_gui.gui.workflows.press import Press  # multiprocessing: not while the window starts

            self._drawing = Press()
        return self._drawing

    def _end_press(self) -> None:
        if self._drawing is not None:
            self._drawing.stop()

    # ---------------------------------------------------------------- what there is

    def _options(self, choice: ExportChoice, dpi: int | None = None) -> FigureOptions:
        from sier_gui.core.export.templates import template

        options = template(choice.template).options
        return replace(
            options,
            width_mm=choice.width_mm,
            signed=choice.signed,
            caption=choice.caption if choice.caption is not None else options.caption,
            opacity=self._context.state.overlay.opacity,
            dpi=dpi or options.dpi,
        )

    def _figure_input(self) -> FigureInput | None:
        """Everything on show, for the class on show; None while something is missing."""
        from sier_gui.core.export.origin import Origin
        from sier_gui.core.export.view import FigureInput, answer

        state = self._context.state
        view, attribution, release = state.sample, state.attribution, state.release
        if view is None or release is None or attribution is None or not attribution.complete:
            return None
        if view.picture is None or view.speech is None or view.inputs is None:
            return None
        request = request_for(state.explain_options)
        if (attribution.method, attribution.absence) != (request.method, request.absence):
            return None  # the new options' explanation is on its way
        if state.target in attribution.classes:
            attribution = attribution.with_target(str(state.target))
        inputs, words = view.inputs, state.words
        if words is not None and words.sample_id == view.sample.sample_id and not inputs.words:
            inputs = replace(inputs, words=words.words, words_by=words.method)
        catalogue = state.dataset if state.row >= 0 else None
        origin = Origin.of(view.sample, request, release, catalogue)
        said = answer(attribution, view.sample.label)
        return FigureInput(
            view.sample,
            view.picture,
            view.speech,
            view.rate,
            inputs,
            said,
            attribution,
            release.label,
            origin,
        )

    def _source(self, view: FigureInput) -> Source:
        from sier_gui.core.export.gather import Source

        release = self._context.state.release
        assert release is not None
        assert view.origin is not None
        device = self._context.predictors.device
        return Source(
            release, view.origin.request, view.attribution.provenance.get("dataset_hash"), view.origin, device
        )


def _several(options: FigureOptions) -> bool:
    """Whether it is one figure of all samples."""
    from sier_gui.core.export.designs import design

    return design(options.design).draw_all is not None


def _with_class(view: FigureInput, target: str | None) -> FigureInput:
    """For the class asked for; None: the one predicted."""
    name = target if target in view.attribution.classes else view.prediction.predicted
    return replace(view, attribution=view.attribution.with_target(name))


def _smaller(view: FigureInput) -> FigureInput:
    """With a picture that is quickly sent and drawn; of the same shape."""
    height, width = view.picture.shape[:2]
    step = max(1, min(height, width) // MOST_PIXELS)
    return replace(view, picture=view.picture[::step, ::step]) if step > 1 else view


def _png_size(png: bytes) -> tuple[int, int]:
    """Width and height, from the header."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
