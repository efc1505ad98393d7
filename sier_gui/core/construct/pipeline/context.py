"""What every stage of a build is given: the request, the state, and how to work and to tell."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from sier_gui.core.construct.pipeline.parallel import each
from sier_gui.core.construct.pipeline.request import BuildRequest
from sier_gui.core.construct.pipeline.state import BuildState
from sier_gui.core.domain import Modality
from sier_gui.core.nets.releases import Release
from sier_gui.core.tasks import CancelToken, Progress, Report

STAGES = ("texts", "pictures", "pairing", "speech", "probabilities", "table")
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class Context:
    """One run. ``computed``, ``seconds``: items done now and their time by stage; ``notes``: for the user."""

    request: BuildRequest
    out: Path
    state: BuildState
    releases: dict[Modality, Release]
    workers: int
    report: Report
    token: CancelToken
    computed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Its time is taken, its name told."""
        started = time.monotonic()
        self.token.check()
        self.report(Progress(0, 0, name))
        try:
            yield
        finally:
            self.seconds[name] += time.monotonic() - started

    def each(
        self,
        stage: str,
        items: list[Item],
        work: Callable[[Item], Result],
        done: int,
        start: Callable[[], None] | None = None,
    ) -> Iterator[tuple[Item, Result]]:
        """``work`` on all items on the run's threads, told and counted; ``done`` were done before."""
        total = done + len(items)
        for item, result in each(items, work, self.workers, self.token, start):
            yield item, result
            self.computed[stage] += 1
            done += 1
            self.report(Progress(done, total, stage))


def speech_file(row: int) -> str:
    """Of a text's row, relative to the dataset."""
    return f"speech/{row:06d}.flac"


def image_file(picture: str, sha256: str) -> str:
    """By content, so that equal files are kept once and odd names do no harm."""
    return f"images/{sha256[:20]}{PurePosixPath(picture).suffix.lower()}"


def size_of(file: Path) -> int:
    """In bytes; -1 where there is no such file."""
    try:
        return file.stat().st_size
    except OSError:
        return -1


def lost_files(out: Path, state: BuildState) -> list[int]:
    """Rows that are noted as said, but whose files are gone or of another size than when written."""
    pairs, hashes = state.pairs(), state.hash_of()
    return [
        row
        for row, said in state.speech().items()
        if said is not None
        and (
            size_of(out / speech_file(row)) != said.bytes
            or size_of(out / image_file(pairs[row], hashes[pairs[row]])) != said.image_bytes
        )
    ]


def default_workers() -> int:
    """As many as the cores, 8 at most."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8)
