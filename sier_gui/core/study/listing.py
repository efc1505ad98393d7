"""Reports as lines for people: every number with what it assumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from sier_gui.core.study.checks import Flag
from sier_gui.core.study.planning import Outlook, Plan, Question
from sier_gui.core.study.published import ImportedTable, class_means
from sier_gui.core.study.report import ASSUMPTIONS, StudyReport
from sier_gui.core.study.rounding import as_text
from sier_gui.core.study.sections import HEADS, between, sections
from sier_gui.core.study.table import Table


def report_lines(report: StudyReport) -> Iterator[str]:
    if report.simulated:
        yield "SIMULATED RATERS: nothing below says how people judge."
    yield ASSUMPTIONS["percent"]
    yield f"In brackets: {ASSUMPTIONS['interval']}"
    yield ""
    yield from table_lines(report)
    yield from flag_lines(report.flags)
    if report.everyone is not None:
        yield ""
        yield "With the excluded raters:"
        yield from aligned([_heads(report.everyone), *_cells(report.everyone), _overall(report.everyone)])
    yield from _section_lines(report)
    yield from plan_lines(report.plan, report.icc)


def table_lines(report: StudyReport) -> Iterator[str]:
    table = report.table
    columns = [table.overall[m] for m in table.modalities]
    rows = [_heads(table), *_cells(table), _overall(table)]
    rows.append(["  unrounded", *(as_text(o.mean.share, 4) for o in columns)])
    rows.append(["  pooled", *(_estimate(o.pooled.share, o.pooled.low, o.pooled.high) for o in columns)])
    weighted = [o.weighted for o in columns]
    if any(weighted):
        rows.append(["  weighted", *(_estimate(w.share, w.low, w.high) if w else "–" for w in weighted)])
    rows.append(
        ["  Wilson, pooled", *(f"[{as_text(o.wilson[0], 1)}, {as_text(o.wilson[1], 1)}]" for o in columns)]
    )
    rows.append(["  SD over raters", *(as_text(o.sd) for o in columns)])
    if report.network is not None:
        row = report.network
        rows.append([row.name, *(as_text(row.share.get(m)) for m in table.modalities)])
        rows.append(["  items", *(f"{row.items[m]} of {row.of[m]}" for m in table.modalities)])
    rows.append(["n", *(str(o.n) for o in columns)])
    rows.append(["raters", *(str(o.raters) for o in columns)])
    yield from aligned(rows)
    yield f"overall: {ASSUMPTIONS['mean']}"
    yield f"pooled: {ASSUMPTIONS['pooled']} Wilson: {ASSUMPTIONS['wilson']}"
    if any(weighted):
        yield f"weighted: {ASSUMPTIONS['weighted']}"


def import_lines(imported: ImportedTable) -> Iterator[str]:
    yield from aligned(import_rows(imported))
    yield from flag_lines(imported.flags)


def import_rows(imported: ImportedTable) -> list[list[str]]:
    """The printed table with its class means; the head first."""
    table = imported.printed
    means = class_means(table)
    rows = [["class", *(HEADS[m] for m in table.modalities)]]
    for label in table.classes:
        rows.append([label, *(str(table.cells.get((label, m), "–")) for m in table.modalities)])
    rows.append(["overall", *(str(table.overall.get(m, "–")) for m in table.modalities)])
    rows.append(["class mean", *(as_text(means[m]) for m in table.modalities)])
    if table.claimed:
        rows.append(["claimed", *(str(table.claimed.get(m, "–")) for m in table.modalities)])
    return rows


def flag_lines(flags: Sequence[Flag]) -> Iterator[str]:
    yield ""
    yield "Self-checks:" if flags else "Self-checks: nothing to report."
    for flag in flags:
        yield f"  ! {flag.message}"


def plan_lines(plan: Plan, icc: tuple[float, float]) -> Iterator[str]:
    yield ""
    yield f"Planning. {ASSUMPTIONS['planning']}"
    yield (
        f"  {plan.responses} responses per column detect about {100 * plan.detects:.0f} points before the "
        f"design effect, {100 * plan.detects_clustered:.0f} after it: {plan.effect:.2f} with ICC "
        f"{icc[0]:.3f} of raters, {icc[1]:.3f} of items."
    )
    for base, difference, n in plan.needs:
        yield (
            f"  {100 * difference:.4g} points from {base:.4g}: {n:,} independent responses per column, "
            f"{n * plan.effect:,.0f} with the design effect"
        )
    yield (
        f"  equivalence within ±{100 * plan.margin:.4g} points: {plan.equivalence:,}, "
        f"{plan.equivalence * plan.effect:,.0f} with the design effect"
    )


def outlook_lines(question: Question, found: Outlook) -> Iterator[str]:
    yield ""
    yield (
        f"Asked: base {question.base:.4g}, power {question.power:.4g}, α {question.alpha:.4g}; "
        f"{found.responses} responses per column detect {100 * found.detects:.1f} points, "
        f"{100 * found.detects_clustered:.1f} with the design effect {found.effect:.2f}"
    )
    for what, need in (
        (f"{100 * question.difference:.4g} points", found.difference),
        (f"equivalence within ±{100 * question.margin:.4g} points", found.equivalence),
    ):
        raters = "no number of raters is enough with so few items"
        if need.raters is not None:
            raters = f"{need.raters:,} raters"
        yield f"  {what}: {need.independent:,}, {need.clustered:,} with the design effect; {raters}"


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> Iterator[str]:
    """Columns as wide as their widest cell, the first ``left`` of them flush left, the others flush right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


# ---------------------------------------------------------------- parts of a report


def _heads(table: Table) -> list[str]:
    return ["class", *(HEADS[m] for m in table.modalities)]


def _cells(table: Table) -> Iterator[list[str]]:
    for label in table.classes:
        cells = [table.cells.get((label, m)) for m in table.modalities]
        yield [label, *(_estimate(c.share, c.low, c.high) if c else "–" for c in cells)]


def _overall(table: Table) -> list[str]:
    means = [table.overall[m].mean for m in table.modalities]
    return ["overall", *(_estimate(mean.share, mean.low, mean.high) for mean in means)]


def _estimate(share: Fraction, low: float, high: float) -> str:
    return f"{as_text(share)} {between(low, high)}"


def _section_lines(report: StudyReport) -> Iterator[str]:
    """Every part beside the main table; confusion matrices share a heading."""
    confusion = False
    for section in sections(report):
        if section.key == "paired" and section.missing:
            continue
        matrix = section.key.startswith("confusion")
        if not (matrix and confusion):
            yield ""
            title = "Confusion (labels down, answers across)" if matrix else section.title
            yield f"{title}. {section.note}"
        confusion = matrix
        if section.missing:
            yield f"  {section.missing}"
        else:
            yield from aligned([section.head, *section.rows], section.left)
