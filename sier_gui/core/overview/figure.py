"""The dataset's page as a figure for print: confusion matrix, shares, map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import sier_gui
from sier_gui.core import charts
from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.query import PredictionTable
from sier_gui.core.nets.releases import Release
from sier_gui.core.overview.projection import Layout
from sier_gui.core.overview.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_MM = 180.0
CLASS_INKS = {"anger": charts.RED, "happy": charts.GREEN, "hate": charts.PURPLE, "sad": charts.BLUE}
FURTHER_INKS = (charts.ORANGE, charts.SKY, "#F0E442", "#999999")


def provenance(catalogue: Catalogue, release: Release, layout: Layout | None) -> dict[str, Any]:
    """What the figure was made from."""
    return {
        "schema": 1,
        "title": f"{catalogue.name} by {release.label}",
        "version": sier_gui.__version__,
        "dataset": catalogue.name,
        "dataset_hash": catalogue.dataset_hash,
        "release": release.label,
        "release_hash": release.weights_hash,
        "map": layout.method if layout is not None else None,
    }


def inks(classes: tuple[str, ...]) -> list[str]:
    """The colour of each class, as on the screen."""
    others = [name for name in classes if name not in CLASS_INKS]
    return [CLASS_INKS.get(name) or FURTHER_INKS[others.index(name) % len(FURTHER_INKS)] for name in classes]


def save_figure(
    target: Path,
    summary: Summary,
    about: dict[str, Any],
    layout: Layout | None = None,
    table: PredictionTable | None = None,
) -> None:
    """Write PNG, SVG or PDF, by the suffix; points of the map are rasterised, texts stay texts.

    Raises
    ------
    SierError : another suffix, or the folder cannot be written.
    """
    with_map = layout is not None and table is not None
    rows = len(summary.rows)
    with charts.chart(WIDTH_MM, max(62.0, 26.0 + 9.0 * rows) + (88.0 if with_map else 0.0)) as figure:
        words = f"{about.get('title', '')} · {summary.known:,} of {summary.total:,} samples"
        if summary.balanced_accuracy is not None:
            words += f" · balanced accuracy {100 * summary.balanced_accuracy:.1f} %"
        figure.suptitle(words, fontsize=9)
        grid = figure.add_gridspec(
            2 if with_map else 1, 2, height_ratios=(1, 1.3) if with_map else (1,), width_ratios=(1, 1)
        )
        _matrix(figure.add_subplot(grid[0, 0]), summary)
        _shares(figure.add_subplot(grid[0, 1]), summary)
        if layout is not None and table is not None:
            _map(figure.add_subplot(grid[1, :]), layout, table)
        charts.save(figure, target, about)


def _matrix(axes: Axes, summary: Summary) -> None:
    shares = summary.shares()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i in range(len(summary.rows)):
        for j in range(len(summary.columns)):
            ink = "white" if shares[i, j] > 0.55 else charts.INK
            text = f"{summary.confusion[i, j]:,}\n{100 * shares[i, j]:.0f} %"
            axes.text(j, i, text, ha="center", va="center", fontsize=7, color=ink)
    axes.set_xticks(range(len(summary.columns)), summary.columns)
    axes.set_yticks(range(len(summary.rows)), [name or "no label" for name in summary.rows])
    axes.set_xlabel("predicted")
    axes.set_ylabel("label")
    axes.set_title("Confusion, per cent of the label")


def _shares(axes: Axes, summary: Summary) -> None:
    names = [name for name in summary.rows if name]
    labelled = max(int(summary.labels[: len(names)].sum()), 1)
    said = np.zeros(len(names))
    said[: len(summary.columns)] = summary.predicted / max(summary.known, 1)
    place = np.arange(len(names))
    colours = inks(tuple(names))
    axes.barh(place - 0.2, 100 * summary.labels[: len(names)] / labelled, 0.36, color=colours)
    axes.barh(place + 0.2, 100 * said, 0.36, color="white", edgecolor=colours, hatch="////")
    axes.set_yticks(place, names)
    axes.invert_yaxis()
    axes.set_xlabel("%")
    axes.set_title("Labels (full) and predictions (hatched)")
    charts.bare(axes)


def _map(axes: Axes, layout: Layout, table: PredictionTable) -> None:
    labels = table.labels[layout.rows]
    n = len(labels)
    size = 14.0 if n <= 500 else 4.0 if n <= 20_000 else 0.6
    for i, (name, ink) in enumerate(zip(table.classes, inks(table.classes), strict=True)):
        x, y = layout.positions[labels == i].T
        axes.scatter(x, y, s=size, color=ink, linewidths=0, label=f"{name} {len(x):,}", rasterized=True)
    x, y = layout.positions[labels < 0].T
    if len(x):
        axes.scatter(
            x, y, s=size, color="#999999", linewidths=0, label=f"no label {len(x):,}", rasterized=True
        )
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, markerscale=2 if n > 500 else 1)
    axes.set_title(f"Fused layer, {layout.method}; colour: label")
