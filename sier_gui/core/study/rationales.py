"""Raters' marks out of a study: for the comparison with a network's maps, and as a CSV of their own."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.domain import PersonMarks, Recording
from sier_gui.core.errors import SierError
from sier_gui.core.paths import write_bytes
from sier_gui.core.study.design import VOICES, Design
from sier_gui.core.study.exclusion import excluded
from sier_gui.core.study.project import Project
from sier_gui.core.study.project.people import SYNTHETIC
from sier_gui.core.study.records import SIMULATED, Box, Modality, Response, Span
from sier_gui.core.study.responses import read_csv

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue

SPAN, BOX = "span", "box"
MARK_COLUMNS = (
    "rater", "sample_id", "modality", "kind", "start_s", "end_s", "left", "top", "right", "bottom", "answer",
    "label", "reader", "trial", "counted",
)  # fmt: skip
_REQUIRED = ("rater", "sample_id", "modality", "kind", "answer")
_PLACES = {SPAN: ("start_s", "end_s"), BOX: ("left", "top", "right", "bottom")}


@dataclass(frozen=True, slots=True)
class StudyMarks:
    """A study's marks and what they refer to.

    Attributes
    ----------
    marks : one for each answer with a mark, of main and reserve trials.
    recordings : by sample and voice, speech that is not the sample's own.
    asked : answers that could have had a mark; 0 where that is not known (a CSV of marks alone).
    left_out : raters whom the protocol's rules exclude.
    """

    marks: tuple[PersonMarks, ...]
    recordings: Mapping[tuple[str, str], Recording]
    asked: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(sorted({mark.person for mark in self.marks}))

    @property
    def simulated(self) -> int:
        """How many of the people are programs."""
        return len({mark.person for mark in self.marks if mark.simulated})


def marks_of(responses: Iterable[Response], leave_out: Collection[str] = ()) -> list[PersonMarks]:
    """One record for each answer of a main or reserve trial that has a mark."""
    found = (
        PersonMarks(
            person=r.rater,
            sample_id=r.sample_id,
            column=str(r.modality),
            voice="" if r.reader == SYNTHETIC else r.reader,
            answer=r.answer,
            label=r.label,
            simulated=r.simulated,
            boxes=r.rationale.boxes if r.modality.picture else (),
            spans=r.rationale.spans if r.modality.sound else (),
        )
        for r in _asked(responses, leave_out)
        if r.rationale
    )
    return [mark for mark in found if mark.boxes or mark.spans]


def _asked(responses: Iterable[Response], leave_out: Collection[str]) -> Iterator[Response]:
    return (r for r in responses if r.counted and r.rater not in leave_out)


def study_marks(project: Project, design: Design, catalogue: Catalogue) -> StudyMarks:
    """All marks of a project, without raters whom its rules exclude.

    Raises
    ------
    SierError : the project's dataset is another one.
    """
    if project.fact("dataset_hash") != catalogue.dataset_hash:
        raise SierError(
            f"The study in {project.folder} is about another dataset than {catalogue.name}.",
            f"Open its own: {design.dataset}",
        )
    responses = project.responses()
    out = excluded(responses, design.protocol.exclusion, project.raters())
    marks = marks_of(responses, out)
    asked = sum(1 for _ in _asked(responses, out)) if design.protocol.trial.rationale else len(marks)
    return StudyMarks(tuple(marks), recordings_of(project, design, catalogue), asked, tuple(sorted(out)))


def recordings_of(project: Project, design: Design, catalogue: Catalogue) -> dict[tuple[str, str], Recording]:
    """What raters heard beside samples' own speech: accepted takes, and synthetic voices of both sexes."""
    found = {
        (take.sample_id, reader): Recording(project.folder / take.path, take.start_s, take.end_s)
        for (reader, _), take in project.accepted_takes().items()
    }
    for sex, column in VOICES.items():
        if column in catalogue.columns:
            for item in design.items:
                cell = catalogue.cell(catalogue.row_of(item.sample_id), column)
                found[item.sample_id, f"{SYNTHETIC}-{sex}"] = Recording(catalogue.root / str(cell))
    return found


# ---------------------------------------------------------------- the file


def write_marks(target: Path, responses: Iterable[Response]) -> int:
    """Write `MARK_COLUMNS` in UTF-8, a row for each mark of any trial; returns how many.

    Seconds are those of the recording that was heard, before it was trimmed; the rest are shares of the
    picture.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, MARK_COLUMNS, lineterminator="\n")
    table.writeheader()
    rows = 0
    for response in responses:
        for kind, place in _placed(response):
            numbers = dict(zip(_PLACES[kind], (f"{x:.6g}" for x in place), strict=True))
            table.writerow(
                {
                    "rater": response.rater,
                    "sample_id": response.sample_id,
                    "modality": response.modality,
                    "kind": kind,
                    "answer": response.answer,
                    "label": response.label,
                    "reader": response.reader,
                    "trial": "" if response.trial is None else response.trial,
                    "counted": int(response.counted),
                    **numbers,
                }
            )
            rows += 1
    write_bytes(target, text.getvalue().encode())
    return rows


def _placed(response: Response) -> Iterator[tuple[str, tuple[float, ...]]]:
    if response.rationale is not None:
        yield from ((SPAN, span) for span in response.rationale.spans)
        yield from ((BOX, box) for box in response.rationale.boxes)


def read_marks(file: Path) -> StudyMarks:
    """Marks of a CSV as `write_marks` writes it, of trials that count.

    ``label``, ``reader``, ``trial`` and ``counted`` may be missing: then every row counts.

    Raises
    ------
    SierError : unreadable, a column is missing, or a row is no place (row named).
    """
    found: dict[tuple[str, ...], tuple[list[Span], list[Box]]] = {}
    for number, row in enumerate(read_csv(file, _REQUIRED), 2):
        where = f"{file}, row {number}"
        if row.get("counted") == "0":
            continue
        if row["modality"] not in set(Modality) or not row["rater"] or not row["sample_id"]:
            raise SierError(
                f"{where}: rater, sample_id or modality is missing or unknown.",
                f"One of {', '.join(Modality)}.",
            )
        names = ("rater", "sample_id", "modality", "reader", "answer", "label", "trial")
        spans, boxes = found.setdefault(tuple(row.get(name, "") for name in names), ([], []))
        _take(row, where, spans, boxes)
    marks = [
        PersonMarks(
            person, sample, column, "" if voice == SYNTHETIC else voice, answer, label,
            person.startswith(SIMULATED), tuple(boxes), tuple(spans),
        )
        for (person, sample, column, voice, answer, label, _), (spans, boxes) in found.items()
    ]  # fmt: skip
    if not marks:
        raise SierError(f"{file} holds no marks.", "It needs one row for each mark.")
    return StudyMarks(tuple(marks), {})


def _take(row: Mapping[str, str], where: str, spans: list[Span], boxes: list[Box]) -> None:
    kind = row["kind"]
    try:
        place = [float(row.get(name, "")) for name in _PLACES[kind]]
    except (KeyError, ValueError) as error:
        raise SierError(
            f"{where}: it says no {kind or 'place'}.",
            "A span has start_s and end_s; a box left, top, right and bottom, in shares 0–1.",
        ) from error
    ordered = place[0] < place[1] if kind == SPAN else place[0] < place[2] and place[1] < place[3]
    if not ordered or not all(map(math.isfinite, place)):
        raise SierError(f"{where}: the {kind} ends before it starts.", "Correct the row.")
    if kind == SPAN:
        spans.append((place[0], place[1]))
    else:
        boxes.append((place[0], place[1], place[2], place[3]))
