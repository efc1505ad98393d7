"""Table 1: agreement with the dataset's label, for each class and modality and overall (000 §3.1.1)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sier_gui.core.study.intervals import (
    Floats,
    Layout,
    proportion_interval,
    rater_weights,
    spread,
    wilson,
)
from sier_gui.core.study.records import Modality
from sier_gui.core.study.responses import Answers


@dataclass(frozen=True, slots=True)
class Figure:
    """A share with the ends of its interval at 95 %."""

    share: Fraction
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One class in one modality.

    Attributes
    ----------
    share : mean over raters of each rater's share of answers that agree with the label; exact.
    sd : over raters, with n − 1; None for one rater.
    low, high : 95 % interval over raters and items; ``wilson`` beside it ignores clustering.
    """

    label: str
    modality: Modality
    share: Fraction
    n: int
    hits: int
    raters: int
    items: int
    sd: float | None
    low: float
    high: float
    wilson: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Overall:
    """A modality over all classes, three ways; the paper's is ``mean``, the mean of unrounded class cells.

    ``pooled`` takes every response alike; ``weighted`` mixes the classes as the whole dataset does, None
    where its shares are not known. ``sd`` is over raters who met every class.
    """

    modality: Modality
    mean: Figure
    pooled: Figure
    weighted: Figure | None
    n: int
    hits: int
    raters: int
    sd: float | None
    wilson: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Table:
    classes: tuple[str, ...]
    modalities: tuple[Modality, ...]
    cells: Mapping[tuple[str, Modality], Cell]
    overall: Mapping[Modality, Overall]


def make_table(answers: Answers, shares: Mapping[str, float] | None = None) -> Table:
    """Table 1 of all counted ``answers``.

    Parameters
    ----------
    shares : each class's share (or count) in the whole dataset, for the weighted overall.
    """
    cells: dict[tuple[str, Modality], Cell] = {}
    overall: dict[Modality, Overall] = {}
    met = set(np.unique(answers.label).tolist())  # a class may only ever have been answered
    classes = tuple(name for place, name in enumerate(answers.classes) if place in met)
    for modality in answers.modalities:
        column = answers.of(modality)
        for label in classes:
            chosen = column.where(column.label == answers.classes.index(label))
            if len(chosen):
                cells[label, modality] = _cell(chosen, label, modality)
        overall[modality] = _overall(column, modality, [c for c in classes if (c, modality) in cells], shares)
    return Table(classes, answers.modalities, cells, overall)


def _cell(chosen: Answers, label: str, modality: Modality) -> Cell:
    shares = _rater_shares(chosen)
    figure = _figure(chosen, _mean(shares.values()), _layout(chosen, "raters", None))
    hits = int(chosen.correct.sum())
    return Cell(
        label,
        modality,
        figure.share,
        len(chosen),
        hits,
        len(shares),
        len(np.unique(chosen.item)),
        _sd(shares.values()),
        figure.low,
        figure.high,
        wilson(hits, len(chosen)),
    )


def _overall(
    column: Answers, modality: Modality, labels: list[str], shares: Mapping[str, float] | None
) -> Overall:
    by_class = {
        label: _rater_shares(column.where(column.label == column.classes.index(label))) for label in labels
    }
    means = {label: _mean(found.values()) for label, found in by_class.items()}
    equal = {label: Fraction(1, len(labels)) for label in labels}
    hits = int(column.correct.sum())
    weighted = None
    if shares is not None and all(shares.get(label, 0) > 0 for label in labels):
        total = sum(Fraction(shares[label]) for label in labels)
        mixed = {label: Fraction(shares[label]) / total for label in labels}
        weighted = _mixed(column, means, mixed)
    complete = set.intersection(*(set(found) for found in by_class.values()))
    rater_means = {r: _mean([by_class[label][r] for label in labels]) for r in complete}
    return Overall(
        modality,
        _mixed(column, means, equal),
        _figure(column, Fraction(hits, len(column)), _layout(column, "responses", None)),
        weighted,
        len(column),
        hits,
        len(np.unique(column.rater)),
        _sd(rater_means.values()),
        wilson(hits, len(column)),
    )


def _mixed(column: Answers, means: Mapping[str, Fraction], mix: Mapping[str, Fraction]) -> Figure:
    share = sum((means[label] * part for label, part in mix.items()), Fraction(0))
    return _figure(column, share, _layout(column, "raters", mix))


def _layout(column: Answers, weigh: str, mix: Mapping[str, Fraction] | None) -> Layout:
    """``weigh``: "responses" alike, or "raters" alike within their class, classes by ``mix``."""
    if weigh == "responses":
        weights = np.full(len(column), 1 / len(column))
    else:
        share: Floats = np.ones(len(column.classes))
        if mix is not None:
            share = np.array([float(mix.get(name, 0)) for name in column.classes])
        weights = rater_weights(column.rater, column.label, share)
    return Layout(weights, column.rater, column.item, column.label, column.label)


def _figure(column: Answers, share: Fraction, layout: Layout) -> Figure:
    low, high = proportion_interval(spread(layout, column.correct), layout.weights)
    return Figure(share, float(low), float(high))


def _rater_shares(chosen: Answers) -> dict[int, Fraction]:
    raters, place = np.unique(chosen.rater, return_inverse=True)
    n = np.bincount(place)
    hits = np.bincount(place[chosen.correct], minlength=len(raters))
    return {int(r): Fraction(int(h), int(k)) for r, h, k in zip(raters, hits, n, strict=True)}


def _mean(values: Collection[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _sd(values: Collection[Fraction]) -> float | None:
    if len(values) < 2:
        return None
    mean = _mean(values)
    squares = sum(((value - mean) ** 2 for value in values), Fraction(0))
    return math.sqrt(squares / (len(values) - 1))
