"""A report as files: long CSV, LaTeX in the paper's layout, JSON with design and seed, figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sier_gui.core.paths import write_bytes, write_json
from sier_gui.core.study.figure import FORMATS, write_figure
from sier_gui.core.study.rationales import write_marks
from sier_gui.core.study.records import Modality, Response
from sier_gui.core.study.report import ASSUMPTIONS, StudyReport
from sier_gui.core.study.report_json import report_json
from sier_gui.core.study.responses import write_responses
from sier_gui.core.study.rounding import as_text

_TEX_HEADS = dict(zip(Modality, ("$A_i$", "$A_{ss}$", "$A_{hs}$", "$A_{ss-i}$", "$A_{hs-i}$"), strict=True))
_TEX_ESCAPES = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
        "→": r"$\to$", "≈": r"$\approx$", "−": "$-$", "±": r"$\pm$", "ᵤ": r"$_u$", "α": r"$\alpha$",
        "κ": r"$\kappa$", "×": r"$\times$", "“": "``", "”": "''", "–": "--",
    }
)  # fmt: skip


def export_answers(responses: Sequence[Response], out: Path) -> list[dict[str, Any]]:
    """Write responses.csv into ``out``, and rationales.csv where raters marked what decided; a manifest.

    Apart from `export_study`, because answers can be taken out where no report can be made of them.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    write_responses(out / "responses.csv", responses)
    written = [out / "responses.csv"]
    if any(response.rationale for response in responses):
        write_marks(out / "rationales.csv", responses)
        written.append(out / "rationales.csv")
    return _manifest(written)


def export_study(
    report: StudyReport, out: Path, figure_formats: Sequence[str] = FORMATS
) -> list[dict[str, Any]]:
    """Write table1.tex, report.json and table1.* into ``out``; a manifest of what was written.

    Raises
    ------
    SierError : the folder cannot be written, or an unknown figure format.
    """
    write_bytes(out / "table1.tex", latex(report).encode())
    write_json(out / "report.json", report_json(report))
    written = [out / "table1.tex", out / "report.json"]
    for kind in figure_formats:
        target = out / f"table1.{kind}"
        write_figure(report, target)
        written.append(target)
    return _manifest(written)


def _manifest(files: Sequence[Path]) -> list[dict[str, Any]]:
    return [{"file": str(file), "format": file.suffix.lstrip(".")} for file in files]


def latex(report: StudyReport) -> str:
    """Table 1 in the paper's layout, with booktabs; intervals below each row, self-checks as notes."""
    table = report.table
    heads = " & ".join(_TEX_HEADS[m] for m in table.modalities)
    lines = [
        r"\begin{table}",
        rf"\caption{{{_escaped(_caption(report))}}}",
        rf"\begin{{tabular}}{{l{'r' * len(table.modalities)}}}",
        r"\toprule",
        rf"Class & {heads} \\",
        r"\midrule",
        *_rows(report),
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip\footnotesize",
        *(rf"{_escaped(line)}\par" for line in _notes(report)),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _caption(report: StudyReport) -> str:
    start = "SIMULATED RATERS, no people. " if report.simulated else ""
    raters = len(report.answers.raters)
    return (
        f"{start}Agreement with the dataset's label in percent, {raters} raters, "
        f"{len(report.answers.items)} items, {len(report.answers)} responses; 95 % intervals over raters "
        "and items below."
    )


def _rows(report: StudyReport) -> Iterator[str]:
    table = report.table
    for label in table.classes:
        cells = [table.cells.get((label, m)) for m in table.modalities]
        yield _row(label.capitalize(), [_percent(c.share) if c else "--" for c in cells])
        yield _row("", [_ends(c.low, c.high) if c else "" for c in cells])
    columns = [table.overall[m] for m in table.modalities]
    yield r"\midrule"
    yield _row("Overall", [_percent(o.mean.share) for o in columns])
    yield _row("", [_ends(o.mean.low, o.mean.high) for o in columns])
    yield _row("pooled", [_percent(o.pooled.share) for o in columns])
    if any(o.weighted for o in columns):
        yield _row("weighted", [_percent(o.weighted.share) if o.weighted else "--" for o in columns])
    if report.network is not None:
        shares = [report.network.share.get(m) for m in table.modalities]
        yield _row(report.network.name, ["--" if s is None else _percent(s) for s in shares])
    yield _row("n", [str(o.n) for o in columns])


def _notes(report: StudyReport) -> Iterator[str]:
    yield f"{ASSUMPTIONS['percent']} Intervals: {ASSUMPTIONS['interval']}"
    yield f"Overall: {ASSUMPTIONS['mean']} Pooled: {ASSUMPTIONS['pooled']}"
    for flag in report.flags:
        yield f"! {flag.message}"


def _row(head: str, cells: Sequence[str]) -> str:
    return " & ".join([_escaped(head), *cells]) + r" \\"


def _percent(share: Any) -> str:
    return rf"{as_text(share)}\%"


def _ends(low: float, high: float) -> str:
    return rf"{{\footnotesize [{as_text(low, 1)}, {as_text(high, 1)}]}}"


def _escaped(text: str) -> str:
    return text.translate(_TEX_ESCAPES)
