"""Where the samples of a survey are computed: in this process, in local ones, or by Dask's workers.

As `spreading` says; every worker computes one sample at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from sier_gui.core import spreading
from sier_gui.core.explain.survey.work import Job, Outcome, Reader, Task, outcome, steps
from sier_gui.core.spreading import LOCAL, Outcomes
from sier_gui.core.tasks import CancelToken, Pause

if TYPE_CHECKING:
    from sier_gui.core.nets.prediction import Predictor

__all__ = ["LOCAL", "dask", "here", "processes"]


def here(
    job: Job, tasks: Iterator[Task], predictor: Predictor, token: CancelToken, pause: Pause, read: Reader
) -> Outcomes[Outcome]:
    """In the calling process and thread; None after each refinement of a sample."""
    for task in tasks:
        pause.wait(token)
        yield from steps(job, task, predictor, token, read)


def processes(
    job: Job, tasks: Iterator[Task], workers: int, token: CancelToken, pause: Pause
) -> Outcomes[Outcome]:
    """As `spreading.processes`."""
    return spreading.processes(partial(outcome, job), tasks, workers, token, pause)


def dask(
    job: Job, tasks: Iterator[Task], workers: int, address: str, token: CancelToken, pause: Pause
) -> Outcomes[Outcome]:
    """As `spreading.dask`."""
    return spreading.dask(partial(outcome, job), tasks, workers, address, token, pause)
