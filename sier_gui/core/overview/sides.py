"""Two releases side by side on the same dataset: what changed, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.query import UNKNOWN, PredictionTable, label_codes

if TYPE_CHECKING:
    from sier_gui.core.nets.ablation.significance import McNemar

Rows = NDArray[np.int64]
OUTCOMES = ("both right", "only the first right", "only the second right", "both wrong")


@dataclass(frozen=True, slots=True)
class Sides:
    """Over the samples that both have predicted.

    Attributes
    ----------
    names : what the two releases are called.
    classes : the classes of both, those of the first first.
    compared : how many samples.
    changed : rows whose prediction differs.
    moves : (classes, classes) how often the first said the row's class and the second the column's.
    outcomes : rows by `OUTCOMES`; samples with a label only.
    by_label : label → (n, right by the first, right by the second).
    difference : (labels, classes) confusion of the second less that of the first, ``labels`` its rows.
    mcnemar : the exact test over `outcomes`.
    cells : (n,) each row's place in ``moves``, flattened; −1 where the two are not compared.
    truth : (n,) each row's place in ``labels``; −1 for none of them.
    """

    names: tuple[str, str]
    classes: tuple[str, ...]
    compared: int
    changed: Rows
    moves: NDArray[np.int64]
    outcomes: tuple[Rows, Rows, Rows, Rows]
    by_label: dict[str, tuple[int, int, int]]
    labels: tuple[str, ...]
    difference: NDArray[np.int64]
    mcnemar: McNemar
    cells: NDArray[np.int64]
    truth: NDArray[np.int64]

    def moved(self, first: int | None, second: int | None) -> Rows:
        """Rows of which the releases said the classes ``first`` and ``second``; None: any."""
        size = len(self.classes)
        members = self.cells >= 0
        if first is not None:
            members &= self.cells // size == first
        if second is not None:
            members &= self.cells % size == second
        return np.flatnonzero(members)

    def apart(self, label: int | None, said: int | None) -> Rows:
        """Rows of ``labels[label]`` of which just one release said ``classes[said]``; None: any of them."""
        size = len(self.classes)
        members = (self.cells >= 0) & (self.cells // size != self.cells % size)
        if said is not None:
            members &= (self.cells // size == said) | (self.cells % size == said)
        if label is not None:
            members &= self.truth == label
        return np.flatnonzero(members)

    def to_json(self) -> dict[str, Any]:
        return {
            "first": self.names[0],
            "second": self.names[1],
            "compared": self.compared,
            "changed": len(self.changed),
            "classes": list(self.classes),
            "moves": self.moves.tolist(),
            "outcomes": {name: len(rows) for name, rows in zip(OUTCOMES, self.outcomes, strict=True)},
            "labels": {
                name: {"n": n, "first_right": first, "second_right": second}
                for name, (n, first, second) in self.by_label.items()
            },
            "confusion_difference": {"rows": list(self.labels), "counts": self.difference.tolist()},
            "mcnemar": {
                "only_first": self.mcnemar.only_first,
                "only_second": self.mcnemar.only_second,
                "p": self.mcnemar.p,
            },
        }


def side_by_side(
    catalogue: Catalogue, first: PredictionTable, second: PredictionTable, names: tuple[str, str]
) -> Sides:
    """What ``first`` and ``second``, tables of the same dataset, say of it; classes are compared by name."""
    from sier_gui.core.nets.ablation.significance import mcnemar

    classes = (*first.classes, *(name for name in second.classes if name not in first.classes))
    a, b = (_codes(table, classes) for table in (first, second))
    both = (a != UNKNOWN) & (b != UNKNOWN)
    names_of_labels = (*classes, *(name for name in catalogue.classes if name not in classes))
    truth = label_codes(catalogue, names_of_labels).astype(np.int64)
    judged = both & (truth >= 0)
    right_a, right_b = a == truth, b == truth
    outcomes = tuple(
        np.flatnonzero(judged & hit)
        for hit in (right_a & right_b, right_a & ~right_b, ~right_a & right_b, ~right_a & ~right_b)
    )
    cells = np.where(both, a * len(classes) + b, UNKNOWN)
    size = (len(names_of_labels), len(classes))
    confusions = [
        np.bincount(truth[judged] * size[1] + code[judged], minlength=size[0] * size[1]).reshape(size)
        for code in (a, b)
    ]
    present = [i for i in range(size[0]) if (judged & (truth == i)).any()]
    return Sides(
        names=names,
        classes=classes,
        compared=int(both.sum()),
        changed=np.flatnonzero(both & (a != b)),
        moves=np.bincount(cells[both], minlength=len(classes) ** 2).reshape(len(classes), -1),
        outcomes=(outcomes[0], outcomes[1], outcomes[2], outcomes[3]),
        by_label={names_of_labels[i]: _tally(judged & (truth == i), right_a, right_b) for i in present},
        labels=tuple(names_of_labels[i] for i in present),
        difference=(confusions[1] - confusions[0])[present],
        mcnemar=mcnemar(right_a[judged], right_b[judged]),
        cells=cells,
        truth=_places(present, size[0])[truth],
    )


def _places(present: list[int], count: int) -> NDArray[np.int64]:
    """(count + 2,) where each of ``count`` names is in ``present``, −1 for others and for −1 and −2."""
    places = np.full(count + 2, -1, np.int64)
    places[present] = np.arange(len(present))
    return places


def _tally(
    members: NDArray[np.bool_], right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]
) -> tuple[int, int, int]:
    return int(members.sum()), int((members & right_a).sum()), int((members & right_b).sum())


def _codes(table: PredictionTable, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Each row's predicted class as its place in ``classes``, `UNKNOWN` where not yet known."""
    places = np.array([*(classes.index(name) for name in table.classes), UNKNOWN], np.int64)
    return places[table.codes]  # −1 takes the last one
