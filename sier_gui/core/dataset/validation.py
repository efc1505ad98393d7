"""The opening report: what is wrong with a dataset, found in the background without decoding a file."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.domain import Modality, Problem
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import PictureTooLarge, picture_size
from sier_gui.core.paths import check_media
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

SHORTEST_S, LONGEST_S = 0.2, 60.0
_EVERY_S = 0.05  # of progress
Finding = tuple[str, str]  # kind, reason


def validate(
    catalogue: Catalogue,
    *,
    classes: Iterable[str] | None = None,
    report: Report = silent,
    token: CancelToken | None = None,
) -> list[Problem]:
    """Everything that is wrong, by row; those of the whole file come first.

    Missing, unreadable, empty and outside files, duplicated ids and files, speech outside 0.2–60 s, pictures
    over the limit of pixels, empty texts, and labels that are empty or not in ``classes``. Of each media file
    only the header is read, once, however many rows name it.

    Raises
    ------
    Cancelled
    """
    token = token or CancelToken()
    problems = [*_labels(catalogue, classes), *_texts(catalogue), *_doubled_ids(catalogue)]
    problems += _files(catalogue, report, token)
    order = {field: place for place, field in enumerate(("sample_id", "image", "speech", "text", "label"))}
    problems.sort(key=lambda p: (p.row if p.row is not None else -1, order.get(p.column, 9)))
    return [*catalogue.problems, *problems]


# ---------------------------------------------------------------- cells


def _labels(catalogue: Catalogue, classes: Iterable[str] | None) -> Iterator[Problem]:
    if not catalogue.mapping.label:
        return
    known = set(classes) if classes is not None else set(catalogue.classes)
    known.discard("")
    labels = catalogue.column("label")
    for row in np.flatnonzero(~np.isin(labels.astype(str), sorted(known))).tolist():
        reason = (
            f"{labels[row][:80]!r} is not one of {', '.join(sorted(known))}" if labels[row] else "no label"
        )
        yield _problem(catalogue, row, "label", "unknown-label", reason)


def _texts(catalogue: Catalogue) -> Iterator[Problem]:
    if not catalogue.mapping.text:
        return
    for row, text in enumerate(catalogue.column("text").tolist()):
        if not text or text.isspace():
            yield _problem(catalogue, row, "text", "empty-text", "no text")


def _doubled_ids(catalogue: Catalogue) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for row, sample_id in enumerate(catalogue.column("sample_id").tolist()):
        before = first.setdefault(sample_id, row)
        if before != row:
            yield _problem(catalogue, row, "sample_id", "duplicate", f"the id of row {before + 1} again")


def _problem(catalogue: Catalogue, row: int, column: str, kind: str, reason: str) -> Problem:
    return Problem(row, catalogue.cell(row, "sample_id"), column, kind, reason)


# ---------------------------------------------------------------- files


def _files(catalogue: Catalogue, report: Report, token: CancelToken) -> list[Problem]:
    problems: list[Problem] = []
    checks: dict[Modality, Callable[[Path], Finding | None]] = {
        Modality.IMAGE: check_image,
        Modality.SPEECH: check_speech,
    }
    ids = catalogue.column("sample_id")
    cells = {modality: catalogue.column(modality.value) for modality in checks}
    findings: dict[tuple[Modality, str], Finding | None] = {}
    users: dict[tuple[Modality, str], int] = {}
    told = 0.0
    for row in range(len(catalogue)):
        token.check()
        if time.monotonic() - told > _EVERY_S:
            told = time.monotonic()
            report(Progress(row, len(catalogue), "checking files"))
        for modality, check in checks.items():
            cell = cells[modality][row]
            if (modality, cell) not in findings:
                findings[modality, cell] = _check(catalogue, check, cell, row, ids[row])
            finding = findings[modality, cell]
            if finding:
                problems.append(Problem(row, ids[row], modality.value, *finding))
            before = users.setdefault((modality, cell), row)
            if before != row and cell:
                problems.append(
                    Problem(row, ids[row], modality.value, "duplicate", f"the file of row {before + 1} again")
                )
    report(Progress(len(catalogue), len(catalogue), "checking files"))
    return problems


def _check(
    catalogue: Catalogue, check: Callable[[Path], Finding | None], cell: str, row: int, sample_id: str
) -> Finding | None:
    if not cell:
        return "missing", "no file is named"
    try:
        path = catalogue.locate(cell, row, sample_id)
    except SierError:
        return "outside", f"{cell[:200]!r} is no file inside the dataset's folder"
    try:
        if not os.path.lexists(path):
            return "missing", f"there is no file {cell[:200]}"
        return check(path)
    except OSError as error:
        return "unreadable", f"{cell[:200]}: {error.strerror or error}"


def check_image(path: Path) -> Finding | None:
    """What is wrong with a picture, as far as its header tells."""
    try:
        picture_size(path)
    except PictureTooLarge as error:
        return "too-large", error.message
    except SierError as error:
        return "unreadable", error.message
    return None


def check_speech(path: Path) -> Finding | None:
    """What is wrong with a sound file, as far as its header tells."""
    import soundfile

    try:
        check_media(path, "sound")
        header = soundfile.info(str(path))
    except SierError as error:
        return "unreadable", error.message
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        return "unreadable", f"{path.name} is no sound that can be read: {error}"
    seconds = header.frames / header.samplerate if header.samplerate else math.nan
    if not SHORTEST_S <= seconds <= LONGEST_S:
        return "duration", f"{seconds:.2f} s of sound; {SHORTEST_S}–{LONGEST_S:.0f} s are expected"
    return None
