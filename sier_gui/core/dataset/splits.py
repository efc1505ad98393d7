"""Train and test rows: classes spread evenly, groups (speakers) never on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sier_gui.core.errors import SierError

Indices = NDArray[np.int64]
Split = tuple[Indices, Indices]  # train, test: ascending row numbers
MOST_LEFT_OUT = 1000  # groups left out one at a time: each is a training
_ATTEMPTS = 8
_PARTS = 20


def groups_of(speakers: ArrayLike) -> NDArray[np.int64]:
    """Group numbers (n,) of a speaker column; a row without a speaker ("" or NaN) is a group of its own."""
    names = np.array([str(name) for name in np.asarray(speakers, dtype=object)])
    alone = np.isin(names, ("", "nan"))
    _, codes = np.unique(names, return_inverse=True)
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
    SierError : fewer than two groups, or more than `MOST_LEFT_OUT`.
    """
    codes = groups_of(groups)
    _checked([""] * len(codes), codes)
    if codes.max() >= MOST_LEFT_OUT:
        raise SierError(
            f"Leaving out one of {codes.max() + 1:,} groups at a time is as many trainings.",
            "Use folds, or a column that names speakers.",
        )
    names = np.array([str(name) for name in np.asarray(groups, dtype=object)])
    _, first = np.unique(codes, return_index=True)
    return [_split(len(codes), np.flatnonzero(codes == code)) for code in np.argsort(names[first])]


def _checked(labels: Sequence[str], groups: ArrayLike | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels and groups as numbers, (n,) each; without groups each row is its own."""
    y = np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1].astype(np.int64)
    g = np.arange(len(y), dtype=np.int64) if groups is None else groups_of(groups)
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
    """``k`` disjoint sets of rows, none empty, with about the same classes; ``g`` numbers groups from 0."""
    groups, classes = int(g.max()) + 1, int(y.max()) + 1
    counts = np.bincount(g * classes + y, minlength=groups * classes).reshape(groups, classes)
    # as many parts as groups: nothing left to choose
    part = np.arange(groups) if k >= groups else _assigned(counts, k, np.random.default_rng(state))
    order = np.argsort(part[g], kind="stable").astype(np.int64)
    return np.split(order, np.cumsum(np.bincount(part[g]))[:-1])


def _assigned(counts: NDArray[np.int64], k: int, random: np.random.Generator) -> NDArray[np.int64]:
    """One of ``k`` parts for each group, (G,), whose classes are ``counts`` (G, C); G > ``k``.

    As scikit-learn's StratifiedGroupKFold: groups with most of one class come first, and each goes where the
    parts' shares of every class then differ least. But groups that are alike (80,893 samples of unknown
    speakers are of as many kinds as classes) go in bulk: in ever smaller handfuls, the last one by one.
    """
    kinds, kind_of = np.unique(counts, axis=0, return_inverse=True)
    kind_of, order = kind_of.ravel(), random.permutation(len(counts))
    members = np.split(order[np.argsort(kind_of[order], kind="stable")], np.cumsum(np.bincount(kind_of))[:-1])
    shares = kinds / np.maximum(counts.sum(axis=0), 1)
    part = np.empty(len(counts), np.int64)
    held = np.zeros((k, shares.shape[1] + 1))  # the last column counts rows: it decides between equals
    shuffled = random.permutation(len(kinds))
    for kind in shuffled[np.argsort(-kinds[shuffled].std(axis=1), kind="stable")].tolist():
        left, one = members[kind], np.append(shares[kind], kinds[kind].sum() / counts.sum())
        while len(left):
            handful = max(1, len(left) // k)
            best = _least_uneven(held, one * handful)
            held[best] += one * handful
            part[left[:handful]] = best
            left = left[handful:]
    for empty in np.setdiff1d(np.arange(k), part):
        fullest = np.flatnonzero(part == np.bincount(part).argmax())
        part[fullest[counts[fullest].sum(axis=1).argmin()]] = empty
    return part


def _least_uneven(held: NDArray[np.float64], more: NDArray[np.float64]) -> int:
    """The row of ``held`` (k, C + 1) after whose growth by ``more`` the columns differ least between rows."""
    k = len(held)
    squares = np.einsum("kc,kc->c", held, held) + more * (2 * held + more)
    spread = np.sqrt(np.maximum(squares / k - ((held.sum(axis=0) + more) / k) ** 2, 0))
    # among equals the one with the fewest rows; rounding alone must not decide
    return int((spread[:, :-1].sum(axis=1) + 1e-9 * held[:, -1]).argmin())


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
    tested = np.zeros(n, bool)
    tested[test] = True
    return np.flatnonzero(~tested).astype(np.int64), np.flatnonzero(tested).astype(np.int64)
