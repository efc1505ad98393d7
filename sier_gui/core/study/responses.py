"""The long CSV, one row per response, in and out; and the same responses as columns."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.paths import write_bytes
from sier_gui.core.study.records import Kind, Modality, Response

COLUMNS = (
    "rater", "group", "block", "trial", "kind", "list", "reader", "sample_id", "label", "modality", "answer",
    "confidence", "rt_ms", "replays", "counted",
)  # fmt: skip
REQUIRED = ("rater", "sample_id", "label", "modality", "answer")
PAPER_CLASSES = ("happy", "sad", "hate", "anger")  # in the order of 000's Table 1
TABLE_KINDS = (Kind.MAIN, Kind.RESERVE)  # what Table 1 counts
T = TypeVar("T")
_TRUE, _FALSE = ("1", "true", "yes"), ("0", "false", "no")


# ---------------------------------------------------------------- the file


def write_responses(target: Path, responses: Iterable[Response]) -> None:
    """Write `COLUMNS` in UTF-8, one row per response.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for response in responses:
        table.writerow([_written(getattr(response, name)) for name in COLUMNS])
    write_bytes(target, text.getvalue().encode())


def _written(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return f"{value:.17g}" if value % 1 else int(value)
    return value


def read_responses(file: Path) -> list[Response]:
    """Responses of a long CSV; `REQUIRED` columns suffice, others of its own are ignored.

    Without a ``kind`` every row is a main trial; without ``counted`` all answered main and
    reserve trials count.

    Raises
    ------
    SierError : unreadable, a column is missing, or a cell cannot be what its column holds (row named).
    """
    rows = read_csv(file, REQUIRED)
    responses = [_response(row, f"{file}, row {number}") for number, row in enumerate(rows, 2)]
    if not responses:
        raise SierError(f"{file} holds no responses.", "It needs one row for each answer.")
    return responses


def read_csv(file: Path, required: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV with a header, cells stripped.

    Raises
    ------
    SierError : unreadable, or one of the ``required`` columns is missing.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            names = [name.strip() for name in table.fieldnames or ()]
            if missing := [name for name in required if name not in names]:
                raise SierError(
                    f"{file} has no column {', '.join(missing)}.", f"It needs {', '.join(required)}."
                )
            table.fieldnames = names
            return [
                {name: (row[name] or "").strip() for name in names}
                for row in table
                if any(row[name] for name in names)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SierError(f"Cannot read {file}: {error}.", "It should be a CSV in UTF-8.") from error


def _response(row: Mapping[str, str], where: str) -> Response:
    for name in ("rater", "sample_id", "label"):
        if not row[name]:
            raise SierError(f"{where}: {name} is empty.", "Fill it in.")
    kind = _parsed(row.get("kind") or Kind.MAIN, Kind, where, f"one of {', '.join(Kind)}")
    answer = row["answer"]
    counted = _counted(row.get("counted", ""), kind, answer, where)
    return Response(
        rater=row["rater"],
        group=_number(row, "group", _whole, where),
        block=row.get("block", ""),
        trial=_number(row, "trial", _whole, where),
        kind=kind,
        list=_number(row, "list", _whole, where),
        reader=row.get("reader", ""),
        sample_id=row["sample_id"],
        label=row["label"],
        modality=_parsed(row["modality"], Modality, where, f"one of {', '.join(Modality)}"),
        answer=answer,
        confidence=_number(row, "confidence", _whole, where),
        rt_ms=_number(row, "rt_ms", _finite, where),
        replays=_number(row, "replays", _whole, where),
        counted=counted,
    )


def _counted(text: str, kind: Kind, answer: str, where: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE, ""):
        raise SierError(f"{where}: counted is {text!r}.", "Use 1 or 0.")
    possible = kind in TABLE_KINDS and answer != ""
    if not text:
        return possible
    if text.lower() in _TRUE and not possible:
        what = f"a {kind} trial" if kind not in TABLE_KINDS else "a trial without an answer"
        raise SierError(f"{where}: {what} cannot count.", "Set counted to 0.")
    return text.lower() in _TRUE


def _parsed(text: str, kind: Callable[[str], T], where: str, wanted: str) -> T:
    try:
        return kind(text)
    except ValueError as error:
        raise SierError(f"{where}: {text!r} is not {wanted}.", "Correct the cell.") from error


def _number(row: Mapping[str, str], name: str, kind: Callable[[str], T], where: str) -> T | None:
    text = row.get(name, "")
    return _parsed(text, kind, where, f"a number ({name})") if text else None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _whole(text: str) -> int:
    """Whole numbers, also as spreadsheets and data frames write them where cells are missing: 3.0."""
    value = _finite(text)
    if value % 1:
        raise ValueError(text)
    return int(value)


# ---------------------------------------------------------------- as columns


@dataclass(frozen=True, slots=True)
class Answers:
    """Counted responses as columns of length n; integers index the tuples.

    Attributes
    ----------
    rater, item, label, modality, answer : int64 (n,), into ``raters``, ``items``, ``classes``,
        ``modalities``, ``classes``. An item is a sample, in whichever modality.
    list, group : int64 (n,), −1 where not known.
    rt_ms : float64 (n,), NaN where not known.
    """

    raters: tuple[str, ...]
    items: tuple[str, ...]
    classes: tuple[str, ...]
    modalities: tuple[Modality, ...]
    rater: NDArray[np.int64]
    item: NDArray[np.int64]
    label: NDArray[np.int64]
    modality: NDArray[np.int64]
    answer: NDArray[np.int64]
    list: NDArray[np.int64]
    group: NDArray[np.int64]
    rt_ms: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rater)

    @property
    def correct(self) -> NDArray[np.bool_]:
        return self.answer == self.label

    def where(self, mask: NDArray[np.bool_]) -> Answers:
        """The same names, only the responses that ``mask`` (n,) keeps."""
        columns = {name: getattr(self, name)[mask] for name in _ARRAYS}
        return Answers(self.raters, self.items, self.classes, self.modalities, **columns)

    def of(self, modality: Modality) -> Answers:
        return self.where(self.modality == self.modalities.index(modality))


_ARRAYS = ("rater", "item", "label", "modality", "answer", "list", "group", "rt_ms")


def columns_of(responses: Iterable[Response], classes: Sequence[str] = ()) -> Answers:
    """The counted ones of ``responses``; the paper's classes in its order, others as given or as they come.

    Raises
    ------
    SierError : nothing counts, or a sample has two labels.
    """
    counted = [response for response in responses if response.counted]
    if not counted:
        raise SierError("No response counts for Table 1.", "Only main and reserve trials do.")
    labels: dict[str, str] = {}
    for response in counted:
        if labels.setdefault(response.sample_id, response.label) != response.label:
            raise SierError(
                f"Sample {response.sample_id} is labelled {labels[response.sample_id]} and {response.label}.",
                "A sample has one label; correct the rows.",
            )
    shown = {response.label for response in counted}
    papers = [name for name in PAPER_CLASSES if name in shown] if shown <= set(PAPER_CLASSES) else []
    answered = sorted({response.answer for response in counted})
    names = dict.fromkeys((*papers, *classes, *(r.label for r in counted), *answered))
    present = {response.modality for response in counted}
    modalities = tuple(modality for modality in Modality if modality in present)
    raters = tuple(dict.fromkeys(response.rater for response in counted))
    return Answers(
        raters,
        tuple(labels),
        tuple(names),
        modalities,
        rater=_indices((r.rater for r in counted), raters),
        item=_indices((r.sample_id for r in counted), tuple(labels)),
        label=_indices((r.label for r in counted), tuple(names)),
        modality=_indices((r.modality for r in counted), modalities),
        answer=_indices((r.answer for r in counted), tuple(names)),
        list=np.array([-1 if r.list is None else r.list for r in counted], np.int64),
        group=np.array([-1 if r.group is None else r.group for r in counted], np.int64),
        rt_ms=np.array([np.nan if r.rt_ms is None else r.rt_ms for r in counted]),
    )


def _indices(values: Iterable[str], names: Sequence[str]) -> NDArray[np.int64]:
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[value] for value in values], np.int64)
