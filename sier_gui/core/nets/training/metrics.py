"""Figures from predictions; scikit-learn computes them (models.md §1), `intervals` how far they reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.nets.training.intervals import DRAWS, Tally, bundled, drawn_figures, ends
from sier_gui.core.nets.training.predictions import Predictions

FIGURES = ("balanced_accuracy", "accuracy", "macro_f1", "kappa")
CALIBRATION = ("ece", "brier")
BINS = 10
NEUTRAL = "neutral"

Labels = NDArray[np.int64]
Shares = NDArray[np.float64]


def evaluate(
    labels: Labels, probabilities: Shares, classes: Sequence[str], groups: NDArray[Any] | None = None
) -> dict[str, Any]:
    """Figures of pooled predictions.

    Parameters
    ----------
    labels : (n,) class indices, n ≥ 1.
    probabilities : (n, C).
    groups : (n,) speakers, for ``intervals``; (0,) where there are none: each sample is its own.

    Returns
    -------
    ``balanced_accuracy`` (mean recall, the papers' "unweighted accuracy") with ``standard_error``,
    ``accuracy``, ``macro_f1``, Cohen's ``kappa``, ``recall`` by class, ``per_class`` (``precision``,
    ``recall``, ``f1``, ``n``), ``confusion`` (rows are labels), ``calibration`` (see there), ``n``; with a
    class `NEUTRAL` ``emotional`` (see `dual_accuracy`); with ``groups`` ``intervals`` (see there).
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
    found = {
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
        "per_class": _per_class(labels, predicted, classes),
        "confusion": confusion.tolist(),
        "calibration": calibration(labels, probabilities),
    }
    if NEUTRAL in classes:
        found["emotional"] = dual_accuracy(labels, predicted, list(classes).index(NEUTRAL))
    if groups is not None:
        found["intervals"] = intervals([(labels, probabilities)], groups)
    return found


def _per_class(labels: Labels, predicted: Labels, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        labels, predicted, labels=list(range(len(classes))), average=None, zero_division=0
    )
    return {
        name: {"precision": float(p), "recall": float(r), "f1": float(f), "n": int(n)}
        for name, p, r, f, n in zip(classes, *columns, strict=True)
    }


# ---------------------------------------------------------------- calibration


def calibration(labels: Labels, probabilities: Shares, bins: int = BINS) -> dict[str, Any]:
    """How far the probabilities can be believed.

    Returns
    -------
    ``ece``: expected calibration error of the predicted class, Σ n_b/n |accuracy_b − confidence_b| over bins
    of equal mass (Nixon and others 2019, "adaptive"); equal confidences share a bin. ``brier``: mean of
    Σ_c (p_c − y_c)², 0 to 2 (Brier 1950). ``bins``: ``n, confidence, accuracy`` of each that is not empty.
    """
    confidence, hits = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = bin_places(confidence, bins)
    n = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights, bins) for weights in (confidence, hits.astype(float))]
    filled = n > 0
    mean_confidence, accuracy = (total[filled] / n[filled] for total in sums)
    return {
        "ece": float((n[filled] * np.abs(accuracy - mean_confidence)).sum() / len(labels)),
        "brier": float(squared_errors(labels, probabilities).mean()),
        "bins": [
            {"n": int(count), "confidence": float(c), "accuracy": float(a)}
            for count, c, a in zip(n[filled], mean_confidence, accuracy, strict=True)
        ],
    }


def bin_places(confidence: Shares, bins: int) -> Labels:
    """(n,) bin of each confidence: bins between quantiles, as scikit-learn's calibration curve has them."""
    edges = np.quantile(confidence, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(edges, confidence).astype(np.int64)


def squared_errors(labels: Labels, probabilities: Shares) -> Shares:
    """(n,) Σ_c (p_c − y_c)²."""
    wrong = probabilities.copy()
    wrong[np.arange(len(labels)), labels] -= 1
    errors: Shares = (wrong**2).sum(axis=1)
    return errors


# ---------------------------------------------------------------- emotion or none


def dual_accuracy(labels: Labels, predicted: Labels, neutral: int) -> dict[str, Any]:
    """Neutral (N) against all emotions (O), as 004 §3.3.1 names them.

    Returns
    -------
    ``dual_accuracy``: mean of the share of N taken for N and of O taken for O, as the thesis averages in
    §4.1. ``dual_accuracy_printed``: its formula as it stands, the mean of Accuracy_N and Accuracy_O. In a
    question with two answers both count the same samples (TP of one are TN of the other), so it is plain
    accuracy, and a network that always says neutral does well where most samples are. ``neutral``,
    ``other``: ``precision``, ``recall``, ``f1``, ``n``.
    """
    truth, answer = (labels != neutral).astype(np.int64), (predicted != neutral).astype(np.int64)
    by_class = _per_class(truth, answer, (NEUTRAL, "other"))
    recalls = [figures["recall"] for figures in by_class.values() if figures["n"]]
    return {
        "dual_accuracy": float(np.mean(recalls)),
        "dual_accuracy_printed": float((truth == answer).mean()),
        **by_class,
    }


# ---------------------------------------------------------------- seeds and intervals


def figures_of(runs: Sequence[Predictions]) -> dict[str, Any]:
    """The figures of one network, one set for each seed, with their means over seeds and intervals."""
    first = runs[0]
    each = [{"seed": r.seed, **evaluate(r.labels, r.probabilities, r.classes)} for r in runs]
    # a training that was stopped may have measured later seeds on fewer parts
    whole = [(r.labels, r.probabilities) for r in runs if len(r) == len(first)]
    return {**over_seeds(each), "intervals": intervals(whole, first.clusters), "runs": each}


def over_seeds(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean of each figure over seeds, and its spread.

    ``standard_error`` is of the samples (mean of the seeds' own: more seeds do not make more samples),
    ``seed_sd`` the standard deviation between seeds (0 for one).
    """
    summary: dict[str, Any] = {name: float(np.mean([run[name] for run in runs])) for name in FIGURES}
    for name in CALIBRATION:
        summary[name] = float(np.mean([run["calibration"][name] for run in runs]))
    summary["standard_error"] = float(np.mean([run["standard_error"] for run in runs]))
    balanced = [run["balanced_accuracy"] for run in runs]
    summary["seed_sd"] = float(np.std(balanced, ddof=1)) if len(runs) > 1 else 0.0
    summary["n"] = runs[0]["n"]
    summary["seeds"] = len(runs)
    return summary


def intervals(
    runs: Sequence[tuple[Labels, Shares]], groups: NDArray[Any], *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Any]:
    """95 % of each figure's mean over ``runs`` (seeds), by bootstrap over groups.

    Returns
    -------
    figure → [low, high] for `FIGURES` and `CALIBRATION`; ``per_class``: for ``precision``, ``recall`` and
    ``f1`` a list of pairs in the order of the classes, None where no draw had the class; ``groups``: how many
    groups there are.
    """
    tallies = [tally(labels, values, groups) for labels, values in runs]
    figures = drawn_figures(tallies, draws, seed)
    found: dict[str, Any] = {name: ends(figures[name]) for name in (*FIGURES, *CALIBRATION)}
    found["per_class"] = {name: ends(figures[name]) for name in ("precision", "recall", "f1")}
    found["groups"] = len(np.unique(groups)) if len(groups) else len(runs[0][0])
    return found


def tally(labels: Labels, probabilities: Shares, groups: NDArray[Any], bins: int = BINS) -> Tally:
    """What the bootstrap needs of each group; groups in sorted order. (0,) ``groups``: each sample is one."""
    names = np.arange(len(labels)) if len(groups) == 0 else np.asarray(groups).astype(str)
    code = bundled(np.unique(names, return_inverse=True)[1].astype(np.int64))
    count, classes = int(code.max()) + 1, probabilities.shape[1]
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    cell = (code * classes + labels) * classes + predicted
    place = code * bins + bin_places(confidence, bins)
    gap: Any = (predicted == labels) - confidence
    errors: Any = squared_errors(labels, probabilities)
    return Tally(
        np.bincount(code, minlength=count),
        np.bincount(cell, minlength=count * classes**2).reshape(count, classes, classes),
        np.asarray(np.bincount(code, errors, count), np.float64),
        np.asarray(np.bincount(place, gap, count * bins), np.float64).reshape(count, bins),
    )
