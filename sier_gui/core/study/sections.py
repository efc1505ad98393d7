"""A report's parts as tables of text: the window shows them, the command line prints them.

Every part carries what its numbers assume, and where it could not be computed, why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sier_gui.core.nets.ablation.significance import spoken_p
from sier_gui.core.study.models import Model
from sier_gui.core.study.network import NetworkRow
from sier_gui.core.study.records import Modality
from sier_gui.core.study.report import ASSUMPTIONS, StudyReport
from sier_gui.core.study.rounding import as_text
from sier_gui.core.study.table import Figure, Table

HEADS = dict(zip(Modality, ("A_i", "A_ss", "A_hs", "A_ss-i", "A_hs-i"), strict=True))  # the paper's
MEANINGS = dict(
    zip(
        Modality,
        ("image", "synthetic speech", "human speech", "synthetic speech and image", "human speech and image"),
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class Section:
    """``rows`` of as many cells as ``head``, the first ``left`` words; ``missing`` in place of rows."""

    key: str
    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()
    left: int = 1
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell of the main table: the share, its interval, and what else is known of it."""

    share: str = "–"
    interval: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the main table. ``about``: what the details are, and what the row assumes."""

    name: str
    detail: str
    about: str
    entries: tuple[Entry, ...]
    strong: bool = False


# ---------------------------------------------------------------- the main table


def main_table(table: Table, network: NetworkRow | None = None) -> list[Line]:
    """Classes, the three overalls side by side, the network: Table 1."""
    lines = [_class_line(table, label) for label in table.classes]
    every = [table.overall[m] for m in table.modalities]
    means = [_entry(one.mean, f"n {one.n} · SD {as_text(one.sd)}") for one in every]
    lines.append(Line("overall", "mean of classes", ASSUMPTIONS["mean"], tuple(means), strong=True))
    pooled = [_entry(one.pooled, f"{one.hits} of {one.n} · W {between(*one.wilson)}") for one in every]
    about = f"{ASSUMPTIONS['pooled']} Wilson: {ASSUMPTIONS['wilson']}"
    lines.append(Line("overall, pooled", "W ignores clustering", about, tuple(pooled)))
    if any(one.weighted for one in every):
        weighted = [_entry(one.weighted) for one in every]
        lines.append(Line("overall, weighted", "as in the dataset", ASSUMPTIONS["weighted"], tuple(weighted)))
    if network is not None:
        lines.append(_network_line(table, network))
    return lines


def _entry(figure: Figure | None, detail: str = "") -> Entry:
    if figure is None:
        return Entry()
    return Entry(as_text(figure.share), between(figure.low, figure.high), detail)


def _class_line(table: Table, label: str) -> Line:
    cells = [table.cells.get((label, m)) for m in table.modalities]
    entries = tuple(
        Entry(
            as_text(cell.share),
            between(cell.low, cell.high),
            f"n {cell.n} · SD {as_text(cell.sd)} · W {between(*cell.wilson)}",
        )
        if cell
        else Entry()
        for cell in cells
    )
    about = (
        f"{ASSUMPTIONS['percent']} In brackets: {ASSUMPTIONS['interval']} W: Wilson. {ASSUMPTIONS['wilson']}"
    )
    return Line(label, "W ignores clustering", about, entries)


def _network_line(table: Table, network: NetworkRow) -> Line:
    entries = (
        Entry(as_text(network.share.get(m)), "", f"{network.items[m]} of {network.of[m]} items")
        for m in table.modalities
    )
    about = (
        "The network's agreement with the label on the same items; mean of classes. The self-checks say "
        "whether it was trained on some of them."
    )
    return Line(network.name, "network, same items", about, tuple(entries))


# ---------------------------------------------------------------- what stands beside it


def sections(report: StudyReport) -> Iterator[Section]:
    """Agreement and times, confusion, differences, tests; last, and longest, the cells in full."""
    yield agreement_section(report)
    yield from (confusion_section(report, modality) for modality in report.table.modalities)
    yield difference_section(report)
    yield from tests_of(report)
    yield cells_in_full(report.table)


def cells_in_full(table: Table) -> Section:
    """Every number of the main table in a column of its own."""
    rows = [
        _full(
            cell.label, cell.modality, cell.share, cell.sd, (cell.n, cell.raters, cell.items), cell.low,
            cell.high, cell.wilson,
        )
        for cell in table.cells.values()
    ]  # fmt: skip
    for modality in table.modalities:
        one = table.overall[modality]
        counts = (one.n, one.raters, "")
        for name, figure, sd, wilson in (
            ("overall", one.mean, one.sd, None),
            ("overall, pooled", one.pooled, None, one.wilson),
            ("overall, weighted", one.weighted, None, None),
        ):
            if figure is not None:
                rows.append(_full(name, modality, figure.share, sd, counts, figure.low, figure.high, wilson))
    head = (
        "class",
        "column",
        "percent",
        "SD",
        "n",
        "raters",
        "items",
        "95 % from",
        "95 % to",
        "Wilson from",
        "Wilson to",
    )
    note = f"Wilson: {ASSUMPTIONS['wilson']} 95 %: {ASSUMPTIONS['interval']}"
    return Section("cells", "Cells in full", note, head, tuple(rows), left=2)


def _full(
    name: str,
    modality: Modality,
    share: Any,
    sd: float | None,
    counts: Sequence[object],
    low: float,
    high: float,
    wilson: tuple[float, float] | None,
) -> tuple[str, ...]:
    ends = (as_text(low, 1), as_text(high, 1))
    beside = ("", "") if wilson is None else (as_text(wilson[0], 1), as_text(wilson[1], 1))
    return (name, HEADS[modality], as_text(share), as_text(sd), *map(str, counts), *ends, *beside)


def agreement_section(report: StudyReport) -> Section:
    """Agreement and response times of each column."""
    rows = []
    for modality, found in report.agreement.items():
        times = report.times_ms.get(modality)
        rows.append(
            (
                HEADS[modality],
                *(coefficient(value) for value in (found.alpha, found.ac1, found.kappa)),
                str(found.items),
                str(found.raters),
                *(("–", "–", "–") if times is None else (f"{ms:.0f}" for ms in times)),
            )
        )
    head = ("", "Krippendorff α", "Gwet AC1", "Fleiss κ", "items", "raters", "ms, q1", "median", "q3")
    title = "Agreement between raters, response times"
    return Section("agreement", title, ASSUMPTIONS["agreement"], head, tuple(rows))


def confusion_section(report: StudyReport, modality: Modality) -> Section:
    """Labels down, answers across, Wagner's Hᵤ beside."""
    classes = report.answers.classes
    counts, rates = report.confusion[modality].tolist(), report.hit_rates(modality)
    rows = (
        (label, *map(str, row), coefficient(rate))
        for label, row, rate in zip(classes, counts, rates, strict=True)
    )
    return Section(
        f"confusion-{modality}", HEADS[modality], ASSUMPTIONS["hit_rate"],
        (HEADS[modality], *classes, "Hᵤ"), tuple(rows),
    )  # fmt: skip


def difference_section(report: StudyReport) -> Section:
    """Differences of class means, and whether they lie within the margin."""
    margin, rows = report.protocol.tests.margin, []
    for one in report.differences:
        same = one.equivalence
        rows.append(
            (
                f"{HEADS[one.first]} → {HEADS[one.second]}",
                f"{100 * one.share:+.2f}",
                f"{100 * one.low:+.2f}",
                f"{100 * one.high:+.2f}",
                "" if same is None else f"±{100 * same.margin:.4g}",
                "" if same is None else spoken_p(same.p),
            )
        )
    head = ("", "points", "95 % from", "95 % to", "margin", "TOST p")
    note = (
        f"{ASSUMPTIONS['differences']} {ASSUMPTIONS['equivalence']} The margin is {100 * margin:.4g} points."
    )
    missing = "" if rows else "It needs synthetic and human speech, or either with the image and without."
    return Section("differences", "Differences in points", note, head, tuple(rows), missing=missing)


def tests_of(report: StudyReport) -> Iterator[Section]:
    """Randomisation, GEE, Bayesian, paired: rows, or why there are none."""
    for key, title, head, rows in (
        ("randomisation", "Primary test: raters' groups redrawn", _DEALS, _randomised),
        ("gee", "Secondary: GEE, raters as clusters", (*_ODDS, "p, Holm"), _odds),
        ("bayesian", "Secondary: Bayesian mixed logistic", (*_ODDS, "P(> 1)"), _odds),
        ("paired", "Paired tests", ("", "p, Holm", "pairs"), _paired),
    ):
        found = getattr(report, key)
        left = 2 if key == "randomisation" else 1
        missing = "" if found is not None else report.missing.get(key, "")
        shown = tuple(rows(found)) if found is not None else ()
        yield Section(key, title, _note(key, found), head, shown, left, missing)


_DEALS = ("class", "", "points", "p", "p, Holm")
_ODDS = ("", "odds ×", "95 % from", "95 % to")
Rows = Callable[[Any], Iterator[tuple[str, ...]]]


def _note(key: str, found: Any) -> str:
    note = ASSUMPTIONS[key]
    if key == "randomisation" and found is not None:
        note += f" {found.draws:,} deals; Holm over pairs × classes, over pairs for overall."
    if key == "bayesian" and found is not None:
        note += f" SD in log odds: raters {found.sd_rater:.2f}, items {found.sd_item:.2f}."
    return note


def _randomised(found: Any) -> Iterator[tuple[str, ...]]:
    for label, p in found.any_difference.items():
        yield label, "any column", "", "", spoken_p(p)
    for one in found.comparisons:
        pair = f"{HEADS[one.first]} → {HEADS[one.second]}"
        yield one.label, pair, f"{100 * one.difference:+.2f}", spoken_p(one.p), spoken_p(one.p_holm)


def _odds(model: Model) -> Iterator[tuple[str, ...]]:
    for one in model.contrasts:
        last = ""
        if one.p_holm is not None:
            last = spoken_p(one.p_holm)
        elif one.probability is not None:
            last = f"{one.probability:.3f}"
        ends = (f"{value:.2f}" for value in (one.ratio, one.low, one.high))
        yield (f"{HEADS[one.first]} → {HEADS[one.second]}", *ends, last)


def _paired(found: Any) -> Iterator[tuple[str, ...]]:
    if found.cochran_q is not None and found.cochran_p is not None:
        yield f"Cochran's Q {found.cochran_q:.2f}", spoken_p(found.cochran_p), str(found.rows)
    for first, second, n, corrected in found.mcnemar:
        yield f"McNemar {HEADS[first]} → {HEADS[second]}", spoken_p(corrected), str(n)


# ---------------------------------------------------------------- words


def tsv(rows: Sequence[Sequence[str]]) -> str:
    """Rows for a spreadsheet's clipboard; a cell's own tabs and breaks become spaces."""
    return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in rows) + "\n"


def between(low: float, high: float) -> str:
    return f"[{as_text(low, 1)}, {as_text(high, 1)}]"


def coefficient(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
