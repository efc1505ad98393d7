"""One part of a data split as a dataset of its own, so that it can be trained and resumed by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset import splits
from sier_gui.core.errors import SierError
from sier_gui.core.nets.training.config import Split, TrainingConfig
from sier_gui.core.nets.training.parts import COLUMN_WORDS

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue

PART = "ablation part"  # the column; a dataset's own columns are no phrases


class PartOf:
    """A catalogue with one more column, `PART`: "test" for the rows ``test``, else "train"."""

    def __init__(self, catalogue: Catalogue, test: Sequence[int]) -> None:
        self._catalogue = catalogue
        self._parts = np.full(len(catalogue), "train", object)
        self._parts[np.asarray(test, np.int64)] = "test"
        self.columns = (*catalogue.columns, PART)

    def __len__(self) -> int:
        return len(self._catalogue)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalogue, name)

    def column(self, name: str) -> NDArray[Any]:
        return self._parts if name == PART else self._catalogue.column(name)


def split_rows(catalogue: Catalogue, split: Split, classes: Sequence[str]) -> list[NDArray[np.int64]]:
    """The test rows of each part; rows without a label of ``classes`` are in none.

    Raises
    ------
    SierError : the samples cannot be split so.
    """
    labels = catalogue.column("label")
    rows = np.array([row for row in range(len(catalogue)) if labels[row] in classes], np.int64)
    groups = groups_of(catalogue, split, rows)
    names = [str(label) for label in labels[rows]]
    given = groups if len(groups) else None
    if split.kind == "column":
        return [_test_rows(catalogue, split, rows)]
    if split.kind == "holdout":
        parts = [splits.holdout(names, given, split.fraction, split.seed)]
    elif split.kind == "folds":
        parts = splits.folds(names, given, split.k, split.seed)
    else:
        if given is None:
            raise SierError(
                f"{catalogue.name} has no column {split.groups!r} to leave one group out by.",
                "Choose another split, or give split.groups a column it has.",
            )
        parts = splits.leave_one_group_out(groups)
    return [rows[test] for _, test in parts]


def _test_rows(catalogue: Catalogue, split: Split, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the dataset itself holds out; everything else is learned from."""
    words: Any = catalogue.column(split.column)[rows] if split.column in catalogue.columns else []
    marked = [COLUMN_WORDS.get(str(word).strip().lower()) == "test" for word in words]
    test = rows[np.flatnonzero(marked)]
    if not len(test):
        raise SierError(
            f"{catalogue.name} has no column {split.column!r} that marks samples for test.",
            "Name its own in split.column, or split otherwise.",
        )
    return test


def groups_of(catalogue: Catalogue, split: Split, rows: NDArray[np.int64]) -> NDArray[Any]:
    """(n,) names of the groups of ``rows``, or (0,) where the dataset has none."""
    if split.groups not in catalogue.columns:
        return np.array([], object)
    return np.array([str(name) for name in catalogue.column(split.groups)[rows]], object)


def part_config(config: TrainingConfig, seed: int) -> TrainingConfig:
    """``config`` for a `PartOf`: what its column says is the split; the validation part is drawn as ever."""
    split = replace(config.split, kind="column", column=PART)
    run = replace(config.run, seeds=(seed,), fit="train")
    release = replace(config.release, name="ablation", version="1")
    return replace(config, split=split, run=run, release=release)
