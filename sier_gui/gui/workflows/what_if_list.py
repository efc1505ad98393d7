"""What was tried and is worth keeping: named, shown again, exported; every change can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack
from PySide6.QtWidgets import QFileDialog

from sier_gui.core import paths
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.state import Held, SampleView
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.look import decode

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.explain.what_if_list import WhatIf
    from sier_gui.gui.dialogs.what_if import WhatIfDialog

_FILTERS = {"Table, a row per class (*.csv)": ".csv", "Everything, to be read again (*.json)": ".json"}


class WhatIfListWorkflow(QObject):
    """The list of one dataset, kept in the user's data folder; saved with each change."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._dialog: WhatIfDialog | None = None
        self._asking: QFileDialog | None = None
        self._pending: WhatIf | None = None  # waits for its sample
        self.undo = QUndoStack(self)
        self.entries: tuple[WhatIf, ...] = ()
        context.actions.bind("what_if.keep", self.keep)
        context.actions.bind("what_if.list", self.show_list)
        context.state.dataset_changed.connect(self._on_dataset)
        context.state.sample_changed.connect(self._on_sample)

    # ---------------------------------------------------------------- what is kept

    @property
    def file(self) -> Path:
        dataset = self._context.state.dataset
        name = dataset.dataset_hash[:24] if dataset is not None else "loose"
        return paths.user_folder("data") / "what_if" / f"{name}.json"

    @Slot()
    def _on_dataset(self) -> None:
        """Another dataset's list."""
        self.undo.clear()
        self._pending = None
        self.entries = self._read()
        self._show()

    def _read(self) -> tuple[WhatIf, ...]:
        if not self.file.is_file():
            return ()
        from sier_gui.core.explain.what_if_list import read_list

        try:
            return tuple(read_list(self.file))
        except SierError as error:
            self._context.messages.error(error)
            return ()

    def change(self, entries: Sequence[WhatIf], what: str) -> None:
        """Make ``entries`` the list, as one step that can be undone."""
        self.undo.push(_Change(self, self.entries, tuple(entries), what))

    def put(self, entries: tuple[WhatIf, ...]) -> None:
        """For `_Change`: the list as it is now, kept on the disk."""
        from sier_gui.core.explain.what_if_list import write_list

        self.entries = entries
        try:
            write_list(self.file, entries)
        except SierError as error:
            self._context.messages.error(error)
        self._show()

    @Slot()
    def keep(self) -> None:
        found = self._context.state.what_if
        if found is not None:
            self.change((*self.entries, replace(found, name=_name(found))), "keep")
            if self._dialog is None or not self._dialog.isVisible():
                self._context.messages.info(
                    f"Kept as “{self.entries[-1].name}”.", "", "what_if.list", "What-If List"
                )

    @Slot(int, str)
    def rename(self, at: int, name: str) -> None:
        entries = list(self.entries)
        entries[at] = replace(entries[at], name=name)
        self.change(entries, "rename")

    @Slot(list)
    def delete(self, rows: Sequence[int]) -> None:
        gone = set(rows)
        self.change([entry for i, entry in enumerate(self.entries) if i not in gone], "delete")

    # ---------------------------------------------------------------- shown again

    @Slot(int)
    def apply(self, at: int) -> None:
        """Go to the entry's sample, and take away again what was taken away."""
        entry, state = self.entries[at], self._context.state
        shown = state.sample.sample.sample_id if state.sample is not None else None
        self._pending = entry
        if shown == entry.sample_id:
            self._on_sample(state.sample)
            return
        try:
            row = self._row(entry.sample_id)
        except SierError as error:
            self._pending = None
            self._context.messages.error(error)
            return
        state.set_row(row)

    def _row(self, sample_id: str) -> int:
        dataset = self._context.state.dataset
        if dataset is None:
            raise SierError(f"{sample_id} is not on show.", "Open its picture and sound, or its dataset.")
        return dataset.row_of(sample_id)

    @Slot(object)
    def _on_sample(self, view: SampleView | None) -> None:
        entry = self._pending
        if entry is None or view is None or view.sample.sample_id != entry.sample_id:
            return
        self._pending = None
        state = self._context.state
        state.set_selection(None)
        state.set_held(None)
        state.change_explain_options(absence=entry.absence)
        state.set_removals(entry.removals)
        if entry.mixed:
            self._hold_again(entry)

    def _hold_again(self, entry: WhatIf) -> None:
        """The other sample's picture or speech, which has to be read first."""
        state = self._context.state
        image = entry.picture_of != entry.sample_id
        other = entry.picture_of if image else entry.speech_of
        catalogue: Catalogue | None = state.dataset
        try:
            row = self._row(other)
        except SierError as error:
            self._context.messages.error(error)
            return
        assert catalogue is not None
        front = state.release.front if state.release is not None else None

        def work(_report: Report, _token: CancelToken) -> Held:
            from sier_gui.core.domain import FrontEnd

            view = decode(catalogue.sample(row), front or FrontEnd())
            return Held(Modality.IMAGE if image else Modality.SPEECH, view)

        job = self._context.reader.start("hold", work, Priority.URGENT)
        job.succeeded.connect(state.set_held)
        job.failed.connect(self._context.messages.error)

    # ---------------------------------------------------------------- the dialog, and files

    @Slot()
    def show_list(self) -> None:
        if self._dialog is None:
            from sier_gui.gui.dialogs.what_if import WhatIfDialog

            self._dialog = WhatIfDialog(self.undo, self._context.window)
            self._dialog.apply_wished.connect(self.apply)
            self._dialog.renamed.connect(self.rename)
            self._dialog.delete_wished.connect(self.delete)
            self._dialog.export_wished.connect(self.ask_where)
            self._dialog.import_wished.connect(self.ask_which)
        self._show()
        self._dialog.show()
        self._dialog.activateWindow()

    def _show(self) -> None:
        if self._dialog is not None:
            self._dialog.show_entries(self.entries)

    @Slot()
    def ask_where(self) -> None:
        dialog = self._asking = QFileDialog(self._dialog, "Export the what-if list")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(_FILTERS))
        dialog.setDefaultSuffix("csv")
        dialog.filterSelected.connect(self._on_filter)
        dialog.fileSelected.connect(self.export)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def _on_filter(self, chosen: str) -> None:
        if self._asking is not None:
            self._asking.setDefaultSuffix(_FILTERS[chosen].lstrip("."))

    @Slot(str)
    def export(self, file: str) -> None:
        """As JSON where the name ends so, else as a table."""
        from sier_gui.core.explain.what_if_list import write_list, write_table

        target = Path(file)
        try:
            (write_list if target.suffix.lower() == ".json" else write_table)(target, self.entries)
        except SierError as error:
            self._context.messages.error(error)
            return
        self._context.messages.info(f"Wrote {target.name}.", f"In {target.parent}.")

    @Slot()
    def ask_which(self) -> None:
        dialog = QFileDialog(self._dialog, "Add an exported what-if list")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["What-if list (*.json)"])
        dialog.fileSelected.connect(self.add_file)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def add_file(self, file: str) -> None:
        """Entries of a list exported as JSON, after the present ones; what is here already is left out."""
        from sier_gui.core.explain.what_if_list import read_list

        try:
            given = read_list(Path(file))
        except SierError as error:
            self._context.messages.error(error)
            return
        new = [entry for entry in given if entry not in self.entries]
        if new:
            self.change((*self.entries, *new), "add")
        self._context.messages.info(f"Added {len(new)} of {len(given)} entries of {Path(file).name}.")


class _Change(QUndoCommand):
    """From one list to another; lists are short, so that each is kept whole."""

    def __init__(
        self,
        workflow: WhatIfListWorkflow,
        before: tuple[WhatIf, ...],
        after: tuple[WhatIf, ...],
        what: str,
    ) -> None:
        super().__init__(what)
        self._workflow, self._before, self._after = workflow, before, after

    def redo(self) -> None:
        self._workflow.put(self._after)

    def undo(self) -> None:
        self._workflow.put(self._before)


def _name(found: WhatIf) -> str:
    """To begin with; people give their own."""
    named = []
    if found.removals:
        more = len(found.removals) - 1
        named.append(f"without {found.removals[0].text}" + (f" and {more} more" if more else ""))
    if found.picture_of != found.sample_id:
        named.append(f"picture of {found.picture_of}")
    if found.speech_of != found.sample_id:
        named.append(f"speech of {found.speech_of}")
    return ", ".join(named)
