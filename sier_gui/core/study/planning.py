"""What a design can detect, before anybody is asked.

Quantiles and shares are taken to three decimals, as printed tables give them, so that every figure can be
checked by hand; that changes no figure by more than one in a thousand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from sier_gui.core.study.records import Modality, Protocol

POWER, ALPHA, BASE = 0.8, 0.05, 0.75
MARGIN = 0.05
DIFFERENCES = (
    (0.75, 0.10),
    (0.75, 0.05),
    (0.745, 0.0197),
)  # base and difference; the last: the paper's ss and hs


def per_column(base: float, difference: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """Independent responses that each of two columns needs to tell ``base`` from ``base + difference``.

    Two-sided z test with unpooled variances (Fleiss, Levin and Paik 2003, §4.2), rounded to the nearest.
    """
    other = round(base + difference, 3)
    variance = base * (1 - base) + other * (1 - other)
    return round((_z(1 - alpha / 2) + _z(power)) ** 2 * variance / difference**2)


def per_column_equivalence(
    base: float = BASE, margin: float = MARGIN, power: float = POWER, alpha: float = ALPHA
) -> int:
    """Independent responses per column for TOST within ± ``margin`` where nothing differs (Julious 2004)."""
    reach = _z(1 - alpha) + _z(1 - (1 - power) / 2)
    return round(reach**2 * 2 * base * (1 - base) / margin**2)


def detectable(responses: float, base: float = BASE, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest difference, centred on ``base``, that ``responses`` independent ones per column detect.

    Shares base ± d/2 have variances that sum to 2·base·(1 − base) − d²/2; solved for d.
    """
    reach = (_z(1 - alpha / 2) + _z(power)) ** 2
    return math.sqrt(reach * 2 * base * (1 - base) / (responses + reach / 2))


def design_effect(protocol: Protocol, icc_rater: float, icc_item: float, classes: int = 4) -> float:
    """How many times more responses than independent ones: 1 + 7·ICC_rater + 5·ICC_item by default.

    A rater answers 8 items of a column and an item has 6 raters there; one less of each are its companions.
    """
    raters_answers, item_answers = _per_column(protocol, classes)
    return 1 + (raters_answers - 1) * icc_rater + (item_answers - 1) * icc_item


def _per_column(protocol: Protocol, classes: int) -> tuple[float, float]:
    """In one column: answers of a rater, answers on an item."""
    items = protocol.items
    in_list = items.per_class * classes
    shown = protocol.design.visits
    return in_list * shown, protocol.design.raters * shown / len(Modality)


@dataclass(frozen=True, slots=True)
class Plan:
    """The planning panel: what this design has, what it detects, what differences would need."""

    responses: int  # per column
    effect: float
    detects: float  # before the design effect
    detects_clustered: float  # after it
    needs: tuple[tuple[float, float, int], ...]  # base, difference, independent responses per column
    equivalence: int
    margin: float

    def to_json(self) -> dict[str, Any]:
        return {
            "responses_per_column": self.responses,
            "design_effect": round(self.effect, 4),
            "detects_points": round(100 * self.detects, 1),
            "detects_points_with_effect": round(100 * self.detects_clustered, 1),
            "needs": [
                {"base": base, "points": round(100 * difference, 4), "independent": n,
                 "with_effect": math.ceil(n * self.effect)}
                for base, difference, n in self.needs
            ],
            "equivalence": {"points": round(100 * self.margin, 4), "independent": self.equivalence,
                            "with_effect": math.ceil(self.equivalence * self.effect)},
        }  # fmt: skip


def make_plan(protocol: Protocol, icc_rater: float = 0.0, icc_item: float = 0.0, classes: int = 4) -> Plan:
    """The panel for a protocol; intraclass correlations from a pilot, or guessed, as the panel says."""
    answers, _ = _per_column(protocol, classes)
    responses = round(protocol.design.raters * answers)
    effect = design_effect(protocol, icc_rater, icc_item, classes)
    needs = tuple((base, difference, per_column(base, difference)) for base, difference in DIFFERENCES)
    margin = protocol.tests.margin
    return Plan(
        responses,
        effect,
        detectable(responses),
        detectable(responses / effect),
        needs,
        per_column_equivalence(margin=margin),
        margin,
    )


def _z(probability: float) -> float:
    return round(NormalDist().inv_cdf(probability), 3)
