"""The primary test: what would the table have been, had the raters been dealt into other groups?

Raters were drawn into groups, and a group decides in which modality each list is met. If modality changed
nothing, every rater would have answered every item alike in any group: so the groups are dealt anew, keeping
their sizes, and the differences seen are compared with those (Fisher's randomisation test; Rosenberger and
Lachin 2015, chapter 6). Differences of two modalities are divided by their standard error over raters, which
keeps the test near its level when others differ (Wu and Ding 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.nets.ablation.significance import holm
from sier_gui.core.seeds import stream
from sier_gui.core.study.assignment import GROUPS, MODALITIES
from sier_gui.core.study.records import Modality
from sier_gui.core.study.responses import Answers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Before minus after: the paper's three claims, synthetic ≈ human, and each source with the image and without
CONTRASTS = (
    (Modality.SS, Modality.HS), (Modality.SS_I, Modality.HS_I), (Modality.I, Modality.SS_I),
    (Modality.I, Modality.HS_I), (Modality.SS, Modality.SS_I), (Modality.HS, Modality.HS_I),
)  # fmt: skip
OVERALL = "overall"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Second modality minus first, in one class or overall (the mean of classes).

    ``difference``: mean over raters of their own differences of shares; ``p`` of the randomisation test,
    ``p_holm`` corrected: over modality pairs × classes, or over pairs for overall.
    """

    label: str
    first: Modality
    second: Modality
    difference: float
    p: float
    p_holm: float

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.label, "first": str(self.first), "second": str(self.second),
            "points": round(100 * self.difference, 2), "p": self.p, "p_holm": self.p_holm,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Randomisation:
    """``any_difference``: p that no modality differs, by class, Holm-corrected over classes; and overall."""

    comparisons: tuple[Comparison, ...]
    any_difference: Mapping[str, float]
    draws: int

    def to_json(self) -> dict[str, Any]:
        return {
            "draws": self.draws,
            "any_difference": dict(self.any_difference),
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
        }


def randomisation_test(answers: Answers, draws: int, seed: int) -> Randomisation:
    """Redraw the raters' groups ``draws`` times.

    Raises
    ------
    SierError : groups or lists are not known, a rater has two, or modalities do not follow from them: then
        nothing was drawn that could be redrawn.
    """
    groups = _groups(answers)
    met = np.unique(answers.label)
    shares = _shares_by_group(answers, met)  # (raters, groups, classes + 1, modalities)
    random = stream(seed, "randomisation")
    dealt = np.concatenate([groups[None], random.permuted(np.tile(groups, (draws, 1)), axis=1)])
    labels = [*(answers.classes[place] for place in met), OVERALL]
    comparisons = []
    for c, label in enumerate(labels):
        for first, second in CONTRASTS:
            by_group = shares[:, :, c, MODALITIES.index(second)] - shares[:, :, c, MODALITIES.index(first)]
            found = _contrast(by_group, dealt)
            if found is not None:
                comparisons.append(Comparison(label, first, second, *found, p_holm=1.0))
    any_p = [_omnibus(shares[:, :, c], dealt) for c in range(len(labels))]
    corrected = [*holm(any_p[:-1]), any_p[-1]]
    return Randomisation(_corrected(comparisons), dict(zip(labels, corrected, strict=True)), draws)


def _groups(answers: Answers) -> Ints:
    """Each rater's group (raters,), checked against what was met."""
    if (answers.group < 0).any() or (answers.list < 0).any():
        raise SierError(
            "The randomisation test needs each response's group and list.",
            "Give the columns group and list, as `study export` writes them.",
        )
    groups = np.full(len(answers.raters), -1)
    groups[answers.rater] = answers.group
    codes = np.array([MODALITIES.index(modality) for modality in answers.modalities])
    follows = codes[answers.modality] == (answers.list + answers.group) % GROUPS
    if (groups[answers.rater] != answers.group).any() or not follows.all():
        raise SierError(
            "The modalities do not follow from group and list, (list + group) mod 5: they were not drawn so.",
            "The randomisation test is for studies of the default protocol.",
        )
    return groups


def _shares_by_group(answers: Answers, met: Ints) -> Floats:
    """What each rater's shares would be in each group, were modality of no account; NaN where nothing is met.

    (raters, groups, classes + 1, modalities); the last class is the mean of the others.
    """
    size = (len(answers.raters), GROUPS, len(met))
    place = np.searchsorted(met, answers.label)
    n, hits = np.zeros(size), np.zeros(size)
    np.add.at(n, (answers.rater, answers.list % GROUPS, place), 1)
    np.add.at(hits, (answers.rater, answers.list % GROUPS, place), answers.correct)
    share = np.divide(hits, n, out=np.full(size, np.nan), where=n > 0)  # by list
    lists = np.arange(GROUPS)
    by_group = np.empty((size[0], GROUPS, size[2], GROUPS))
    for group in range(GROUPS):
        by_group[:, group][:, :, (lists + group) % GROUPS] = share.transpose(0, 2, 1)
    return np.concatenate([by_group, by_group.mean(2, keepdims=True)], axis=2)


def _contrast(by_group: Floats, dealt: Ints) -> tuple[float, float] | None:
    """Mean difference and p; ``by_group`` (raters, groups), ``dealt`` (1 + draws, raters), true one first."""
    values = by_group[np.arange(len(by_group)), dealt]
    known = ~np.isnan(values)
    n = known.sum(1)
    if n[0] < 2:
        return None
    values = np.where(known, values, 0.0)
    usable = np.maximum(n, 2)
    mean = values.sum(1) / usable
    variance = np.maximum((values**2).sum(1) - usable * mean**2, 0) / (usable - 1)
    error = np.sqrt(variance / usable)
    far = np.where(mean == 0, 0.0, np.inf)
    statistic = np.divide(np.abs(mean), error, out=far, where=error > 1e-12)
    return float(mean[0]), _p_value(statistic)


def _omnibus(shares: Floats, dealt: Ints) -> float:
    """p of the modalities' spread; ``shares`` (raters, groups, modalities)."""
    raters = np.arange(len(shares))
    spreads = []
    for part in np.array_split(dealt, max(1, dealt.size * GROUPS // 5_000_000)):
        values = shares[raters, part]  # (draws, raters, modalities)
        known = ~np.isnan(values)
        n = known.sum(1)
        means = np.where(known, values, 0).sum(1) / np.maximum(n, 1)
        total = (means * n).sum(1, keepdims=True) / n.sum(1, keepdims=True)
        spreads.append((n * (means - total) ** 2).sum(1))
    return _p_value(np.concatenate(spreads))


def _p_value(statistic: Floats) -> float:
    """Share of draws as extreme as the first, the true one, which counts (Phipson and Smyth 2010)."""
    reached = statistic >= statistic[0] * (1 - 1e-9)  # sums in another order are no less extreme
    return float(reached.mean())


def _corrected(comparisons: list[Comparison]) -> tuple[Comparison, ...]:
    corrected = list(comparisons)
    for overall in (False, True):
        family = [place for place, found in enumerate(comparisons) if (found.label == OVERALL) == overall]
        if family:
            for place, p in zip(family, holm([comparisons[place].p for place in family]), strict=True):
                corrected[place] = replace(comparisons[place], p_holm=p)
    return tuple(corrected)
