"""The card's pictures: confusion, reliability, F1 by class; drawn from metrics.json alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.charts import BLUE, GREEN, ORANGE, PURPLE, RED, SKY, SOFT, bare, chart, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY)
MARKS = "osD^vP"
Networks = Mapping[str, Mapping[str, Any]]


def card_charts(metrics: Mapping[str, Any], provenance: dict[str, Any]) -> dict[str, bytes]:
    """File name → SVG, to lie beside the card. ``metrics``: what metrics.json has."""
    networks = {name: f for name, f in metrics["networks"].items() if "calibration" in f["runs"][0]}
    if not networks:  # measured by an earlier version
        return {}
    classes = metrics["classes"]
    figures = {
        "confusion.svg": draw_confusion(networks, classes),
        "reliability.svg": draw_reliability(networks),
        "classes.svg": draw_classes(networks, classes),
    }
    return {name: render(figure, "svg", {"title": name, **provenance}) for name, figure in figures.items()}


def draw_confusion(networks: Networks, classes: Sequence[str]) -> Figure:
    """A matrix for each network, first seed: rows are labels; colours are shares of the row."""
    columns = min(3, len(networks))
    rows = -(-len(networks) // columns)
    side = max(36, 8 * len(classes) + 18)
    with chart(max(70, side * columns), (side + 6) * rows) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, (name, f) in zip(grid.flat, networks.items(), strict=False):
            _matrix(axes, np.array(f["runs"][0]["confusion"]), classes)
            axes.set_title(name)
        for axes in grid.flat[len(networks) :]:
            axes.set_axis_off()
        for axes in grid[:, 0]:
            axes.set_ylabel("label")
        for axes in grid[-1]:
            axes.set_xlabel("prediction")
    return figure


def _matrix(axes: Axes, counts: Any, classes: Sequence[str]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.55 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=7)
    places = range(len(classes))
    axes.set_xticks(places, list(classes), rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, list(classes))
    axes.tick_params(length=0)


def draw_reliability(networks: Networks) -> Figure:
    """Accuracy over confidence in bins of equal mass, first seed; below the line it is too sure."""
    with chart(100, 88 + 5 * len(networks)) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.6, linestyle=":")
        for number, (name, f) in enumerate(networks.items()):
            found = f["runs"][0]["calibration"]
            points = [(b["confidence"], b["accuracy"]) for b in found["bins"]]
            axes.plot(
                *zip(*points, strict=True),
                color=COLOURS[number % len(COLOURS)],
                marker=MARKS[number % len(MARKS)],
                markersize=3,
                linewidth=0.9,
                label=f"{name}: ECE {found['ece']:.3f}, Brier {found['brier']:.3f}",
            )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_aspect("equal")
        axes.set_xlabel("confidence (probability of the predicted class)")
        axes.set_ylabel("accuracy")
        bare(axes)
        figure.legend(loc="outside lower center", frameon=False)
    return figure


def draw_classes(networks: Networks, classes: Sequence[str]) -> Figure:
    """F1 of every class, a mark for each network, with its interval where groups were told apart."""
    with chart(140, 60 + 5 * -(-len(networks) // 2)) as figure:
        axes = figure.subplots()
        shift = 0.7 / max(len(networks), 1)
        for number, (name, f) in enumerate(networks.items()):
            colour = COLOURS[number % len(COLOURS)]
            places = np.arange(len(classes)) + (number - (len(networks) - 1) / 2) * shift
            values = [np.mean([run["per_class"][c]["f1"] for run in f["runs"]]) for c in classes]
            axes.plot(
                places,
                values,
                MARKS[number % len(MARKS)],
                color=colour,
                markersize=4,
                label=name,
                clip_on=False,
            )
            ends = f.get("intervals", {}).get("per_class", {}).get("f1", [])
            for place, pair in zip(places, ends, strict=False):
                if pair is not None:
                    axes.plot([place, place], pair, color=colour, linewidth=0.9)
        axes.set_xticks(range(len(classes)), list(classes))
        axes.set_ylim(0, 1)
        axes.set_ylabel("F1")
        bare(axes)
        figure.legend(loc="outside lower center", frameon=False, ncols=2)
    return figure
