"""Reports as lines for people: every number with what it assumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from sier_gui.core.nets.ablation.significance import spoken_p
from sier_gui.core.study.checks import Flag
from sier_gui.core.study.models import Model
from sier_gui.core.study.planning import Outlook, Plan, Question
from sier_gui.core.study.published import ImportedTable, class_means
from sier_gui.core.study.records import Modality
from sier_gui.core.study.report import ASSUMPTIONS, StudyReport
from sier_gui.core.study.rounding import as_text
from sier_gui.core.study.table import Table

HEADS = dict(zip(Modality, ("A_i", "A_ss", "A_hs", "A_ss-i", "A_hs-i"), strict=True))  # the paper's


def report_lines(report: StudyReport) -> Iterator[str]:
    if report.simulated:
        yield "SIMULATED RATERS: nothing below says how people judge."
    yield ASSUMPTIONS["percent"]
    yield f"In brackets: {ASSUMPTIONS['interval']}"
    yield ""
    yield from table_lines(report)
    yield from flag_lines(report.flags)
    yield from _cell_lines(report.table)
    if report.everyone is not None:
        yield ""
        yield "With the excluded raters:"
        yield from aligned([_heads(report.everyone), *_cells(report.everyone), _overall(report.everyone)])
    yield from _agreement_lines(report)
    yield from _confusion_lines(report)
    yield from _difference_lines(report)
    yield from _test_lines(report)
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
    yield from flag_lines(imported.flags)


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


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell, the first flush left, the others flush right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if place == 0 else cell.rjust(width)
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
    return f"{as_text(share)} {_between(low, high)}"


def _between(low: float, high: float) -> str:
    return f"[{as_text(low, 1)}, {as_text(high, 1)}]"


def _cell_lines(table: Table) -> Iterator[str]:
    yield ""
    yield f"Cells in full. Wilson: {ASSUMPTIONS['wilson']}"
    rows = [["", "", "percent", "SD", "n", "raters", "items", "95 %", "Wilson"]]
    for cell in table.cells.values():
        counts = (cell.n, cell.raters, cell.items)
        ends = (_between(cell.low, cell.high), _between(*cell.wilson))
        rows.append(
            [
                cell.label,
                HEADS[cell.modality],
                as_text(cell.share),
                as_text(cell.sd),
                *map(str, counts),
                *ends,
            ]
        )
    yield from aligned(rows)


def _agreement_lines(report: StudyReport) -> Iterator[str]:
    yield ""
    yield f"Agreement between raters. {ASSUMPTIONS['agreement']}"
    rows = [["", "Krippendorff α", "Gwet AC1", "Fleiss κ", "items", "raters", "median ms"]]
    for modality, found in report.agreement.items():
        times = report.times_ms.get(modality)
        rows.append(
            [
                HEADS[modality],
                *(_coefficient(value) for value in (found.alpha, found.ac1, found.kappa)),
                str(found.items),
                str(found.raters),
                f"{times[1]:.0f}" if times else "–",
            ]
        )
    yield from aligned(rows)


def _confusion_lines(report: StudyReport) -> Iterator[str]:
    yield ""
    yield f"Confusion (labels down, answers across). {ASSUMPTIONS['hit_rate']}"
    classes = report.answers.classes
    for modality in report.table.modalities:
        rows = [[HEADS[modality], *classes, "Hᵤ"]]
        rates = report.hit_rates(modality)
        for label, counts, rate in zip(classes, report.confusion[modality].tolist(), rates, strict=True):
            rows.append([label, *map(str, counts), _coefficient(rate)])
        yield from aligned(rows)


def _difference_lines(report: StudyReport) -> Iterator[str]:
    if not report.differences:
        return
    yield ""
    yield f"Differences in points. {ASSUMPTIONS['differences']}"
    for one in report.differences:
        ends = f"[{100 * one.low:+.2f}, {100 * one.high:+.2f}]"
        line = f"  {one.first} → {one.second}: {100 * one.share:+.2f} {ends}"
        if one.equivalence is not None:
            same = one.equivalence
            line += f"; within ±{100 * same.margin:.4g}: p {spoken_p(same.p)} (TOST)"
        yield line


def _test_lines(report: StudyReport) -> Iterator[str]:
    yield ""
    yield f"Primary test. {ASSUMPTIONS['randomisation']}"
    if report.randomisation is None:
        yield f"  {report.missing['randomisation']}"
    else:
        any_p = report.randomisation.any_difference
        yield "  any difference: " + ", ".join(f"{label} p {spoken_p(p)}" for label, p in any_p.items())
        for one in report.randomisation.comparisons:
            yield (
                f"  {one.label}, {one.first} → {one.second}: {100 * one.difference:+.2f} points, "
                f"p {spoken_p(one.p)}, Holm {spoken_p(one.p_holm)}"
            )
    for name, title in (("gee", "GEE"), ("bayesian", "Bayesian mixed logistic")):
        yield f"Secondary: {title}. {ASSUMPTIONS[name]}"
        model = getattr(report, name)
        yield from _model_lines(model) if model is not None else (f"  {report.missing[name]}",)
    if report.paired is not None:
        yield f"Paired tests. {ASSUMPTIONS['paired']}"
        q, p = report.paired.cochran_q, report.paired.cochran_p
        if q is not None and p is not None:
            yield f"  Cochran's Q {q:.2f}, p {spoken_p(p)} ({report.paired.rows} rows)"
        for first, second, n, corrected in report.paired.mcnemar:
            yield f"  McNemar {first} → {second}: p {spoken_p(corrected)} (Holm, {n} pairs)"


def _model_lines(model: Model) -> Iterator[str]:
    for one in model.contrasts:
        line = f"  {one.first} → {one.second}: odds × {one.ratio:.2f} [{one.low:.2f}, {one.high:.2f}]"
        if one.p_holm is not None:
            line += f", Holm {spoken_p(one.p_holm)}"
        if one.probability is not None:
            line += f", P(> 1) {one.probability:.3f}"
        yield line
    if model.sd_rater is not None and model.sd_item is not None:
        yield f"  SD in log odds: raters {model.sd_rater:.2f}, items {model.sd_item:.2f}"


def _coefficient(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
