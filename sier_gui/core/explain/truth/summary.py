"""From reports on samples to a table: means with 95 % bootstrap intervals, and paired differences.

Percentile bootstrap (Efron and Tibshirani 1993, chapter 13): samples are drawn with replacement, the same
draws for every figure; differences are taken within a sample first. Only samples vary: the network is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.truth.case import BOTH
from sier_gui.core.explain.truth.curves import Curves
from sier_gui.core.explain.truth.planted import Found
from sier_gui.core.explain.truth.report import TruthReport
from sier_gui.core.seeds import stream

DRAWS = 10_000
SHARES = np.linspace(0, 1, 51)  # of players gone or there, where mean curves are given
MEASURES: Mapping[str, Callable[[Curves], float]] = {
    "deletion": lambda found: found.deletion_area,
    "insertion": lambda found: found.insertion_area,
    "faithfulness": lambda found: found.faithfulness,
}


@dataclass(frozen=True, slots=True)
class Interval:
    """Mean over ``n`` samples and its 95 % interval; arrays of one shape, () for a single figure.

    NaN where there is no number, and for the ends where there is one sample only.
    """

    mean: Floats
    low: Floats
    high: Floats
    n: int

    def __str__(self) -> str:
        if np.isnan(self.mean):
            return "–"
        return f"{self.mean:z.3f}" + ("" if np.isnan(self.low) else f" [{self.low:z.3f}, {self.high:z.3f}]")

    def to_json(self) -> dict[str, Any]:
        ends = {"mean": self.mean, "low": self.low, "high": self.high}
        return {**{name: _listed(values) for name, values in ends.items()}, "n": self.n}


def _listed(values: Floats) -> Any:
    cells = values.astype(object)
    cells[np.isnan(values)] = None
    return cells.tolist()


@dataclass(frozen=True, slots=True)
class TruthTable:
    """What a dataset says about our maps and their rivals.

    ``areas[method][scope][measure]`` and ``differences[rival][scope][measure]`` (ours − rival), measures
    deletion, insertion and faithfulness; ``curves[method][scope]["deletion" | "insertion"]`` at `SHARES`;
    ``randomised[step][scope]`` ρ and ``randomised_size`` |ρ|; ``absence_rho[scope]`` (k, k) for ``absences``.
    ``pointing[map][modality]`` "hit", "above_chance" (hit − share of players that are evidence), "iou" and
    "ahead" (our hit − this map's), maps being methods and randomised copies.
    """

    ours: str
    samples: int
    areas: Mapping[str, Mapping[str, Mapping[str, Interval]]]
    differences: Mapping[str, Mapping[str, Mapping[str, Interval]]]
    curves: Mapping[str, Mapping[str, Mapping[str, Interval]]]
    randomised: Mapping[str, Mapping[str, Interval]]
    randomised_size: Mapping[str, Mapping[str, Interval]]
    absences: tuple[str, ...]
    absence_rho: Mapping[str, Interval]
    pointing: Mapping[str, Mapping[str, Mapping[str, Interval]]]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "method": self.ours,
            "samples": self.samples,
            "areas": _tree(self.areas),
            "differences": _tree(self.differences),
            "curves": {"shares": SHARES.tolist(), **_tree(self.curves)},
            "randomised": _tree(self.randomised),
            "randomised_size": _tree(self.randomised_size),
            "absences": list(self.absences),
            "absence_rho": _tree(self.absence_rho),
            "pointing": _tree(self.pointing),
        }


def _tree(values: Any) -> Any:
    if isinstance(values, Interval):
        return values.to_json()
    return {name: _tree(below) for name, below in values.items()}


# ---------------------------------------------------------------- summarising


def summarise(reports: Sequence[TruthReport], seed: int = 0) -> TruthTable:
    """Means over samples. A method that has no map for some of them is summed up over the others.

    Raises
    ------
    SierError : no reports, or reports of different requests.
    """
    if not reports:
        raise SierError("No sample was checked, so there is nothing to sum up.", "Check at least one.")
    first = reports[0]
    if any((r.ours, r.absences) != (first.ours, first.absences) for r in reports):
        raise SierError("Reports on different methods or absences.", "Sum up those of one request.")
    mean = Bootstrap(len(reports), seed)
    methods = list(dict.fromkeys(name for r in reports for name in r.curves))
    scopes = list(first.curves[first.ours])
    areas = {
        name: {s: {k: _areas(reports, name, s, k) for k in MEASURES} for s in scopes} for name in methods
    }
    steps = list(first.randomised)
    rho = {step: {s: np.array([r.randomised[step][s] for r in reports]) for s in scopes} for step in steps}
    return TruthTable(
        ours=first.ours,
        samples=len(reports),
        areas=_mapped(areas, mean),
        differences={
            name: {
                s: {k: mean(areas[first.ours][s][k] - areas[name][s][k]) for k in MEASURES} for s in scopes
            }
            for name in methods
            if name != first.ours
        },
        curves={name: {s: _mean_curves(reports, name, s, mean) for s in scopes} for name in methods},
        randomised=_mapped(rho, mean),
        randomised_size=_mapped(rho, lambda values: mean(np.abs(values))),
        absences=first.absences,
        absence_rho={s: mean(np.array([r.absence_rho[s] for r in reports])) for s in scopes},
        pointing=_pointing(reports, [*methods, *steps], mean),
    )


def _mapped(values: Any, mean: Callable[[Floats], Interval]) -> Any:
    if isinstance(values, np.ndarray):
        return mean(values)
    return {name: _mapped(below, mean) for name, below in values.items()}


def _areas(reports: Sequence[TruthReport], method: str, scope: str, measure: str) -> Floats:
    """(samples,), NaN where the method has no map."""
    value = MEASURES[measure]
    return np.array([value(r.curves[method][scope]) if method in r.curves else np.nan for r in reports])


def _mean_curves(
    reports: Sequence[TruthReport], method: str, scope: str, mean: Callable[[Floats], Interval]
) -> dict[str, Interval]:
    """Curves of as many players as each sample has, drawn over the share of players."""
    found: dict[str, list[Floats]] = {"deletion": [], "insertion": []}
    for r in reports:
        for name, curves in found.items():
            values: Floats = (
                getattr(r.curves[method][scope], name) if method in r.curves else np.full(2, np.nan)
            )
            curves.append(np.interp(SHARES, np.linspace(0, 1, len(values)), values))
    return {name: mean(np.array(curves)) for name, curves in found.items()}


def _pointing(
    reports: Sequence[TruthReport], names: Sequence[str], mean: Callable[[Floats], Interval]
) -> dict[str, dict[str, dict[str, Interval]]]:
    ours = reports[0].ours

    def column(name: str, m: Modality, value: Callable[[Found], float]) -> Floats:
        """(samples,), NaN where no evidence is known or the map lacks."""
        met = [{**r.pointing, **r.randomised_pointing}.get(name, {}).get(m) for r in reports]
        return np.array([value(found) if found else np.nan for found in met])

    def figures(name: str, m: Modality) -> dict[str, Interval]:
        hit = column(name, m, lambda found: found.hit)
        chance = np.array([r.area_share.get(m, np.nan) for r in reports])
        return {
            "hit": mean(hit),
            "above_chance": mean(hit - chance),
            "iou": mean(column(name, m, lambda found: found.overlap)),
            "ahead": mean(column(ours, m, lambda found: found.hit) - hit),
        }

    known = [m for m in Modality if any(m in r.area_share for r in reports)]
    return {name: {str(m): figures(name, m) for m in known} for name in names}


class Bootstrap:
    """Means with intervals over the same resamples of ``n`` samples."""

    def __init__(self, n: int, seed: int, draws: int = DRAWS) -> None:
        rng = stream(seed, "truth/bootstrap")
        self._counts = rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)

    def __call__(self, values: ArrayLike) -> Interval:
        """(samples, …) → intervals (…); a NaN leaves its sample out."""
        table: Floats = np.asarray(values, np.float64)
        columns = table.reshape(len(table), -1)
        there = np.isfinite(columns)
        known = there.sum(axis=0)
        filled = np.where(there, columns, 0.0)
        mean = np.full(len(known), np.nan)
        np.divide(filled.sum(axis=0), known, out=mean, where=known > 0)
        low, high = np.full((2, len(known)), np.nan)
        several = known > 1
        if several.any():
            counts = self._counts @ there[:, several]
            drawn = np.broadcast_to(mean[several], counts.shape).copy()  # where no known sample was drawn
            np.divide(self._counts @ filled[:, several], counts, out=drawn, where=counts > 0)
            low[several], high[several] = np.percentile(drawn, [2.5, 97.5], axis=0)
        shape = table.shape[1:]
        return Interval(
            mean.reshape(shape),
            low.reshape(shape),
            high.reshape(shape),
            int(known.max(initial=0)),
        )


# ---------------------------------------------------------------- for people


@dataclass(frozen=True, slots=True)
class Section:
    """A table to print: a title, the columns' names, rows of cells."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def lines(self) -> Iterator[str]:
        """Columns aligned with spaces."""
        table = [self.header, *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.header))]
        yield self.title
        for row in table:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield ("  " + "  ".join(cells)).rstrip()


def sections(table: TruthTable) -> list[Section]:
    """All of it but the curves."""
    areas = f"Areas under deletion and insertion, {table.samples} samples"
    randomised = f"Rank correlation of {table.ours} maps with those of networks whose weights are drawn anew"
    found = [
        Section(areas, ("players", "method", *MEASURES, f"{table.ours} − method"), _area_rows(table)),
        Section(randomised, ("players", "drawn anew", "ρ", "|ρ|"), _randomised_rows(table)),
        Section(
            f"Rank correlation of {table.ours} maps across absences, all players",
            ("absence", *table.absences),
            _absence_rows(table.absences, table.absence_rho[BOTH]),
        ),
    ]
    pointing = _pointing_rows(table)
    if pointing:
        header = ("players", "samples", "map", "hit", "hit − chance", f"{table.ours} − map", "IoU")
        found.append(Section("Pointing at the evidence", header, pointing))
    return found


def _area_rows(table: TruthTable) -> list[tuple[str, ...]]:
    rows = []
    for scope in table.areas[table.ours]:
        for name, by_scope in table.areas.items():
            rival = table.differences.get(name)
            ahead = str(rival[scope]["faithfulness"]) if rival else ""
            rows.append((scope, name, *(str(by_scope[scope][key]) for key in MEASURES), ahead))
    return rows


def _randomised_rows(table: TruthTable) -> list[tuple[str, ...]]:
    return [
        (scope, step, str(by_scope[scope]), str(table.randomised_size[step][scope]))
        for scope in table.absence_rho
        for step, by_scope in table.randomised.items()
    ]


def _pointing_rows(table: TruthTable) -> list[tuple[str, ...]]:
    rows = []
    for name, by_modality in table.pointing.items():
        said = f"{table.ours}, drawn anew: {name}" if name in table.randomised else name
        for m, figures in by_modality.items():
            ahead = "" if name == table.ours else str(figures["ahead"])
            hit, above, iou = (figures[key] for key in ("hit", "above_chance", "iou"))
            rows.append((m, str(hit.n), said, str(hit), str(above), ahead, str(iou)))
    return sorted(rows, key=lambda row: row[0])


def _absence_rows(absences: Sequence[str], rho: Interval) -> list[tuple[str, ...]]:
    def cell(i: int, j: int) -> str:
        return str(Interval(rho.mean[i, j], rho.low[i, j], rho.high[i, j], rho.n)) if i != j else "1"

    k = range(len(absences))
    return [(absences[i], *(cell(i, j) for j in k)) for i in k]


def lines(table: TruthTable) -> Iterator[str]:
    """The table as ``sier-gui truth`` prints it."""
    yield "Means with 95 % bootstrap intervals over samples."
    for section in sections(table):
        yield ""
        yield from section.lines()
