"""How far the people who labelled agree: over all of them, and each pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from sier_gui.core.agreement import cohen_kappa, gwet_ac1, krippendorff_alpha
from sier_gui.core.annotations.records import Entry, Kind

TABLE = "the table"  # the dataset's own labels, beside people's
Labels = Mapping[str, Mapping[str, str]]  # person → sample → label


@dataclass(frozen=True, slots=True)
class Pair:
    """``n`` samples that both labelled; ``same`` of them alike; Cohen's κ, None where it is not defined."""

    first: str
    second: str
    n: int
    same: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Agreed:
    """``counts``: samples each person labelled; ``items``: samples with two labels or more.

    ``disputed`` of these have different ones. ``alpha``: Krippendorff's, nominal; ``ac1``: Gwet's; None where
    they are not defined.
    """

    counts: Mapping[str, int]
    items: int
    disputed: int
    alpha: float | None
    ac1: float | None
    pairs: tuple[Pair, ...]

    def as_json(self) -> dict[str, Any]:
        names = Pair.__slots__
        return {
            "schema": 1,
            "people": dict(self.counts),
            "items": self.items,
            "disputed": self.disputed,
            "alpha": self.alpha,
            "ac1": self.ac1,
            "pairs": [{name: getattr(pair, name) for name in names} for pair in self.pairs],
        }

    def lines(self) -> list[str]:
        people = ", ".join(f"{who} {n:,}" for who, n in self.counts.items()) or "nobody"
        found = [
            f"labelled by {people}",
            f"{self.items:,} samples with two labels or more, {self.disputed:,} disputed",
            f"Krippendorff's α {number(self.alpha)}, Gwet's AC1 {number(self.ac1)}",
        ]
        for pair in self.pairs:
            alike = f"{pair.same:,} of {pair.n:,} alike"
            found.append(f"{pair.first} – {pair.second}: κ {number(pair.kappa)}, {alike}")
        return found


def number(value: float | None) -> str:
    """Three decimals; what is not defined says so."""
    return "not defined" if value is None else f"{value:.3f}".replace("-", "−")


def labels_of(entries: Iterable[Entry]) -> dict[str, dict[str, str]]:
    """The labels among ``entries``, by person."""
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        if entry.kind is Kind.LABEL:
            found.setdefault(entry.who, {})[entry.sample_id] = str(entry.value)
    return found


def agree(labels: Labels, table: Mapping[str, str] | None = None) -> Agreed:
    """Agreement of people; ``table``'s labels are compared with each of them, and count for nothing else."""
    columns = {**labels, **({TABLE: table} if table else {})}
    names = sorted({name for said in columns.values() for name in said.values()})
    classes = {name: i for i, name in enumerate(names)}
    samples = {sample: i for i, sample in enumerate(sorted({s for said in labels.values() for s in said}))}
    counts = np.zeros((len(samples), len(classes)), np.int64)
    for said in labels.values():
        for sample, name in said.items():
            counts[samples[sample], classes[name]] += 1
    several = counts[counts.sum(1) > 1]
    pairs = (_pair(a, b, columns[a], columns[b], classes) for a, b in combinations(columns, 2))
    return Agreed(
        {who: len(said) for who, said in labels.items()},
        len(several),
        int((several.max(1, initial=0) < several.sum(1)).sum()),
        krippendorff_alpha(counts) if len(several) else None,
        gwet_ac1(counts[:, counts.any(0)]) if len(several) else None,
        tuple(pair for pair in pairs if pair.n),
    )


def _pair(
    a: str, b: str, first: Mapping[str, str], second: Mapping[str, str], classes: Mapping[str, int]
) -> Pair:
    both = first.keys() & second.keys()
    matrix = np.zeros((len(classes), len(classes)), np.int64)
    for sample in both:
        matrix[classes[first[sample]], classes[second[sample]]] += 1
    return Pair(a, b, len(both), int(np.trace(matrix)), cohen_kappa(matrix))
