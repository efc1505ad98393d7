"""Figures agree with scikit-learn, and intervals with a bootstrap that looks at every sample again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from sier_gui.core.nets.training import intervals as drawing
from sier_gui.core.nets.training import metrics

CLASSES = ("anger", "happy", "neutral", "sad")


def answers(seed=0, n=200, classes=4, groups=7, skill=0.4):
    """Labels, probabilities and groups; groups differ in how well they are known."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    group = rng.integers(0, groups, n)
    shares = rng.dirichlet(np.ones(classes), n)
    shares[np.arange(n), labels] += skill * (0.5 + group / groups)
    return labels, shares / shares.sum(axis=1, keepdims=True), group.astype(str).astype(object)


def test_every_class_has_scikit_learns_precision_recall_and_f1():
    labels, shares, _ = answers()
    found = metrics.evaluate(labels, shares, CLASSES)["per_class"]
    oracle = sk.classification_report(
        labels, shares.argmax(1), target_names=CLASSES, output_dict=True, zero_division=0
    )
    for name in CLASSES:
        assert found[name]["precision"] == pytest.approx(oracle[name]["precision"], abs=1e-12)
        assert found[name]["recall"] == pytest.approx(oracle[name]["recall"], abs=1e-12)
        assert found[name]["f1"] == pytest.approx(oracle[name]["f1-score"], abs=1e-12)
        assert found[name]["n"] == oracle[name]["support"]


# ---------------------------------------------------------------- calibration


def test_bins_are_scikit_learns_reliability_curve():
    labels, shares, _ = answers(n=205)
    hits = shares.argmax(1) == labels
    accuracy, confidence = calibration_curve(hits, shares.max(1), n_bins=10, strategy="quantile")
    bins = metrics.calibration(labels, shares)["bins"]
    assert [b["accuracy"] for b in bins] == pytest.approx(accuracy)
    assert [b["confidence"] for b in bins] == pytest.approx(confidence)
    assert sum(b["n"] for b in bins) == 205
    assert {b["n"] for b in bins} <= {20, 21}  # of equal mass


def test_the_brier_score_is_scikit_learns():
    labels, shares, _ = answers()
    ours = metrics.calibration(labels, shares)["brier"]
    assert ours == pytest.approx(sk.brier_score_loss(labels, shares, scale_by_half=False), abs=1e-12)


def test_perfect_answers_are_calibrated_and_sure_wrong_ones_are_not():
    labels = np.arange(40) % 4
    sure = np.eye(4)[labels]
    assert metrics.calibration(labels, sure) == {
        "ece": 0.0, "brier": 0.0, "bins": [{"n": 40, "confidence": 1.0, "accuracy": 1.0}],
    }  # fmt: skip
    wrong = metrics.calibration((labels + 1) % 4, sure)
    assert wrong["ece"] == 1.0
    assert wrong["brier"] == 2.0


# ---------------------------------------------------------------- neutral and the rest


def test_dual_accuracy_of_the_thesis_confusion_table():
    """004, table 4.3: of 1,256 neutral utterances 1,123 were taken for such, of 1,354 others 510 were."""
    labels = np.array([2] * 1256 + [0] * 1354)
    predicted = np.array([2] * 1123 + [0] * 133 + [2] * 510 + [0] * 844)
    found = metrics.dual_accuracy(labels, predicted, neutral=2)
    assert found["neutral"]["recall"] == pytest.approx(0.8941, abs=1e-4)
    assert found["other"]["recall"] == pytest.approx(844 / 1354)
    assert found["dual_accuracy"] == pytest.approx((1123 / 1256 + 844 / 1354) / 2)
    # the printed formula: (TP + TN) / all is the same number for N and for O
    assert found["dual_accuracy_printed"] == pytest.approx((1123 + 844) / 2610)


def test_only_datasets_with_a_neutral_class_have_dual_accuracy():
    labels, shares, _ = answers()
    assert "emotional" in metrics.evaluate(labels, shares, CLASSES)
    assert "emotional" not in metrics.evaluate(labels, shares, ("anger", "happy", "hate", "sad"))


# ---------------------------------------------------------------- intervals


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 5).flatmap(lambda c: st.lists(st.integers(0, 12), min_size=c * c, max_size=c * c)))
def test_figures_of_a_confusion_matrix_are_scikit_learns(cells):
    size = round(len(cells) ** 0.5)
    confusion = np.array(cells, float).reshape(1, size, size)
    if confusion.sum() == 0:
        return
    pairs = [(i, j) for i in range(size) for j in range(size) for _ in range(int(confusion[0, i, j]))]
    labels, predicted = np.array(pairs).T
    found = drawing.from_confusion(confusion)
    present = np.unique(labels)
    assert found["accuracy"][0] == pytest.approx(sk.accuracy_score(labels, predicted))
    recalls = sk.recall_score(labels, predicted, labels=present, average="macro", zero_division=0)
    assert found["balanced_accuracy"][0] == pytest.approx(recalls)
    f1 = sk.f1_score(labels, predicted, labels=present, average="macro", zero_division=0)
    assert found["macro_f1"][0] == pytest.approx(f1)
    if len(np.unique(pairs)) > 1:  # of one class only, kappa is 0/0
        assert found["kappa"][0] == pytest.approx(sk.cohen_kappa_score(labels, predicted), abs=1e-9)


def test_intervals_are_those_of_drawing_whole_speakers():
    labels, shares, groups = answers()
    found = metrics.intervals([(labels, shares)], groups, draws=300, seed=5)
    names = np.unique(groups)
    weights = drawing.group_draws(len(names), 300, 5).astype(int)
    drawn = {"balanced_accuracy": [], "brier": [], "kappa": []}
    for row in weights:
        index = np.concatenate(
            [np.tile(np.flatnonzero(groups == g), w) for g, w in zip(names, row, strict=True)]
        )
        drawn["balanced_accuracy"].append(sk.balanced_accuracy_score(labels[index], shares[index].argmax(1)))
        drawn["kappa"].append(sk.cohen_kappa_score(labels[index], shares[index].argmax(1)))
        drawn["brier"].append(
            sk.brier_score_loss(labels[index], shares[index], labels=range(4), scale_by_half=False)
        )
    for name, values in drawn.items():
        assert found[name] == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=1e-9), name
    assert found["groups"] == 7


def test_without_groups_intervals_are_those_of_a_share():
    rng = np.random.default_rng(1)
    n, p = 20_000, 0.7
    labels = np.zeros(n, np.int64)
    shares = np.where(rng.random(n) < p, 0.9, 0.1)
    found = metrics.intervals([(labels, np.column_stack([shares, 1 - shares]))], np.array([], object))
    low, high = found["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * (p * (1 - p) / n) ** 0.5, rel=0.08)
    assert low < p < high
    assert found["groups"] == n


def test_alike_samples_of_a_speaker_widen_the_interval():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(30), 20)
    labels = np.zeros(600, np.int64)
    right = np.repeat(rng.random(30) < 0.6, 20)  # each speaker always or never
    shares = np.where(right, 0.9, 0.1)
    shares = np.column_stack([shares, 1 - shares])
    tied = metrics.intervals([(labels, shares)], groups.astype(str).astype(object))["accuracy"]
    loose = metrics.intervals([(labels, shares)], np.array([], object))["accuracy"]
    assert np.diff(tied)[0] > 3.5 * np.diff(loose)[0]  # √20 in theory


def test_equal_seeds_give_equal_intervals_and_more_seeds_of_training_do_not_narrow_them():
    labels, shares, groups = answers()
    once = metrics.intervals([(labels, shares)], groups)
    assert once == metrics.intervals([(labels, shares)], groups)
    assert once != metrics.intervals([(labels, shares)], groups, seed=1)
    assert metrics.intervals([(labels, shares)] * 3, groups)["kappa"] == pytest.approx(once["kappa"])


def test_a_class_that_no_draw_had_has_no_interval():
    labels, shares, groups = answers()
    labels = np.where(labels == 3, 0, labels)
    found = metrics.intervals([(labels, shares)], groups)["per_class"]
    assert found["recall"][3] is None
    assert found["recall"][0] is not None
