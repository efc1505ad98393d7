"""Where a built dataset comes from, and its labels by another rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.action_list import with_answers
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from pathlib import Path

    from sier_gui.core.construct.pipeline.labels import Labels
    from sier_gui.core.construct.pipeline.provenance import BuiltSet, Change
    from sier_gui.gui.dialogs.provenance import ProvenanceDialog

READ, RELABEL, SAVE = "provenance", "relabel", "relabel-save"
NOTHING = "This dataset was not built from two networks' answers."


class ProvenanceWorkflow(QObject):
    """One dialog, for the dataset and the sample on show."""

    open_wished = Signal(str)  # the path of a table

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._dialog: ProvenanceDialog | None = None
        self._built: BuiltSet | None = None
        context.actions.bind("sample.provenance", self.show)
        context.state.dataset_changed.connect(self._on_dataset)
        context.state.row_changed.connect(self._on_row)

    @Slot()
    def show(self) -> None:
        if self._dialog is None:
            from sier_gui.gui.dialogs.provenance import ProvenanceDialog

            self._dialog = ProvenanceDialog(self._context.window)
            self._dialog.rule_wished.connect(self._on_rule)
            self._dialog.save_wished.connect(self._on_save)
            self._dialog.open_wished.connect(self.open_wished)
        self._dialog.show()
        self._dialog.activateWindow()
        if self._built is None:
            self._read()

    def _read(self) -> None:
        catalogue = self._context.state.dataset
        assert self._dialog is not None
        if catalogue is None or not with_answers(self._context.state):
            self._dialog.show_nothing(NOTHING)
            return
        source = catalogue.source
        self._dialog.show_nothing("Reading …")

        def work(_report: Report, _token: CancelToken) -> BuiltSet:
            from sier_gui.core.construct.pipeline.provenance import read_built

            return read_built(source)

        job = self._context.clerk.start(READ, work)
        job.succeeded.connect(self._on_read)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_read(self, built: BuiltSet) -> None:
        self._built = built
        if self._dialog is not None:
            self._dialog.show_built(built, self._sample_id())
            self._on_rule(*self._dialog.chosen())

    @Slot(str, float)
    def _on_rule(self, rule: str, threshold: float) -> None:
        """Another rule is tried: a newer wish replaces an older one."""
        built = self._built
        if built is None:
            return

        def work(_report: Report, _token: CancelToken) -> tuple[Labels, Change]:
            from sier_gui.core.construct.pipeline.provenance import compare

            labels = built.labels(rule, threshold)
            return labels, compare(built, labels)

        job = self._context.clerk.start(RELABEL, work)
        job.succeeded.connect(self._on_relabelled)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_relabelled(self, found: tuple[Labels, Change]) -> None:
        if self._dialog is not None:
            self._dialog.show_change(*found)

    @Slot()
    def _on_save(self) -> None:
        built, dialog = self._built, self._dialog
        if built is None or dialog is None:
            return
        rule, threshold = dialog.chosen()

        def work(_report: Report, _token: CancelToken) -> Path:
            from sier_gui.core.construct.pipeline.provenance import save_relabelled

            return save_relabelled(built, built.labels(rule, threshold), rule, threshold)

        job = self._context.clerk.start(SAVE, work)
        job.succeeded.connect(self._on_saved)
        job.failed.connect(self._on_not_saved)

    @Slot(object)
    def _on_saved(self, table: Path) -> None:
        if self._dialog is not None:
            self._dialog.show_saved(table)

    @Slot(object)
    def _on_not_saved(self, error: Exception) -> None:
        if self._dialog is not None:
            self._dialog.show_unsaved(str(error))
        if not isinstance(error, SierError):
            self._context.messages.error(error)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        if self._dialog is not None:
            self._dialog.show_nothing(str(error))
        if not isinstance(error, SierError):
            self._context.messages.error(error)

    # ---------------------------------------------------------------- what else is looked at

    @Slot()
    def _on_dataset(self) -> None:
        for kind in (READ, RELABEL):
            self._context.clerk.drop(kind)
        self._built = None
        if with_answers(self._context.state):
            self._context.messages.info(
                "The labels of this dataset came from two networks.",
                "They say what these answered, not what a person feels.",
                "sample.provenance",
                "Where It Comes From",
            )
        if self._dialog is not None and self._dialog.isVisible():
            self._read()

    @Slot(int)
    def _on_row(self, _row: int) -> None:
        if self._dialog is not None:
            self._dialog.show_sample(self._sample_id())

    def _sample_id(self) -> str:
        state = self._context.state
        return (
            state.dataset.cell(state.row, "sample_id") if state.dataset is not None and state.row >= 0 else ""
        )
