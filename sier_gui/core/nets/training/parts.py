"""Which samples train, stop and test each network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset import splits
from sier_gui.core.errors import SierError
from sier_gui.core.nets.training.config import Split
from sier_gui.core.nets.training.data import Indices, TrainingData

COLUMN_WORDS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}


class Parts:
    """The parts of ``data`` that ``split`` asks for.

    Attributes
    ----------
    pairs : (train, test) for each network that is measured; rows of ``train`` still hold the validation part.
    everything : what a network learns from that is trained on all samples.

    Raises
    ------
    SierError : the samples cannot be split so.
    """

    def __init__(self, data: TrainingData, split: Split) -> None:
        self._data = data
        self._split = split
        self._roles = _roles(data, split) if split.kind == "column" else None
        self.pairs: list[tuple[Indices, Indices]] = self._made()
        self.everything: Indices = (
            np.arange(len(data)) if self._roles is None else np.flatnonzero(self._roles != "")
        )

    def validation(self, train: Indices) -> tuple[Indices, Indices]:
        """``train`` without, and only, what stops the training."""
        s, groups = self._split, self._groups()
        if self._roles is not None and (self._roles[train] == "validation").any():
            stops = self._roles[train] == "validation"
            return train[~stops], train[stops]
        if not s.validation:
            return train, train[:0]
        if groups is not None and len(set(groups[train].tolist())) < 3:
            groups = None  # a group of two would take half of the training part
        inner = groups[train] if groups is not None else None
        fit, stop = splits.holdout(self._labels(train), inner, s.validation, s.seed)
        return train[fit], train[stop]

    def straddling(self) -> int:
        """How many groups are on both sides of a part: only the dataset's own split can do that."""
        groups = self._groups()
        if groups is None or self._roles is None:
            return 0
        return sum(len(set(groups[train]) & set(groups[test])) for train, test in self.pairs)

    def _made(self) -> list[tuple[Indices, Indices]]:
        s, groups = self._split, self._groups()
        if self._roles is not None:
            test = self._roles == "test"
            return [(np.flatnonzero((self._roles != "") & ~test), np.flatnonzero(test))]
        labels = self._labels(np.arange(len(self._data)))
        if s.kind == "holdout":
            return [splits.holdout(labels, groups, s.fraction, s.seed)]
        if s.kind == "folds":
            return list(splits.folds(labels, groups, s.k, s.seed))
        if groups is None or len(set(groups.tolist())) < 2:
            raise SierError(
                "Leaving one group out needs at least two groups.",
                "Give split.groups a column that has them.",
            )
        return list(splits.leave_one_group_out(groups))

    def _labels(self, index: Indices) -> list[str]:
        names: list[str] = self._data.labels[index].astype(str).tolist()
        return names

    def _groups(self) -> NDArray[Any] | None:
        return self._data.groups if len(self._data.groups) else None


def _roles(data: TrainingData, split: Split) -> NDArray[Any]:
    """(n,) "train", "validation", "test", or "" for rows that take no part."""
    if not len(data.splits):
        raise SierError(
            f"The dataset has no column {split.column!r}.", "Name one in split.column, or split otherwise."
        )
    words = [str(cell).strip().lower() for cell in data.splits]
    roles = np.array([COLUMN_WORDS.get(word, "") for word in words], object)
    for role in ("train", "test"):
        if not (roles == role).any():
            known = ", ".join(word for word, meaning in COLUMN_WORDS.items() if meaning == role)
            raise SierError(
                f"Column {split.column!r} marks no sample for {role}.", f"Words for that: {known}."
            )
    return roles
