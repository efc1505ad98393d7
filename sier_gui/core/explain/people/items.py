"""A map beside the marks of the people who saw the same, and what each measure says of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sier_gui.core.domain import Modality, PersonMarks
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.people.measures import MEASURES, chances, scores

PREDICTED, LABEL, ANSWER = "predicted", "label", "answer"
POSITIVE, MAGNITUDE = "positive", "magnitude"
SHARES = 12  # decimals of shares of people: sums of equal parts in another order stay equal
Keep = Callable[["Looked", PersonMarks], bool]


@dataclass(frozen=True, slots=True)
class Reading:
    """Which values of a network count.

    ``of``: the class "predicted", the dataset's "label", or each person's own "answer". ``values``:
    "positive" ones, which speak for the class, or the "magnitude" of all.
    """

    of: str = PREDICTED
    values: str = POSITIVE


@dataclass(frozen=True, slots=True)
class Looked:
    """One modality of one sample, in one voice: the network's values and what each person marked.

    Attributes
    ----------
    voice : "" for the dataset's own speech; pictures always have "".
    values : (classes, players), signed; only players that a person could mark.
    marks : one for each row of ``coverage``.
    coverage : (marks, players) in [0, 1], see `coverage`.
    """

    sample_id: str
    sense: Modality
    voice: str
    label: str
    predicted: str
    classes: tuple[str, ...]
    values: Floats
    marks: tuple[PersonMarks, ...]
    coverage: Floats

    @property
    def people(self) -> int:
        return len({mark.person for mark in self.marks})


@dataclass(frozen=True, slots=True)
class Item:
    """A map to be judged, ``strength`` (players,), and what each of ``people`` marked, (people, players)."""

    looked: Looked
    target: str
    strength: Floats
    people: tuple[str, ...]
    coverage: Floats

    @property
    def shares(self) -> Floats:
        """(players,): share of the people who marked each."""
        return mean_share(self.coverage)


def everybody(_looked: Looked, _mark: PersonMarks) -> bool:
    """Keeps every mark."""
    return True


def items(looked: Iterable[Looked], reading: Reading, keep: Keep = everybody) -> Iterator[Item]:
    """An item for each map with marks that ``keep`` wants; with "answer" one for each class answered.

    A class that the network does not know has no map and no item.
    """
    for one in looked:
        groups: dict[str, list[int]] = {}
        for row, mark in enumerate(one.marks):
            if keep(one, mark):
                target = {PREDICTED: one.predicted, LABEL: one.label}.get(reading.of, mark.answer)
                groups.setdefault(target, []).append(row)
        for target, rows in groups.items():
            if target in one.classes:
                yield _item(one, target, rows, reading.values)


def _item(one: Looked, target: str, rows: list[int], values: str) -> Item:
    phi = one.values[one.classes.index(target)]
    strength = np.abs(phi) if values == MAGNITUDE else np.maximum(phi, 0.0)
    of = {}  # type: dict[str, list[int]]
    for row in rows:  # who saw a sample twice is still one person
        of.setdefault(one.marks[row].person, []).append(row)
    coverage = np.stack([one.coverage[own].mean(axis=0) for own in of.values()])
    return Item(one, target, strength, tuple(of), coverage)


def mean_share(coverage: Floats) -> Floats:
    shares: Floats = np.round(coverage.mean(axis=0), SHARES)
    return shares


# ---------------------------------------------------------------- figures of one item

NETWORK, CHANCE, NETWORK_OUT, PERSON, GAP = range(5)
FIGURES = 5  # rows of `Figures.all`


@dataclass(frozen=True, slots=True)
class Figures:
    """What the measures say of an item; NaN where something cannot be said.

    Attributes
    ----------
    all : (5, 3) by `MEASURES`: the network's map against all people; chance; and, leaving out one person
        after the other and predicting the others' marks, the means of the network's map, of the person left
        out, and of their difference.
    without : (people, 5, 3), the same, but for chance, without one of the people: for the jackknife.
    """

    all: Floats
    without: Floats

    def of(self, figure: int) -> dict[str, float]:
        return dict(zip(MEASURES, map(float, self.all[figure]), strict=True))


def figures(item: Item, *, jackknife: bool = True) -> Figures:
    """All pairs of maps and shares of people at once; ``without`` is NaN unless ``jackknife``."""
    n, coverage = len(item.people), item.coverage
    groups = [np.arange(n)]
    if jackknife and n > 1:
        groups += [np.delete(np.arange(n), left) for left in range(n)]
    maps: list[Floats] = []
    shares: list[Floats] = []
    for group in groups:
        maps.append(item.strength)
        shares.append(mean_share(coverage[group]))
        for left in group if len(group) > 1 else ():
            others = mean_share(coverage[group[group != left]])
            maps += [item.strength, coverage[left]]
            shares += [others, others]
    found = scores(np.stack(maps), np.stack(shares))
    table, start = np.full((len(groups), FIGURES, len(MEASURES)), np.nan), 0
    for row, group in enumerate(groups):
        table[row, NETWORK] = found[start]
        pairs = 2 * len(group) if len(group) > 1 else 0
        if pairs:
            out = found[start + 1 : start + 1 + pairs].reshape(-1, 2, len(MEASURES))
            table[row, NETWORK_OUT], table[row, PERSON] = _mean(out[:, 0]), _mean(out[:, 1])
            table[row, GAP] = _mean(out[:, 0] - out[:, 1])
        start += 1 + pairs
    table[0, CHANCE] = chances(shares[0][None])[0]
    without = table[1:] if len(groups) > 1 else np.full((n, FIGURES, len(MEASURES)), np.nan)
    return Figures(table[0], without)


def _mean(values: Floats) -> Floats:
    """Over the first axis, what is NaN left out."""
    known = ~np.isnan(values)
    sums, counts = np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0)
    found: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return found
