"""A second release beside the one in use: predicted in the background, compared as it comes in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Progress, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.panels.overview.sides import NOTHING, SidesPanel
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.dataset.query import PredictionTable
    from sier_gui.core.nets.releases import Release
    from sier_gui.core.overview.sides import Sides

KIND, SUM = "sides", "sides.sum"
TELL_S = 2.0


class SidesWorkflow(QObject):
    """Owns the second release's `PredictionTable`, kept on disk as the first one's."""

    def __init__(self, context: Context, panel: SidesPanel) -> None:
        super().__init__(panel)
        self._context, self._panel = context, panel
        self._releases: dict[str, Release] = {}
        self._second: Release | None = None
        self._table: PredictionTable | None = None
        panel.release_wished.connect(self.choose)
        context.state.dataset_changed.connect(self._on_other)
        context.state.release_changed.connect(self._on_other)

    @Slot()
    def refresh(self) -> None:
        """What can be compared, and the comparison as of now."""
        from sier_gui.core.nets.releases import list_releases

        state = self._context.state
        first = state.release
        if first is None or state.dataset is None:
            return
        others = [
            r for r in list_releases() if r.label != first.label and set(r.classes) & set(first.classes)
        ]
        if [r.label for r in others] != list(self._releases):
            self._releases = {release.label: release for release in others}
            self._panel.show_releases(list(self._releases))
        if not others:
            self._panel.show_nothing("There is no other release for these classes. Train one with Tools.")
        self._sum()

    @Slot(str)
    def choose(self, label: str) -> None:
        """Predict with it what it has not predicted before."""
        self.stop()
        catalogue, second = self._context.state.dataset, self._releases.get(label)
        self._second, self._table = second, None
        if catalogue is None or second is None:
            self._panel.show_nothing(NOTHING)
            return
        self._panel.show_nothing(f"{label} is loaded …")
        predictors = self._context.predictors

        def work(report: Report, token: CancelToken) -> Iterator[PredictionTable]:
            from sier_gui.core.dataset.query import PredictionTable, predictions_file

            file = predictions_file(catalogue.dataset_hash, second.weights_hash)
            table = PredictionTable.load(file, catalogue, second.classes)
            yield table
            unknown = np.flatnonzero(np.isnan(table.confidence))
            if not len(unknown):
                return
            predictor = predictors.beside(second)
            told = time.monotonic()
            try:
                for done, (row, answer) in enumerate(
                    predictor.predict_rows(catalogue, unknown, token=token), start=1
                ):
                    if not isinstance(answer, SierError):
                        table.fill(row, answer.probabilities)
                    report(Progress(done, len(unknown), second.label))
                    if time.monotonic() - told > TELL_S:
                        told = time.monotonic()
                        yield table
            finally:
                table.save(file)
            yield table

        job = self._context.computer.start(KIND, work, Priority.BACKGROUND)
        job.partial.connect(self._on_table)
        job.progressed.connect(self._on_progress)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        self._panel.show_waiting(f"{progress.done:,} of {progress.total:,} predicted by {progress.text}")

    @Slot(object)
    def _on_table(self, table: PredictionTable) -> None:
        self._table = table
        self._sum()

    def _sum(self) -> None:
        state, second, table = self._context.state, self._second, self._table
        catalogue, first, own = state.dataset, state.release, state.predictions
        if second is None or table is None or catalogue is None or first is None or own is None:
            return
        names = (first.label, second.label)

        def work(_report: Report, _token: CancelToken) -> Sides:
            from sier_gui.core.overview.sides import side_by_side

            return side_by_side(catalogue, own, table, names)

        job = self._context.clerk.start(SUM, work)
        job.succeeded.connect(self._on_sides)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_sides(self, sides: Sides) -> None:
        if sides.compared:
            self._panel.show_sides(sides)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._panel.show_nothing(str(error))
        if not isinstance(error, SierError):
            self._context.messages.error(error)

    @Slot()
    def _on_other(self) -> None:
        self.stop()
        self._second = self._table = None
        self._releases = {}
        self._panel.show_releases([])
        self._panel.show_nothing(NOTHING)

    @Slot()
    def stop(self) -> None:
        self._context.computer.drop(KIND)
        self._context.clerk.drop(SUM)
