"""Many items through one function, on a few threads: the work is other programs', numpy's and torch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from sier_gui.core.tasks import CancelToken

Item = TypeVar("Item")
Result = TypeVar("Result")

TICK_S = 0.2  # how often a cancel is looked for while threads work
AHEAD = 2  # items given out for each thread, so that none waits for the next


def each(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    workers: int,
    token: CancelToken,
    start: Callable[[], None] | None = None,
) -> Iterator[tuple[Item, Result]]:
    """``work(item)`` for all items, in the order in which they are done.

    ``start`` runs first in every thread. What ``work`` raises ends the iteration; what is under way is
    waited for, what was not begun is not.
    """
    remaining = iter(items)
    waiting: dict[Future[Result], Item] = {}
    with ThreadPoolExecutor(workers, "sier-gui build", start or _nothing) as pool:
        try:
            while True:
                token.check()
                for item in islice(remaining, AHEAD * workers - len(waiting)):
                    waiting[pool.submit(work, item)] = item
                if not waiting:
                    return
                done, _ = wait(waiting, TICK_S, FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _nothing() -> None:
    return
