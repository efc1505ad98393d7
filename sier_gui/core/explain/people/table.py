"""From items to the dataset's table: means with intervals over people and samples, and shuffled marks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.people.items import (
    CHANCE,
    GAP,
    NETWORK,
    NETWORK_OUT,
    PERSON,
    Figures,
    Item,
    Keep,
    Looked,
    Reading,
    everybody,
    figures,
    items,
)
from sier_gui.core.explain.people.measures import MEASURES, RANGES, scores
from sier_gui.core.seeds import stream

SHUFFLES = 1999
MOST_SHUFFLED = 200  # items whose marks change places; more are drawn from
COLUMNS = ("i", "ss", "hs", "ss-i", "hs-i")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval; NaN where it cannot be said."""

    value: float
    low: float = math.nan
    high: float = math.nan

    def to_json(self) -> dict[str, float | None]:
        return {"value": number(self.value), "low": number(self.low), "high": number(self.high)}


@dataclass(frozen=True, slots=True)
class Line:
    """One group of marks of one modality; each mapping is by `MEASURES`.

    Attributes
    ----------
    group : "all", a column of Table 1, or whose answer was right: see `GROUPS`.
    maps, samples, people, marks : how many.
    network : the network's map against all people. ``chance``: of a random map, given the marks.
    shuffled, p : of the network's map against the marks of another sample, mean and one-sided p.
    person, network_out, gap : leaving one person out: how well that person, and the network, predict the
        others; and the difference, network minus person. Only of maps that two people or more marked.
    """

    sense: Modality
    group: str
    maps: int
    samples: int
    people: int
    marks: int
    network: Mapping[str, Estimate]
    chance: Mapping[str, float]
    shuffled: Mapping[str, float]
    p: Mapping[str, float]
    person: Mapping[str, Estimate]
    network_out: Mapping[str, Estimate]
    gap: Mapping[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        return {
            "modality": str(self.sense),
            "group": self.group,
            "maps": self.maps,
            "samples": self.samples,
            "people": self.people,
            "marks": self.marks,
            "network": {name: of.to_json() for name, of in self.network.items()},
            "chance": {name: number(of) for name, of in self.chance.items()},
            "shuffled": {name: number(of) for name, of in self.shuffled.items()},
            "p": {name: number(of) for name, of in self.p.items()},
            "person_left_out": {name: of.to_json() for name, of in self.person.items()},
            "network_against_the_others": {name: of.to_json() for name, of in self.network_out.items()},
            "network_minus_person": {name: of.to_json() for name, of in self.gap.items()},
        }


def number(value: float) -> float | None:
    """As JSON has it: no NaN."""
    return None if math.isnan(value) else float(value)


def _column(name: str) -> Keep:
    return lambda _looked, mark: mark.column == name


GROUPS: dict[str, Keep] = {
    "all": everybody,
    **{name: _column(name) for name in COLUMNS},
    "people right": lambda _looked, mark: mark.answer == mark.label,
    "people wrong": lambda _looked, mark: mark.answer != mark.label,
    "network right": lambda looked, _mark: looked.predicted == looked.label,
    "network wrong": lambda looked, _mark: looked.predicted != looked.label,
}


def table(looked: Sequence[Looked], reading: Reading, seed: int = 0) -> list[Line]:
    """A line for each modality and group that has marks. Equal arguments give equal lines."""
    return list(_lines(looked, reading, seed))


def _lines(looked: Sequence[Looked], reading: Reading, seed: int) -> Iterator[Line]:
    for sense in Modality:
        own = [one for one in looked if one.sense is sense]
        known = any(one.label for one in own)
        for name, keep in GROUPS.items():
            if name not in ("all", *COLUMNS) and not known:
                continue
            found = list(items(own, reading, keep))
            if found:
                yield line(sense, name, found, seed)


def line(sense: Modality, group: str, found: Sequence[Item], seed: int) -> Line:
    """Sum up items that all are of one modality and group."""
    said = [figures(item) for item in found]
    shuffled, p = shuffle(found, seed, f"{sense}/{group}")

    def estimates(figure: int) -> dict[str, Estimate]:
        return {name: estimate(found, said, figure, m) for m, name in enumerate(MEASURES)}

    return Line(
        sense=sense,
        group=group,
        maps=len(found),
        samples=len({item.looked.sample_id for item in found}),
        people=len({person for item in found for person in item.people}),
        marks=sum(len(item.people) for item in found),
        network=estimates(NETWORK),
        chance={name: _known_mean([s.all[CHANCE, m] for s in said]) for m, name in enumerate(MEASURES)},
        shuffled=shuffled,
        p=p,
        person=estimates(PERSON),
        network_out=estimates(NETWORK_OUT),
        gap=estimates(GAP),
    )


def _known_mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


# ---------------------------------------------------------------- intervals


def estimate(found: Sequence[Item], said: Sequence[Figures], figure: int, measure: int) -> Estimate:
    """Mean over items of one figure, with an interval that knows of both samplings, of samples and of people.

    Variance: samples + people − both, as of two-way clusters (Cameron, Gelbach and Miller 2011); the part of
    samples from the spread of the items' values, those of people and of both by the jackknife that leaves one
    person out (Efron and Stein 1981), since shares of people are no sums over people. Never less than the
    samples' part. Student's t with the smaller number of clusters − 1.
    """
    values = np.array([s.all[figure, measure] for s in said])
    known = [i for i, value in enumerate(values) if not math.isnan(value)]
    if not known:
        return Estimate(math.nan)
    mean, total = float(values[known].mean()), len(known)
    samples: dict[str, float] = defaultdict(float)
    people: dict[str, list[tuple[float, float]]] = defaultdict(list)
    both = 0.0
    for i in known:
        samples[found[i].looked.sample_id] += (values[i] - mean) / total
        without = said[i].without[:, figure, measure]
        for person, other in zip(found[i].people, without, strict=True):
            people[person].append((float(values[i]), float(other)))
        kept = without[~np.isnan(without)]
        if len(kept) > 1:
            both += (len(kept) - 1) / len(kept) * float(((kept - kept.mean()) ** 2).sum()) / total**2
        # an item that needs each of its people goes with any of them
        both += (len(without) - len(kept)) * total / max(total - 1, 1) * ((values[i] - mean) / total) ** 2
    if len(samples) < 2:
        return Estimate(mean)
    by_sample = len(samples) / (len(samples) - 1) * sum(part**2 for part in samples.values())
    by_person = _jackknife(mean, total, people)
    variance = max(by_sample + by_person - both, by_sample)
    return _interval(
        mean, variance, min(len(samples), len(people) or len(samples)) - 1, MEASURES[measure], figure
    )


def _jackknife(mean: float, total: int, people: Mapping[str, Sequence[tuple[float, float]]]) -> float:
    """Variance from leaving one person out everywhere; an item that nobody else marked leaves with them."""
    left = []
    for pairs in people.values():
        rest, count = mean * total, total
        for value, other in pairs:
            rest -= value
            if math.isnan(other):
                count -= 1
            else:
                rest += other
        if count:
            left.append(rest / count)
    n = len(left)
    return (n - 1) / n * float(((np.array(left) - np.mean(left)) ** 2).sum()) if n > 1 else 0.0


def _interval(mean: float, variance: float, freedom: int, measure: str, figure: int) -> Estimate:
    if freedom < 1:
        return Estimate(mean)
    from scipy import stats

    half = float(stats.t.ppf(0.975, freedom)) * math.sqrt(variance)
    low, high = RANGES[measure]
    if figure == GAP:
        low, high = low - high, high - low
    return Estimate(mean, max(mean - half, low), min(mean + half, high))


# ---------------------------------------------------------------- shuffled marks


def shuffle(found: Sequence[Item], seed: int, name: str) -> tuple[dict[str, float], dict[str, float]]:
    """Each map against the marks of another sample: what marks in people's usual places give.

    Marks change places among maps of equally many players, `SHUFFLES` times. p counts the true order
    (Phipson and Smyth 2010): how often shuffled marks agree as well. NaN with fewer than two maps.
    """
    random = stream(seed, f"shuffled marks/{name}")
    chosen = list(found)
    if len(chosen) > MOST_SHUFFLED:
        drawn = random.permutation(len(chosen))[:MOST_SHUFFLED]
        chosen = [chosen[i] for i in sorted(drawn)]
    groups: dict[int, list[Item]] = defaultdict(list)
    for item in chosen:
        groups[len(item.strength)].append(item)
    tables = [_all_pairs(group) for group in groups.values() if len(group) > 1]
    if not tables:
        return dict.fromkeys(MEASURES, math.nan), dict.fromkeys(MEASURES, math.nan)
    observed = _mean_of([pairs[np.arange(len(pairs)), np.arange(len(pairs))] for pairs in tables])
    null = np.empty((SHUFFLES, len(MEASURES)))
    for draw in range(SHUFFLES):
        null[draw] = _mean_of(
            [pairs[np.arange(len(pairs)), random.permutation(len(pairs))] for pairs in tables]
        )
    p = (1 + (null >= observed - 1e-12).sum(axis=0)) / (1 + SHUFFLES)
    means = null.mean(axis=0)
    return (
        dict(zip(MEASURES, map(float, means), strict=True)),
        {m: math.nan if math.isnan(observed[i]) else float(p[i]) for i, m in enumerate(MEASURES)},
    )


def _all_pairs(group: Sequence[Item]) -> Floats:
    """(n, n, 3): the map of the first against the marks of the second."""
    maps = np.stack([item.strength for item in group])
    found = [scores(maps, np.repeat(item.shares[None], len(group), axis=0)) for item in group]
    return np.stack(found, axis=1)


def _mean_of(parts: Sequence[Floats]) -> Floats:
    values = np.concatenate(parts)
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    means: Floats = np.where(
        counts > 0, np.where(known, values, 0).sum(axis=0) / np.maximum(counts, 1), np.nan
    )
    return means
