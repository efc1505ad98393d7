"""Progress and cancellation for long work, without threads and without Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


class Cancelled(Exception):
    """Raised inside a task at the first check after its token was cancelled."""


class CancelToken:
    """Asked by the worker, set by anybody; safe across threads."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked for it."""
        if self._event.is_set():
            raise Cancelled


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` units; ``total`` 0 means unknown."""

    done: int
    total: int
    text: str = ""

    @property
    def fraction(self) -> float:
        return self.done / self.total if self.total else 0.0


Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """The report for callers that show nothing."""
