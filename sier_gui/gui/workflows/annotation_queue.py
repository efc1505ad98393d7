"""What is to be annotated next, among the rows shown, and how much is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Slot

from sier_gui.gui.workflows.annotate import AnnotateWorkflow
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.dataset.marks import Marked

_UNLABELLED, _DISPUTED = "annotate.unlabelled", "annotate.disputed"


class AnnotationQueue(QObject):
    """Next unlabelled, next disputed, and going on by itself after a label."""

    def __init__(self, context: Context, annotate: AnnotateWorkflow) -> None:
        super().__init__(context.window)
        self._context = context
        for action_id, handler in (
            (_UNLABELLED, self.next_unlabelled),
            (_DISPUTED, self.next_disputed),
            ("annotate.advance", self._on_advance),
        ):
            context.actions.bind(action_id, handler)
        self._advances = context.actions.action("annotate.advance")
        self._advances.setChecked(context.settings.get("annotate.advance", False))
        annotate.labelled.connect(self._on_labelled)
        annotated = context.state.annotated
        for change in (annotated.columns_changed, annotated.row_changed, context.state.rows_changed):
            change.connect(self.count)
        self.count()

    @Slot()
    def count(self) -> None:
        """Say on the actions how many are left."""
        from sier_gui.core.dataset.marks import Marked

        unlabelled, mine = len(self._places(Marked.UNLABELLED)), len(self._places(Marked.NOT_MINE))
        words = f"Unlabelled {unlabelled:,}" if unlabelled or not mine else f"Not by you {mine:,}"
        self._context.actions.action(_UNLABELLED).setIconText(words)
        disputed = len(self._places(Marked.DISPUTED))
        self._context.actions.action(_DISPUTED).setIconText(f"Disputed {disputed:,}")

    @Slot(bool)
    def _on_advance(self, wished: bool) -> None:
        self._context.settings.set("annotate.advance", wished)

    @Slot(str)
    def _on_labelled(self, sample_id: str) -> None:
        from sier_gui.core.dataset.marks import Marked

        view = self._context.state.sample
        here = view is not None and view.sample.sample_id == sample_id
        if self._advances.isChecked() and here and not self._next(Marked.NOT_MINE):
            self._context.messages.info("All samples shown have your label.")

    @Slot()
    def next_unlabelled(self) -> None:
        """Without any label; where there is none, without one's own."""
        from sier_gui.core.dataset.marks import Marked

        if not self._next(Marked.UNLABELLED) and not self._next(Marked.NOT_MINE):
            self._context.messages.info("All samples shown have your label.")

    @Slot()
    def next_disputed(self) -> None:
        from sier_gui.core.dataset.marks import Marked

        if not self._next(Marked.DISPUTED):
            self._context.messages.info("People agree on all samples shown.")

    def _places(self, marked: Marked) -> np.ndarray:
        """Where in the table rows of that kind are shown."""
        from sier_gui.core.dataset.marks import having

        state = self._context.state
        columns = state.annotated.columns
        if state.dataset is None or columns is None:
            return np.empty(0, np.int64)
        return np.flatnonzero(having(state.dataset, marked, columns.bits)[state.rows])

    def _next(self, marked: Marked) -> bool:
        """Go to the next shown row of that kind after the current one; from the end on, the first."""
        state = self._context.state
        places = self._places(marked)
        places = places[state.rows[places] != state.row]
        if not len(places):
            return False
        here = np.flatnonzero(state.rows == state.row)
        after = places[places > (int(here[0]) if len(here) else -1)]
        state.set_row(int(state.rows[after[0] if len(after) else places[0]]))
        return True
