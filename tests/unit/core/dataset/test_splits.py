"""Splits: groups never straddle, classes stay in train where they can, seeds repeat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.dataset.splits import folds, groups_of, holdout, leave_one_group_out
from sier_gui.core.errors import SierError


def check(n, groups, splits, *, covers):
    g = groups_of(groups)
    for train, test in splits:
        assert min(len(train), len(test)) > 0
        assert sorted([*train.tolist(), *test.tolist()]) == list(range(n))
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()
        assert not set(g[train]) & set(g[test])
    if covers:
        assert sorted(np.concatenate([test for _, test in splits]).tolist()) == list(range(n))


rows = st.lists(
    st.tuples(st.sampled_from(["anger", "happy", "sad"]), st.sampled_from(["a", "b", "c", "d", "e", ""])),
    min_size=2,
    max_size=40,
).filter(lambda pairs: len(set(groups_of([g for _, g in pairs]).tolist())) >= 2)


@settings(max_examples=60, deadline=None)
@given(pairs=rows, k=st.integers(2, 6), fraction=st.floats(0.05, 0.9), seed=st.integers(0, 2**63))
def test_groups_never_straddle(pairs, k, fraction, seed):
    labels, groups = [label for label, _ in pairs], [group for _, group in pairs]
    check(len(pairs), groups, [holdout(labels, groups, fraction, seed)], covers=False)
    check(len(pairs), groups, folds(labels, groups, k, seed), covers=True)
    check(len(pairs), groups, leave_one_group_out(groups), covers=True)


def test_size_and_classes_of_a_holdout():
    random = np.random.default_rng(0)
    labels = random.choice(["anger", "happy", "hate", "sad"], 400, p=[0.4, 0.3, 0.2, 0.1])
    groups = random.integers(40, size=400)
    for fraction in (0.1, 0.2, 0.5):
        train, test = holdout(labels, groups, fraction, 0)
        assert len(test) / 400 == pytest.approx(fraction, abs=0.03)
        for name in np.unique(labels):
            assert np.mean(labels[test] == name) == pytest.approx(np.mean(labels == name), abs=0.08)
        assert len(np.unique(labels[train])) == 4


def test_a_class_of_one_speaker_stays_in_train():
    labels = ["anger", "happy"] * 12 + ["sad"] * 4
    groups = np.repeat(["a", "b", "c", "d", "e", "f", "only"], 4)
    for seed in range(10):
        train, _ = holdout(labels, groups, 0.3, seed)
        assert "only" in groups[train]


def test_without_groups_each_row_is_its_own():
    labels = ["anger"] * 50 + ["sad"] * 50
    train, test = holdout(labels, None, 0.2, 0)
    assert len(test) == 20
    assert 9 <= np.count_nonzero(test < 50) <= 11
    assert [len(part) for _, part in folds(labels, None, 4, 0)] == [25] * 4
    assert len(train) == 80


def test_seeds():
    labels = ["anger", "sad"] * 60
    groups = np.arange(120) // 3
    first = holdout(labels, groups, 0.2, 7)
    np.testing.assert_array_equal(first[1], holdout(labels, groups, 0.2, 7)[1])
    assert any(holdout(labels, groups, 0.2, seed)[1].tolist() != first[1].tolist() for seed in range(5))
    same = zip(folds(labels, groups, 5, 3), folds(labels, groups, 5, 3), strict=True)
    assert all((a[1] == b[1]).all() for a, b in same)


def test_fewer_groups_than_folds():
    groups = ["x", "x", "y", "y", "z", "z"]
    splits = folds(["anger", "sad"] * 3, groups, 10, 0)
    assert len(splits) == 3
    check(6, groups, splits, covers=True)


def test_leave_one_group_out_is_in_the_order_of_names():
    splits = leave_one_group_out(["13", "03", "13", "08"])
    assert [test.tolist() for _, test in splits] == [[1], [3], [0, 2]]


def test_what_cannot_be_split():
    with pytest.raises(SierError, match="fewer than two groups"):
        holdout(["a", "b"], ["x", "x"], 0.5, 0)
    with pytest.raises(SierError, match="fewer than two groups"):
        leave_one_group_out(["x"])
    with pytest.raises(SierError, match="no fraction"):
        holdout(["a", "b"], None, 1.0, 0)
    with pytest.raises(SierError, match="1 folds"):
        folds(["a", "b"], None, 1, 0)


def test_rows_without_a_speaker_are_alone():
    codes = groups_of(["a", "", "a", "", np.nan])
    assert codes[0] == codes[2]
    assert len(set(codes.tolist())) == 4


def test_as_even_as_scikit_learns():
    """Both are greedy: over many shapes of data neither may be better by more than a trifle."""
    from sklearn.model_selection import StratifiedGroupKFold

    random = np.random.default_rng(1)
    uneven = []
    for trial in range(20):
        n, count = int(random.integers(200, 900)), int(random.integers(8, 80))
        y = random.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
        sizes = random.dirichlet([0.4] * count) if trial % 2 else None
        g = random.choice(count, n, p=sizes)
        theirs = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(y, y, g)
        both = [test for _, test in folds(y.astype(str).tolist(), g, 5, 0)], [test for _, test in theirs]
        shares = [np.array([np.bincount(y[t], minlength=4) for t in tests]) / n for tests in both]
        uneven.append([one.std(axis=0).mean() for one in shares])
    ours, theirs = np.mean(uneven, axis=0)
    assert ours == pytest.approx(theirs, rel=0.05)


def test_no_part_is_empty_beside_a_giant():
    groups = ["giant"] * 50 + ["a", "b", "c", "d", "e"]
    splits = folds(["anger", "sad"] * 27 + ["sad"], groups, 5, 0)
    assert len(splits) == 5
    check(55, groups, splits, covers=True)


def test_leaving_thousands_out_one_at_a_time_is_refused():
    with pytest.raises(SierError, match="2,000 groups at a time"):
        leave_one_group_out(np.arange(2000))


@pytest.mark.parametrize("speakers", [80_893, 40_000, 500])
def test_80_893_rows(speakers):
    """Looking at every group by itself would take minutes; the suite's time limit would end it."""
    random = np.random.default_rng(0)
    labels = random.choice(["anger", "happy", "sad"], 80_893)
    groups = [""] * 80_893 if speakers == 80_893 else random.integers(speakers, size=80_893)
    _, test = holdout(labels, groups, 0.1, 0)
    assert len(test) == pytest.approx(8_089, rel=0.01)
    for name in np.unique(labels):
        assert np.mean(labels[test] == name) == pytest.approx(np.mean(labels == name), abs=0.01)
