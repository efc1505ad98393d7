"""Two releases beside each other, held to loops over the samples."""

from __future__ import annotations

import numpy as np
import pytest
from overview_tables import predicted
from scipy.stats import binomtest

from sier_gui.core.dataset.query import PredictionTable
from sier_gui.core.overview.sides import OUTCOMES, side_by_side

OTHER = ("happy", "surprise", "anger")  # a release of other classes, in another order


@pytest.fixture(scope="module")
def sides(catalogue, table):
    return side_by_side(catalogue, table, predicted(catalogue, 9, OTHER), ("one", "two"))


@pytest.fixture(scope="module")
def pairs(catalogue, table):
    """Row, label, what the first and the second said; of rows that both know."""
    second = predicted(catalogue, 9, OTHER)
    labels = catalogue.column("label").tolist()
    said = zip(range(len(labels)), labels, table.predicted, second.predicted, strict=True)
    return [one for one in said if one[2] and one[3]]


def test_what_changed_is_what_differs_by_name(sides, pairs):
    assert sides.compared == len(pairs)
    assert sides.changed.tolist() == [row for row, _, a, b in pairs if a != b]
    assert sides.classes == ("anger", "happy", "sad", "surprise")
    for i, one in enumerate(sides.classes):
        for j, two in enumerate(sides.classes):
            rows = [row for row, _, a, b in pairs if (a, b) == (one, two)]
            assert sides.moves[i, j] == len(rows)
            assert sides.moved(i, j).tolist() == rows
        assert sides.moved(i, None).tolist() == [row for row, _, a, _ in pairs if a == one]
        assert sides.moved(None, i).tolist() == [row for row, _, _, b in pairs if b == one]


def test_who_is_right_and_mcnemar_from_the_counts(sides, pairs):
    kinds = {(True, True): 0, (True, False): 1, (False, True): 2, (False, False): 3}
    expected: list[list[int]] = [[], [], [], []]
    for row, label, a, b in pairs:
        if label:
            expected[kinds[a == label, b == label]].append(row)
    assert [rows.tolist() for rows in sides.outcomes] == expected
    apart = len(expected[1]), len(expected[2])
    assert (sides.mcnemar.only_first, sides.mcnemar.only_second) == apart
    assert sides.mcnemar.p == pytest.approx(binomtest(apart[0], sum(apart), 0.5).pvalue)


def test_the_difference_of_the_confusion_matrices(sides, pairs):
    for i, label in enumerate(sides.labels):
        own = [(row, a, b) for row, name, a, b in pairs if name == label]
        assert sides.by_label[label] == (
            len(own),
            sum(a == label for _, a, _ in own),
            sum(b == label for _, _, b in own),
        )
        for j, said in enumerate(sides.classes):
            difference = sum(b == said for _, _, b in own) - sum(a == said for _, a, _ in own)
            assert sides.difference[i, j] == difference
            rows = [row for row, a, b in own if (a == said) != (b == said)]
            assert sides.apart(i, j).tolist() == rows
    assert sides.difference.sum() == 0
    assert sides.apart(None, None).tolist() == sides.changed.tolist()
    found = sides.to_json()
    assert found["outcomes"] == dict(zip(OUTCOMES, map(len, sides.outcomes), strict=True))


def test_a_second_release_that_has_not_begun(catalogue, table):
    found = side_by_side(catalogue, table, PredictionTable(catalogue, OTHER), ("one", "two"))
    assert (found.compared, len(found.changed), found.mcnemar.p) == (0, 0, 1.0)
    assert found.labels == ()


def test_against_itself_nothing_changes(catalogue, table):
    found = side_by_side(catalogue, table, table, ("one", "one"))
    assert len(found.changed) == 0
    assert found.compared == table.known
    assert np.count_nonzero(found.difference) == 0
