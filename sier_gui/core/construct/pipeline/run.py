"""The pipeline: stages that go on from what is kept; an interrupted build ends as an undisturbed one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sier_gui.core.construct.pipeline.answers import check_stream
from sier_gui.core.construct.pipeline.context import Context, default_workers
from sier_gui.core.construct.pipeline.gather import gather_pictures, gather_texts, pair_up
from sier_gui.core.construct.pipeline.labelling import answer_all, write_all
from sier_gui.core.construct.pipeline.labels import check_classes
from sier_gui.core.construct.pipeline.pictures import list_pictures, listing_hash
from sier_gui.core.construct.pipeline.request import BuildRequest, check_same, identity
from sier_gui.core.construct.pipeline.state import FILE, BuildState
from sier_gui.core.construct.pipeline.voices import speak_all
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.releases import Release, choose_release
from sier_gui.core.tasks import CancelToken, Report, silent


@dataclass(frozen=True)
class BuildResult:
    """A finished build.

    ``summary`` as in summary.json; ``computed`` and ``seconds``: by stage, items done now and the time they
    took; ``notes``: what the user should know at once, one sentence each.
    """

    folder: Path
    summary: dict[str, Any]
    computed: dict[str, int]
    seconds: dict[str, float]
    notes: tuple[str, ...]


def build(
    request: BuildRequest,
    out: Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    report: Report = silent,
    token: CancelToken | None = None,
) -> BuildResult:
    """Build a dataset into ``out``, going on from what a build of the same request left there.

    Parameters
    ----------
    out : new, empty, or begun by the same request.
    workers : threads and as many synthesizers at once (default: cores, 8 at most); the result is the same
        for any number.
    device : "auto", "cpu" or "cuda"; a folder that exists keeps to its own.
    report : items done within a stage, whose name is the text.
    token : cancels; everything done until then is kept.

    Raises
    ------
    SierError : the request cannot be fulfilled, ``out`` holds something else or is being built by another
        process, the disk is full, or nothing is left to be built. What is wrong with a single row or picture
        is in problems.csv instead.
    Cancelled : ``token`` was cancelled.
    """
    request.check()
    if workers is not None and workers < 1:
        raise SierError(f"{workers} workers.", "Use 1 or more.")
    releases = _releases(request)
    _check_folder(out)
    files, nameless = list_pictures(request.images, out)
    names = [
        f"{releases[m].label} {releases[m].weights_hash[:16]}" for m in (Modality.SPEECH, Modality.IMAGE)
    ]
    facts = identity(request, listing_hash(request.images, files), *names)
    with BuildState(out) as state:
        there = state.fact("request")
        if there is not None:
            check_same(out, there, facts)
        else:
            with state.transaction():
                state.note("request", facts)
        run = Context(
            request, out, state, releases, workers or default_workers(), report, token or CancelToken()
        )
        gather_texts(run)
        gather_pictures(run, files, nameless)
        pair_up(run)
        speak_all(run)
        answer_all(run, device)
        summary = write_all(run)
    return BuildResult(out, summary, run.computed, run.seconds, tuple(run.notes))


def _releases(request: BuildRequest) -> dict[Modality, Release]:
    found = {}
    for modality, name in ((Modality.SPEECH, request.ser), (Modality.IMAGE, request.ier)):
        release = choose_release((), name=name)
        check_stream(release, modality)
        check_classes(release.classes, request.mapping)
        found[modality] = release
    return found


def _check_folder(out: Path) -> None:
    try:
        if out.exists() and not out.is_dir():
            raise SierError(f"{out} is a file.", "Name a folder for the dataset.")
        if out.is_dir() and not (out / FILE).exists() and any(out.iterdir()):
            raise SierError(f"{out} holds other files.", "Choose an empty or a new folder for the dataset.")
    except OSError as error:
        raise SierError(f"Cannot open {out}: {error.strerror or error}.", "Choose another folder.") from error
