"""Changes wait here until they are on the disk: in order, each written once, none ever dropped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

from sier_gui.core.annotations.records import Event, Request
from sier_gui.core.annotations.store import AnnotationStore


class Writer:
    """`put` from anywhere; `write` on a thread that may wait for the disk.

    Parameters
    ----------
    open_store : gives the file to write at the first need; asked again after it failed.
    """

    def __init__(self, open_store: Callable[[], AnnotationStore]) -> None:
        self._open_store = open_store
        self._waiting: deque[Request] = deque()
        self._turn = threading.Lock()
        self.store: AnnotationStore | None = None

    def put(self, request: Request) -> None:
        self._waiting.append(request)

    @property
    def waiting(self) -> tuple[Request, ...]:
        """What is not on the disk yet, in order."""
        return tuple(self._waiting)

    def opened(self) -> AnnotationStore:
        """The file to write.

        Raises
        ------
        SierError : there is none that can be written.
        """
        with self._turn:
            return self._opened()

    def _opened(self) -> AnnotationStore:
        if self.store is None:
            self.store = self._open_store()
        return self.store

    def write(self) -> Iterator[tuple[Request, Event | None]]:
        """Write what waits, in order; yields each request with what happened (None: nothing had to change).

        Raises
        ------
        SierError : one could not be written. It and those behind it wait on, for the next call.
        """
        while True:
            with self._turn:
                if not self._waiting:
                    return
                request = self._waiting[0]
                event = self._opened().apply(request)
                self._waiting.popleft()
            yield request, event

    def close(self) -> None:
        """Let the file go; a later change would open it again."""
        with self._turn:
            store, self.store = self.store, None
            if store is not None:
                store.close()
