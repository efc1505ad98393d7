"""Where the evidence lies, for datasets that know it: an optional ``evidence.csv`` beside the table.

Columns: ``sample_id``; ``left``, ``top``, ``right``, ``bottom`` in pixels of the picture; ``start_s`` and
``end_s`` in seconds of the speech; ``decides``: the modality that shows the label, or "both". Cells may be
empty, and every column but ``sample_id`` may be missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sier_gui.core.dataset.tables import read_table
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError

FILE = "evidence.csv"
BOX = ("left", "top", "right", "bottom")
SPAN = ("start_s", "end_s")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows a sample's label: ``box`` (left, top, right, bottom) in pixels, ``span`` in seconds.

    None where it is not known, or where that modality does not show it. ``label`` is the class that the
    evidence speaks for; None: whichever is explained.
    """

    box: tuple[float, float, float, float] | None = None
    span: tuple[float, float] | None = None
    label: str | None = None


def read_evidence(folder: Path) -> dict[str, Evidence]:
    """Evidence by sample id; none where ``folder`` (a catalogue's ``root``) has no ``evidence.csv``.

    Raises
    ------
    SierError : the file cannot be read, has no ``sample_id``, or a place is no number or ends before it
        starts.
    """
    file = folder / FILE
    if not file.is_file():
        return {}
    rows = read_table(file).to_pylist()
    if "sample_id" not in rows[0]:
        raise SierError(f"{file} has no column sample_id.", f"It has {', '.join(rows[0])}.")
    return {str(row["sample_id"]): _evidence(row, f"{file}, row {i}") for i, row in enumerate(rows, start=2)}


def _evidence(row: Mapping[str, str], where: str) -> Evidence:
    decides = row.get("decides", "").strip() or "both"
    box = _numbers(row, BOX, where) if decides in ("both", Modality.IMAGE) else None
    span = _numbers(row, SPAN, where) if decides in ("both", Modality.SPEECH) else None
    if box and (box[2] < box[0] or box[3] < box[1]):
        raise SierError(f"{where}: the box {box} ends before it starts.", "Correct the row.")
    if span and span[1] < span[0]:
        raise SierError(f"{where}: the span {span} ends before it starts.", "Correct the row.")
    return Evidence(
        box=(box[0], box[1], box[2], box[3]) if box else None, span=(span[0], span[1]) if span else None
    )


def _numbers(row: Mapping[str, str], names: tuple[str, ...], where: str) -> tuple[float, ...] | None:
    """The cells' numbers; None where one is empty."""
    cells = [row.get(name, "").strip() for name in names]
    if not all(cells):
        return None
    try:
        numbers = tuple(map(float, cells))
    except ValueError:
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)):
        raise SierError(f"{where}: {', '.join(names)} are {', '.join(cells)}, not numbers.", "Correct them.")
    return numbers
