"""From the probabilities of two networks to a label: a pure function, so that labels can be made again.

000 §3.1: the class whose probability is the largest of all, over both networks, labels the sample; samples
whose largest probability is below 0.5 are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.catalogue import ordered_classes
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError

Floats = NDArray[np.float64]

RULES = ("max", "agree")
THRESHOLD = 0.5
# What networks of other class sets call the four classes; a class that is not here is dropped. The paper
# (§3.1) names excitement and disgust, the others are other words for the same four.
MAPPING: Mapping[str, str] = {
    "anger": "anger", "angry": "anger", "ang": "anger",
    "happy": "happy", "happiness": "happy", "joy": "happy", "hap": "happy",
    "excitement": "happy", "excited": "happy", "exc": "happy",
    "hate": "hate", "disgust": "hate", "disgusted": "hate", "dis": "hate",
    "sad": "sad", "sadness": "sad",
}  # fmt: skip
# Equal maxima: speech decides, the paper's max_1.
_ORDER = (Modality.SPEECH, Modality.IMAGE)
KEPT, LOW, DISAGREE = "", "below-threshold", "disagree"


@dataclass(frozen=True, slots=True)
class Answers:
    """One network's probabilities for n samples, in its own classes: ``values`` float64 (n, K)."""

    classes: tuple[str, ...]
    values: Floats


@dataclass(frozen=True, slots=True)
class Labels:
    """What a rule makes of n samples' probabilities.

    Attributes
    ----------
    classes : the C classes that labels come from.
    best : (n,) index of the class of the larger maximum.
    reason : (n,) "" where that class is the label, else why the sample is dropped: "below-threshold", or
        "disagree" (rule "agree").
    decided_by : (n,) the modality whose maximum is the larger one.
    confidence : (n,) that maximum.
    """

    classes: tuple[str, ...]
    best: NDArray[np.int64]
    reason: NDArray[Any]
    decided_by: NDArray[Any]
    confidence: Floats

    def __len__(self) -> int:
        return len(self.best)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(n,)"""
        return np.asarray(self.reason == KEPT)

    def names(self) -> list[str]:
        """Each sample's label, "" where it is dropped."""
        known = np.array([*self.classes, ""], dtype=object)
        found: list[str] = known[np.where(self.kept, self.best, len(self.classes))].tolist()
        return found

    def changed(self, other: Labels) -> int:
        """How many samples have another label, or are kept by only one of the two."""
        return sum(a != b for a, b in zip(self.names(), other.names(), strict=True))


def relabel(
    probabilities: Mapping[Modality, Answers],
    rule: str = "max",
    threshold: float = THRESHOLD,
    mapping: Mapping[str, str] = MAPPING,
) -> Labels:
    """Label samples by what the networks answered.

    Parameters
    ----------
    probabilities : of the same n samples, by modality; one modality alone will do.
    rule : "max": the class of the larger maximum (the paper's). "agree": the same, where the networks'
        most probable classes are one.
    threshold : a sample whose larger maximum is below it is dropped; one that equals it is kept. A sample
        of which no network says anything about the classes is dropped at any threshold.
    mapping : a network's class → a class of the dataset; see `mapped`.

    Of equal probabilities the first class wins, of equal maxima that of speech.

    Raises
    ------
    SierError : an unknown rule, a threshold outside [0, 1], or a network that knows no class of the mapping.
    """
    check_rule(rule, threshold)
    classes = ordered_classes(mapping.values())
    streams = [m for m in _ORDER if m in probabilities]
    tables = np.stack([mapped(probabilities[m], mapping, classes) for m in streams])  # (M, n, C)
    tops, maxima = tables.argmax(axis=2), tables.max(axis=2)
    decides = maxima.argmax(axis=0)
    rows = np.arange(tables.shape[1])
    best, confidence = tops[decides, rows], maxima[decides, rows]
    reason = np.full(len(rows), KEPT, dtype=object)
    if rule == "agree":
        silent = (maxima == 0).any(axis=0)  # a network that says nothing agrees with none
        reason[(tops != tops[0]).any(axis=0) | silent] = DISAGREE
    reason[(confidence < threshold) | (confidence == 0)] = LOW  # 0: no network knows any of the classes here
    decided_by = np.array([str(m) for m in streams], dtype=object)[decides]
    return Labels(classes, best.astype(np.int64), reason, decided_by, confidence)


def mapped(answers: Answers, mapping: Mapping[str, str], classes: tuple[str, ...]) -> Floats:
    """(n, K) in the network's classes → (n, C) in ``classes``: summed, the rest dropped, renormalised.

    A row whose whole probability is dropped becomes zeros: it says nothing about these classes.
    """
    check_classes(answers.classes, mapping)
    result = np.zeros((len(answers.values), len(classes)))
    for name, column in zip(answers.classes, answers.values.T, strict=True):
        if name in mapping:
            result[:, classes.index(mapping[name])] += column
    if all(name in mapping for name in answers.classes):
        return result  # nothing dropped: dividing by a sum that is 1 would only round
    total = result.sum(axis=1, keepdims=True)
    return np.divide(result, total, out=np.zeros_like(result), where=total > 0)


def left_out(known: tuple[str, ...], mapping: Mapping[str, str]) -> list[str]:
    """The classes of a network that the mapping has no place for."""
    return [name for name in known if name not in mapping]


def check_rule(rule: str, threshold: float) -> None:
    """Raises `SierError` for a rule that does not exist or a threshold that no probability can meet."""
    if rule not in RULES:
        raise SierError(f"There is no rule {rule!r} for labels.", f"Use {' or '.join(RULES)}.")
    if not 0 <= threshold <= 1:
        raise SierError(f"A threshold of {threshold} is no probability.", "Use a number from 0 to 1.")


def check_classes(known: tuple[str, ...], mapping: Mapping[str, str]) -> None:
    """Raises `SierError` where none of a network's classes ``known`` is in the mapping."""
    if not any(name in mapping for name in known):
        raise SierError(
            f"None of the network's classes ({', '.join(known)}) is mapped to a class of the dataset.",
            "Map them: --map NAME=CLASS.",
        )
