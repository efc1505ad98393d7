"""A figure addressed in millimetres from its top left, so that what is measured is what is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.audio.levels import peaks
from sier_gui.core.charts import INK, MM, SOFT
from sier_gui.core.export.colours import ColourScale, overlay
from sier_gui.core.export.typeset import Run, fitted, width_pt
from sier_gui.core.export.view import FigureInput, FigureOptions
from sier_gui.core.images.patches import patch_rectangles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PT = 72 / MM  # points per mm
MARGIN, GAP = 3.0, 3.0
FOR, AGAINST = "#B2182B", "#2166AC"  # the ends of the blue–white–red map: for and against the class
HATCH, HATCH_INK = "//////", "#222222"  # doubles the sign for readers in grey or with other colour vision
_STRONG = "#0050B5"  # the words' blue
_ENVELOPE_S = 0.012  # one period of a voice of 83 Hz: shorter bins would draw the periods, not the envelope


def text_size(width_mm: float) -> float:
    """Points of a figure's text: 7 in one column, 8 in wider ones."""
    return 7.0 if width_mm < 120 else 8.0


@dataclass(frozen=True, slots=True)
class Box:
    """Millimetres from the figure's top left."""

    x: float
    y: float
    width: float
    height: float


class Page:
    """A white figure of ``width`` by ``height`` mm, whose text has ``size`` points."""

    def __init__(self, width: float, height: float, size: float, dpi: int) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure: Figure = Figure((width / MM, height / MM), dpi=dpi, facecolor="white")
        FigureCanvasAgg(self.figure)
        self.width, self.height, self.size, self.dpi = width, height, size, dpi

    @property
    def line_mm(self) -> float:
        return line_mm(self.size)

    def axes(self, box: Box) -> Axes:
        bottom = self.height - box.y - box.height
        return self.figure.add_axes(
            (box.x / self.width, bottom / self.height, box.width / self.width, box.height / self.height)
        )

    def text(self, text: str, x: float, y: float, **style: Any) -> None:
        """One line whose box starts at (x, y) mm."""
        # a fixed baseline: lines with and without descenders keep one distance
        baseline = y + self.line_mm * 0.78
        style = {"color": INK, "fontsize": self.size, **style}
        self.figure.text(x / self.width, 1 - baseline / self.height, text, va="baseline", **style)

    def upright(self, text: str, x: float, y: float, *, top: bool = False) -> None:
        """Text turned by 90°, read from below: centred at (x, y) mm, or hanging from there."""
        self.figure.text(
            x / self.width, 1 - y / self.height, text, rotation=90, fontsize=self.size,
            ha="center", va="top" if top else "center", color=INK,
        )  # fmt: skip

    def runs(self, line: list[Run], x: float, y: float) -> None:
        for run in line:
            style = {"color": _STRONG, "fontweight": "bold"} if run.strong else {}
            self.text(run.text, x + run.x / PT, y, **style)

    def header(self, view: FigureInput, box: Box) -> None:
        """P, GT and Score as the paper prints them; long class names are cut, the score never."""
        size = self.size + 1
        score = f"Score {view.prediction.confidence:.2f}"
        room = (box.width * PT - width_pt(score, size, True) - 24) / 2
        x = box.x
        for name, value in (("P", view.prediction.predicted), ("GT", view.sample.label or "–")):
            label = width_pt(f"{name} ", size)
            shown = fitted(value, room - label, size, True)
            self.text(name, x, box.y, fontsize=size, color=SOFT)
            self.text(shown, x + label / PT, box.y, fontsize=size, fontweight="bold")
            x += (label + width_pt(shown, size, True) + 12) / PT
        self.text(score, x, box.y, fontsize=size, fontweight="bold")

    def lines(self, texts: Sequence[str], box: Box) -> None:
        """Soft lines of text from the top of ``box``."""
        for number, text in enumerate(texts):
            self.text(text, box.x, box.y + number * self.line_mm, color=SOFT)

    def picture(self, view: FigureInput, options: FigureOptions, scale: ColourScale, box: Box) -> None:
        """The picture greyed, its patches' colours over it; hatched where they speak against the class."""
        dots = self.dpi / MM
        size = (max(1, round(box.width * dots)), max(1, round(box.height * dots)))
        values, pixels = view.attribution.image(), view.inputs.pixels
        axes = self.axes(box)
        shown = overlay(view.picture, values, pixels, scale, options.opacity, size)
        axes.imshow(shown, extent=(0, pixels.width, pixels.height, 0), aspect="auto", interpolation="nearest")
        if options.signed:
            _hatch_patches(axes, view)
        axes.set_xlim(0, pixels.width)
        axes.set_ylim(pixels.height, 0)
        axes.set_axis_off()

    def waveform(
        self, view: FigureInput, scale: ColourScale | None, box: Box, *, hatched: bool = False
    ) -> Axes:
        """The speech over seconds, its segments coloured by ``scale``; None: all of it grey."""
        from matplotlib.collections import PolyCollection
        from matplotlib.ticker import MaxNLocator

        axes = self.axes(box)
        duration = len(view.speech) / view.rate
        bins = max(8, min(round(box.width * 4), round(duration / _ENVELOPE_S)))
        envelope = peaks(view.speech, bins)
        values = view.attribution.speech()
        outlines = _segment_outlines(envelope, duration, view.attribution.segment_edges_s)
        # a hair line around the yellow, which white paper swallows
        colours: Any = "#999999" if scale is None else scale.rgb(values)
        axes.add_collection(
            PolyCollection(outlines, facecolors=colours, edgecolors="#333333", linewidths=0.25)
        )
        if hatched:
            against = [outline for outline, value in zip(outlines, values, strict=True) if value < 0]
            lines = PolyCollection(
                against, facecolors="none", edgecolors=HATCH_INK, linewidths=0, hatch=HATCH
            )
            axes.add_collection(lines)
        loudest = max(float(np.abs(envelope).max()), 1e-6)
        axes.set_xlim(0, duration)
        axes.set_ylim(-1.05 * loudest, 1.05 * loudest)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(6))
        self.name_axis(axes, "time (s)")
        axes.spines[["top", "left", "right"]].set_visible(False)
        return axes

    def name_axis(self, axes: Axes, name: str) -> None:
        """Ticks and the name of the horizontal axis in the figure's size."""
        axes.tick_params(labelsize=self.size, length=2, width=0.5, pad=1.5, colors=INK)
        axes.set_xlabel(name, fontsize=self.size, labelpad=1, color=INK)

    def bars(self, axes: Axes, corners: Sequence[Any], values: Any) -> None:
        """Bars (corner, width, height) in axis units: red for, blue and hatched against."""
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Rectangle

        for side, colour, hatch in ((1, FOR, None), (-1, AGAINST, HATCH)):
            mine = [
                Rectangle(corner, width, height)
                for (corner, width, height), value in zip(corners, values, strict=True)
                if value * side > 0
            ]
            edge = INK if hatch is None else "white"
            axes.add_collection(
                PatchCollection(mine, facecolor=colour, edgecolor=edge, linewidth=0, hatch=hatch)
            )

    def colour_bar(self, scale: ColourScale, box: Box, texts: Sequence[str]) -> None:
        """The scale with its numbers; ``texts``, lines that say what it means, stand at its right."""
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        axes = self.axes(box)
        ramp = np.linspace(scale.low, scale.high, 256)
        extent = (scale.low, scale.high, 0, 1)
        axes.imshow(scale.rgb(ramp)[None], extent=extent, aspect="auto", interpolation="nearest")
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(max(2, int(box.width / 13))))
        # no common factor beside the axis: it would need a place of its own
        axes.xaxis.set_major_formatter(FuncFormatter(tick))
        axes.tick_params(labelsize=self.size, length=2, width=0.5, pad=1.5, colors=INK)
        x = box.x + box.width + 2 * GAP
        for number, text in enumerate(texts):
            self.text(text, x, box.y - 0.8 + number * self.line_mm)


def line_mm(size: float) -> float:
    """From one baseline to the next, for text of ``size`` points."""
    return size * 1.3 / PT


def tick(value: float, _position: int) -> str:
    """An axis' number, with a real minus sign."""
    return f"{value:.3g}".replace("-", "−")


def _segment_outlines(envelope: Any, duration: float, edges_s: Any) -> list[Any]:
    """One closed polygon (points, 2) per segment: the highs left to right, the lows back."""
    middles = (np.arange(len(envelope)) + 0.5) / len(envelope) * duration
    outlines = []
    for start, end in pairwise(edges_s):
        inside = middles[(middles > start) & (middles < end)]
        t = np.concatenate([[start], inside, [end]])
        low, high = (np.interp(t, middles, envelope[:, side]) for side in (0, 1))
        outlines.append(np.column_stack([np.concatenate([t, t[::-1]]), np.concatenate([high, low[::-1]])]))
    return outlines


def _hatch_patches(axes: Axes, view: FigureInput) -> None:
    """Hatching doubles the sign for readers in grey or with other colour vision."""
    from matplotlib.collections import PolyCollection

    values = view.attribution.image()
    rows, columns = values.shape
    rectangles = patch_rectangles(rows, columns, view.inputs.pixels)[values < 0]
    corners = rectangles[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    axes.add_collection(
        PolyCollection(list(corners), facecolors="none", edgecolors=HATCH_INK, linewidths=0, hatch=HATCH)
    )
