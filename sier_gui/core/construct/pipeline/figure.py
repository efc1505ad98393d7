"""The summary figure, after 000's figure 2: samples by class, and by the modality that decided."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart by everybody
_COLOURS = {"speech": "#0072B2", "image": "#E69F00"}
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # bundled with matplotlib: the same picture everywhere
    "font.size": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "sier-gui",  # equal figures give equal files
    "text.parse_math": False,
}


def draw_summary(summary: Mapping[str, Any], suffix: str) -> bytes:
    """The figure of a `table.summarise`d dataset as "png" or "svg"."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    samples = summary["counts"]["samples"]
    with matplotlib.rc_context(_STYLE):
        figure = Figure((6.3, 2.8), dpi=200, facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _bars(left, summary["decided_by_class"], summary["classes"], samples)
        left.set_title("label, by the modality that decided")
        _bars(right, {m: {m: n} for m, n in summary["decided_by"].items()}, summary["decided_by"], samples)
        right.set_title("modality that decided")
        left.set_ylabel("samples")
        figure.suptitle(
            f"{samples} samples, rule {summary['rule']}, threshold {summary['threshold']:g}", fontsize=9
        )
        figure.legend(*left.get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2)
        target = io.BytesIO()
        figure.savefig(target, format=suffix, metadata=_provenance(summary, suffix))
    return target.getvalue()


def _provenance(summary: Mapping[str, Any], suffix: str) -> dict[str, str | None]:
    """What made it, inside the file; no date, so that equal figures give equal files."""
    keys = ("version", "build_version", "seed", "rule", "threshold", "networks")
    text = json.dumps({key: summary[key] for key in keys}, ensure_ascii=False)
    return {"Date": None, "Description": text} if suffix == "svg" else {"Software": None, "Comment": text}


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
    axes.spines[["top", "right"]].set_visible(False)
