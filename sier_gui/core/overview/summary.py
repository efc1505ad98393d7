"""How labels and predictions of a dataset are distributed, and where they part: whole columns, no loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.query import UNKNOWN, PredictionTable, Query, disagreement, label_codes
from sier_gui.core.nets.training.metrics import calibration

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over a dataset's rows.

    Attributes
    ----------
    rows : names of the confusion matrix's rows: the release's classes, the dataset's other labels, and ""
        for samples without a label where there are any.
    columns : the release's classes.
    confusion : (rows, columns), predicted samples only.
    labels : (rows,) all samples of each label, predicted or not.
    predicted : (columns,) samples of each prediction.
    total, known, judged, right : samples; those predicted; of these, those with a label; and the right ones.
    disagreeing, compared : samples whose modalities speak for different classes, of those where it is known.
    calibration : as `metrics.calibration`, over samples whose label is a class; None without such samples.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    confusion: Counts
    labels: Counts
    predicted: Counts
    total: int
    known: int
    judged: int
    right: int
    disagreeing: int
    compared: int
    calibration: dict[str, Any] | None

    @property
    def accuracy(self) -> float | None:
        """Share of the samples with a label that is right; None without any."""
        return self.right / self.judged if self.judged else None

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean recall over the release's classes that occur; None without any."""
        n = len(self.columns)
        counts = self.confusion[:n].sum(axis=1)
        present = counts > 0
        if not present.any():
            return None
        return float((np.diag(self.confusion[:n])[present] / counts[present]).mean())

    def shares(self) -> NDArray[np.float64]:
        """The confusion matrix by rows, each of which sums to 1 (0 where a row is empty)."""
        return row_shares(self.confusion)

    def query(self, row: int | None, column: int | None) -> Query:
        """What selects a cell's samples; None: the whole row or column."""
        return Query(
            label=None if row is None else self.rows[row],
            predicted=None if column is None else self.columns[column],
        )

    def to_json(self) -> dict[str, Any]:
        """As ``sier-gui overview --json`` prints it: counts as numbers, shares as fractions."""
        return {
            "samples": self.total,
            "predicted": self.known,
            "labelled": self.judged,
            "right": self.right,
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "labels": dict(zip(self.rows, self.labels.tolist(), strict=True)),
            "predictions": dict(zip(self.columns, self.predicted.tolist(), strict=True)),
            "confusion": {
                "rows": list(self.rows),
                "columns": list(self.columns),
                "counts": self.confusion.tolist(),
            },
            "modalities": {"compared": self.compared, "disagreeing": self.disagreeing},
            "calibration": self.calibration,
        }


def row_shares(counts: Counts) -> NDArray[np.float64]:
    """``counts`` divided by the sums of their rows, 0 where a row is empty."""
    sums = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, sums, out=np.zeros(counts.shape), where=sums > 0)


def summarise(catalogue: Catalogue, table: PredictionTable) -> Summary:
    """The counts as of now; the table may be growing."""
    codes = table.codes.copy()  # one worker fills it meanwhile: every count is of the same moment
    names = list(table.classes) + [name for name in catalogue.classes if name not in table.classes]
    labels = label_codes(catalogue, tuple(names)).astype(np.int64)
    if (labels == UNKNOWN).any():
        names.append("")
        labels[labels == UNKNOWN] = len(names) - 1
    columns = len(table.classes)
    known = codes != UNKNOWN
    cells = labels[known] * columns + codes[known]
    confusion = np.bincount(cells, minlength=len(names) * columns).reshape(len(names), columns)
    labelled = confusion[: len(names) - 1 if names[-1] == "" else len(names)]
    apart = disagreement(catalogue, table)
    return Summary(
        rows=tuple(names),
        columns=table.classes,
        confusion=confusion,
        labels=np.bincount(labels, minlength=len(names)),
        predicted=confusion.sum(axis=0),
        total=len(table),
        known=int(known.sum()),
        judged=int(labelled.sum()),
        right=int(np.trace(confusion[:columns])),
        disagreeing=int((apart == 1).sum()),
        compared=int((~np.isnan(apart)).sum()),
        calibration=_calibrated(table, codes),
    )


def _calibrated(table: PredictionTable, codes: NDArray[np.int16]) -> dict[str, Any] | None:
    rows = np.flatnonzero((codes != UNKNOWN) & (table.labels >= 0))
    if not len(rows):
        return None
    probabilities = table.probabilities[rows].astype(np.float64)
    return calibration(table.labels[rows].astype(np.int64), probabilities)
