"""The summary figure, after 000's figure 2: samples by class, and by the modality that decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sier_gui.core.charts import BLUE, ORANGE, bare, chart, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"speech": BLUE, "image": ORANGE}
_PROVENANCE = ("version", "build_version", "seed", "rule", "threshold", "networks")


def draw_summary(summary: Mapping[str, Any], suffix: str) -> bytes:
    """The figure of a `table.summarise`d dataset as "png" or "svg"; what made it stands inside the file."""
    samples = summary["counts"]["samples"]
    with chart(160, 71) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _bars(left, summary["decided_by_class"], summary["classes"], samples)
        left.set_title("label, by the modality that decided")
        _bars(right, {m: {m: n} for m, n in summary["decided_by"].items()}, summary["decided_by"], samples)
        right.set_title("modality that decided")
        left.set_ylabel("samples")
        title = f"{samples} samples, rule {summary['rule']}, threshold {summary['threshold']:g}"
        figure.suptitle(title, fontsize=9)
        figure.legend(*left.get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2)
        return render(figure, suffix, {"title": title, **{key: summary[key] for key in _PROVENANCE}})


def _bars(
    axes: Axes, parts: Mapping[str, Mapping[str, int]], totals: Mapping[str, int], samples: int
) -> None:
    """One bar for each of ``parts``, stacked, with its number and share above it."""
    bottom = [0] * len(parts)
    for modality, colour in _COLOURS.items():
        heights = [part.get(modality, 0) for part in parts.values()]
        axes.bar(list(parts), heights, bottom=bottom, color=colour, width=0.65, label=modality)
        bottom = [b + h for b, h in zip(bottom, heights, strict=True)]
    for place, name in enumerate(parts):
        share = f"{totals[name] / samples:.1%}" if samples else "–"
        axes.annotate(
            f"{totals[name]:,}\n{share}",
            (place, totals[name]),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
        )
    axes.set_ylim(0, max(1, *totals.values()) * 1.3)
    bare(axes)
