"""Counts are held to scikit-learn and to plain loops; a cell selects exactly the samples it counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from sier_gui.core.dataset.query import PredictionTable, select
from sier_gui.core.overview.modalities import BINS, collapse_warning, share_lines
from sier_gui.core.overview.summary import summarise


def test_the_confusion_matrix_is_scikit_learns(catalogue, table):
    found = summarise(catalogue, table)
    labels, said = catalogue.column("label").tolist(), table.predicted.tolist()
    known = [(label, p) for label, p in zip(labels, said, strict=True) if p]
    names = list(found.rows)
    assert names == ["anger", "happy", "sad", "surprise", ""]
    truth, answers = zip(*known, strict=True)
    expected = confusion_matrix(truth, answers, labels=names)[:, :3]
    np.testing.assert_array_equal(found.confusion, expected)
    assert found.known == len(known)
    assert found.right == sum(a == b for a, b in known)
    assert found.judged == sum(bool(label) for label, _ in known)
    own = [(a, b) for a, b in known if a in table.classes]
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(*zip(*own, strict=True)))
    assert found.accuracy == pytest.approx(found.right / found.judged)
    assert found.labels.tolist() == [labels.count(name) for name in names]
    assert found.calibration is not None
    assert sum(one["n"] for one in found.calibration["bins"]) == len(own)


def test_every_cell_row_and_column_selects_what_it_counts(catalogue, table):
    found = summarise(catalogue, table)
    for i, j in np.ndindex(found.confusion.shape):
        rows = select(catalogue, found.query(i, j), table)
        assert len(rows) == found.confusion[i, j]
        assert {catalogue.cell(int(row), "label") for row in rows} <= {found.rows[i]}
        assert set(table.predicted[rows]) <= {found.columns[j]}
    for i in range(len(found.rows)):
        assert len(select(catalogue, found.query(i, None), table)) == found.labels[i]
    for j in range(len(found.columns)):
        assert len(select(catalogue, found.query(None, j), table)) == found.predicted[j]


def test_shares_of_a_row_sum_to_one_or_are_empty(catalogue, table):
    shares = summarise(catalogue, table).shares()
    assert np.allclose(shares.sum(axis=1), 1)
    empty = summarise(catalogue, PredictionTable(catalogue, table.classes))
    assert empty.shares().sum() == 0
    assert (empty.accuracy, empty.balanced_accuracy, empty.calibration) == (None, None, None)
    assert empty.known == empty.judged == 0


def test_disagreement_is_counted_where_it_is_known(catalogue, table):
    found = summarise(catalogue, table)
    values = table.disagree.tolist()
    assert found.disagreeing == values.count(1.0) > 0
    assert found.compared == sum(not math.isnan(value) for value in values)


# ---------------------------------------------------------------- the image's share


def test_share_lines_are_means_with_their_errors(catalogue, table):
    lines = share_lines(catalogue, table)
    labels = catalogue.column("label").tolist()
    label = ""
    for line in lines:
        label = line.name if line.depth == 0 else label
        values = [
            float(share)
            for share, name, said in zip(table.image_share, labels, table.predicted, strict=True)
            if not math.isnan(share)
            and (label == "all samples" or name == label)
            and (line.depth == 0 or (bool(name) and (said == name) == (line.name == "predicted rightly")))
        ]
        assert line.n == len(values)
        assert line.counts.sum() == len(values)
        assert len(line.counts) == BINS
        if values:
            assert line.image.mean == pytest.approx(np.mean(values))
        if len(values) > 1:
            assert line.image.stderr == pytest.approx(np.std(values, ddof=1) / math.sqrt(len(values)))
            assert 0 <= line.image.low <= line.image.mean <= line.image.high <= 1
    assert [line.name for line in lines if line.depth == 0][:4] == ["all samples", "anger", "happy", "sad"]


@pytest.mark.parametrize(
    ("share", "words"), [(0.99, "is the image's"), (0.01, "is the speech's"), (0.94, ""), (0.5, "")]
)
def test_a_collapse_to_one_modality_is_said(catalogue, share, words):
    table = PredictionTable(catalogue, ("anger", "happy", "sad"))
    table.image_share[:50] = share + np.linspace(-0.005, 0.005, 50)
    warning = collapse_warning(share_lines(catalogue, table))
    assert (words in warning) if words else warning == ""
    if words:
        assert "99.0%" in warning


def test_a_mean_above_the_limit_with_an_interval_below_is_no_collapse(catalogue):
    table = PredictionTable(catalogue, ("anger", "happy", "sad"))
    table.image_share[:6] = [1, 1, 1, 1, 1, 0.76]
    assert np.nanmean(table.image_share) > 0.95
    assert collapse_warning(share_lines(catalogue, table)) == ""
