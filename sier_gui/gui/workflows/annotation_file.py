"""The annotation file behind the window: read, written and closed without anybody waiting for the disk."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import Job, JobRunner
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.annotations.columns import Columns
    from sier_gui.core.annotations.notes import Notes
    from sier_gui.core.annotations.records import Request
    from sier_gui.core.annotations.store import AnnotationStore
    from sier_gui.core.annotations.writer import Writer
    from sier_gui.core.dataset.catalogue import Catalogue


# jobs that must not begin once their dataset was left; those that write changes have nothing left to do then
_WHOLE = ("annotate.open", "annotate.look", "annotate.agreement", "annotate.export", "annotate.merge")


@dataclass(frozen=True, slots=True)
class _Read:
    """What a dataset's file held; ``store`` where it stays open to be read."""

    store: AnnotationStore | None
    columns: Columns


@dataclass(frozen=True, slots=True)
class _Settled:
    """Everything that waited is written into this file."""

    store: AnnotationStore | None


class AnnotationFile(QObject):
    """One dataset's file at a time. ``scribe`` is the thread that waits for the disk."""

    read = Signal(object)  # Columns
    notes_read = Signal(object)  # Notes
    written = Signal(object)  # (Request, Event | None): what was asked for, and what happened
    settled = Signal()
    failed = Signal(object)  # Exception: what waits, waits on

    def __init__(self, context: Context, scribe: JobRunner) -> None:
        super().__init__(context.window)
        self._context, self._scribe = context, scribe
        self._numbers = itertools.count(1)
        self._catalogue: Catalogue | None = None
        self._writer: Writer | None = None
        self._columns: Columns | None = None
        self._before: AnnotationStore | None = None  # what was there before anybody annotated today

    @property
    def waiting(self) -> tuple[Request, ...]:
        return self._writer.waiting if self._writer is not None else ()

    @property
    def open(self) -> bool:
        return self._writer is not None

    # ---------------------------------------------------------------- reading

    def begin(self, catalogue: Catalogue) -> None:
        """Another dataset. No file is made before there is something to write."""
        from sier_gui.core.annotations.writer import Writer

        def open_store() -> AnnotationStore:
            from sier_gui.core.annotations.places import open_store

            return open_store(catalogue)

        self._writer, self._catalogue = Writer(open_store), catalogue

    def read_all(self, me: str) -> None:
        """What is known of the dataset: `read` follows."""
        catalogue = self._catalogue
        if catalogue is None:
            return

        def work(_report: Report, _token: CancelToken) -> _Read:
            from sier_gui.core.annotations.places import look

            return _columns(look(catalogue), catalogue, me)

        self._start("annotate.open", work, self._on_read)

    def look(self, sample_id: str) -> bool:
        """`notes_read` follows; False where there is no file that could say anything."""
        from sier_gui.core.annotations.notes import Notes

        store = self._writer.store if self._writer is not None else None
        store = store or self._before
        if store is None:
            return False
        found = store

        def work(_report: Report, _token: CancelToken) -> Notes:
            return Notes(sample_id, tuple(found.entries(sample_id)))

        self._scribe.start("annotate.look", work).succeeded.connect(self.notes_read)
        return True

    def reload(self, me: str) -> None:
        """The file changed as a whole: `read` follows."""
        catalogue = self._catalogue

        def work(store: AnnotationStore) -> _Read:
            assert catalogue is not None
            return _columns(store, catalogue, me)

        job = self.writing("annotate.open", work)
        if job is not None:
            job.succeeded.connect(self._on_read)

    @Slot(object)
    def _on_read(self, found: _Read) -> None:
        store = found.store
        if store is not None and self._writer is not None and store is not self._writer.store:
            if store.read_only:
                self._before = store
            else:  # there were two, which were brought together
                self._writer.store = store
                self._tell(store)
        self._columns = found.columns
        self.read.emit(found.columns)

    # ---------------------------------------------------------------- writing

    def ask(self, request: Request) -> None:
        """`written` follows, after whatever was asked for before."""
        assert self._writer is not None
        self._writer.put(request)
        self.write()

    def write(self) -> None:
        """Have what waits written."""
        writer, columns = self._writer, self._columns
        if writer is None:
            return

        def work(_report: Report, _token: CancelToken) -> Iterator[Any]:
            yield from writer.write()
            if columns is not None:
                columns.prepare()  # an undo may be about any row
            yield _Settled(writer.store)

        # a kind for each: a newer one must not make this one unheard of
        job = self._start(f"annotate.{next(self._numbers)}", work, None)
        job.partial.connect(self._on_written)

    @Slot(object)
    def _on_written(self, found: Any) -> None:
        if not isinstance(found, _Settled):
            self.written.emit(found)
            return
        if self._writer is None or found.store is None or found.store is not self._writer.store:
            return  # of a dataset that was left
        self._tell(found.store)
        if self._before is not None:  # what it held is in the file that is written now
            self._before.close()
            self._before = None
        self.settled.emit()

    def _tell(self, store: AnnotationStore) -> None:
        for notice in store.notices:
            self._context.messages.info(notice)
        store.notices.clear()

    def _start(
        self, kind: str, work: Callable[[Report, CancelToken], Any], done: Callable[[Any], None] | None
    ) -> Job:
        job = self._scribe.start(kind, work)
        if done is not None:
            job.succeeded.connect(done)
        job.failed.connect(self.failed)
        return job

    # ---------------------------------------------------------------- with the file as a whole

    def writing(self, kind: str, work: Callable[[AnnotationStore], Any]) -> Job | None:
        """Do ``work`` on the scribe's thread with the file to write, after all that waits was written."""
        writer = self._writer
        if writer is None:
            return None

        def run(_report: Report, _token: CancelToken) -> Any:
            for _ in writer.write():
                pass
            return work(writer.opened())

        return self._start(kind, run, None)

    def reading(self, kind: str, work: Callable[[AnnotationStore], Any]) -> Job | None:
        """As `writing`, but makes no file; fails where nobody has annotated yet."""
        writer, catalogue = self._writer, self._catalogue
        if writer is None or catalogue is None:
            return None

        def run(_report: Report, _token: CancelToken) -> Any:
            from sier_gui.core.annotations.places import look

            for _ in writer.write():
                pass
            if writer.store is not None:
                return work(writer.store)
            found = look(catalogue)
            if found is None:
                raise SierError(f"Nobody has annotated {catalogue.name} yet.", "Label a sample first.")
            with found:
                return work(found)

        return self._start(kind, run, None)

    # ---------------------------------------------------------------- leaving

    def leave(self) -> None:
        """Write what still waits, here and now, and let the file go."""
        for kind in _WHOLE:
            self._scribe.drop(kind)
        writer, self._writer = self._writer, None
        self._columns = None
        if self._before is not None:
            self._before.close()
            self._before = None
        if writer is None:
            return
        try:
            for _ in writer.write():
                pass
            writer.close()
        except SierError as error:
            self._context.messages.error(error)
            self._rescue(writer)

    def _rescue(self, writer: Writer) -> None:
        """What cannot be written there is kept in the user's own folder, and joins the rest later."""
        from sier_gui.core.annotations.places import rescue

        with suppress(SierError):  # which has been told
            writer.close()
        if self._catalogue is None or not writer.waiting:
            return
        try:
            kept = rescue(self._catalogue, writer.waiting)
        except SierError as error:
            self._context.messages.error(error)
            return
        count = len(writer.waiting)
        self._context.messages.info(f"{count} annotations are kept in {kept} until they can join the others.")


def _columns(store: AnnotationStore | None, catalogue: Catalogue, me: str) -> _Read:
    from sier_gui.core.annotations.columns import Columns

    columns = Columns(catalogue, me)
    if store is not None:
        columns.fill(store.entries())
    return _Read(store, columns)
