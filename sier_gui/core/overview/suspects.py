"""Likely label errors: confident learning (Northcutt, Jiang and Chuang 2021) by the library cleanlab."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.query import PredictionTable
from sier_gui.core.errors import SierError
from sier_gui.core.nets.releases import Release
from sier_gui.core.overview.held_out import HeldOut, held_out

EXTRA = 'pip install "sier-gui[labels]"'
FEWEST = 2  # labelled samples of a class, below which its own confidence says nothing


@dataclass(frozen=True, slots=True)
class Suspects:
    """Samples whose label is likely wrong, most likely first.

    Attributes
    ----------
    rows : (k,) rows of the dataset.
    quality : (k,) out-of-sample probability of the label that is given.
    given, suggested : (k,) class indices: the label, and the class of largest probability.
    classes : the release's.
    judged : how many samples have a label and out-of-sample probabilities.
    words : where the probabilities come from, and what was left out.
    """

    rows: NDArray[np.int64]
    quality: NDArray[np.float64]
    given: NDArray[np.int64]
    suggested: NDArray[np.int64]
    classes: tuple[str, ...]
    judged: int
    words: str

    def __len__(self) -> int:
        return len(self.rows)

    def lines(self, catalogue: Catalogue) -> list[dict[str, Any]]:
        """``row, sample_id, label, suggested, quality`` of each."""
        return [
            {
                "row": int(row),
                "sample_id": catalogue.cell(int(row), "sample_id"),
                "label": self.classes[given],
                "suggested": self.classes[suggested],
                "quality": float(quality),
            }
            for row, given, suggested, quality in zip(
                self.rows, self.given, self.suggested, self.quality, strict=True
            )
        ]


def installed() -> bool:
    """Whether the library is there, without importing it (pandas comes along, half a second)."""
    return find_spec("cleanlab") is not None


def find_suspects(catalogue: Catalogue, release: Release, table: PredictionTable) -> Suspects:
    """The likely label errors among the samples whose probabilities are out-of-sample (`held_out`).

    Raises
    ------
    SierError : cleanlab is not installed.
    """
    answers = held_out(catalogue, release, table)
    return suspects(answers, table.labels[answers.rows].astype(np.int64), table.classes)


def suspects(answers: HeldOut, labels: NDArray[np.int64], classes: tuple[str, ...]) -> Suspects:
    """As `find_suspects`; ``labels`` (k,): class indices of ``answers.rows``, negative without one.

    "Prune by noise rate": as many samples of label i and class j as the confident joint expects, those with
    the largest margin; ordered by the probability of the label (self-confidence).
    """
    own = labels >= 0
    counts = np.bincount(labels[own], minlength=len(classes))
    words = answers.words
    if (counts[counts > 0] < FEWEST).any() or (counts > 0).sum() < 2:
        own[:] = False
        words = f"Too few labelled samples to say what a class looks like. {words}"
    rows, given, shares = answers.rows[own], labels[own], answers.probabilities[own]
    if not len(rows):
        nothing = np.empty(0, np.int64)
        return Suspects(nothing, np.empty(0), nothing, nothing, classes, 0, words)
    if not installed():
        raise SierError("Likely label errors are found by the library cleanlab.", f"Run {EXTRA}.")
    from cleanlab.filter import find_label_issues

    shares = shares / shares.sum(axis=1, keepdims=True)  # float32's rounding, which the library refuses
    order = find_label_issues(given, shares, return_indices_ranked_by="self_confidence", n_jobs=1)
    found = np.asarray(order, np.int64)
    return Suspects(
        rows[found],
        shares[found, given[found]],
        given[found],
        shares[found].argmax(axis=1).astype(np.int64),
        classes,
        len(rows),
        words,
    )


def write_suspects(file: Path, found: Suspects, catalogue: Catalogue) -> None:
    """A CSV of `Suspects.lines`; row numbers count from 1, as people do.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", "sample_id", "label", "suggested", "quality"))
    for line in found.lines(catalogue):
        quality = f"{line['quality']:.6f}"
        writer.writerow((line["row"] + 1, line["sample_id"], line["label"], line["suggested"], quality))
    paths.write_bytes(file, text.getvalue().encode())
