"""A comparison in lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from sier_gui.core.domain import Modality
from sier_gui.core.explain.people.measures import MEASURES
from sier_gui.core.explain.people.run import Comparison
from sier_gui.core.explain.people.table import Line
from sier_gui.core.explain.people.wording import (
    ASSUMPTIONS,
    GROUP_NAMES,
    MEASURE_NAMES,
    SENSES,
    balance_text,
    p_text,
    people_text,
    reading_text,
    share_text,
    short,
)

_LEAST = 10  # samples listed


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
    if found.balance.answers:
        yield ""
        yield balance_text(found.balance)
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
