"""The words that window and command line share about people's marks."""

from __future__ import annotations

import math

from sier_gui.core.domain import Modality
from sier_gui.core.explain.people.balance import Balance
from sier_gui.core.explain.people.items import ANSWER, LABEL, PREDICTED, Reading
from sier_gui.core.explain.people.table import Estimate

SENSES = {Modality.IMAGE: "picture", Modality.SPEECH: "speech"}
GROUP_NAMES = {
    "all": "all marks",
    "i": "picture alone (i)",
    "ss": "synthetic speech (ss)",
    "hs": "human speech (hs)",
    "ss-i": "synthetic speech, picture (ss-i)",
    "hs-i": "human speech, picture (hs-i)",
    "people right": "people answered rightly",
    "people wrong": "people answered wrongly",
    "network right": "network predicted rightly",
    "network wrong": "network predicted wrongly",
}
MEASURE_NAMES = {"pointing": "pointing", "iou": "IoU", "rho": "rank correlation"}
MEASURE_TIPS = {
    "pointing": "Share of the people who marked where the network's map is strongest",
    "iou": "Intersection over union of the map's strongest part and the most marked, both as large as marks",
    "rho": "Spearman's rank correlation of the map and the share of people who marked each part",
}
ASSUMPTIONS = (
    "One person: leaving out one after the other, how well their mark predicts the others'; the difference "
    "is the network's figure for the same others minus that.",
    "Shuffled: each sample's map against another's marks, which agree where people mark in usual places.",
    "Intervals: 95 %, over people and samples (two-way; people by the jackknife).",
)
_CLASSES = {PREDICTED: "the predicted class", LABEL: "the label", ANSWER: "each person's own answer"}


def reading_text(reading: Reading) -> str:
    kind = "values that speak for" if reading.values == "positive" else "magnitudes of the values of"
    return f"{kind} {_CLASSES[reading.of]}"


def balance_text(found: Balance) -> str:
    """Which modality decided it, as a sentence; "" where nobody met both."""
    n = found.answers
    if not n:
        return ""
    which = ((found.picture, "the picture only"), (found.speech, "the speech only"), (found.both, "both"))
    parts = ", ".join(f"{100 * count / n:.0f} % on {name}" for count, name in which)
    rho = "" if math.isnan(found.rho) else f"; over {found.samples} samples ρ = {short(found.rho)}"
    on_picture = f"{100 * found.people:.0f} % on the picture"
    return (
        f"Marks on {n:,} pictures with speech: {parts}, which makes {on_picture}. "
        f"The network has {100 * found.network:.0f} % of Σ|φ| there{rho}."
    )


def people_text(people: int, simulated: int) -> str:
    """Who marked, with programs named for what they are."""
    if not simulated:
        return f"{people} people" if people != 1 else "1 person"
    if simulated == people:
        return f"{people} simulated raters (no people)"
    return f"{people - simulated} people and {simulated} simulated raters"


def share_text(estimate: Estimate) -> str:
    """ ".34 [.27–.41]", without an interval where there is none, "–" where it cannot be said."""
    if math.isnan(estimate.value):
        return "–"
    if math.isnan(estimate.low):
        return short(estimate.value)
    return f"{short(estimate.value)} [{short(estimate.low)}, {short(estimate.high)}]"


def short(value: float) -> str:
    """Two decimals without the leading zero: ".58", "−.07", "1.00"; "–" for NaN."""
    if math.isnan(value):
        return "–"
    text = f"{value:.2f}".replace("-", "−")
    text = text.replace("−0.00", "0.00")
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text


def p_text(p: float) -> str:
    if math.isnan(p):
        return ""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)
