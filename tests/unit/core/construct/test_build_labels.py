"""Labels from probabilities: the paper's example, and every rule against a plain statement of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sier_gui.core.construct.pipeline.labels import MAPPING, Answers, Labels, left_out, mapped, relabel
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError

CLASSES = ("anger", "happy", "hate", "sad")
IEMOCAP = ("anger", "disgust", "excitement", "fear", "happy", "neutral", "sad")
FI = ("amusement", "anger", "awe", "contentment", "disgust", "excitement", "fear", "sadness")


def answers(ser: list[list[float]], ier: list[list[float]], known: tuple[str, ...] = CLASSES) -> dict:
    return {
        Modality.SPEECH: Answers(known, np.array(ser, float)),
        Modality.IMAGE: Answers(known, np.array(ier, float)),
    }


def test_the_papers_worked_example_gives_the_second_class() -> None:
    labels = relabel(answers([[0.1, 0.1, 0.7, 0.1]], [[0.1, 0.8, 0.05, 0.05]]))
    assert labels.classes == CLASSES
    assert labels.names() == [CLASSES[1]]
    assert labels.decided_by.tolist() == ["image"]
    assert labels.confidence.tolist() == [0.8]
    dropped = relabel(answers([[0.1, 0.1, 0.7, 0.1]], [[0.1, 0.8, 0.05, 0.05]]), rule="agree")
    assert (dropped.names(), dropped.reason.tolist()) == ([""], ["disagree"])


def test_a_maximum_below_the_threshold_is_dropped_one_that_equals_it_is_kept() -> None:
    given_ = answers([[0.49, 0.17, 0.17, 0.17], [0.5, 0.2, 0.2, 0.1]], [[0.25] * 4] * 2)
    assert relabel(given_).names() == ["", "anger"]
    assert relabel(given_, threshold=0.49).names() == ["anger", "anger"]
    assert relabel(given_).reason.tolist() == ["below-threshold", ""]


def test_equal_maxima_go_to_speech_equal_classes_to_the_first() -> None:
    labels = relabel(answers([[0.0, 0.6, 0.0, 0.4]], [[0.6, 0.0, 0.0, 0.4]]))
    assert (labels.names(), labels.decided_by.tolist()) == (["happy"], ["speech"])
    assert relabel(answers([[0.5, 0.0, 0.5, 0.0]], [[0.25] * 4])).names() == ["anger"]


def test_other_classes_are_summed_dropped_and_renormalised() -> None:
    row = [0.10, 0.20, 0.05, 0.15, 0.10, 0.30, 0.10]  # 0.55 of it is kept
    table = mapped(Answers(IEMOCAP, np.array([row])), MAPPING, CLASSES)
    np.testing.assert_allclose(table, [[0.10 / 0.55, 0.15 / 0.55, 0.20 / 0.55, 0.10 / 0.55]])
    only_dropped = mapped(Answers(IEMOCAP, np.array([[0, 0, 0, 0.5, 0, 0.5, 0.0]])), MAPPING, CLASSES)
    assert only_dropped.tolist() == [[0.0] * 4]


def test_a_network_that_says_nothing_decides_nothing() -> None:
    silent = {
        Modality.SPEECH: Answers(IEMOCAP, np.array([[0, 0, 0, 0.5, 0, 0.5, 0.0]])),
        Modality.IMAGE: Answers(CLASSES, np.array([[0.7, 0.1, 0.1, 0.1]])),
    }
    assert relabel(silent).names() == ["anger"]
    assert relabel(silent).decided_by.tolist() == ["image"]
    assert relabel(silent, rule="agree").names() == [""]


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"rule": "mean"}, "no rule 'mean'"),
        ({"threshold": 1.5}, "threshold of 1.5"),
        ({"threshold": float("nan")}, "threshold of nan"),
        ({"mapping": {"joyful": "happy"}}, "None of the network's classes"),
    ],
)
def test_choices_that_do_not_exist_are_refused(choices: dict, said: str) -> None:
    with pytest.raises(SierError, match=said):
        relabel(answers([[0.25] * 4], [[0.25] * 4]), **choices)


# ---------------------------------------------------------------- properties


@st.composite
def problems(draw: st.DrawFn) -> tuple[dict, str, float, dict[str, str]]:
    """Probabilities of two networks in their own class sets, with ties more often than by chance."""
    found, n = {}, draw(st.integers(1, 6))
    for modality in Modality:
        known = draw(st.sampled_from([CLASSES, IEMOCAP, FI, ("sad", "happy")]))
        parts = draw(
            st.lists(
                st.lists(st.integers(0, 4), min_size=len(known), max_size=len(known)).filter(any),
                min_size=n,
                max_size=n,
            )
        )
        values = np.array(parts, float)
        found[modality] = Answers(known, values / values.sum(axis=1, keepdims=True))
    mapping = draw(
        st.sampled_from(
            [dict(MAPPING), dict(MAPPING) | {"fear": "sad", "awe": "happy", "neutral": "neutral"}]
        )
    )
    return (
        found,
        draw(st.sampled_from(["max", "agree"])),
        draw(st.sampled_from([0.0, 0.3, 0.5, 0.9])),
        mapping,
    )


def plainly(found: dict, rule: str, threshold: float, mapping: dict[str, str]) -> list[tuple[str, str]]:
    """The rule as a person would say it, sample by sample: (label, deciding modality)."""
    order = [c for c in ("anger", "happy", "hate", "sad") if c in mapping.values()]
    order += sorted(set(mapping.values()) - set(order))
    results = []
    for i in range(len(found[Modality.SPEECH].values)):
        tops = []
        for m in (Modality.SPEECH, Modality.IMAGE):
            sums = dict.fromkeys(order, 0.0)
            for name, p in zip(found[m].classes, found[m].values[i], strict=True):
                if name in mapping:
                    sums[mapping[name]] += p
            left = sum(sums.values())
            everything_kept = all(name in mapping for name in found[m].classes)
            shares = {c: p if everything_kept else p / left if left else 0.0 for c, p in sums.items()}
            best = max(shares.values())
            tops.append((next(c for c in order if shares[c] == best), best, str(m)))
        speech, image = tops
        label, maximum, decided = image if image[1] > speech[1] else speech
        differ = speech[0] != image[0] or 0.0 in (speech[1], image[1])
        if maximum < threshold or maximum == 0 or (rule == "agree" and differ):
            label = ""
        results.append((label, decided))
    return results


@given(problems())
def test_labels_are_what_the_rule_says(problem: tuple[dict, str, float, dict[str, str]]) -> None:
    labels = relabel(*problem)
    assert list(zip(labels.names(), labels.decided_by, strict=True)) == plainly(*problem)
    assert all(
        (reason == "") == (name != "") for name, reason in zip(labels.names(), labels.reason, strict=True)
    )


@given(problems(), st.sampled_from([0.4, 0.7, 1.0]))
def test_a_stricter_rule_only_drops(problem: tuple[dict, str, float, dict[str, str]], higher: float) -> None:
    found, _, threshold, mapping = problem
    loose = relabel(found, "max", threshold, mapping).names()
    for strict in (
        relabel(found, "agree", threshold, mapping),
        relabel(found, "max", max(threshold, higher), mapping),
    ):
        assert all(name in ("", before) for name, before in zip(strict.names(), loose, strict=True))


@given(problems(), problems())
def test_changed_counts_samples_with_another_label(first: tuple, second: tuple) -> None:
    n = min(len(first[0][Modality.SPEECH].values), len(second[0][Modality.SPEECH].values))

    def cut(labels: Labels) -> Labels:
        arrays = (labels.best[:n], labels.reason[:n], labels.decided_by[:n], labels.confidence[:n])
        return Labels(labels.classes, *arrays)

    a, b = cut(relabel(*first)), cut(relabel(*second))
    differing = [i for i in range(n) if a.names()[i] != b.names()[i]]
    assert a.changed(b) == b.changed(a) == len(differing)
    assert a.changed(a) == 0


def test_what_no_network_speaks_of_is_dropped_at_any_threshold() -> None:
    nothing = Answers(IEMOCAP, np.array([[0, 0, 0, 0.5, 0, 0.5, 0.0], [0.2, 0, 0, 0.5, 0, 0.3, 0.0]]))
    for rule in ("max", "agree"):
        labels = relabel({Modality.SPEECH: nothing, Modality.IMAGE: nothing}, rule, 0.0)
        assert labels.names() == ["", "anger"]
        assert labels.reason.tolist() == ["below-threshold", ""]


def test_classes_without_a_place_are_listed() -> None:
    assert left_out(IEMOCAP, MAPPING) == ["fear", "neutral"]
    assert left_out(CLASSES, MAPPING) == []
