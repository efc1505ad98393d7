"""The only place where threads meet Qt.

A `JobRunner` owns one thread. Work is a function or, better, a generator: each ``yield`` delivers a partial
result and is a place where the job may be cancelled, paused, or set aside for a more urgent one. Between
yields each `CancelToken.check` lets more urgent jobs go first: they run within it, on the same thread, so
that what the user looks at waits for a batch of whatever is under way, never for its end.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

from sier_gui.core.tasks import Cancelled, CancelToken, Progress, Report

Work = Callable[[Report, CancelToken], Any]
ALL = "*"  # every kind, to `JobRunner.pause`
PROGRESS_INTERVAL_S = 0.05  # 20 Hz: more often than the eye reads


class Priority(IntEnum):
    """Smaller runs first."""

    URGENT = 0  # what the user looks at now
    NORMAL = 1
    ASKED = 2  # asked for, but looked at later
    BACKGROUND = 3
    IDLE = 4  # hours of it, when nothing else is to be done


class Job(QObject):
    """One run of some work. Its signals come on the thread that started it, and never after `stale`.

    ``succeeded`` carries the function's result; for a generator the last value yielded, which was also
    delivered as ``partial``.
    """

    progressed = Signal(object)  # Progress
    partial = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)  # Exception
    cancelled = Signal()

    def __init__(self, kind: str, number: int, parent: QObject) -> None:
        super().__init__(parent)
        self.kind = kind
        self.number = number
        self.stale = False
        self.token = CancelToken()

    def cancel(self) -> None:
        """Ask it to stop; ``cancelled`` follows. What was delivered so far stays."""
        self.token.cancel()


@dataclass(order=True)
class _Task:
    """A job in the queue; ordered by priority, then by age."""

    priority: int
    number: int
    job: Job = field(compare=False)
    work: Work = field(compare=False)
    steps: Iterator[Any] | None = field(default=None, compare=False)
    last: Any = field(default=None, compare=False)
    reported_at: float = field(default=0.0, compare=False)


class JobRunner(QObject):
    """One thread, numbered jobs; a newer job of a kind supersedes the older one of that kind."""

    activity = Signal(str, object)  # kind, Progress of the job that is not stale
    ended = Signal(str)  # kind: nothing of it runs or waits any more
    _delivered = Signal(object, str, object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._current: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._queue: list[_Task] = []
        self._parked: list[_Task] = []
        self._paused: dict[str, set[object]] = {}  # kind -> who holds it
        self._quiet_until = 0.0
        self._running: list[_Task] = []  # the last one works, the others wait in their `CancelToken.check`
        self._closing = False
        self._delivered.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        # A daemon: importing torch cannot be interrupted and must not keep a closed window's process alive.
        self._thread = threading.Thread(target=self._run, name=f"sier-gui {name}", daemon=True)
        self._thread.start()

    # ---------------------------------------------------------------- the GUI thread

    def start(self, kind: str, work: Work, priority: Priority = Priority.NORMAL) -> Job:
        """Queue ``work(report, token)``; the older job of ``kind`` is cancelled and never heard of again."""
        self.drop(kind)
        job = Job(kind, next(self._numbers), self)
        task = _Task(int(priority), job.number, job, work)
        job.token = _ServingToken(self._serve, task)
        self._current[kind] = job
        with self._changed:
            heapq.heappush(self._queue, task)
            self._changed.notify()
        self.activity.emit(kind, Progress(0, 0))
        return job

    def drop(self, kind: str) -> None:
        """Cancel the job of ``kind``, if any, and ignore whatever it still says."""
        old = self._current.pop(kind, None)
        if old is not None:
            old.stale = True
            old.cancel()
            self._wake()
            self.ended.emit(kind)

    def cancel(self, kind: str) -> None:
        """Cancel the job of ``kind``, if any; it says so when it has stopped."""
        job = self._current.get(kind)
        if job is not None:
            job.cancel()
            self._wake()

    def busy(self, kind: str) -> bool:
        return kind in self._current

    def pause(self, kind: str, holder: object) -> None:
        """Jobs of ``kind``, or `ALL`, stop at their next yield until every ``holder`` of it calls `resume`.

        Painting holds a kind for a fifth of a second, the user and a recording for as long as they like; none
        of them may let go what another holds.
        """
        with self._changed:
            self._paused.setdefault(kind, set()).add(holder)

    def resume(self, kind: str, holder: object) -> None:
        """``holder`` lets go of ``kind``; harmless where it held nothing."""
        with self._changed:
            holders = self._paused.get(kind, set())
            holders.discard(holder)
            if not holders:
                self._paused.pop(kind, None)
            self._unpark()

    def hush(self, seconds: float) -> None:
        """Begin no work for so long: what was just shown is painted first, which needs Python's lock."""
        with self._changed:
            self._quiet_until = time.monotonic() + seconds

    def paused(self, kind: str) -> bool:
        with self._changed:
            return self._held(kind)

    def shutdown(self, timeout_s: float = 1.0) -> bool:
        """Cancel everything and wait for the thread; False when it did not end in time."""
        for job in list(self._current.values()):
            job.stale = True
            job.cancel()
        self._current.clear()
        with self._changed:
            self._closing = True
            for task in (*self._queue, *self._parked, *self._running):
                task.job.cancel()
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @Slot(object, str, object)
    def _deliver(self, job: Job, what: str, value: object) -> None:
        current = self._current.get(job.kind) is job
        if what not in ("progressed", "partial"):
            if current:
                del self._current[job.kind]
                self.ended.emit(job.kind)
            job.deleteLater()
        if not current or job.stale:
            return
        if what == "cancelled":
            job.cancelled.emit()
            return
        if what == "progressed":
            self.activity.emit(job.kind, value)
        getattr(job, what).emit(value)

    # ---------------------------------------------------------------- shared, under the condition

    def _wake(self) -> None:
        with self._changed:
            self._unpark()

    def _held(self, kind: str) -> bool:
        return kind in self._paused or ALL in self._paused

    def _unpark(self) -> None:
        """Put parked tasks that may go on, or must end, back into the queue."""
        ready = [t for t in self._parked if not self._held(t.job.kind) or t.job.token.cancelled]
        for task in ready:
            self._parked.remove(task)
            heapq.heappush(self._queue, task)
        self._changed.notify()

    # ---------------------------------------------------------------- the worker thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                self._keep_quiet()
                if self._closing:
                    break
                task = heapq.heappop(self._queue)
                self._running.append(task)
            self._advance(task)
            with self._changed:
                self._running.remove(task)
        for task in (*self._queue, *self._parked):
            _close(task)

    def _keep_quiet(self, token: CancelToken | None = None) -> None:
        """Wait, under the condition, until a hush is over; not where the runner closes or ``token`` ends."""
        while not self._closing and (rest := self._quiet_until - time.monotonic()) > 0:
            if token is not None and token.cancelled:
                return
            self._changed.wait(rest)

    def _serve(self, task: _Task) -> None:
        """Run what is more urgent than ``task``, which works on this thread and has come to a check."""
        if threading.current_thread() is not self._thread:
            return
        while True:
            with self._changed:
                self._keep_quiet(task.job.token)
                if self._closing or not self._queue or self._queue[0].priority >= task.priority:
                    return
                urgent = heapq.heappop(self._queue)
                self._running.append(urgent)
            self._advance(urgent)
            with self._changed:
                self._running.remove(urgent)

    def _advance(self, task: _Task) -> None:
        """Run ``task`` until it ends or gives way."""
        try:
            while True:
                task.job.token.check()
                if self._gives_way(task):
                    return
                if self._step(task):
                    break
            outcome: tuple[str, object] = ("succeeded", task.last)
        except Cancelled:
            _close(task)
            outcome = ("cancelled", None)
        except Exception as error:  # noqa: BLE001 - delivered to the user, whatever it is
            outcome = ("failed", error)
        self._say(task.job, *outcome)

    def _step(self, task: _Task) -> bool:
        """Up to the next yield; True at the end."""
        if task.steps is None:
            result = task.work(self._report_for(task), task.job.token)
            if not isinstance(result, Iterator):
                task.last = result
                return True
            task.steps = result
        try:
            task.last = next(task.steps)
        except StopIteration:
            return True
        self._say(task.job, "partial", task.last)
        return False

    def _gives_way(self, task: _Task) -> bool:
        """Set ``task`` aside where its kind is paused or a more urgent one waits."""
        with self._changed:
            if self._held(task.job.kind):
                self._parked.append(task)
                return True
            if self._queue and self._queue[0].priority < task.priority:
                heapq.heappush(self._queue, task)
                return True
        return False

    def _report_for(self, task: _Task) -> Report:
        def report(progress: Progress) -> None:
            now = time.monotonic()
            finished = progress.total > 0 and progress.done >= progress.total
            if finished or now - task.reported_at >= PROGRESS_INTERVAL_S:
                task.reported_at = now
                self._say(task.job, "progressed", progress)

        return report

    def _say(self, job: Job, what: str, value: object) -> None:
        if not self._closing:
            self._delivered.emit(job, what, value)


class _ServingToken(CancelToken):
    """A job's token: at each check more urgent jobs go first."""

    def __init__(self, serve: Callable[[_Task], None], task: _Task) -> None:
        super().__init__()
        self._serve, self._task = serve, task

    def check(self) -> None:
        super().check()
        self._serve(self._task)
        super().check()


def _close(task: _Task) -> None:
    """Let a generator run its ``finally`` parts."""
    close = getattr(task.steps, "close", None)
    if close is not None:
        close()
