"""Labels, flags, comments and marks: what is asked for is shown at once, and written in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction

from sier_gui.core.errors import SierError
from sier_gui.gui.action_list import LABEL_KEYS
from sier_gui.gui.workflows.annotation_file import AnnotationFile
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.annotations.columns import Columns
    from sier_gui.core.annotations.notes import Notes
    from sier_gui.core.annotations.records import Entry, Event, Kind, Request, Value
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.gui.panels.annotation import AnnotationPanel
    from sier_gui.gui.state import SampleView


_LABELS = "annotate.labels"  # in the settings: dataset → labels, in the order of their keys


@dataclass(frozen=True, slots=True)
class _Wish:
    """A change of which it is not yet known who signs it."""

    sample_id: str
    kind: Kind
    value: Value
    item: str = ""


class AnnotateWorkflow(QObject):
    """Keys and buttons become changes; the state shows them as if they were written, then the disk's word."""

    name_wished = Signal()  # who annotates?
    labelled = Signal(str)  # a sample's id: it has a label of one's own now

    def __init__(self, context: Context, file: AnnotationFile) -> None:
        super().__init__(context.window)
        self._context, self._file = context, file
        self._unsigned: list[_Wish] = []
        self._panel: AnnotationPanel | None = None
        context.state.annotated.me = context.settings.get("annotator", "")
        for number in range(LABEL_KEYS):
            context.actions.bind(f"annotate.label_{number + 1}", self._on_label)
        for action_id, handler in (
            ("annotate.clear", self.clear_label),
            ("annotate.flag", self.toggle_flag),
            ("annotate.comment", self.write_comment),
            ("annotate.mark", self.mark_selection),
            ("annotate.undo", self.undo),
            ("annotate.redo", self.redo),
            ("annotate.retry", self.retry),
        ):
            context.actions.bind(action_id, handler)
        file.read.connect(self._on_read)
        file.notes_read.connect(self._on_notes)
        file.written.connect(self._on_written)
        file.settled.connect(self._on_settled)
        file.failed.connect(self._on_failed)
        state = context.state
        state.dataset_changed.connect(self._on_dataset)
        state.release_changed.connect(self._show_labels)
        state.sample_changed.connect(self._on_sample)

    @Slot(object)
    def furnish(self, panel: AnnotationPanel) -> None:
        """Connect the panel, once. Only now is anything read: before that the window is being made, and would
        share Python's lock with the reading."""
        panel.commented.connect(self.comment)
        panel.mark_changed.connect(self.change_mark)
        self._panel = panel
        self._file.read_all(self._context.state.annotated.me)

    @Slot()
    def write_comment(self) -> None:
        """The panel's line, with what the comment says so far."""
        if self._panel is not None:
            self._panel.write()

    # ---------------------------------------------------------------- datasets and samples

    @Slot(object)
    def _on_dataset(self, catalogue: Catalogue | None) -> None:
        """Leave the old one, its changes written, and read what is known of the new one."""
        self.stop()
        self._unsigned.clear()
        annotated = self._context.state.annotated
        annotated.set_columns(None)
        annotated.set_notes(None)
        self._show_labels()
        if catalogue is not None:
            self._file.begin(catalogue)
            if self._panel is not None:
                self._file.read_all(annotated.me)

    def stop(self) -> None:
        """Nothing waits any more: it is written, here or elsewhere, or was said to be lost."""
        self._file.leave()
        self._context.state.annotated.set_unsaved(0)

    @Slot(object)
    def _on_read(self, columns: Columns) -> None:
        for request in self._file.waiting:
            entry = _wanted(request)
            if entry is not None:
                columns.set(entry)
        self._context.state.annotated.set_columns(columns)
        self._show_labels()
        self._on_sample(self._context.state.sample)

    @Slot()
    def _show_labels(self) -> None:
        """What was listed for this dataset; else its classes, the network's, and what was given before."""
        state = self._context.state
        dataset, columns = state.dataset, state.annotated.columns
        if dataset is None:
            state.annotated.set_labels(())
            return
        listed = self._context.settings.get(_LABELS, {}).get(str(dataset.source))
        known = list(listed) if isinstance(listed, list) else []
        if not known:
            known += dataset.classes
            known += state.release.classes if state.release is not None else ()
            known += columns.names if columns is not None else ()
        state.annotated.set_labels(tuple(dict.fromkeys(map(str, known))))

    @Slot(tuple)
    def list_labels(self, labels: tuple[str, ...]) -> None:
        """From now on these can be given, in this order; none: the usual ones."""
        dataset = self._context.state.dataset
        if dataset is not None:
            listed = dict(self._context.settings.get(_LABELS, {}))
            listed[str(dataset.source)] = list(labels)
            self._context.settings.set(_LABELS, listed)
            self._show_labels()

    @Slot(object)
    def _on_sample(self, view: SampleView | None) -> None:
        from sier_gui.core.annotations.notes import Notes

        annotated = self._context.state.annotated
        if view is None or view.sample.row < 0:
            annotated.set_notes(None)
        elif not self._file.look(view.sample.sample_id):
            annotated.set_notes(self._with_waiting(Notes(view.sample.sample_id)))

    @Slot(object)
    def _on_notes(self, notes: Notes) -> None:
        if self._current() == notes.sample_id:
            self._context.state.annotated.set_notes(self._with_waiting(notes))

    def _with_waiting(self, notes: Notes) -> Notes:
        """What was asked for and is not written yet is shown too."""
        for request in self._file.waiting:
            entry = _wanted(request)
            if entry is not None and entry.sample_id == notes.sample_id:
                notes = notes.with_entry(entry)
        return notes

    def _current(self) -> str:
        """The sample on show; "" for a loose pair, and while the row just chosen is not on show yet."""
        state = self._context.state
        here = state.sample is not None and state.sample.sample.row == state.row >= 0
        return state.sample.sample.sample_id if here and state.sample is not None else ""

    # ---------------------------------------------------------------- what is asked for

    @Slot()
    def _on_label(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        number = int(action.objectName().rpartition("_")[2]) - 1
        labels = self._context.state.annotated.labels
        if number < len(labels):
            self.label(labels[number])

    def label(self, name: str) -> None:
        """The current sample is ``name``."""
        from sier_gui.core.annotations.records import Kind

        self._wish(Kind.LABEL, name)

    @Slot()
    def clear_label(self) -> None:
        from sier_gui.core.annotations.records import Kind

        self._wish(Kind.LABEL, None)

    @Slot()
    def toggle_flag(self) -> None:
        from sier_gui.core.annotations.records import Kind

        annotated = self._context.state.annotated
        flagged = annotated.notes is not None and annotated.notes.of(annotated.me, Kind.FLAG)
        self._wish(Kind.FLAG, None if flagged else True)

    @Slot(str, str)
    def comment(self, sample_id: str, text: str) -> None:
        """An empty one takes the comment away."""
        from sier_gui.core.annotations.records import Kind

        self._take(_Wish(sample_id, Kind.COMMENT, text.strip() or None))

    @Slot()
    def mark_selection(self) -> None:
        """Keep what is selected on the waveform, the spectrogram or the picture."""
        from sier_gui.core.annotations.records import Kind, Mark, new_id

        where = self._context.state.selection
        if where is not None:
            self._wish(Kind.MARK, Mark(where).value(), new_id()[:12])

    @Slot(object)
    def change_mark(self, entry: Entry) -> None:
        """Another word about a mark, or, without a value, the mark taken away. Only one's own."""
        if entry.who == self._context.state.annotated.me:
            self._take(_Wish(entry.sample_id, entry.kind, entry.value, entry.item))

    def _wish(self, kind: Kind, value: Value, item: str = "") -> None:
        sample_id = self._current()
        if sample_id:
            self._take(_Wish(sample_id, kind, value, item))
        else:
            self._context.messages.info("The sample is still being read.", "Nothing was annotated.")
            annotated = self._context.state.annotated
            annotated.set_notes(annotated.notes)

    def _take(self, wish: _Wish) -> None:
        if self._file.open:
            self._unsigned.append(wish)
            if self._context.state.annotated.me:
                self._sign()
            else:
                self.name_wished.emit()

    @Slot(str)
    def sign(self, name: str) -> None:
        """From now on ``name`` annotates; "" takes back what waited for a name."""
        annotated = self._context.state.annotated
        if name:
            annotated.me = name
            self._context.settings.set("annotator", name)
            if annotated.columns is not None:
                annotated.columns.sign(name)
                annotated.set_columns(annotated.columns)
            self._sign()
        self._unsigned.clear()
        annotated.set_notes(annotated.notes)  # buttons that were pressed for nothing come up again

    def _sign(self) -> None:
        from sier_gui.core.annotations.records import Change, Kind, checked

        me = self._context.state.annotated.me
        wishes, self._unsigned = self._unsigned, []
        for wish in wishes:
            try:
                change = checked(Change(me, wish.sample_id, wish.kind, wish.value, wish.item))
            except SierError as error:
                self._context.messages.error(error)
                continue
            self._ask(change)
            if change.kind is Kind.LABEL and change.value is not None:
                self.labelled.emit(change.sample_id)

    @Slot()
    def undo(self) -> None:
        self._step(True)

    @Slot()
    def redo(self) -> None:
        self._step(False)

    def _step(self, back: bool) -> None:
        from sier_gui.core.annotations.records import Step

        me = self._context.state.annotated.me
        if me and self._file.open:
            self._ask(Step(me, back))
        else:
            self._context.messages.info("You have annotated nothing yet.")

    # ---------------------------------------------------------------- what came of it

    def _ask(self, request: Request) -> None:
        """Show it and have it written."""
        self._file.ask(request)
        entry = _wanted(request)
        if entry is not None:
            self._show(entry)

    @Slot()
    def retry(self) -> None:
        self._file.write()

    @Slot(object)
    def _on_written(self, found: tuple[Request, Event | None]) -> None:
        from sier_gui.core.annotations.records import Entry, Step

        request, event = found
        if event is not None:
            self._show(Entry(event.sample_id, event.who, event.kind, event.item, event.new, event.at))
            if isinstance(request, Step):
                self._go_to(event.sample_id)
        elif isinstance(request, Step):
            self._context.messages.info(f"There is nothing to {'undo' if request.back else 'redo'}.")
        elif request.sample_id == self._current():
            self._on_sample(self._context.state.sample)  # it was so already: with its own time

    @Slot()
    def _on_settled(self) -> None:
        annotated = self._context.state.annotated
        if annotated.unsaved:
            annotated.set_unsaved(0)
            self._context.messages.withdraw()

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        waiting = len(self._file.waiting)
        self._context.state.annotated.set_unsaved(waiting)
        if waiting:
            self._context.messages.error(error, "annotate.retry", "Try Again")
        else:
            self._context.messages.error(error)

    def _show(self, entry: Entry) -> None:
        """In the table, and in the head if it is about the sample there."""
        annotated = self._context.state.annotated
        if annotated.columns is not None:
            row = self._context.state.row if entry.sample_id == self._current() else None
            annotated.row_changed.emit(annotated.columns.set(entry, row))
        if annotated.notes is not None and annotated.notes.sample_id == entry.sample_id:
            annotated.set_notes(annotated.notes.with_entry(entry))

    def _go_to(self, sample_id: str) -> None:
        columns = self._context.state.annotated.columns
        row = columns.row_of(sample_id) if columns is not None else -1
        if row >= 0:
            self._context.state.set_row(row)


def _wanted(request: Request) -> Entry | None:
    """A change as if it held already; what a step back does only the file knows."""
    from sier_gui.core.annotations.records import Change, Entry

    if not isinstance(request, Change):
        return None
    return Entry(request.sample_id, request.who, request.kind, request.item, request.value)
