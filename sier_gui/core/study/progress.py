"""How far a rater is, and what was met in which order: the experimenter's side, which may know labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sier_gui.core.study.exclusion import median_ms, missed
from sier_gui.core.study.records import Kind, Modality, Rater, Response, Trial

if TYPE_CHECKING:
    from sier_gui.core.study.design import Design
    from sier_gui.core.study.project import Project


class Standing(StrEnum):
    """What became of a trial."""

    ANSWERED = "answered"
    PROBLEM = "technical problem"
    INTERRUPTED = "interrupted"  # its stimulus began and it has no answer: never shown again
    COMING = "to come"


@dataclass(frozen=True, slots=True)
class Step:
    """One trial of a rater. ``voice``: the reader or synthetic voice heard, or the sex that is to come."""

    trial: int
    block: str
    kind: Kind
    list: int | None
    sample_id: str
    label: str
    modality: Modality
    voice: str
    standing: Standing
    answer: str = ""
    confidence: int | None = None
    rt_ms: float | None = None
    replays: int | None = None
    counted: bool = False
    events: tuple[str, ...] = ()


def facts_of(rater: Rater, responses: Sequence[Response], interrupted: int) -> dict[str, Any]:
    """What `study status` says of one rater beside the cell: JSON-ready.

    ``blocks``: as they were met, practice apart; ``voices``: trials with each reader's voice that count.
    """
    traps, gold = missed(responses, Kind.TRAP), missed(responses, Kind.GOLD)
    middle = median_ms(responses)
    met = [response.block for response in responses if response.kind is not Kind.PRACTICE]
    voices = Counter(r.reader for r in responses if r.counted and r.modality.human)
    return {
        "blocks": [block for block, _ in groupby(block for block in met if block)],
        "voices": dict(sorted(voices.items())),
        "traps": {"missed": traps[0], "of": traps[1]},
        "gold": {"missed": gold[0], "of": gold[1]},
        "median_rt_ms": None if middle is None else round(middle, 1),
        "interrupted": interrupted,
        "headphones": rater.headphones,
        "simulated": rater.simulated,
    }


def by_rater(responses: Iterable[Response]) -> Mapping[str, list[Response]]:
    """Pseudonym → answers in the order in which they were given."""
    found: dict[str, list[Response]] = defaultdict(list)
    for response in responses:
        found[response.rater].append(response)
    return found


def course(project: Project, design: Design, rater: Rater) -> tuple[Step, ...]:
    """Every trial of a rater by its number, which is the order in which trials are shown.

    Answers come from what was stored, the rest from the plan; a stored answer that the plan does not know
    (a merged copy's) is there too.
    """
    interrupted = project.interrupted(rater.rater)
    steps = {
        trial.trial: _planned(trial, trial.trial in interrupted)
        for visit in range(design.protocol.design.visits if design.items else 0)
        for trial in design.trials(rater, visit, interrupted)
    }
    unnumbered = []
    for response in project.responses(rater.rater):
        if response.trial is None:
            unnumbered.append(_answered(response, 0))
        else:
            steps[response.trial] = _answered(response, response.trial)
    events: dict[int, list[str]] = defaultdict(list)
    for event in project.events(rater.rater):
        if event["trial"] is not None:
            events[event["trial"]].append(str(event["what"]))
    ordered = [replace(steps[number], events=tuple(events[number])) for number in sorted(steps)]
    return (*ordered, *unnumbered)


def _planned(trial: Trial, interrupted: bool) -> Step:
    return Step(
        trial.trial,
        trial.block,
        trial.kind,
        None if trial.list < 0 else trial.list,
        trial.sample_id,
        trial.label,
        trial.modality,
        "" if trial.sex is None else str(trial.sex),
        Standing.INTERRUPTED if interrupted else Standing.COMING,
    )


def _answered(response: Response, number: int) -> Step:
    return Step(
        number,
        response.block,
        response.kind,
        None if response.list is None or response.list < 0 else response.list,
        response.sample_id,
        response.label,
        response.modality,
        response.reader,
        Standing.ANSWERED if response.answer else Standing.PROBLEM,
        response.answer,
        response.confidence,
        response.rt_ms,
        response.replays,
        response.counted,
    )
