"""A comparison in lines of text, and the words that window and command line share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from sier_gui.core.domain import Modality
from sier_gui.core.explain.people.items import ANSWER, LABEL, PREDICTED, Reading
from sier_gui.core.explain.people.measures import MEASURES
from sier_gui.core.explain.people.run import Comparison
from sier_gui.core.explain.people.table import Estimate, Line

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
    "iou": "Intersection over union of the map's strongest part and of the most marked, both as large as marks",
    "rho": "Spearman's rank correlation of the map and the share of people who marked each part",
}
ASSUMPTIONS = (
    "One person: leaving out one after the other, how well their mark predicts the others'; the difference is "
    "the network's figure for the same others minus that.",
    "Shuffled: each sample's map against another's marks, which agree where people mark in usual places.",
    "Intervals: 95 %, over people and samples (two-way; people by the jackknife).",
)
_CLASSES = {PREDICTED: "the predicted class", LABEL: "the label", ANSWER: "each person's own answer"}
_LEAST = 10  # samples listed


def reading_text(reading: Reading) -> str:
    kind = "values that speak for" if reading.values == "positive" else "magnitudes of the values of"
    return f"{kind} {_CLASSES[reading.of]}"


def people_text(people: int, simulated: int) -> str:
    """Who marked, with programs named for what they are."""
    if not simulated:
        return f"{people} people" if people != 1 else "1 person"
    if simulated == people:
        return f"{people} simulated raters, no people"
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


def lines(found: Comparison) -> Iterator[str]:
    """As ``sier-gui study rationales`` prints it."""
    facts = found.provenance
    marks, samples = sum(len(one.marks) for one in found.looked), {one.sample_id for one in found.looked}
    yield (
        f"{people_text(found.people, found.simulated)}: {marks:,} marks on {len(samples):,} samples; "
        f"{facts['release']}, {facts['method']} {facts['grid']}×{facts['grid']} + {facts['segments']}; "
        f"{reading_text(found.reading)}"
    )
    for sense in Modality:
        own = [line for line in found.lines if line.sense is sense]
        if own:
            yield ""
            yield SENSES[sense]
            yield from _aligned([row for line in own for row in _rows(line)])
    yield ""
    yield from ASSUMPTIONS
    for why, count in found.left_out.items():
        yield f"{count} marks are left out: {why}."
    yield from _disagreements(found)


def _rows(line: Line) -> Iterator[tuple[str, ...]]:
    for row, name in enumerate(MEASURES):
        yield (
            f"  {GROUP_NAMES[line.group]}" if row == 0 else "",
            f"{line.maps} maps" if row == 0 else f"{line.people} raters" if row == 1 else "",
            MEASURE_NAMES[name],
            share_text(line.network[name]),
            f"chance {short(line.chance[name])}",
            f"shuffled {short(line.shuffled[name])} {p_text(line.p[name])}".rstrip(),
            f"one person {share_text(line.person[name])}",
            f"difference {share_text(line.gap[name])}",
        )


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _disagreements(found: Comparison) -> Iterator[str]:
    """The maps on which people agree with each other and not with the network."""
    known = [
        (said["gap"]["rho"], item, said)
        for item, said in found.samples()
        if not math.isnan(said["gap"]["rho"])
    ]
    if not known:
        return
    yield ""
    yield "where people agree and the network disagrees most (rank correlation)"
    for _, item, said in sorted(known, key=_first)[:_LEAST]:
        voice = f", {item.looked.voice}" if item.looked.voice else ""
        yield (
            f"  {item.looked.sample_id} ({SENSES[item.looked.sense]}{voice}): network "
            f"{short(said['network_out']['rho'])}, one person {short(said['person']['rho'])}, "
            f"{len(item.people)} raters, explained for {item.target}"
        )


def _first(entry: tuple[float, object, Mapping[str, object]]) -> float:
    return entry[0]
