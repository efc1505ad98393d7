"""Which samples a release's network has not learnt from, by what the release says of its training."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset import splits
from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.errors import SierError
from sier_gui.core.nets.releases import Release
from sier_gui.core.nets.training.parts import COLUMN_WORDS

METRICS = "metrics.json"


def test_rows(catalogue: Catalogue, release: Release) -> NDArray[np.int64] | None:
    """The rows that the shipped network did not learn from; None where none is known to be.

    Repeats the split as training made it, and holds it to the sizes that were written down.
    """
    training = release.config.get("training", {})
    split, fit = training.get("split", {}), training.get("run", {}).get("fit", "train")
    if fit != "train" or split.get("kind") not in ("holdout", "column"):
        return None
    labels = catalogue.column("label")
    rows = np.array([row for row in range(len(catalogue)) if labels[row] in release.classes], np.int64)
    if split["kind"] == "column":
        words = _texts(catalogue, split.get("column", "split"), rows)
        roles = np.array([COLUMN_WORDS.get(str(word).strip().lower(), "") for word in words], object)
        test: NDArray[np.int64] = np.flatnonzero(roles == "test") if len(roles) else np.empty(0, np.int64)
    else:
        groups = _texts(catalogue, split.get("groups", ""), rows)
        names = [str(release.classes.index(labels[row])) for row in rows]
        try:
            _, test = splits.holdout(
                names, groups if len(groups) else None, split.get("fraction", 0.3), split.get("seed", 0)
            )
        except SierError:
            return None
    sizes = _sizes(release)
    if not len(test) or sizes is None or sizes[-1] != len(test) or sizes[0] > len(rows) - len(test):
        return None
    return rows[test]


def _texts(catalogue: Catalogue, column: str, rows: NDArray[np.int64]) -> NDArray[Any]:
    there = column in catalogue.columns
    return np.array([str(cell) for cell in catalogue.column(column)[rows]] if there else [], object)


def _sizes(release: Release) -> list[int] | None:
    """Training and test sizes of the split's only part, as ``metrics.json`` has them."""
    try:
        metrics = json.loads((release.folder / METRICS).read_bytes())
        (sizes,) = metrics["split"]["parts"]
        return [int(size) for size in sizes]
    except (OSError, ValueError, KeyError, TypeError):
        return None
