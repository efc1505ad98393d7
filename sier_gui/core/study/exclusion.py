"""Who is left out of Table 1, by rules fixed beforehand; results are reported with and without them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from sier_gui.core.study.records import ExclusionRules, Kind, Rater, Response


def excluded(
    responses: Iterable[Response], rules: ExclusionRules, raters: Sequence[Rater] = ()
) -> Mapping[str, str]:
    """Pseudonym → the rule broken, for each rater whom the ``rules`` or a record exclude."""
    of: dict[str, list[Response]] = defaultdict(list)
    for response in responses:
        of[response.rater].append(response)
    known = {rater.rater: rater for rater in raters}
    reasons = {name: _reason(answers, rules, known.get(name)) for name, answers in of.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _reason(answers: Sequence[Response], rules: ExclusionRules, rater: Rater | None) -> str:
    if rater is not None and rater.excluded:
        return rater.excluded
    if rater is not None and rules.headphones and rater.headphones == "failed":
        return "failed the headphone check"
    for kind, allowed in ((Kind.TRAP, rules.traps_missed), (Kind.GOLD, rules.gold_missed)):
        wrong, asked = missed(answers, kind)
        if wrong > allowed:
            return f"missed {wrong} of {asked} {kind} trials"
    middle = median_ms(answers)
    if middle is not None and middle < rules.fast_ms:
        return f"median response time {middle:.0f} ms is below {rules.fast_ms} ms"
    return ""


def missed(answers: Iterable[Response], kind: Kind) -> tuple[int, int]:
    """Wrong answers to trials of a ``kind``, and all answers to them; technical problems are neither."""
    asked = [r for r in answers if r.kind is kind and r.answer]
    return sum(not r.correct for r in asked), len(asked)


def median_ms(answers: Iterable[Response]) -> float | None:
    """Of the trials that count; None where no time is known."""
    times = [r.rt_ms for r in answers if r.counted and r.rt_ms is not None]
    return median(times) if times else None
