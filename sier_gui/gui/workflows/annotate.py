"""Labels, flags, comments and marks: shown at once, written by a thread of their own, in order, none lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.action_list import LABEL_KEYS
from sier_gui.gui.jobs import Job, JobRunner
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.annotations.columns import Columns
    from sier_gui.core.annotations.notes import Notes
    from sier_gui.core.annotations.records import Entry, Event, Kind, Request, Value
    from sier_gui.core.annotations.store import AnnotationStore
    from sier_gui.core.annotations.writer import Writer
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.gui.panels.annotation import AnnotationPanel
    from sier_gui.gui.state import SampleView


@dataclass(frozen=True, slots=True)
class _Wish:
    """A change of which it is not yet known who signs it."""

    sample_id: str
    kind: Kind
    value: Value
    item: str = ""


class AnnotateWorkflow(QObject):
    """What is asked for goes to the `Writer`, and to the state as if it were written; then the disk's word.

    ``scribe`` is the thread that waits for the disk.
    """

    name_wished = Signal()  # who annotates?
    labelled = Signal(str)  # a sample's id: it has a label of one's own now

    def __init__(self, context: Context, scribe: JobRunner) -> None:
        super().__init__(context.window)
        self._context, self._scribe = context, scribe
        self._numbers = itertools.count(1)
        self._writer: Writer | None = None
        self._read: AnnotationStore | None = None  # what was there before anybody annotated today
        self._catalogue: Catalogue | None = None  # the writer's
        self._unsigned: list[_Wish] = []
        annotated = context.state.annotated
        annotated.me = context.settings.get("annotator", "")
        self._bind()
        state = context.state
        state.dataset_changed.connect(self._on_dataset)
        state.release_changed.connect(self._show_labels)
        state.sample_changed.connect(self._on_sample)

    def _bind(self) -> None:
        actions = self._context.actions
        for number in range(LABEL_KEYS):
            actions.bind(f"annotate.label_{number + 1}", self._on_label)
        for action_id, handler in (
            ("annotate.clear", self.clear_label),
            ("annotate.flag", self.toggle_flag),
            ("annotate.mark", self.mark_selection),
            ("annotate.undo", self.undo),
            ("annotate.redo", self.redo),
            ("annotate.retry", self.retry),
        ):
            actions.bind(action_id, handler)

    @Slot(object)
    def furnish(self, panel: AnnotationPanel) -> None:
        """Connect the panel, once."""
        panel.commented.connect(self.comment)
        panel.mark_changed.connect(self.change_mark)

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
        if catalogue is None:
            return
        from sier_gui.core.annotations.writer import Writer

        def open_store() -> AnnotationStore:
            from sier_gui.core.annotations.places import open_store

            return open_store(catalogue)

        self._writer, self._catalogue = Writer(open_store), catalogue
        me = annotated.me

        def work(_report: Report, _token: CancelToken) -> tuple[AnnotationStore | None, Columns]:
            from sier_gui.core.annotations.columns import Columns
            from sier_gui.core.annotations.places import look

            store, columns = look(catalogue), Columns(catalogue, me)
            if store is not None:
                columns.fill(store.entries())
            return store, columns

        job = self._scribe.start("annotate.open", work)
        job.succeeded.connect(self._on_read)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_read(self, found: tuple[AnnotationStore | None, Columns]) -> None:
        store, columns = found
        self._read = store
        if store is not None and not store.read_only and self._writer is not None:
            self._writer.store, self._read = store, None  # both places had some and were brought together
        self._context.state.annotated.set_columns(columns)
        self._on_sample(self._context.state.sample)

    @Slot()
    def _show_labels(self) -> None:
        """The dataset's classes, then what else the network knows."""
        state = self._context.state
        known = state.dataset.classes if state.dataset is not None else ()
        more = state.release.classes if state.release is not None and state.dataset is not None else ()
        labels = (*known, *(name for name in more if name not in known))
        state.annotated.set_labels(labels)

    @Slot(object)
    def _on_sample(self, view: SampleView | None) -> None:
        from sier_gui.core.annotations.notes import Notes

        annotated = self._context.state.annotated
        if view is None or view.sample.row < 0:
            annotated.set_notes(None)
            return
        sample_id = view.sample.sample_id
        store = self._writer.store if self._writer is not None else None
        store = store or self._read
        if store is None:
            annotated.set_notes(self._with_waiting(Notes(sample_id)))
            return

        def work(_report: Report, _token: CancelToken) -> Notes:
            return Notes(sample_id, tuple(store.entries(sample_id)))

        self._scribe.start("annotate.look", work).succeeded.connect(self._on_notes)

    @Slot(object)
    def _on_notes(self, notes: Notes) -> None:
        if self._current() == notes.sample_id:
            self._context.state.annotated.set_notes(self._with_waiting(notes))

    def _with_waiting(self, notes: Notes) -> Notes:
        """What was asked for and is not written yet is shown too."""
        for request in self._writer.waiting if self._writer is not None else ():
            entry = _wanted(request)
            if entry is not None and entry.sample_id == notes.sample_id:
                notes = notes.with_entry(entry)
        return notes

    def _current(self) -> str:
        view = self._context.state.sample
        return view.sample.sample_id if view is not None and view.sample.row >= 0 else ""

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

    @Slot(str)
    def comment(self, text: str) -> None:
        """ "" takes the comment away."""
        from sier_gui.core.annotations.records import Kind

        self._wish(Kind.COMMENT, text.strip() or None)

    @Slot()
    def mark_selection(self) -> None:
        """Keep what is selected on the waveform, the spectrogram or the picture."""
        from sier_gui.core.annotations.records import Kind, Mark, new_id

        where = self._context.state.selection
        if where is None or where.empty:
            self._context.messages.info(
                "Nothing is selected.", "Drag over the waveform, the spectrogram or the picture first."
            )
            return
        self._wish(Kind.MARK, Mark(where).value(), new_id()[:12])

    @Slot(object)
    def change_mark(self, entry: Entry) -> None:
        """Another word about a mark, or, without a value, the mark taken away. Only one's own."""
        if entry.who == self._context.state.annotated.me:
            self._wish(entry.kind, entry.value, entry.item)

    def _wish(self, kind: Kind, value: Value, item: str = "") -> None:
        sample_id = self._current()
        if sample_id and self._writer is not None:
            self._unsigned.append(_Wish(sample_id, kind, value, item))
            if self._context.state.annotated.me:
                self._sign()
            else:
                self.name_wished.emit()

    @Slot(str)
    def sign(self, name: str) -> None:
        """From now on ``name`` annotates; "" takes back what waited for a name."""
        annotated = self._context.state.annotated
        if not name:
            self._unsigned.clear()
            annotated.set_notes(annotated.notes)  # buttons that were pressed come up again
            return
        annotated.me = name
        self._context.settings.set("annotator", name)
        self._sign()
        if annotated.columns is not None:
            annotated.columns.sign(name)
            annotated.set_columns(annotated.columns)
        annotated.set_notes(annotated.notes)

    def _sign(self) -> None:
        from sier_gui.core.annotations.records import Change, Kind, checked

        wishes, self._unsigned = self._unsigned, []
        for wish in wishes:
            change = Change(
                self._context.state.annotated.me, wish.sample_id, wish.kind, wish.value, wish.item
            )
            try:
                checked(change)
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
        if me:
            self._ask(Step(me, back))
        else:
            self._context.messages.info("Nothing was annotated yet.")

    # ---------------------------------------------------------------- writing

    def _ask(self, request: Request) -> None:
        """Show it and have it written."""
        assert self._writer is not None
        self._writer.put(request)
        entry = _wanted(request)
        if entry is not None:
            self._show(entry)
        self._write()

    def _write(self) -> None:
        writer = self._writer
        if writer is None:
            return

        def work(_report: Report, _token: CancelToken) -> Iterator[Any]:
            yield from writer.write()
            yield writer.store

        # a kind for each: a newer one must not make this one unheard of
        job = self._scribe.start(f"annotate.{next(self._numbers)}", work)
        job.partial.connect(self._on_written)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_written(self, found: Any) -> None:
        if isinstance(found, tuple):
            self._heard(*found)
            return
        if self._writer is None or found is None or found is not self._writer.store:
            return  # of a dataset that was left
        self._context.state.annotated.set_unsaved(0)
        for notice in found.notices:
            self._context.messages.info(notice)
        found.notices.clear()
        if self._read is not None:  # what it held is in the file that is written now
            self._read.close()
            self._read = None

    def _heard(self, request: Request, event: Event | None) -> None:
        from sier_gui.core.annotations.records import Entry, Step

        if event is not None:
            new = event.new
            self._show(Entry(event.sample_id, event.who, event.kind, event.item, new, event.at))
            if isinstance(request, Step):
                self._go_to(event.sample_id)
        elif isinstance(request, Step):
            self._context.messages.info(f"There is nothing to {'undo' if request.back else 'redo'}.")
        elif request.sample_id == self._current():
            self._on_sample(self._context.state.sample)  # it was so already: with its own time

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        waiting = len(self._writer.waiting) if self._writer is not None else 0
        self._context.state.annotated.set_unsaved(waiting)
        self._context.messages.error(error, "annotate.retry", "Try Again")

    @Slot()
    def retry(self) -> None:
        self._write()

    def _show(self, entry: Entry) -> None:
        """In the table, and in the head if it is about the sample there."""
        annotated = self._context.state.annotated
        if annotated.columns is not None:
            row = annotated.columns.set(entry)
            annotated.row_changed.emit(row)
        if annotated.notes is not None and annotated.notes.sample_id == entry.sample_id:
            annotated.set_notes(annotated.notes.with_entry(entry))

    def _go_to(self, sample_id: str) -> None:
        columns = self._context.state.annotated.columns
        row = columns.row_of(sample_id) if columns is not None else -1
        if row >= 0:
            self._context.state.set_row(row)

    # ---------------------------------------------------------------- for others

    def with_store(self, kind: str, work: Callable[[AnnotationStore], Any]) -> Job | None:
        """Do ``work`` with the file on the scribe's thread, after everything that waits was written."""
        writer = self._writer
        if writer is None:
            return None

        def run(_report: Report, _token: CancelToken) -> Any:
            for _ in writer.write():
                pass
            return work(writer.opened())

        return self._scribe.start(kind, run)

    def reload(self) -> None:
        """The file changed as a whole: read it anew."""
        catalogue, writer, me = self._context.state.dataset, self._writer, self._context.state.annotated.me
        if catalogue is None or writer is None:
            return

        def work(store: AnnotationStore) -> tuple[AnnotationStore, Columns]:
            from sier_gui.core.annotations.columns import Columns

            columns = Columns(catalogue, me)
            columns.fill(store.entries())
            return store, columns

        job = self.with_store("annotate.open", work)
        assert job is not None
        job.succeeded.connect(self._on_read)

    def stop(self) -> None:
        """Write what still waits, here and now, and let the file go."""
        self._scribe.drop("annotate.open")
        self._scribe.drop("annotate.look")
        writer, self._writer = self._writer, None
        if self._read is not None:
            self._read.close()
            self._read = None
        if writer is None:
            return
        try:
            for _ in writer.write():
                pass
            writer.close()
        except SierError as error:
            self._rescue(writer, error)
        self._context.state.annotated.set_unsaved(0)

    def _rescue(self, writer: Writer, error: SierError) -> None:
        """What cannot be written there is kept in the user's own folder, and joins the rest later."""
        from sier_gui.core.annotations.places import rescue

        self._context.messages.error(error)
        if self._catalogue is not None and writer.waiting:
            try:
                kept = rescue(self._catalogue, writer.waiting)
                self._context.messages.info(
                    f"{len(writer.waiting)} annotations are kept in {kept} meanwhile."
                )
            except SierError as second:
                self._context.messages.error(second)


def _wanted(request: Request) -> Entry | None:
    """A change as if it held already; what a step back does only the file knows."""
    from sier_gui.core.annotations.records import Change, Entry

    if not isinstance(request, Change):
        return None
    return Entry(request.sample_id, request.who, request.kind, request.item, request.value)
