"""The map of the dataset: what it is made from, principal components at once, neighbours when asked for."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Slot

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Progress, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.panels.overview.map_panel import THUMBNAIL_PX, MapPanel
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.predict import Keeper, Predicted, predicted

if TYPE_CHECKING:
    from sier_gui.core.overview.picking import Points
    from sier_gui.core.overview.projection import Layout

KIND, GATHER, NEIGHBOURS, THUMBNAIL = "map", "fused", "map.neighbours", "thumbnail"
GROWN = 1.25  # a map is drawn anew when so many times the samples are known
AGAIN_S = 3.0  # and not sooner
KEPT = 256  # thumbnails
SEED = 0
NOTHING = ("No map yet.", "It is drawn from the fused layer of the samples as they are predicted.")


@dataclass(frozen=True, slots=True)
class Mapped:
    """A map ready to be asked; ``lacking`` rows are predicted but not on it."""

    layout: Layout | None
    points: Points | None
    lacking: np.ndarray


class MapWorkflow(QObject):
    """Follows dataset and release while the map is looked at."""

    def __init__(self, context: Context, panel: MapPanel) -> None:
        super().__init__(panel)
        self._context, self._panel = context, panel
        self.layout_shown: Layout | None = None
        self._made_at = 0.0
        self._gathered = False  # once is enough: what failed, or was cancelled, is not tried again by itself
        self._thumbnails: OrderedDict[int, np.ndarray] = OrderedDict()
        self._hovered = -1
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(int(AGAIN_S * 1000))
        self._later.timeout.connect(self.refresh)
        panel.method_wished.connect(self.choose)
        panel.cancel_wished.connect(self.cancel)
        panel.row_hovered.connect(self._on_hovered)
        context.state.dataset_changed.connect(self._on_other)
        context.state.release_changed.connect(self._on_other)
        context.computer.ended.connect(self._on_ended)
        context.state.booth_changed.connect(self._on_occupied)
        context.state.rating_changed.connect(self._on_occupied)
        self._on_other()

    # ---------------------------------------------------------------- principal components

    @Slot()
    def refresh(self) -> None:
        """Draw the map of what is known, unless a map of nearly as much is there."""
        state = self._context.state
        catalogue, release, table = state.dataset, state.release, state.predictions
        if catalogue is None or release is None or table is None or not self._looked_at():
            return
        shown = self.layout_shown
        soon = shown is not None and time.monotonic() - self._made_at < AGAIN_S
        if soon or self._context.clerk.busy(KIND):
            self._later.start()
            return
        there = len(shown.rows) if shown is not None else 0

        def work(_report: Report, _token: CancelToken) -> Mapped:
            from sier_gui.core.overview.picking import Points
            from sier_gui.core.overview.projection import FEWEST, pca
            from sier_gui.core.overview.store import FusedStore

            store = FusedStore.of(catalogue.dataset_hash, release.weights_hash, len(catalogue))
            known = store.known
            lacking = np.flatnonzero(~known & ~np.isnan(table.confidence))
            count = int(known.sum())
            grown = count > there if not len(lacking) else count >= max(GROWN * there, FEWEST)
            if count < FEWEST or not grown:
                return Mapped(None, None, lacking)
            layout = pca(store)
            return Mapped(layout, Points(layout.positions), lacking)

        job = self._context.clerk.start(KIND, work)
        job.succeeded.connect(self._on_mapped)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_mapped(self, found: Mapped) -> None:
        self._made_at = time.monotonic()
        if found.layout is not None and found.points is not None:
            self._show(found.layout, found.points)
        elif self.layout_shown is None:
            self._panel.show_nothing(*NOTHING)
        computer = self._context.computer
        if len(found.lacking) and not computer.busy("dataset") and not self._gathered:
            self._gather(found.lacking)
        elif computer.busy("dataset"):
            self._later.start()

    def _show(self, layout: Layout, points: Points) -> None:
        self.layout_shown = layout
        self._panel.show_layout(layout, points)

    def _looked_at(self) -> bool:
        return self._context.state.overview and self._panel.isVisible()

    # ---------------------------------------------------------------- what it is made from

    def _gather(self, rows: np.ndarray) -> None:
        """Samples that were predicted before the layer was kept: once more, in the background."""
        state, predictors = self._context.state, self._context.predictors
        catalogue, release = state.dataset, state.release
        if catalogue is None or release is None:
            return
        self._gathered = True

        def work(report: Report, token: CancelToken) -> Iterator[int]:
            from sier_gui.core.overview.store import FusedStore

            predictor = predictors.get(release)
            keep = Keeper(FusedStore.of(catalogue.dataset_hash, release.weights_hash, len(catalogue)))
            done = 0
            for answer in predicted(predictor, catalogue, rows, keep, report, token):
                done += len(answer.rows) if isinstance(answer, Predicted) else 0
                yield done

        job = self._context.computer.start(GATHER, work, Priority.BACKGROUND)
        job.progressed.connect(self._on_gathering)
        job.failed.connect(self._context.messages.error)
        job.cancelled.connect(self._on_gathered)
        job.succeeded.connect(self._on_gathered)

    @Slot(object)
    def _on_gathering(self, progress: Progress) -> None:
        self._panel.show_progress(progress, f"fused layer of {progress.done:,} of {progress.total:,} samples")
        if not self._later.isActive():
            self._later.start()

    @Slot()
    def _on_gathered(self) -> None:
        self._panel.show_progress(None)
        self._made_at = 0.0
        if self.layout_shown is None or self.layout_shown.method == "PCA":
            self.refresh()

    @Slot(str)
    def _on_ended(self, kind: str) -> None:
        if kind == "dataset" and self._looked_at():
            self._made_at, self._gathered = 0.0, False
            self.refresh()

    # ---------------------------------------------------------------- neighbours

    @Slot(str)
    def choose(self, method: str) -> None:
        """PCA, or one of `neighbours.METHODS`: kept from before, else computed in its own process."""
        self.cancel_neighbours()
        if method == "PCA":
            self.layout_shown, self._made_at = None, 0.0
            self.refresh()
            return
        state = self._context.state
        catalogue, release = state.dataset, state.release
        if catalogue is None or release is None:
            return

        def work(report: Report, token: CancelToken) -> Mapped:
            from sier_gui.core.overview import neighbours
            from sier_gui.core.overview.picking import Points
            from sier_gui.core.overview.store import FusedStore

            store = FusedStore.of(catalogue.dataset_hash, release.weights_hash, len(catalogue))
            file = neighbours.layout_file(catalogue.dataset_hash, release.weights_hash, method)
            layout = neighbours.load_layout(file, method, len(catalogue))
            if layout is None or len(layout.rows) < int(store.known.sum()):
                layout = neighbours.neighbours(store, method, seed=SEED, report=report, token=token)
                neighbours.save_layout(file, layout)
            return Mapped(layout, Points(layout.positions), np.empty(0, np.int64))

        # waits within the clerk, whose other work goes first at each look for an answer
        job = self._context.clerk.start(NEIGHBOURS, work, Priority.IDLE)
        job.progressed.connect(self._panel.show_progress)
        job.succeeded.connect(self._on_neighbours)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._back)
        self._panel.show_progress(Progress(0, 0, f"{method} begins"))

    @Slot(object)
    def _on_neighbours(self, found: Mapped) -> None:
        self._panel.show_progress(None)
        assert found.layout is not None
        assert found.points is not None
        self._show(found.layout, found.points)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        if not isinstance(error, SierError) or self.layout_shown is not None:
            self._context.messages.error(error)
        else:
            self._panel.show_nothing(error.message, error.hint)
        self._back()

    @Slot()
    def _back(self) -> None:
        """The map that was there stays."""
        self._panel.show_progress(None)
        if self.layout_shown is not None:
            self._panel.method.show_value(self.layout_shown.method)
        else:
            self._panel.method.show_value("PCA")

    @Slot()
    def cancel(self) -> None:
        """Whatever the bar shows."""
        self._context.computer.cancel(GATHER)
        self._context.clerk.cancel(NEIGHBOURS)

    def cancel_neighbours(self) -> None:
        self._context.clerk.drop(NEIGHBOURS)
        self._panel.show_progress(None)

    @Slot(bool)
    def _on_occupied(self, occupied: bool) -> None:
        """Nothing heavy runs beside a recording or a trial, in whichever process."""
        if occupied and self._context.clerk.busy(NEIGHBOURS):
            self.cancel_neighbours()
            self._back()

    # ---------------------------------------------------------------- thumbnails

    @Slot(int)
    def _on_hovered(self, row: int) -> None:
        self._hovered = row
        catalogue = self._context.state.dataset
        if row < 0 or catalogue is None:
            self._context.reader.drop(THUMBNAIL)
            return
        if row in self._thumbnails:
            self._panel.card.show_picture(self._thumbnails[row])
            return

        def work(_report: Report, _token: CancelToken) -> tuple[int, np.ndarray | None]:
            from sier_gui.core.images.files import thumbnail

            try:
                path = catalogue.sample(row).paths.get(Modality.IMAGE)
                return row, thumbnail(path, THUMBNAIL_PX) if path is not None else None
            except SierError:
                return row, None  # the sample's own page says what is wrong with it

        job = self._context.reader.start(THUMBNAIL, work, Priority.ASKED)
        job.succeeded.connect(self._on_thumbnail)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_thumbnail(self, found: tuple[int, np.ndarray | None]) -> None:
        row, picture = found
        if picture is None:
            return
        self._thumbnails[row] = picture
        if len(self._thumbnails) > KEPT:
            self._thumbnails.popitem(last=False)
        if row == self._hovered:
            self._panel.card.show_picture(picture)

    # ---------------------------------------------------------------- leaving

    @Slot()
    def _on_other(self) -> None:
        """Another dataset or release."""
        self.stop()
        for runner, kind in (
            (self._context.clerk, KIND),
            (self._context.clerk, NEIGHBOURS),
            (self._context.computer, GATHER),
        ):
            runner.drop(kind)
        self.layout_shown, self._made_at, self._gathered = None, 0.0, False
        self._thumbnails.clear()
        self._panel.show_progress(None)
        self._panel.method.show_value("PCA")
        self._panel.show_nothing(*NOTHING)

    @Slot()
    def stop(self) -> None:
        self._later.stop()
