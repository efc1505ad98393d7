"""Figures from predictions; scikit-learn computes them (models.md §1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIGURES = ("balanced_accuracy", "accuracy", "macro_f1", "kappa")


def evaluate(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], classes: Sequence[str]
) -> dict[str, Any]:
    """Figures of pooled predictions.

    Parameters
    ----------
    labels : (n,) class indices, n ≥ 1.
    probabilities : (n, C).

    Returns
    -------
    ``balanced_accuracy`` (mean recall, the papers' "unweighted accuracy") with ``standard_error``,
    ``accuracy``, ``macro_f1``, Cohen's ``kappa``, ``recall`` by class, ``confusion``
    (rows are labels), ``n``.
    """
    from sklearn import metrics

    predicted = probabilities.argmax(axis=1)
    indices = list(range(len(classes)))
    confusion = metrics.confusion_matrix(labels, predicted, labels=indices)
    counts = confusion.sum(axis=1)
    recalls = np.diag(confusion) / np.maximum(counts, 1)
    present = counts > 0
    # each class's recall is a binomial share; their mean's variance is the sum over C²
    variance = (recalls * (1 - recalls))[present] / counts[present]
    same = bool((predicted == labels).all() and present.sum() == 1)  # kappa is 0/0 there
    return {
        "n": len(labels),
        "balanced_accuracy": float(recalls[present].mean()),
        "standard_error": math.sqrt(float(variance.sum())) / int(present.sum()),
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "macro_f1": float(
            metrics.f1_score(
                labels, predicted, labels=np.flatnonzero(present), average="macro", zero_division=0
            )
        ),
        "kappa": 0.0 if same else float(metrics.cohen_kappa_score(labels, predicted, labels=indices)),
        "recall": {
            name: float(recall)
            for name, recall, known in zip(classes, recalls, present, strict=True)
            if known
        },
        "confusion": confusion.tolist(),
    }


def over_seeds(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean of each figure over seeds, and its spread.

    ``standard_error`` is of the samples (mean of the seeds' own: more seeds do not make more samples),
    ``seed_sd`` the standard deviation between seeds (0 for one).
    """
    summary: dict[str, Any] = {name: float(np.mean([run[name] for run in runs])) for name in FIGURES}
    summary["standard_error"] = float(np.mean([run["standard_error"] for run in runs]))
    balanced = [run["balanced_accuracy"] for run in runs]
    summary["seed_sd"] = float(np.std(balanced, ddof=1)) if len(runs) > 1 else 0.0
    summary["n"] = runs[0]["n"]
    summary["seeds"] = len(runs)
    return summary
