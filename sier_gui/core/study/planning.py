"""What a design can detect, before anybody is asked.

Quantiles and shares are taken to three decimals, as printed tables give them, so that every figure can be
checked by hand; that changes no figure by more than one in a thousand.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

from sier_gui.core.errors import SierError
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


# ---------------------------------------------------------------- asked as one types


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody who plans a study wonders about; shares, not points."""

    base: float = BASE
    difference: float = 0.10
    margin: float = MARGIN
    power: float = POWER
    alpha: float = ALPHA
    icc_rater: float = 0.0
    icc_item: float = 0.0

    def check(self) -> None:
        """Raises `SierError` where the formulas have no answer."""
        for name, value in (("base rate", self.base), ("power", self.power), ("alpha", self.alpha)):
            if not 0 < value < 1:
                raise SierError(f"The {name} lies between 0 and 1.", "Change it.")
        if not 0 < abs(self.difference) < 1 or not 0 < round(self.base + self.difference, 3) < 1:
            raise SierError(
                "Base rate and difference together lie between 0 and 100 %.", "Change one of them."
            )
        if not 0 < self.margin < 1:
            raise SierError("The margin of equivalence lies above 0.", "Use for example 5 points.")
        if not 0 <= self.icc_rater <= 1 or not 0 <= self.icc_item <= 1:
            raise SierError("An intraclass correlation lies between 0 and 1.", "Use for example 0.05.")


@dataclass(frozen=True, slots=True)
class Need:
    """Responses per column, if independent and with the design effect; ``raters`` None where no number of
    them is enough with so few items."""

    independent: int
    clustered: int
    raters: int | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """Answer to a `Question`: what the design has and detects, what the difference and the margin need."""

    responses: int  # per column
    effect: float
    detects: float  # before the design effect
    detects_clustered: float
    difference: Need
    equivalence: Need

    def to_json(self) -> dict[str, Any]:
        return {
            "responses_per_column": self.responses,
            "design_effect": round(self.effect, 4),
            "detects_points": round(100 * self.detects, 1),
            "detects_points_with_effect": round(100 * self.detects_clustered, 1),
            "difference": asdict(self.difference),
            "equivalence": asdict(self.equivalence),
        }


def ask(question: Question, protocol: Protocol, classes: int = 4) -> Outlook:
    """What a protocol's design can tell about a question.

    Raises
    ------
    SierError : see `Question.check`.
    """
    question.check()
    base, power, alpha = question.base, question.power, question.alpha
    answers, _ = _per_column(protocol, classes)
    responses = round(protocol.design.raters * answers)
    effect = design_effect(protocol, question.icc_rater, question.icc_item, classes)

    def need(independent: int) -> Need:
        raters = _raters_for(independent, protocol, question, classes)
        return Need(independent, math.ceil(independent * effect), raters)

    return Outlook(
        responses,
        effect,
        detectable(responses, base, power, alpha),
        detectable(responses / effect, base, power, alpha),
        need(per_column(base, question.difference, power, alpha)),
        need(per_column_equivalence(base, question.margin, power, alpha)),
    )


def _raters_for(independent: int, protocol: Protocol, question: Question, classes: int) -> int | None:
    """The fewest raters R with R·a ≥ n·(1 + (a − 1)·ICC_rater + (R·v/5 − 1)·ICC_item), a answers a column.

    More raters answer the same items more often, so that beyond a point only more items help: then None.
    """
    answers, _ = _per_column(protocol, classes)
    per_rater = protocol.design.visits / len(Modality)  # answers on one item in a column
    gain = answers - independent * per_rater * question.icc_item
    if gain <= 0:
        return None
    fixed = independent * (1 + (answers - 1) * question.icc_rater - question.icc_item)
    return max(1, math.ceil(fixed / gain - 1e-9))


def _z(probability: float) -> float:
    return round(NormalDist().inv_cdf(probability), 3)
