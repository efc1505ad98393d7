"""A report as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from sier_gui.core.study.checks import Flag
from sier_gui.core.study.published import ImportedTable, class_means
from sier_gui.core.study.report import HEADS, StudyReport
from sier_gui.core.study.rounding import as_text

NAMED = "Agreement with the dataset's label, percent"


def report_lines(report: StudyReport) -> Iterator[str]:
    table = report.table
    yield f"{NAMED} (mean over raters; in brackets 95 % over raters and items)"
    yield ""
    rows = [["class", *(HEADS[m] for m in table.modalities)]]
    for label in table.classes:
        cells = [table.cells.get((label, m)) for m in table.modalities]
        rows.append([label, *(_estimate(c.share, c.low, c.high) if c else "–" for c in cells)])
    columns = [table.overall[m] for m in table.modalities]
    rows.append(["overall", *(_estimate(o.mean.share, o.mean.low, o.mean.high) for o in columns)])
    rows.append(["  unrounded", *(as_text(o.mean.share, 4) for o in columns)])
    rows.append(["  pooled", *(_estimate(o.pooled.share, o.pooled.low, o.pooled.high) for o in columns)])
    weighted = [o.weighted for o in columns]
    rows.append(["  weighted", *(_estimate(w.share, w.low, w.high) if w else "–" for w in weighted)])
    rows.append(["n", *(str(o.n) for o in columns)])
    rows.append(["raters", *(str(o.raters) for o in columns)])
    yield from aligned(rows)
    yield from _flags(report.flags)


def import_lines(imported: ImportedTable) -> Iterator[str]:
    table = imported.printed
    means = class_means(table)
    rows = [["class", *(HEADS[m] for m in table.modalities)]]
    for label in table.classes:
        rows.append([label, *(str(table.cells.get((label, m), "–")) for m in table.modalities)])
    rows.append(["overall", *(str(table.overall.get(m, "–")) for m in table.modalities)])
    rows.append(["class mean", *(as_text(means[m]) for m in table.modalities)])
    if table.claimed:
        rows.append(["claimed", *(str(table.claimed.get(m, "–")) for m in table.modalities)])
    yield from aligned(rows)
    yield from _flags(imported.flags)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell, the first flush left, the others flush right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _estimate(share: Fraction, low: float, high: float) -> str:
    return f"{as_text(share)} [{as_text(low, 1)}, {as_text(high, 1)}]"


def _flags(flags: Sequence[Flag]) -> Iterator[str]:
    yield ""
    yield "Self-checks:" if flags else "Self-checks: nothing to report."
    for flag in flags:
        yield f"  ! {flag.message}"
