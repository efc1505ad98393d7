"""What a `TruthReport` says, in numbers with one plain sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.gui.explaining import METHODS

if TYPE_CHECKING:
    from sier_gui.core.explain.truth.report import TruthReport

BOTH = "both"  # as `core.explain.truth.case`, whose import would keep the window waiting
RIVALS = {
    "gradcam": "Grad-CAM",
    "gradients": "integrated gradients",
    "occlusion": "occlusion",
    "random": "random order",
}
_PLAYERS = {Modality.IMAGE: "patch", Modality.SPEECH: "segment"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, its number in words, and what that means."""

    title: str
    number: str
    meaning: str


def number(value: float) -> str:
    """Two decimals with a real minus; a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:z.2f}".replace("-", "−")


def method_name(report: TruthReport, name: str) -> str:
    return METHODS[name].short if name == report.ours else RIVALS.get(name, name)


def findings(report: TruthReport) -> list[Finding]:
    """The four checks; what could not be checked says why."""
    return [_order(report), _randomised(report), _absences(report), _pointing(report)]


def _order(report: TruthReport) -> Finding:
    ours = report.curves[report.ours][BOTH]
    others = {name: report.curves[name][BOTH].faithfulness for name in report.rivals if name in report.curves}
    best = max(others, key=others.__getitem__, default="")
    gone, there = number(ours.deletion_area), number(ours.insertion_area)
    said = (
        "Parts are taken away, and added, in the map's order: the prediction stays at"
        f" {gone} on average while they go and reaches {there} while they come."
        " The larger the difference, the better the map knows which parts count."
    )
    if best:
        said += f" The best of the others, {method_name(report, best)}, has {number(others[best])}."
    return Finding("Deletion and insertion", number(ours.faithfulness), said)


def _randomised(report: TruthReport) -> Finding:
    rho = {step: values[BOTH] for step, values in report.randomised.items()}
    steps = ", ".join(f"{step} {number(value)}" for step, value in rho.items())
    return Finding(
        "Randomised network",
        f"ρ {number(list(rho.values())[-1])}",
        f"Rank correlation with the maps of networks whose weights were drawn anew ({steps})."
        " Near 0 is right: a map that stays the same tells about the input, not about what the network"
        " has learnt.",
    )


def _absences(report: TruthReport) -> Finding:
    others = report.absence_rho[BOTH][0, 1:]
    known = others[np.isfinite(others)]
    pairs = ", ".join(f"{name} {number(rho)}" for name, rho in zip(report.absences[1:], others, strict=True))
    return Finding(
        "Agreement across absences",
        f"ρ {number(float(known.mean()) if len(known) else math.nan)}",
        f"Rank correlation of this map, made with {report.absences[0]}, with the maps made with {pairs}."
        " At 1 it makes no difference what stands in for a removed part.",
    )


def _pointing(report: TruthReport) -> Finding:
    title = "Pointing at the evidence"
    if not report.area_share:
        return Finding(
            title,
            "–",
            f"Nobody says where the evidence for {report.target} lies in this sample:"
            " an evidence.csv beside the table would.",
        )
    found = report.pointing[report.ours]
    hits = ", ".join(f"{m} {number(one.hit)}" for m, one in found.items())
    chance = ", ".join(f"{m} {100 * share:.0f} %" for m, share in report.area_share.items())
    strongest = " and ".join(
        f"the strongest {_PLAYERS[m]} {'lies' if one.hit > 0.5 else 'does not lie'} in it"
        for m, one in found.items()
    )
    return Finding(
        title,
        hits,
        f"Where the evidence is known to lie: {strongest}. By chance it would in {chance} of the cases.",
    )


def table_rows(report: TruthReport, scope: str) -> Iterator[tuple[str, ...]]:
    """By method: areas under deletion and insertion and their difference; why a rival has none instead."""
    for name in report.maps:
        curves = report.curves[name][scope]
        areas = (curves.deletion_area, curves.insertion_area, curves.faithfulness)
        yield (method_name(report, name), *map(number, areas))
    for reason in dict.fromkeys(report.left_out.values()):
        names = [method_name(report, name) for name, why in report.left_out.items() if why == reason]
        yield (",\n".join(names), reason)
