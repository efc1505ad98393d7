"""Which rows are shown and which one is looked at."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.dataset.query import Query
    from sier_gui.gui.state import Picked


class BrowseWorkflow(QObject):
    """Filters, order, next and previous; all remembered per dataset."""

    query_changed = Signal(object)  # Query, changed by an action or a remembered one

    def __init__(self, context: Context, sample_id: str | None = None) -> None:
        super().__init__(context.window)
        self._context = context
        self._first_sample = sample_id  # asked for on the command line, for the first dataset only
        self._query: Query | None = None
        for action_id, handler in (
            ("sample.next", self.next),
            ("sample.previous", self.previous),
            ("sample.next_error", self.next_error),
            ("table.most_wrong", self.most_wrong),
            ("table.reset", self.reset),
        ):
            context.actions.bind(action_id, handler)
        context.state.predictions_changed.connect(self._on_predictions)
        context.state.annotated.columns_changed.connect(self._on_columns)
        context.state.picked_changed.connect(self._on_picked)

    @property
    def query(self) -> Query:
        from sier_gui.core.dataset.query import Query

        return self._query or Query()

    # ---------------------------------------------------------------- opening

    @Slot(object)
    def begin(self, catalogue: Catalogue) -> None:
        """Show a dataset that has just been opened as it was left."""
        left = self._context.settings.get("datasets", {}).get(str(catalogue.source), {})
        self._context.state.set_picked(None)
        self._query = _query_from(left.get("query"))
        self.query_changed.emit(self.query)
        self._select()
        self._go_to_sample(catalogue, self._first_sample or left.get("sample"))
        self._first_sample = None

        def work(_report: Report, _token: CancelToken) -> None:
            from sier_gui.core.dataset.query import warm

            warm(catalogue)

        self._context.reader.start("warm", work, Priority.BACKGROUND)

    def _go_to_sample(self, catalogue: Catalogue, sample_id: str | None) -> None:
        state = self._context.state
        if sample_id:
            try:
                state.set_row(catalogue.row_of(sample_id))
            except SierError as error:
                self._context.messages.error(error)
        if state.row < 0 and len(state.rows):
            state.set_row(int(state.rows[0]))

    def remember(self) -> None:
        """Keep filters and place of the present dataset."""
        state = self._context.state
        if state.dataset is None:
            return
        datasets = dict(self._context.settings.get("datasets", {}))
        sample = state.sample.sample if state.sample is not None else None
        datasets[str(state.dataset.source)] = {
            "query": asdict(self.query),
            "sample": sample.sample_id if sample is not None and sample.row >= 0 else None,
        }
        self._context.settings.set("datasets", datasets)

    # ---------------------------------------------------------------- filters and order

    @Slot(object)
    def set_query(self, query: Query) -> None:
        """From the table's controls, which show it already."""
        self._query = query
        self._select()

    def _change(self, query: Query) -> None:
        self.set_query(query)
        self.query_changed.emit(query)

    def _select(self) -> None:
        from sier_gui.core.dataset.query import select

        state = self._context.state
        if state.dataset is None:
            return
        columns = state.annotated.columns
        bits = columns.bits if columns is not None else None
        rows, picked = select(state.dataset, self.query, state.predictions, bits), state.picked
        if picked is not None:
            among = np.zeros(len(state.dataset), bool)
            if self.query.sort or self.query.descending:
                among[picked.rows] = True
                rows = rows[among[rows]]
            else:  # the order in which they were picked says something: most doubtful first
                among[rows] = True
                rows = picked.rows[among[picked.rows]]
        state.set_rows(rows)

    @Slot(object)
    def _on_picked(self, picked: Picked | None) -> None:
        """Rows were picked on the dataset's page: the table shows them all, whatever it was filtered by."""
        from sier_gui.core.dataset.query import Query

        if picked is not None:
            self._change(Query())
            if len(picked.rows) and self._context.state.row not in picked.rows:
                self._context.state.set_row(int(picked.rows[0]))

    @Slot(object)
    def show_only(self, query: Query) -> None:
        """Exactly the samples of ``query``, in the table's present order."""
        self._context.state.set_picked(None)
        self._change(replace(query, sort=self.query.sort, descending=self.query.descending))

    @Slot()
    def _on_predictions(self) -> None:
        """Rows follow the predictions only where the query reads them."""
        query = self.query
        reads = query.wrong_only or query.disagree_only or query.predicted is not None
        reads = reads or query.confidence != (0.0, 1.0)
        reads = reads or query.sort in ("predicted", "confidence", "loss", "image_share", "speech_share")
        if reads:
            self._select()

    @Slot()
    def _on_columns(self) -> None:
        """Annotations were read. What is annotated from then on changes no rows under somebody's hands."""
        if self.query.marked or self.query.sort == "flags":
            self._select()

    @Slot()
    def most_wrong(self) -> None:
        self._change(replace(self.query, sort="loss", descending=True))
        rows = self._context.state.rows
        if len(rows):
            self._context.state.set_row(int(rows[0]))

    @Slot()
    def reset(self) -> None:
        from sier_gui.core.dataset.query import Query

        self._context.state.set_picked(None)
        self._change(Query())

    # ---------------------------------------------------------------- walking

    def _place(self) -> int:
        found = np.flatnonzero(self._context.state.rows == self._context.state.row)
        return int(found[0]) if len(found) else -1

    def _step(self, by: int) -> None:
        rows = self._context.state.rows
        if len(rows):
            place = min(max(self._place() + by, 0), len(rows) - 1)
            self._context.state.set_row(int(rows[place]))

    @Slot()
    def next(self) -> None:
        self._step(1)

    @Slot()
    def previous(self) -> None:
        self._step(-1)

    @Slot()
    def next_error(self) -> None:
        """The next shown row whose prediction is not its label; from the end on, the first one."""
        state = self._context.state
        table = state.predictions
        if table is None or not len(state.rows):
            return
        codes, labels = table.codes[state.rows], table.labels[state.rows]
        wrong = np.flatnonzero((codes >= 0) & (labels != -1) & (codes != labels))
        if not len(wrong):
            self._context.messages.info("None of the rows shown is predicted wrongly so far.")
            return
        after = wrong[wrong > self._place()]
        state.set_row(int(state.rows[after[0] if len(after) else wrong[0]]))


def _query_from(saved: Any) -> Query | None:
    """A remembered query; None where the settings hold anything else."""
    from sier_gui.core.dataset.marks import Marked
    from sier_gui.core.dataset.query import Query

    if not isinstance(saved, dict):
        return None
    try:
        Marked(saved.get("marked", ""))
        return Query(**{**saved, "confidence": tuple(map(float, saved["confidence"]))})
    except (TypeError, ValueError, KeyError):
        return None
