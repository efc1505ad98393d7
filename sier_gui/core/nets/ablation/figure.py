"""Table 2 as a picture: accuracy with its interval, and what an epoch costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sier_gui.core.charts import BLUE, INK, ORANGE, SOFT, bare, chart
from sier_gui.core.nets.ablation.table import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_table(lines: Sequence[Line], chance: float, caption: str) -> Figure:
    """A line of dots for the rows that have figures, first row on top; seconds an epoch beside it."""
    shown = [line for line in lines if line.figures]
    with chart(160, 26 + 7 * len(shown)) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(3, 1.6), sharey=True)
        places = list(range(len(shown)))[::-1]
        _accuracy(left, shown, places, chance)
        seconds = [line.epoch_s for line in shown]
        right.barh(places, seconds, height=0.5, color=ORANGE)
        for place, value in zip(places, seconds, strict=True):
            right.annotate(
                f"{value:.2f}" if value < 60 else f"{value:.0f}",
                (value, place),
                xytext=(2, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color=SOFT,
            )
        right.set_xlim(0, max([*seconds, 1e-3]) * 1.25)
        right.set_xlabel("seconds per epoch")
        right.tick_params(left=False)
        bare(right)
        figure.suptitle(caption, fontsize=8, color=INK)
    return figure


def _accuracy(axes: Axes, shown: Sequence[Line], places: Sequence[int], chance: float) -> None:
    for line, place in zip(shown, places, strict=True):
        f = line.figures
        low, high = f["intervals"]["balanced_accuracy"]
        axes.plot([low, high], [place, place], color=BLUE, linewidth=1)
        axes.plot([f["balanced_accuracy"]], [place], "o", color=BLUE, markersize=4)
        axes.plot([f["accuracy"]], [place], "|", color=ORANGE, markersize=7)
    axes.axvline(chance, color=SOFT, linewidth=0.6, linestyle=":")
    handles: list[Any] = axes.get_lines()
    axes.legend(
        [handles[1], handles[0], handles[2], handles[-1]],
        ["balanced", "95 % over groups", "plain", "chance"],
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=4,
        frameon=False,
        handlelength=1.2,
        columnspacing=1.2,
    )
    axes.set_yticks(list(places), [line.title for line in shown])
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlim(0, 1)
    axes.set_xlabel("accuracy")
    bare(axes)
