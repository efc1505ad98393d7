"""Drawing a study's items: what the protocol asks of each class, what there is, and what is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.study.design import Design, candidates_of, choose_cast, draw_items, load_design
from sier_gui.core.study.items import Candidate, Quota, eligible, gold_samples, quotas
from sier_gui.core.study.project import Project
from sier_gui.core.study.records import Protocol, Sex
from sier_gui.core.study.responses import read_responses


@dataclass(frozen=True, slots=True)
class Supply:
    """One class's samples against its share of the protocol.

    Attributes
    ----------
    samples : in the dataset.
    complete : of them, those with picture and synthetic speech.
    said : of those, how many the reader of each sex of the cast has an accepted take of.
    eligible : complete, and said by both.
    gold : gold items that can be drawn, of ``quota.gold``.
    more : takes that each reader still needs, at the least.
    lacking : samples with picture and synthetic speech that the dataset itself lacks.
    """

    label: str
    quota: Quota
    samples: int
    complete: int
    said: Mapping[Sex, int]
    eligible: int
    gold: int
    more: Mapping[Sex, int]
    lacking: int

    @property
    def needed(self) -> int:
        """Samples that the draw uses; gold items only as far as there are any."""
        return self.quota.wanted + self.gold

    @property
    def missing(self) -> int:
        """Eligible samples that are still to come."""
        return max(0, self.needed - self.eligible)

    @property
    def enough(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class Stock:
    """What a draw would find. ``cast``: the reader of each sex; without one that sex is missing."""

    protocol: Protocol
    cast: Mapping[Sex, str]
    classes: tuple[Supply, ...]
    frozen_at: str | None = None

    @property
    def ready(self) -> bool:
        """Whether `draw` would succeed."""
        cast = set(self.cast) == set(Sex)
        return cast and not self.frozen_at and all(supply.enough for supply in self.classes)

    def figures(self) -> str:
        """The protocol's counts in one sentence."""
        rules, classes = self.protocol.items, len(self.classes)
        main = rules.lists * classes * rules.per_class
        return (
            f"{rules.lists} lists × {classes} classes × {rules.per_class} = {main} main items, "
            f"{rules.lists * classes * rules.reserve} in reserve, {rules.practice} for practice, "
            f"up to {rules.gold} gold. Traps need no samples: {rules.traps}."
        )

    def advice(self) -> Iterator[str]:
        """What is missing and what to do about it, one sentence each; nothing where all is there."""
        if self.frozen_at:
            yield f"Answers were given since {self.frozen_at}: the items are fixed. Make a new project."
            return
        for sex in Sex:
            if sex not in self.cast:
                yield f"There is no {sex} reader yet: add one in Record mode."
        for supply in self.classes:
            if supply.lacking:
                yield (
                    f"{supply.label}: the dataset has {supply.lacking} samples with picture and synthetic "
                    "speech too few. Use a larger one, or a protocol with fewer items."
                )
            elif supply.more:
                parts = [
                    f"{count} more {'take' if count == 1 else 'takes'} of {self._who(sex)}"
                    for sex, count in supply.more.items()
                ]
                yield f"{supply.label}: {' and '.join(parts)}."

    def _who(self, sex: Sex) -> str:
        return f"reader {self.cast[sex]}" if sex in self.cast else f"a {sex} reader"


def take_stock(
    design: Design, candidates: Sequence[Candidate], cast: Mapping[Sex, str], gold: Collection[str] = ()
) -> Stock:
    """What `design.draw_items` would find; parameters as there."""
    shares = zip(design.classes, quotas(design.protocol, len(design.classes)), strict=True)
    return Stock(
        design.protocol,
        dict(cast),
        tuple(
            _supply(label, quota, [c for c in candidates if c.label == label], cast, set(gold))
            for label, quota in shares
        ),
    )


def stock_of(project: Project, pilot: Path | None = None) -> Stock:
    """What `draw` would find.

    Raises
    ------
    SierError : no study is planned, or the dataset or the pilot cannot be read.
    """
    stock = take_stock(*_material(project, pilot))
    return Stock(stock.protocol, stock.cast, stock.classes, project.protocol_frozen_at())


def draw(project: Project, pilot: Path | None = None) -> Design:
    """Draw the items from what the readers have said so far; ``pilot``: a long CSV that names gold items.

    Raises
    ------
    SierError : as `stock_of`, or something is missing, or somebody has answered already.
    """
    _planned, candidates, cast, gold = _material(project, pilot)
    return draw_items(project, candidates, cast, gold)


def _material(
    project: Project, pilot: Path | None
) -> tuple[Design, list[Candidate], dict[Sex, str], set[str]]:
    gold = gold_samples(read_responses(pilot)) if pilot is not None else set()
    planned = load_design(project)
    candidates = candidates_of(project, open_dataset(Path(planned.dataset)))
    return planned, candidates, choose_cast(project.readers(), candidates), gold


def _supply(
    label: str, quota: Quota, own: Sequence[Candidate], cast: Mapping[Sex, str], gold: set[str]
) -> Supply:
    complete = list(eligible(own, ()))
    there = {c.sample_id for c in complete if all(_said(c, cast, sex) for sex in Sex)}
    more, lacking = _missing(quota, complete, there, cast, gold)
    return Supply(
        label,
        quota,
        len(own),
        len(complete),
        {sex: sum(_said(c, cast, sex) for c in complete) for sex in Sex},
        len(there),
        min(quota.gold, len(there & gold)),
        more,
        lacking,
    )


def _said(candidate: Candidate, cast: Mapping[Sex, str], sex: Sex) -> bool:
    return cast.get(sex) in candidate.readers


def _missing(
    quota: Quota, complete: Sequence[Candidate], there: set[str], cast: Mapping[Sex, str], gold: set[str]
) -> tuple[dict[Sex, int], int]:
    """Takes for each reader, and samples that no takes can make up for.

    Samples that lack the fewest takes come first; those that would become gold items last, since they serve
    as nothing else.
    """

    def short(samples: set[str]) -> int:
        return quota.wanted + min(quota.gold, len(samples & gold)) - len(samples)

    def cost(candidate: Candidate) -> tuple[bool, int, str]:
        lacks = sum(not _said(candidate, cast, sex) for sex in Sex)
        return candidate.sample_id in gold, lacks, candidate.sample_id

    found, more = set(there), dict.fromkeys(Sex, 0)
    for candidate in sorted((c for c in complete if c.sample_id not in there), key=cost):
        if short(found) <= 0:
            break
        found.add(candidate.sample_id)
        for sex in Sex:
            more[sex] += not _said(candidate, cast, sex)
    return {sex: count for sex, count in more.items() if count}, max(0, short(found))
