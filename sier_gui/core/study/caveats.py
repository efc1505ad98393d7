"""What speaks against a study's own table, beyond its printed numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.study.checks import FEW_RATERS, Flag
from sier_gui.core.study.network import UNKNOWN, Learnt, NetworkAnswers
from sier_gui.core.study.records import Protocol, Rater, Response
from sier_gui.core.study.responses import TABLE_KINDS, Answers


@dataclass(frozen=True, slots=True)
class Setting:
    """What a report is told beyond responses.

    Attributes
    ----------
    shares : the dataset's class counts, for the weighted overall.
    network : its answers to items, its name, and what of them it has learnt from.
    unblinded : one sentence for each way in which somebody was not blind.
    voices_matched : whether synthetic voices had the sex of the human ones in the same place.
    models : fit GEE and the Bayesian model too (seconds).
    """

    protocol: Protocol | None = None
    classes: tuple[str, ...] = ()
    shares: Mapping[str, float] | None = None
    network: NetworkAnswers | None = None
    network_name: str = "network"
    network_learnt: Learnt = UNKNOWN
    raters: Sequence[Rater] = ()
    stand_ins: Collection[str] = ()
    unblinded: Sequence[str] = ()
    voices_matched: bool = True
    models: bool = True


def caveats(
    answers: Answers,
    responses: Sequence[Response],
    protocol: Protocol,
    excluded: Mapping[str, str],
    setting: Setting,
) -> list[Flag]:
    """Flags on who answered, what was met and how blind it was; ``answers`` are those that count."""
    return [
        *_simulated(answers, responses, setting.stand_ins),
        *_few(answers),
        *_design(answers, protocol, setting),
        *_sessions(answers, responses, protocol, setting),
        *(Flag("excluded", f"{rater} is left out: {reason}.") for rater, reason in excluded.items()),
    ]


def _simulated(answers: Answers, responses: Sequence[Response], stand_ins: Collection[str]) -> Iterator[Flag]:
    programs = {r.rater for r in responses if r.simulated} & set(answers.raters)
    if programs:
        yield Flag(
            "simulated",
            f"{len(programs)} of {len(answers.raters)} raters are simulated: programs, no people. "
            "Nothing here says how people judge.",
        )
    heard = {r.reader for r in responses if r.counted and r.modality.human} & set(stand_ins)
    if heard:
        yield Flag("stand-in", f"“Human speech” was said by stand-in readers, synthesizers: {_names(heard)}.")


def _few(answers: Answers) -> Iterator[Flag]:
    for place, modality in enumerate(answers.modalities):
        column = answers.modality == place
        raters = len(np.unique(answers.rater[column]))
        if raters == 1:
            yield Flag(
                "raters",
                f"{modality}: one rater; the interval ignores how raters differ, and there is no SD.",
                modality,
            )
        elif raters < FEW_RATERS:
            yield Flag("raters", f"{modality}: only {raters} raters.", modality)
        if any(_unequal(answers.rater[column & (answers.label == c)]) for c in range(len(answers.classes))):
            yield Flag(
                "unequal",
                f"{modality}: raters answered unequal numbers; their mean is no share of responses.",
                modality,
            )


def _unequal(raters: NDArray[np.int64]) -> bool:
    counts = np.unique(raters, return_counts=True)[1]
    return len(set(counts.tolist())) > 1


def _design(answers: Answers, protocol: Protocol, setting: Setting) -> Iterator[Flag]:
    if not setting.voices_matched and any(modality.synthetic for modality in answers.modalities):
        yield Flag(
            "voices",
            "The dataset has one synthetic voice for each sample: its sex is not matched to the reader's.",
        )
    met = Counter(zip(answers.rater.tolist(), answers.item.tolist(), strict=True))
    again = sum(n > 1 for n in met.values())
    if again and not protocol.repeats:
        yield Flag(
            "repeated",
            f"Items were met more than once by the same rater ({again} pairs): memory may raise later "
            "answers, and the protocol has no wash-out.",
        )
    twice = Counter(
        zip(answers.rater.tolist(), answers.item.tolist(), answers.modality.tolist(), strict=True)
    )
    double = sum(n > 1 for n in twice.values())
    if double:
        yield Flag("repeated", f"{double} items were answered twice by one rater in the same modality.")


def _sessions(
    answers: Answers, responses: Sequence[Response], protocol: Protocol, setting: Setting
) -> Iterator[Flag]:
    raters = setting.raters
    unfinished = {rater.rater for rater in raters if not rater.finished} & set(answers.raters)
    if unfinished:
        yield Flag("unfinished", f"Unfinished sessions: {_names(unfinished)}.")
    for reason in setting.unblinded:
        yield Flag("unblinded", f"Not blind: {reason}")
    if raters and len(raters) < protocol.design.raters:
        yield Flag(
            "raters", f"{len(raters)} of the protocol's {protocol.design.raters} raters have been enrolled."
        )
    lost = sum(r.kind in TABLE_KINDS and not r.counted for r in responses)
    if lost:
        yield Flag("lost", f"{lost} main trials do not count (technical problems or interruptions).")


def _names(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
