"""Where long work is done in parts: in local processes, or by Dask's workers on any number of machines.

Each engine turns tasks into outcomes, in any order, and yields None whenever it has nothing new, so that its
caller can show progress, be cancelled and give way. ``work(task, token)`` is what a worker does with a task;
it travels to the workers by pickle, as tasks and outcomes do. Workers read files themselves: on several
machines they must lie at the same paths on all.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import Cancelled, CancelToken, Pause

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[T, CancelToken], R]
Outcomes = Generator[R | None, None, None]

TICK_S = 0.2  # how often a cancel or a pause is looked for while workers compute
AHEAD = 2  # tasks given out for each worker, so that none waits for the next
CONNECT_S = 10
LOCAL = "local"


# ---------------------------------------------------------------- local processes


def processes(
    work: Work[T, R], tasks: Iterator[T], workers: int, token: CancelToken, pause: Pause
) -> Outcomes[R]:
    """``workers`` processes of this machine, started afresh (no fork: torch's threads do not survive one).

    Raises
    ------
    SierError : raised by ``work``, or a worker was ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = futures.ProcessPoolExecutor(workers, context, _start_worker, (stop,))
    waiting: set[futures.Future[R]] = set()
    try:
        while True:
            token.check()
            while not pause.paused and len(waiting) < AHEAD * workers:
                task = next(tasks, None)
                if task is None:
                    break
                waiting.add(pool.submit(_in_worker, work, task))
            if not waiting and not pause.paused:
                return
            if not waiting:
                pause.wait(token)
                continue
            done, waiting = futures.wait(waiting, TICK_S, futures.FIRST_COMPLETED)
            for one in done:
                yield one.result()
            yield None
    except BrokenProcessPool as error:
        raise SierError(
            "A worker process was ended from outside, perhaps for want of memory.",
            "Start again: what is done is kept; fewer workers need less memory.",
        ) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


_stopped: Event | None = None  # in a worker: set once nobody wants its results any more


class _Stopped(CancelToken):
    """A worker's token: cancelled by the process that gave out the work."""

    @property
    def cancelled(self) -> bool:
        return _stopped is not None and _stopped.is_set()

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled


def _start_worker(stop: Event) -> None:
    global _stopped
    _stopped = stop
    follow_parent()


def follow_parent() -> None:
    """In a process of one's own making: Ctrl-C is the parent's to answer, and it ends when the parent does,
    however that comes about."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="sier-gui parent watch", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _in_worker(work: Work[T, R], task: T) -> R:
    return work(task, _Stopped())


# ---------------------------------------------------------------- Dask


def dask(
    work: Work[T, R], tasks: Iterator[T], workers: int, address: str, token: CancelToken, pause: Pause
) -> Outcomes[R]:
    """Dask's workers: the cluster whose scheduler is at ``address``, or ``workers`` of an own one ("local").

    Start a cluster's workers as ``dask worker ADDRESS --nthreads 1 --no-nanny``, one for each core, or for
    each GPU with its own ``CUDA_VISIBLE_DEVICES`` (why no nanny: `_plain_malloc`).

    Raises
    ------
    SierError : Dask is not installed, nobody answers at ``address``, or a worker failed.
    """
    distributed = _distributed()
    with _client(distributed, workers, address) as client:
        waiting: set[Any] = set()
        try:
            while True:
                token.check()
                room = AHEAD * max(1, len(client.nthreads()))
                while not pause.paused and len(waiting) < room:
                    task = next(tasks, None)
                    if task is None:
                        break
                    waiting.add(client.submit(_in_dask_worker, work, task, pure=False))
                if not waiting and not pause.paused:
                    return
                if not waiting:
                    pause.wait(token)
                    continue
                done, waiting = _wait(distributed, waiting)
                for one in done:
                    yield one.result()
                yield None
        except (distributed.KilledWorker, futures.CancelledError, OSError) as error:
            raise SierError(
                f"Dask's workers failed: {' '.join(str(error).split())[:200]}.",
                "Start again: what is done is kept.",
            ) from error
        finally:
            client.cancel(list(waiting))


def _in_dask_worker(work: Work[T, R], task: T) -> R:
    return work(task, CancelToken())


def _wait(distributed: Any, waiting: set[Any]) -> tuple[set[Any], set[Any]]:
    try:
        ended = distributed.wait(waiting, timeout=TICK_S, return_when="FIRST_COMPLETED")
    except TimeoutError:
        return set(), waiting
    return ended.done, ended.not_done


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise SierError(
            "Spreading over Dask needs the package distributed.", 'pip install "sier-gui[spread]"'
        ) from error
    return distributed


def _client(distributed: Any, workers: int, address: str) -> Any:
    """A connected client, which closes its own cluster, if it has one, with itself."""
    if address == LOCAL:
        with _plain_malloc():
            return distributed.Client(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.ERROR,  # its own cluster's comings and goings are nobody's business
            )
    try:
        return distributed.Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise SierError(
            f"No Dask scheduler answers at {address}: {' '.join(str(error).split())[:200]}.",
            "Start one with dask scheduler, or use local.",
        ) from error


def _plain_malloc() -> Any:
    """For Dask's nannies: they start workers that give all freed memory back to the system at once.

    A network frees and takes the same megabytes at each layer; asking the system for them each time took
    70 % more CPU time (32 demo samples: 37 against 22 s).
    """
    import dask

    key = "distributed.nanny.pre-spawn-environ"
    kept = {k: v for k, v in dask.config.get(key).items() if not k.startswith("MALLOC_")}
    return dask.config.set({key: kept})
