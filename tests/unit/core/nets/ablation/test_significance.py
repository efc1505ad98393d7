"""Tests between networks against statsmodels, textbook figures and a bootstrap written out."""

import numpy as np
import pytest
from comparing import said
from sklearn.metrics import balanced_accuracy_score
from statsmodels.stats.contingency_tables import mcnemar as mcnemar_oracle
from statsmodels.stats.multitest import multipletests

from sier_gui.core.errors import SierError
from sier_gui.core.nets.ablation.significance import compare, holm, mcnemar, paired_difference
from sier_gui.core.nets.training.intervals import group_draws


@pytest.mark.parametrize("seed", range(6))
def test_mcnemar_is_statsmodels_exact_test(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 80)) < [[0.8], [0.7]]
    table = [
        [(first & second).sum(), (first & ~second).sum()],
        [(~first & second).sum(), (~first & ~second).sum()],
    ]
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (table[0][1], table[1][0])
    assert found.p == pytest.approx(mcnemar_oracle(table, exact=True).pvalue, abs=1e-12)


def test_mcnemar_by_hand():
    # 1 of 6 that differ: 2·(1 + 6)/2^6
    first = np.array([1] + [0] * 5 + [1] * 10, bool)
    second = np.array([0] + [1] * 5 + [1] * 10, bool)
    assert mcnemar(first, second).p == pytest.approx(14 / 64)


def test_networks_that_are_right_together_do_not_differ():
    found = mcnemar([True, False], [True, False])
    assert (found.only_first, found.only_second, found.p) == (0, 0, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_statsmodels(seed):
    p = np.random.default_rng(seed).random(7) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_the_difference_is_drawn_over_whole_speakers():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 15)
    good, poor = said(rng.random(180) < 0.8, groups=groups), said(rng.random(180) < 0.6, groups=groups)
    found = paired_difference([good], [poor], draws=400, seed=3)
    labels, apart = good.labels, []
    names = np.unique(groups.astype(str))  # drawn in the order of their names
    for weights in group_draws(12, 400, 3).astype(int):
        index = np.concatenate(
            [np.tile(np.flatnonzero(groups.astype(str) == g), w) for g, w in zip(names, weights, strict=True)]
        )
        scores = [
            balanced_accuracy_score(labels[index], one.probabilities[index].argmax(1)) for one in (good, poor)
        ]
        apart.append(scores[0] - scores[1])
    assert found.difference == pytest.approx(
        balanced_accuracy_score(labels, good.probabilities.argmax(1))
        - balanced_accuracy_score(labels, poor.probabilities.argmax(1))
    )
    assert [found.low, found.high] == pytest.approx(np.quantile(apart, (0.025, 0.975)))
    tail = min(sum(d <= 0 for d in apart), sum(d >= 0 for d in apart))
    assert found.p == pytest.approx(max(2 * (tail + 1) / 401, 2.0**-11))


def test_few_speakers_cannot_be_sure():
    groups = np.repeat(np.arange(3), 20)
    always, never = said(np.ones(60), groups=groups), said(np.zeros(60), groups=groups)
    found = paired_difference([always], [never])
    assert found.difference == 1.0
    assert found.p == 0.25  # three signs: 2 of 8


def test_nothing_is_found_where_nothing_is():
    """With 40 speakers and no difference, about one in twenty tests says there is one."""
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(40), 6)
    false = 0
    for _ in range(80):
        ease = np.repeat(rng.random(40), 6)  # speakers differ, for both networks alike
        first, second = (said(rng.random(240) < ease, groups=groups) for _ in range(2))
        false += paired_difference([first], [second], draws=300).p < 0.05
    assert false <= 10


def test_comparisons_are_corrected_together_and_find_samples_by_name():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(10), 12)
    best = said(np.ones(120), "best", groups=groups)
    others = [(f"n{i}", [said(rng.random(120) < 0.5 + i / 10, f"n{i}", groups=groups)]) for i in range(3)]
    shuffled = [(name, [runs[0].take(rng.permutation(120))]) for name, runs in others]
    found = compare(("best", [best]), others)
    assert found == compare(("best", [best]), shuffled)
    assert [one.mcnemar_holm for one in found] == pytest.approx(
        multipletests([one.mcnemar.p for one in found], method="holm")[1]
    )
    assert "best − n0: +0." in found[0].spoken()


def test_other_samples_or_labels_are_refused():
    one, other = said(np.ones(12)), said(np.ones(11))
    with pytest.raises(SierError, match="same samples"):
        compare(("one", [one]), [("other", [other])])
    relabelled = said(np.ones(12), labels=(np.arange(12) + 1) % 3)
    with pytest.raises(SierError, match="classes or labels"):
        compare(("one", [one]), [("other", [relabelled])])
