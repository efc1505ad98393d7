"""Progress, cancellation and pause for long work, without threads and without Qt."""

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


class Pause:
    """Work that asks between its steps stands still while somebody holds it; safe across threads."""

    def __init__(self) -> None:
        self._go = threading.Event()
        self._go.set()

    def pause(self) -> None:
        self._go.clear()

    def resume(self) -> None:
        self._go.set()

    @property
    def paused(self) -> bool:
        return not self._go.is_set()

    def wait(self, token: CancelToken) -> None:
        """Return once nobody holds the work; raises `Cancelled` where ``token`` is cancelled meanwhile."""
        while not self._go.wait(0.1):
            token.check()
        token.check()


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
