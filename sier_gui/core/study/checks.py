"""Self-checks of a table, ours or a published one: shown under it, and in every export of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sier_gui.core.study.records import Modality
from sier_gui.core.study.rounding import as_text

TOLERANCE = Fraction(1, 100)  # points by which a printed overall may differ from the mean of printed cells
GRIM_COUNTS = (36, 48, 56, 64)  # where a table does not say its n: these and their doubles
ADDED = (
    (Modality.I, Modality.SS_I), (Modality.I, Modality.HS_I), (Modality.SS, Modality.SS_I),
    (Modality.HS, Modality.HS_I),
)  # fmt: skip
FEW_RESPONSES, FEW_RATERS = 30, 10  # in a cell, and in a modality; below, the table says so


@dataclass(frozen=True, slots=True)
class Flag:
    """What a reader of the table must know. ``check`` is a short code, ``message`` one sentence."""

    check: str
    message: str
    modality: str = ""
    label: str = ""

    def as_json(self) -> dict[str, Any]:
        place = {"modality": self.modality, "class": self.label}
        return {"check": self.check, **{k: v for k, v in place.items() if v}, "message": self.message}


@dataclass(frozen=True, slots=True)
class Printed:
    """A table as it stands on paper, in percent. ``n`` where the table says it; ``claimed`` from the text."""

    classes: tuple[str, ...]
    modalities: tuple[Modality, ...]
    cells: Mapping[tuple[str, Modality], Decimal]
    overall: Mapping[Modality, Decimal]
    claimed: Mapping[Modality, Decimal]
    n: Mapping[tuple[str, Modality], int]


def check_printed(table: Printed) -> list[Flag]:
    """Every check that needs no more than the printed numbers."""
    return [*_overalls(table), *_falls(table), *_grim(table), *_claims(table), *_small(table)]


def _overalls(table: Printed) -> Iterator[Flag]:
    for modality, printed in table.overall.items():
        cells = [table.cells[label, modality] for label in table.classes if (label, modality) in table.cells]
        if not cells:
            continue
        mean = sum(map(Fraction, cells), Fraction(0)) / len(cells)
        if abs(mean - Fraction(printed)) > TOLERANCE:
            message = f"Overall {modality} is printed {printed}, the class mean is {as_text(mean / 100)}."
            yield Flag("overall", message, modality)


def _falls(table: Printed) -> Iterator[Flag]:
    for before, after in ADDED:
        added = "speech" if before is Modality.I else "image"
        for label in table.classes:
            low, high = table.cells.get((label, after)), table.cells.get((label, before))
            if low is not None and high is not None and low < high:
                yield Flag(
                    "falls",
                    f"{label} falls {high} → {low} when the {added} is added ({before} → {after}).",
                    after,
                    label,
                )


def _grim(table: Printed) -> Iterator[Flag]:
    """GRIM (Brown and Heathers 2017): is there a whole count over n that rounds to the printed share?"""
    unknown = tuple(sorted({n * times for n in GRIM_COUNTS for times in (1, 2)}))
    for modality in table.modalities:
        cells = [label for label in table.classes if (label, modality) in table.cells]
        odd = []
        for label in cells:
            printed, n = table.cells[label, modality], table.n.get((label, modality))
            if not any(fits(printed, count) for count in ((n,) if n else unknown)):
                odd.append(f"{label} {printed}" + (f" of {n}" if n else ""))
        if odd:
            which = "no cell fits" if len(odd) == len(cells) else "cells that do not fit"
            known = any((label, modality) in table.n for label in cells)
            counts = "its n" if known else f"{_listed(unknown)} responses"
            message = f"{modality}: {which} a whole count over {counts} ({', '.join(odd)})."
            yield Flag("grim", message, modality)


def fits(printed: Decimal, n: int) -> bool:
    """Whether some count of ``n`` has this percentage at the printed decimals, whichever way halves go."""
    digits = max(-int(printed.as_tuple().exponent), 0)
    half = Decimal(1).scaleb(-digits) / 2
    nearest = round(printed * n / 100)
    return any(abs(Decimal(100 * k) / n - printed) <= half for k in (nearest - 1, nearest, nearest + 1))


def _claims(table: Printed) -> Iterator[Flag]:
    for modality, claimed in table.claimed.items():
        printed = table.overall.get(modality)
        if printed is not None and printed != claimed:
            yield Flag(
                "claimed", f"The text claims {claimed} for {modality}, the table says {printed}.", modality
            )


def _small(table: Printed) -> Iterator[Flag]:
    if not table.n:
        yield Flag("n", "The table does not say how many responses its cells rest on.")
    for modality in table.modalities:
        few = [
            f"{label} {table.n[label, modality]}"
            for label in table.classes
            if 0 < table.n.get((label, modality), 0) < FEW_RESPONSES
        ]
        if few:
            yield Flag(
                "small",
                f"{modality}: fewer than {FEW_RESPONSES} responses in a cell ({', '.join(few)}).",
                modality,
            )


def _listed(counts: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, counts[:-1]))} or {counts[-1]}"
