"""Train and test rows: classes spread evenly, groups (speakers) never on both sides."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sier_gui.core.errors import SierError

Indices = NDArray[np.int64]
Split = tuple[Indices, Indices]  # train, test: ascending row numbers
_ATTEMPTS = 8
_PARTS = 20


def groups_of(speakers: ArrayLike) -> NDArray[np.int64]:
    """Group numbers (n,) of a speaker column; a row without a speaker ("" or NaN) is a group of its own."""
    names = np.array([str(name) for name in np.asarray(speakers, dtype=object)], dtype=object)
    alone = np.isin(names.astype(str), ("", "nan"))
    _, codes = np.unique(names.astype(str), return_inverse=True)
    codes = codes.astype(np.int64)
    codes[alone] = len(names) + np.flatnonzero(alone)
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def holdout(labels: Sequence[str], groups: ArrayLike | None, fraction: float, seed: int) -> Split:
    """Hold out about ``fraction`` of the rows, whole groups at a time.

    Of several seeded divisions the one is taken that keeps all classes in train, then in test, and then comes
    nearest to ``fraction`` of each class: with few groups it can only be approached.

    Raises
    ------
    SierError : fewer than two groups, or ``fraction`` outside (0, 1).
    """
    if not 0 < fraction < 1:
        raise SierError(f"A holdout of {fraction} is no fraction.", "Choose a number between 0 and 1.")
    y, g = _checked(labels, groups)
    classes = int(y.max()) + 1
    wanted = fraction * np.bincount(y)
    best: tuple[tuple[int, int, float], Indices] | None = None
    for attempt in np.random.SeedSequence(seed).generate_state(_ATTEMPTS):
        parts = _parts(y, g, min(_PARTS, _largest_k(g)), int(attempt))
        counts = np.array([np.bincount(y[part], minlength=classes) for part in parts])
        chosen = _choose(counts, wanted, np.random.default_rng(attempt))
        tested = counts[chosen].sum(axis=0)
        absent_in_train = int(np.count_nonzero(tested == np.bincount(y)))
        absent_in_test = int(np.count_nonzero(tested == 0))
        score = (absent_in_train, absent_in_test, float(np.abs(tested - wanted).sum()))
        if best is None or score < best[0]:
            best = (score, np.concatenate([parts[part] for part in chosen]))
    assert best is not None
    return _split(len(y), best[1])


def folds(labels: Sequence[str], groups: ArrayLike | None, k: int, seed: int) -> list[Split]:
    """Cross-validation: each row is tested once. With fewer than ``k`` groups there is one fold per group.

    Raises
    ------
    SierError : fewer than two groups, or ``k`` < 2.
    """
    if k < 2:
        raise SierError(f"Cross-validation with {k} folds is none.", "Choose at least 2.")
    y, g = _checked(labels, groups)
    state = int(np.random.SeedSequence(seed).generate_state(1)[0])
    return [_split(len(y), test) for test in _parts(y, g, min(k, _largest_k(g)), state)]


def leave_one_group_out(groups: ArrayLike) -> list[Split]:
    """One split for each group, tested alone; groups in sorted order.

    Raises
    ------
    SierError : fewer than two groups.
    """
    codes = groups_of(groups)
    _checked([""] * len(codes), codes)
    names = [str(name) for name in np.asarray(groups, dtype=object)]
    order = sorted(range(codes.max() + 1), key=lambda code: names[int(np.argmax(codes == code))])
    return [_split(len(codes), np.flatnonzero(codes == code)) for code in order]


def _checked(labels: Sequence[str], groups: ArrayLike | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels and groups as numbers, (n,) each; without groups each row is its own."""
    y = np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1].astype(np.int64)
    g = np.arange(len(y)) if groups is None else groups_of(groups)
    if len(g) != len(y):
        raise ValueError(f"{len(y)} labels but {len(g)} groups")
    if len(np.unique(g)) < 2:
        raise SierError(
            "The samples cannot be split: there are fewer than two groups (speakers).",
            "Add samples of other speakers, or split without groups.",
        )
    return y, g


def _largest_k(g: NDArray[np.int64]) -> int:
    return len(np.unique(g))


def _parts(y: NDArray[np.int64], g: NDArray[np.int64], k: int, state: int) -> list[Indices]:
    """``k`` disjoint sets of rows, none empty, with about the same classes."""
    names = np.unique(g)
    if k >= len(names):  # nothing left to choose; scikit-learn could leave folds empty
        return [np.flatnonzero(g == code) for code in names]
    if np.bincount(y).max() < k:  # no class fills the folds: nothing to stratify
        shuffled = np.array_split(np.random.default_rng(state).permutation(names), k)
        return [np.flatnonzero(np.isin(g, codes)) for codes in shuffled]
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    # the grouped one looks at every group in Python: minutes for 80,893
    kind = StratifiedGroupKFold if len(names) < len(y) else StratifiedKFold
    splitter = kind(k, shuffle=True, random_state=state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class with fewer rows than folds is no mistake here
        tests = [test.astype(np.int64) for _, test in splitter.split(np.zeros(len(y)), y, g)]
    return [test for test in tests if len(test)]


def _choose(counts: NDArray[np.int64], wanted: NDArray[Any], random: np.random.Generator) -> list[int]:
    """Parts whose classes add up to nearly ``wanted``, (C,); ``counts`` is (parts, C).

    At least one, never all. From a random part on, the one is added that brings the sum nearest, as long as
    one does.
    """
    chosen = [int(random.integers(len(counts)))]
    others = [part for part in random.permutation(len(counts)).tolist() if part != chosen[0]]
    while len(others) > 1:
        sums = counts[chosen].sum(axis=0) + np.vstack([np.zeros_like(counts[0]), counts[others]])
        nearest = int(np.abs(sums - wanted).sum(axis=1).argmin())
        if nearest == 0:  # nothing added
            break
        chosen.append(others.pop(nearest - 1))
    return chosen


def _split(n: int, test: Indices) -> Split:
    test = np.sort(test).astype(np.int64)
    return np.setdiff1d(np.arange(n, dtype=np.int64), test), test
