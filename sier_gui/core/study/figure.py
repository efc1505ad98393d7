"""Table 1 as a figure: each cell with its interval, the published values beside it."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from sier_gui.core import charts
from sier_gui.core.study.published import paper_table
from sier_gui.core.study.records import Modality
from sier_gui.core.study.report import ASSUMPTIONS, StudyReport, design_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
_WIDTH_MM, _PANEL_MM, _LINE_MM = 180.0, 62.0, 3.0
_NOTE_CHARACTERS = 150
_COLOURS = dict(zip(Modality, (charts.SOFT, charts.SKY, charts.BLUE, charts.ORANGE, charts.RED), strict=True))
_NAMES = dict(
    zip(
        Modality,
        ("image", "synthetic speech", "human speech", "synthetic + image", "human + image"),
        strict=True,
    )
)


def write_figure(report: StudyReport, target: Path) -> None:
    """Draw and write PNG, SVG or PDF, by the suffix; design and seed lie inside the file.

    Raises
    ------
    SierError : the folder cannot be written, or another suffix.
    """
    charts.save(_made(report), target, _provenance(report))


def figure_png(report: StudyReport) -> bytes:
    """The same figure as the bytes of a PNG, to be shown."""
    return charts.render(_made(report), "png", _provenance(report))


def _provenance(report: StudyReport) -> dict[str, Any]:
    return {"title": "Table 1", **design_of(report)}


def _made(report: StudyReport) -> Figure:
    notes = [fill(line, _NOTE_CHARACTERS) for line in _notes(report)]
    lines = sum(note.count("\n") + 1 for note in notes)
    with charts.chart(_WIDTH_MM, _PANEL_MM + _LINE_MM * lines) as figure:
        axes = figure.subplots()
        _draw(axes, report)
        figure.supxlabel("\n".join(notes), x=0.01, ha="left", fontsize=6, color=charts.SOFT)
    return figure


def _draw(axes: Axes, report: StudyReport) -> None:
    table, paper = report.table, paper_table()
    rows = [*table.classes, "overall"]
    step = 0.8 / len(table.modalities)
    published = set(table.classes) <= set(paper.classes)
    for place, modality in enumerate(table.modalities):
        offset = (place - (len(table.modalities) - 1) / 2) * step
        for x, label in enumerate(rows):
            cell = table.overall[modality].mean if label == "overall" else table.cells.get((label, modality))
            if cell is None:
                continue
            share = 100 * float(cell.share)
            ends = [[max(share - 100 * cell.low, 0)], [max(100 * cell.high - share, 0)]]
            name = _NAMES[modality] if x == 0 else None
            axes.errorbar(
                x + offset, share, ends, fmt="o", ms=3.5, lw=1, color=_COLOURS[modality], label=name
            )
            if published:
                value = paper.overall[modality] if label == "overall" else paper.cells[label, modality]
                mark = "published" if x == 0 and place == 0 else None
                axes.plot(
                    x + offset + step / 3, float(value), "D", ms=3, mfc="white", mec=charts.INK, label=mark
                )
    axes.axhline(100 / len(table.classes), color=charts.SOFT, lw=0.6, ls=":")
    axes.set_xticks(range(len(rows)), rows)
    axes.set_ylim(0, 101)
    axes.set_ylabel("agreement with the label, %")
    if report.simulated:
        axes.set_title("Simulated raters, no people", color=charts.RED)
    axes.legend(
        ncols=6,
        frameon=False,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0 if not report.simulated else 1.08),
    )
    charts.bare(axes)


def _notes(report: StudyReport) -> list[str]:
    counts = ", ".join(f"{_NAMES[m]} {report.table.overall[m].n}" for m in report.table.modalities)
    return [
        f"{ASSUMPTIONS['percent']} Bars: {ASSUMPTIONS['interval']} Dotted: guessing. Responses: {counts}.",
        *(f"! {flag.message}" for flag in report.flags),
    ]
