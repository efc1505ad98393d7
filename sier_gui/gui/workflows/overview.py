"""The dataset as a whole: its page is made at the first need, filled in the background, and selects rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.state import Picked
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.dataset.query import Query
    from sier_gui.core.overview.modalities import ShareLine
    from sier_gui.core.overview.summary import Summary
    from sier_gui.core.overview.suspects import Suspects
    from sier_gui.gui.panels.overview import DatasetPage
    from sier_gui.gui.state import SampleView
    from sier_gui.gui.workflows.degree import DegreeWorkflow
    from sier_gui.gui.workflows.maps import MapWorkflow
    from sier_gui.gui.workflows.sides import SidesWorkflow

KIND = "overview"
SUSPECTS = "suspects"
REFRESH_MS = 500  # how often the page follows predictions that come in


@dataclass(frozen=True, slots=True)
class Counted:
    """What the page shows at once."""

    summary: Summary
    lines: list[ShareLine]
    warning: str
    in_sample: int  # samples that the network has learnt from


class OverviewWorkflow(QObject):
    """Shows and hides the page; counts, doubtful labels, its figure. The rest is its parts'.

    Parameters
    ----------
    page : makes the page, or gives the one there is.
    """

    query_wished = Signal(object)  # Query: exactly these samples

    def __init__(self, context: Context, page: Callable[[], DatasetPage]) -> None:
        super().__init__(context.window)
        self._context, self._make = context, page
        self.page: DatasetPage | None = None
        self.maps: MapWorkflow | None = None
        self.degree: DegreeWorkflow | None = None
        self.sides: SidesWorkflow | None = None
        self.counted: Counted | None = None
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(REFRESH_MS)
        self._due.timeout.connect(self.refresh)
        for action_id, handler in (
            ("view.dataset", self.set_shown),
            ("survey.degree", self.show_degree),
            ("overview.suspects", self.find_suspects),
            ("overview.export", self.export),
        ):
            context.actions.bind(action_id, handler)
        state = context.state
        state.overview_changed.connect(self._on_shown)
        state.predictions_changed.connect(self._on_predictions)
        state.dataset_changed.connect(self._on_other)
        state.release_changed.connect(self._on_other)
        state.sample_changed.connect(self._on_sample)

    # ---------------------------------------------------------------- showing

    @Slot(bool)
    def set_shown(self, on: bool) -> None:
        state = self._context.state
        if on:
            state.set_mode("explore")
            self._build()
        state.set_overview(on)

    @Slot(bool)
    def _on_shown(self, on: bool) -> None:
        self._context.actions.action("view.dataset").setChecked(on)
        if on:
            QTimer.singleShot(0, self, self.refresh)  # the page is in sight by then

    @Slot()
    def show_degree(self) -> None:
        from sier_gui.gui.panels.overview.page import DEGREE

        self.set_shown(True)
        assert self.page is not None
        self.page.tabs.setCurrentIndex(DEGREE)
        self.page.degree.table.setFocus()

    def _build(self) -> None:
        if self.page is not None:
            return
        from sier_gui.gui.workflows.degree import DegreeWorkflow
        from sier_gui.gui.workflows.maps import MapWorkflow
        from sier_gui.gui.workflows.sides import SidesWorkflow

        self.page = page = self._make()
        self.maps = MapWorkflow(self._context, page.map)
        self.degree = DegreeWorkflow(self._context, page.degree)
        self.sides = SidesWorkflow(self._context, page.sides)
        page.query_wished.connect(self._on_query_wished)
        page.tab_shown.connect(self._on_tab)
        page.map.row_opened.connect(self._on_row_opened)
        for panel in (page.map, page.sides):
            panel.picked.connect(self._context.state.set_picked)

    @Slot(object)
    def _on_query_wished(self, query: Query) -> None:
        self.query_wished.emit(query)

    @Slot(object)
    def show_query(self, query: Query) -> None:
        """What the table is asked for, by whomever."""
        if self.page is not None:
            self.page.show_query(query)

    @Slot(int)
    def _on_row_opened(self, row: int) -> None:
        self._context.state.set_row(row)
        self.set_shown(False)

    # ---------------------------------------------------------------- counting

    @Slot()
    def _on_predictions(self) -> None:
        if self._context.state.overview and not self._due.isActive():
            self._due.start()

    @Slot()
    def _on_other(self) -> None:
        """Another dataset or release: its numbers, as soon as everybody has heard of it, or none."""
        self.counted = None
        if self._context.state.overview:
            self._due.start()
        for kind in (KIND, SUSPECTS):
            self._context.clerk.drop(kind)
        if self.page is not None:
            self.page.show_nothing("Nothing is predicted yet.", "")
            self.page.show_doubt("")
            self.page.degree.show_shares([])

    @Slot(object)
    def _on_sample(self, view: SampleView | None) -> None:
        """A picture and a sound that belong to no dataset."""
        if view is not None and view.sample.row < 0:
            self.set_shown(False)

    @Slot()
    def refresh(self) -> None:
        """Count what is known now, where somebody looks."""
        state = self._context.state
        catalogue, release, table = state.dataset, state.release, state.predictions
        if not state.overview or self.page is None:
            return
        if catalogue is None or release is None or table is None:
            self.page.show_nothing(
                "No release fits this dataset.", "Choose one in the menu Explain, Release."
            )
            return

        def work(_report: Report, _token: CancelToken) -> Counted:
            from sier_gui.core.overview.held_out import in_sample
            from sier_gui.core.overview.modalities import collapse_warning, share_lines
            from sier_gui.core.overview.summary import summarise

            lines = share_lines(catalogue, table)
            seen = in_sample(catalogue, release)
            return Counted(summarise(catalogue, table), lines, collapse_warning(lines), seen)

        job = self._context.clerk.start(KIND, work)
        job.succeeded.connect(self._on_counted)
        job.failed.connect(self._context.messages.error)
        self._on_tab(self.page.tabs.currentIndex())

    @Slot(object)
    def _on_counted(self, counted: Counted) -> None:
        state = self._context.state
        if self.page is None or state.dataset is None or state.release is None:
            return
        self.counted = counted
        name = f"{state.dataset.name} by {state.release.label}"
        self.page.show_summary(counted.summary, name, counted.in_sample)
        self.page.show_warning(counted.warning)
        self.page.degree.show_shares(counted.lines, bool(counted.warning))

    @Slot(int)
    def _on_tab(self, index: int) -> None:
        """Only what is looked at is computed."""
        from sier_gui.gui.panels.overview.page import DEGREE, MAP, SIDES

        if not self._context.state.overview:
            return
        parts: dict[int, Callable[[], None] | None] = {
            MAP: self.maps.refresh if self.maps is not None else None,
            DEGREE: self.degree.refresh if self.degree is not None else None,
            SIDES: self.sides.refresh if self.sides is not None else None,
        }
        refresh = parts[index]
        if refresh is not None:
            refresh()

    @Slot()
    def refresh_degree(self) -> None:
        """A survey's folder holds more than before."""
        from sier_gui.gui.panels.overview.page import DEGREE

        if self.page is not None and self.page.tabs.currentIndex() == DEGREE:
            self._on_tab(DEGREE)

    # ---------------------------------------------------------------- likely label errors

    @Slot()
    def find_suspects(self) -> None:
        """The likely label errors, most likely first, in the table."""
        state = self._context.state
        catalogue, release, table = state.dataset, state.release, state.predictions
        if catalogue is None or release is None or table is None:
            return
        self.set_shown(True)

        def work(_report: Report, _token: CancelToken) -> Suspects:
            from sier_gui.core.overview.suspects import find_suspects

            return find_suspects(catalogue, release, table)

        job = self._context.clerk.start(SUSPECTS, work)
        job.succeeded.connect(self._on_suspects)
        job.failed.connect(self._on_no_suspects)

    @Slot(object)
    def _on_suspects(self, found: Suspects) -> None:
        assert self.page is not None
        count = f"{len(found):,} of {found.judged:,} labels are likely wrong. " if found.judged else ""
        self.page.show_doubt(count + found.words)
        if len(found):
            self._context.state.set_picked(Picked(found.rows, "likely label errors, most likely first"))

    @Slot(object)
    def _on_no_suspects(self, error: Exception) -> None:
        if self.page is not None and isinstance(error, SierError):
            self.page.show_doubt(str(error))
        else:
            self._context.messages.error(error)

    # ---------------------------------------------------------------- the figure

    @Slot()
    def export(self) -> None:
        """Matrix, shares and the map on show as PNG, SVG or PDF."""
        from PySide6.QtWidgets import QFileDialog

        state = self._context.state
        self.set_shown(True)
        if self.counted is None or state.dataset is None:
            return
        name, _ = QFileDialog.getSaveFileName(
            self._context.window,
            "Save the Dataset's Figure",
            f"{state.dataset.name}-overview.png",
            "Figures (*.png *.svg *.pdf)",
        )
        if name:
            self.save(Path(name))

    def save(self, target: Path) -> None:
        """Write the figure in the background."""
        state, counted = self._context.state, self.counted
        catalogue, release, table = state.dataset, state.release, state.predictions
        if counted is None or catalogue is None or release is None or table is None or self.maps is None:
            return
        layout = self.maps.layout_shown

        def work(_report: Report, _token: CancelToken) -> Path:
            from sier_gui.core.overview.figure import provenance, save_figure

            about = provenance(catalogue, release, layout)
            save_figure(target, counted.summary, about, layout, table)
            return target

        job = self._context.clerk.start("export.overview", work)
        job.succeeded.connect(self._on_saved)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_saved(self, target: Path) -> None:
        self._context.messages.info(f"Written: {target.name}", f"It is in {target.parent}.")

    @Slot()
    def stop(self) -> None:
        """The window closes."""
        self._due.stop()
        if self.maps is not None:
            self.maps.stop()
        if self.sides is not None:
            self.sides.stop()
