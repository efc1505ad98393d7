"""A project's study: its protocol, dataset, drawn items, and who meets what next.

Everything is kept as facts of the project, so that whoever opens a copy plans the same trials.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sier_gui.core.errors import SierError
from sier_gui.core.study import protocol as protocols
from sier_gui.core.study.assignment import CELLS, VISIT, next_cell, plan, replacements
from sier_gui.core.study.caveats import Setting
from sier_gui.core.study.exclusion import excluded
from sier_gui.core.study.items import Candidate, eligible, select_items
from sier_gui.core.study.progress import by_rater, facts_of
from sier_gui.core.study.project import Project
from sier_gui.core.study.records import Item, Kind, Protocol, Rater, Reader, Sex, Trial
from sier_gui.core.study.responses import TABLE_KINDS

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue


# columns of a dataset that has each text in a synthetic voice of both sexes; else its one voice serves
VOICES = {Sex.FEMALE: "synthetic_female", Sex.MALE: "synthetic_male"}
MATCHED = "matched"
UNBLINDED = (
    "unblinded"  # an event of a rater who came to know a label or a source; its detail has a ``reason``
)


@dataclass(frozen=True, slots=True)
class Design:
    """What was fixed before the first answer.

    Attributes
    ----------
    dataset : path of the dataset, as it was given.
    shares : each class's count in the whole dataset.
    cast : the reader of each sex.
    items : empty until they are drawn.
    """

    protocol: Protocol
    dataset: str
    classes: tuple[str, ...]
    shares: Mapping[str, float]
    cast: Mapping[Sex, str]
    items: tuple[Item, ...]

    def trials(self, rater: Rater, visit: int = 0, interrupted: Collection[int] = ()) -> tuple[Trial, ...]:
        """The visit's plan, and replacements of trials that were begun and not answered.

        Go on with the first trial whose number was neither begun nor answered.
        """
        planned = plan(self.protocol, self.items, rater, visit)
        return (*planned, *replacements(self.items, rater, planned, interrupted))


def new_study(project: Project, catalogue: Catalogue, protocol_text: str) -> Design:
    """Give a project its protocol and its dataset.

    Raises
    ------
    SierError : the protocol is not valid, or answers were given under another one.
    """
    protocols.parse(protocol_text)
    counts = Counter(str(label) for label in catalogue.column("label") if label)
    project.store_protocol(protocol_text)
    project.set_fact("dataset", str(catalogue.source))
    project.set_fact("dataset_hash", catalogue.dataset_hash)
    project.set_fact("classes", json.dumps(list(catalogue.classes)))
    project.set_fact("voices", MATCHED if set(VOICES.values()) <= set(catalogue.columns) else "")
    project.set_fact("shares", json.dumps({name: counts[name] for name in catalogue.classes}))
    return load_design(project)


def load_design(project: Project) -> Design:
    """The study of a project.

    Raises
    ------
    SierError : none was planned in it.
    """
    text, dataset = project.protocol_text(), project.fact("dataset")
    if text is None or not dataset:
        raise SierError(
            f"No study was planned in {project.folder}.",
            "Plan one: Record, New Study Project, with a labelled dataset open; or sier-gui study new.",
        )
    items = json.loads(project.fact("items", "[]"))
    return Design(
        protocols.parse(text, f"The protocol of {project.folder}"),
        dataset,
        tuple(json.loads(project.fact("classes"))),
        json.loads(project.fact("shares")),
        {Sex(sex): reader for sex, reader in json.loads(project.fact("cast", "{}")).items()},
        tuple(Item(sample, label, Kind(kind), on, k) for sample, label, kind, on, k in items),
    )


def draw_items(
    project: Project, candidates: Sequence[Candidate], cast: Mapping[Sex, str], gold: Collection[str] = ()
) -> Design:
    """Draw the items and keep them.

    Parameters
    ----------
    candidates : see `candidates_of`.
    cast : the reader of each sex; only samples with a take of both are drawn.
    gold : samples that may serve as gold items (`items.gold_samples` of a pilot).

    Raises
    ------
    SierError : a class has too few samples, or somebody has answered already.
    """
    design = load_design(project)
    if project.protocol_frozen_at():
        raise SierError(
            f"The study in {project.folder} has answers: its items are fixed.", "Make a new project."
        )
    if set(cast) != set(Sex):
        raise SierError("A study needs a female and a male reader.", "Record or import both.")
    usable = list(eligible(candidates, cast.values()))
    items = select_items(usable, design.classes, design.protocol, gold)
    rows = [[item.sample_id, item.label, item.kind, item.list, item.k] for item in items]
    project.set_fact("items", json.dumps(rows))
    project.set_fact("cast", json.dumps({sex: cast[sex] for sex in Sex}))
    return replace(design, items=items, cast=dict(cast))


def candidates_of(project: Project, catalogue: Catalogue) -> list[Candidate]:
    """Every sample with what it has: picture, synthetic speech, and whose accepted take that did not fail."""
    takes: dict[str, set[str]] = {}
    for (reader, sample), take in project.accepted_takes().items():
        if take.verdict != "fail":
            takes.setdefault(sample, set()).add(reader)
    columns = [catalogue.column(name) for name in ("sample_id", "label", "image", "speech")]
    return [
        Candidate(str(name), str(label or ""), bool(image), bool(speech), frozenset(takes.get(str(name), ())))
        for name, label, image, speech in zip(*columns, strict=True)
    ]


def choose_cast(readers: Sequence[Reader], candidates: Sequence[Candidate]) -> dict[Sex, str]:
    """Of each sex the reader with most usable takes, the earlier one of equals."""
    takes = Counter(reader for candidate in candidates for reader in candidate.readers)
    cast: dict[Sex, str] = {}
    for reader in readers:
        if reader.sex not in cast or takes[reader.reader] > takes[cast[reader.sex]]:
            cast[reader.sex] = reader.reader
    return cast


def enrol(project: Project, design: Design, rater: Rater) -> Rater:
    """Store a new rater in the next cell; raters whom the rules exclude have given theirs back.

    Raises
    ------
    SierError : no items are drawn, or the pseudonym is taken.
    """
    if not design.items:
        raise SierError(
            "The study has no items yet.", "Record both readers, then draw: Study, Draw the Items."
        )
    before = project.raters()
    if any(other.rater == rater.rater for other in before):
        raise SierError(f"A rater called {rater.rater} is enrolled.", "Choose another pseudonym.")
    out = excluded(project.responses(), design.protocol.exclusion, before)
    taken = [(other.group, other.order) for other in before if other.rater not in out]
    group, order = next_cell(taken, design.protocol.seed)
    number = 1 + max((other.number for other in before), default=-1)
    enrolled = replace(rater, number=number, group=group, order=order)
    project.add_rater(enrolled)
    return enrolled


def setting_of(project: Project, design: Design) -> Setting:
    """What a report of this project is told beyond its responses."""
    stand_ins = [reader.reader for reader in project.readers() if reader.stand_in]
    raters = project.raters()
    unblinded = [
        f"{rater.rater} ({event.get('reason', 'no reason given')})."
        for rater in raters
        for event in project.events(rater.rater)
        if event["what"] == UNBLINDED
    ]
    return Setting(
        protocol=design.protocol,
        classes=design.classes,
        shares=design.shares,
        raters=raters,
        unblinded=unblinded,
        stand_ins=stand_ins,
        voices_matched=project.fact("voices") == MATCHED,
    )


# ---------------------------------------------------------------- progress


@dataclass(frozen=True, slots=True)
class Status:
    """How far a study is. ``cells``: raters who count in each of the 30; ``raters``: one line each."""

    cells: Mapping[tuple[int, int], int]
    raters: tuple[Mapping[str, Any], ...]
    following: tuple[int, int] | None
    items: int
    frozen_at: str | None
    protocol: str

    def to_json(self) -> dict[str, Any]:
        following = None
        if self.following is not None:
            following = {"group": self.following[0], "order": self.following[1]}
        return {
            "schema": 1,
            "protocol": self.protocol,
            "frozen_at": self.frozen_at,
            "items": self.items,
            "cells": [{"group": g, "order": o, "raters": n} for (g, o), n in self.cells.items()],
            "next": following,
            "raters": [dict(rater) for rater in self.raters],
        }

    def lines(self) -> Iterator[str]:
        yield f"protocol {self.protocol}, {self.items} items, " + (
            f"frozen since {self.frozen_at}" if self.frozen_at else "not frozen: no answer yet"
        )
        for rater in self.raters:
            state = rater["excluded"] or ("finished" if rater["finished"] else "unfinished")
            yield (
                f"  {rater['rater']}: group {rater['group']}, order {rater['order']}, "
                f"{rater['answered']} of {rater['planned']} trials, traps missed {_missed(rater['traps'])}, "
                f"gold {_missed(rater['gold'])}, {state}"
            )
        filled = sum(n > 0 for n in self.cells.values())
        yield f"{filled} of {len(CELLS)} cells have a rater" + (
            f"; next: group {self.following[0]}, order {self.following[1]}" if self.following else ""
        )


def _missed(check: Mapping[str, int]) -> str:
    return f"{check['missed']} of {check['of']}"


def status(project: Project, design: Design) -> Status:
    """Progress per cell and rater, who is left out, and the cell of who comes next."""
    raters, responses = project.raters(), project.responses()
    out = excluded(responses, design.protocol.exclusion, raters)
    taken = [(rater.group, rater.order) for rater in raters if rater.rater not in out]
    counts = Counter(taken)
    of = by_rater(responses)
    planned = 0
    if design.items and raters:
        visits = range(design.protocol.design.visits)
        planned = sum(len(design.trials(raters[0], visit)) for visit in visits)
    lines = tuple(
        {
            "rater": rater.rater,
            "group": rater.group,
            "order": rater.order,
            "answered": len(of[rater.rater]),
            "counted": sum(r.counted and r.kind in TABLE_KINDS for r in of[rater.rater]),
            "planned": planned,
            "finished": rater.finished,
            "excluded": out.get(rater.rater, ""),
            **facts_of(rater, of[rater.rater], len(project.interrupted(rater.rater))),
        }
        for rater in raters
    )
    following = next_cell(taken, design.protocol.seed) if design.items else None
    cells = {cell: counts[cell] for cell in CELLS}
    frozen = project.protocol_frozen_at()
    return Status(cells, lines, following, len(design.items), frozen, design.protocol.name)


def visit_of(trial: int) -> int:
    """The visit to which a trial's number belongs."""
    return trial // VISIT
