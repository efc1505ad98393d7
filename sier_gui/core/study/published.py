"""Published tables: read from a CSV, checked, and the paper's own to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

from sier_gui.core.errors import SierError
from sier_gui.core.study.checks import Flag, Printed, check_printed
from sier_gui.core.study.intervals import wilson
from sier_gui.core.study.records import Modality
from sier_gui.core.study.responses import read_csv
from sier_gui.core.study.rounding import as_number

OVERALL, CLAIMED = "overall", "claimed"
_PAPER = {
    "happy": ("63.89", "66.67", "69.44", "73.48", "75.87"),
    "sad": ("75.00", "77.08", "78.13", "82.43", "83.27"),
    "hate": ("67.86", "71.43", "72.32", "77.64", "81.32"),
    "anger": ("70.31", "82.81", "85.94", "82.17", "84.19"),
    OVERALL: ("69.26", "74.49", "76.46", "78.93", "80.46"),
}


def paper_table() -> Printed:
    """Table 1 of 000 as printed; its text claims 78.91 for human speech (§3.1.1)."""
    rows = {name: dict(zip(Modality, map(Decimal, row), strict=True)) for name, row in _PAPER.items()}
    overall = rows.pop(OVERALL)
    cells = {(name, modality): value for name, row in rows.items() for modality, value in row.items()}
    return Printed(tuple(rows), tuple(Modality), cells, overall, {Modality.HS: Decimal("78.91")}, {})


def read_table(file: Path) -> Printed:
    """A published table: ``class,i,ss,hs,ss-i,hs-i`` in percent, rows of classes and ``overall``.

    Optional: a row ``claimed`` with what the text says, columns ``n_i`` … with the responses of each cell,
    fewer modalities.

    Raises
    ------
    SierError : unreadable, no class, or a cell that is no percentage (row named).
    """
    rows = read_csv(file, ("class",))
    modalities = tuple(modality for modality in Modality if rows and modality in rows[0])
    cells: dict[tuple[str, Modality], Decimal] = {}
    n: dict[tuple[str, Modality], int] = {}
    special: dict[str, dict[Modality, Decimal]] = {OVERALL: {}, CLAIMED: {}}
    classes: list[str] = []
    for number, row in enumerate(rows, 2):
        where, name = f"{file}, row {number}", row["class"]
        values = {m: _percent(row[m], where) for m in modalities if row[m]}
        if name.lower() in special:
            special[name.lower()] = values
            continue
        if not name or name in classes:
            raise SierError(f"{where}: class {name!r} is empty or there twice.", "Name each class once.")
        classes.append(name)
        cells |= {(name, m): value for m, value in values.items()}
        n |= {(name, m): _count(row[f"n_{m}"], where) for m in modalities if row.get(f"n_{m}")}
    if not cells:
        raise SierError(f"{file} holds no cells.", f"It needs the columns class and {', '.join(Modality)}.")
    filled = tuple(modality for modality in modalities if any(m == modality for _, m in cells))
    return Printed(tuple(classes), filled, cells, special[OVERALL], special[CLAIMED], n)


def _percent(text: str, where: str) -> Decimal:
    try:
        value = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value <= 100:
        raise SierError(f"{where}: {text!r} is no percentage.", "Write it as 63.89.")
    return value


def _count(text: str, where: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise SierError(f"{where}: {text!r} is no number of responses.", "Write a whole number from 1 on.")
    return int(text)


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """A published table with its checks."""

    printed: Printed
    flags: tuple[Flag, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``sier-gui study import-table`` prints it; intervals are Wilson's, where n is given."""
        table = self.printed
        cells = [
            {
                "class": label,
                "modality": str(modality),
                "percent": float(value),
                "n": table.n.get((label, modality)),
                "sd": None,
                **_ends(value, table.n.get((label, modality))),
            }
            for (label, modality), value in table.cells.items()
        ]
        return {
            "schema": 1,
            "cells": cells,
            "overall": [self._overall(modality) for modality in table.modalities],
            "flags": [flag.as_json() for flag in self.flags],
        }

    def _overall(self, modality: Modality) -> dict[str, Any]:
        table = self.printed
        means = class_means(table)
        counts = [table.n.get((label, modality), 0) for label in table.classes]
        return {
            "modality": str(modality),
            "percent": _float(table.overall.get(modality)),
            "class_mean": as_number(means[modality]),
            "claimed": _float(table.claimed.get(modality)),
            "n": sum(counts) if all(counts) else None,
            "sd": None,
            "low": None,
            "high": None,
        }


def import_table(file: Path) -> ImportedTable:
    """Read and check a published table; see `read_table`."""
    printed = read_table(file)
    return ImportedTable(printed, tuple(check_printed(printed)))


def class_means(table: Printed) -> Mapping[Modality, Fraction]:
    """Mean of the printed cells of each modality, as a share."""
    means = {}
    for modality in table.modalities:
        values = [table.cells[label, modality] for label in table.classes if (label, modality) in table.cells]
        means[modality] = sum(map(Fraction, values), Fraction(0)) / (100 * len(values))
    return means


def _ends(value: Decimal, n: int | None) -> dict[str, float | None]:
    if n is None:
        return {"low": None, "high": None}
    low, high = wilson(round(value * n / 100), n)
    return {"low": as_number(low), "high": as_number(high)}


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
