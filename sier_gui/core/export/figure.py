"""The annotated figure in the style of the paper's figure 7 (000 §5.2), with matplotlib's object API.

Everything is placed in millimetres from the top left, so that what is measured is what is printed. Always
light, whatever the theme. Text stays text in vector files; pictures and colour bars are pixels in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.audio.levels import peaks
from sier_gui.core.charts import INK, MM, SOFT, light, save
from sier_gui.core.export.colours import ColourScale, overlay, scale_of
from sier_gui.core.export.typeset import Run, fitted, lines, plain_lines, width_pt
from sier_gui.core.export.view import FigureInput, FigureOptions, caption, parse_width, shared_scale
from sier_gui.core.export.words import contributing, shown_words, word_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FigureInput", "FigureOptions", "draw", "parse_width", "save", "shared_scale"]

_PT = 72 / MM  # points per mm
_MARGIN, _GAP = 3.0, 3.0
_TICK = 2.0  # half a tick's number, which reaches beyond its axis
_BAR = 0.45  # the colour bar's share of the width
_WORD_LINES, _CAPTION_LINES = 4, 8
_ENVELOPE_S = 0.012  # one period of a voice of 83 Hz: shorter bins would draw the periods, not the envelope
_STRONG = "#0050B5"  # the words' blue


@dataclass(frozen=True, slots=True)
class _Box:
    """Millimetres from the figure's top left."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where everything goes; ``height`` of the whole in mm."""

    height: float
    image: _Box
    header: _Box
    words: _Box
    wave: _Box
    bar: _Box
    caption: _Box


@dataclass(frozen=True, slots=True)
class _Texts:
    """Everything set in lines, measured before anything is placed."""

    size: float
    words: list[list[Run]]
    legend: list[str]
    caption: list[str]

    @property
    def line_mm(self) -> float:
        return self.size * 1.3 / _PT


def draw(view: FigureInput, options: FigureOptions) -> Figure:
    """Draw picture with overlay, words, coloured waveform, P, GT, Score, colour bar and caption."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with light():
        scale = scale_of(view, options)
        beside = _beside(view, options.width_mm)
        texts = _set_texts(view, options, beside)
        layout = _lay_out(view, options.width_mm, texts, beside)
        figure = Figure((options.width_mm / MM, layout.height / MM), dpi=options.dpi, facecolor="white")
        FigureCanvasAgg(figure)
        page = _Page(figure, options.width_mm, layout.height, texts)
        page.header(view, layout.header)
        page.picture(view, options, scale, layout.image)
        for number, line in enumerate(texts.words):
            page.runs(line, layout.words.x, layout.words.y + number * texts.line_mm)
        page.waveform(view, options, scale, layout.wave)
        page.colour_bar(options, scale, layout.bar)
        for number, text in enumerate(texts.caption):
            page.text(text, layout.caption.x, layout.caption.y + number * texts.line_mm, color=SOFT)
    return figure


def _beside(view: FigureInput, width: float) -> bool:
    """Picture beside the speech where there is room; panoramas and single columns are stacked."""
    height_px, width_px = view.picture.shape[:2]
    return width >= 120 and width_px < 2.2 * height_px


def _set_texts(view: FigureInput, options: FigureOptions, beside: bool) -> _Texts:
    size = 7.0 if options.width_mm < 120 else 8.0
    inner = options.width_mm - 2 * _MARGIN
    column = inner * 0.62 - _GAP if beside else inner
    spans = shown_words(view.inputs, view.sample.text, view.speech, view.rate)
    values = word_values(spans, view.attribution.segment_edges_s, view.attribution.speech())
    strong = contributing(values)
    words = [(span.text, bool(b)) for span, b in zip(spans, strong, strict=True)]
    return _Texts(
        size,
        lines(words, column * _PT, _WORD_LINES, size),
        plain_lines(_legend(view, options), (inner * (1 - _BAR) - 2 * _GAP) * _PT, 3, size),
        plain_lines(caption(view, options), inner * _PT, _CAPTION_LINES, size),
    )


def _legend(view: FigureInput, options: FigureOptions) -> str:
    a = view.attribution
    unit = "probability" if a.value == "probability" else "logit"
    if options.signed:
        return f"φ ({unit} of {a.target}): red for, blue and hatched against the class"
    return f"φ ({unit} of {a.target}): yellow most, blue least important"


def _lay_out(view: FigureInput, width: float, texts: _Texts, beside: bool) -> _Layout:
    inner, line = width - 2 * _MARGIN, texts.line_mm
    ticks = 2 * line + 1  # below the waveform: numbers and the axis' name
    words_height = len(texts.words) * line + (1 if texts.words else 0)
    column = _Box(_MARGIN, 0, inner, 0)
    room = _Box(_MARGIN, _MARGIN, inner, min(65.0, inner))
    if beside:
        room = _Box(_MARGIN, _MARGIN, inner * 0.38, inner * 0.55)
        column = _Box(_MARGIN + inner * 0.38 + _GAP, 0, inner * 0.62 - _GAP, 0)
    image = _fit_picture(view, room)
    y = _MARGIN if beside else image.y + image.height + _GAP
    header = _Box(column.x, y, column.width, line + 1.5)
    words = _Box(column.x, y + header.height, column.width, words_height)
    top = words.y + words.height + 1
    left_over = image.y + image.height - ticks - top
    wave = _Box(column.x + _TICK, top, column.width - 2 * _TICK, max(18.0, left_over) if beside else 18.0)
    y = max(image.y + image.height, wave.y + wave.height + ticks) + _GAP
    bar = _Box(_MARGIN + 2 * _TICK, y, inner * _BAR - 2 * _TICK, 2.2)
    y += max(len(texts.legend) * line, bar.height + line + 1) + 1.5
    foot = _Box(_MARGIN, y, inner, len(texts.caption) * line)
    return _Layout(foot.y + foot.height + _MARGIN, image, header, words, wave, bar, foot)


def _fit_picture(view: FigureInput, room: _Box) -> _Box:
    """The largest box of the picture's shape, centred across the room."""
    height, width = view.picture.shape[:2]
    scale = min(room.width / width, room.height / height)
    # a line of one pixel would vanish
    w, h = max(width * scale, 1.0), max(height * scale, 1.0)
    return _Box(room.x + (room.width - w) / 2, room.y, w, h)


class _Page:
    """A figure addressed in millimetres from its top left."""

    def __init__(self, figure: Figure, width: float, height: float, texts: _Texts) -> None:
        self.figure, self.width, self.height, self.texts = figure, width, height, texts

    def axes(self, box: _Box) -> Axes:
        bottom = self.height - box.y - box.height
        return self.figure.add_axes(
            (box.x / self.width, bottom / self.height, box.width / self.width, box.height / self.height)
        )

    def text(self, text: str, x: float, y: float, **style: Any) -> None:
        """One line whose box starts at (x, y) mm."""
        # a fixed baseline: lines with and without descenders keep one distance
        baseline = y + self.texts.line_mm * 0.78
        style = {"color": INK, "fontsize": self.texts.size, **style}
        self.figure.text(x / self.width, 1 - baseline / self.height, text, va="baseline", **style)

    def runs(self, line: list[Run], x: float, y: float) -> None:
        for run in line:
            style = {"color": _STRONG, "fontweight": "bold"} if run.strong else {}
            self.text(run.text, x + run.x / _PT, y, **style)

    def header(self, view: FigureInput, box: _Box) -> None:
        """P, GT and Score as the paper prints them; long class names are cut, the score never."""
        size = self.texts.size + 1
        score = f"Score {view.prediction.confidence:.2f}"
        room = (box.width * _PT - width_pt(score, size, True) - 24) / 2
        x = box.x
        for name, value in (("P", view.prediction.predicted), ("GT", view.sample.label or "–")):
            label = width_pt(f"{name} ", size)
            shown = fitted(value, room - label, size, True)
            self.text(name, x, box.y, fontsize=size, color=SOFT)
            self.text(shown, x + label / _PT, box.y, fontsize=size, fontweight="bold")
            x += (label + width_pt(shown, size, True) + 12) / _PT
        self.text(score, x, box.y, fontsize=size, fontweight="bold")

    def picture(self, view: FigureInput, options: FigureOptions, scale: ColourScale, box: _Box) -> None:
        dots = options.dpi / MM
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

    def waveform(self, view: FigureInput, options: FigureOptions, scale: ColourScale, box: _Box) -> None:
        from matplotlib.collections import PolyCollection
        from matplotlib.ticker import MaxNLocator

        axes = self.axes(box)
        duration = len(view.speech) / view.rate
        bins = max(8, min(round(box.width * 4), round(duration / _ENVELOPE_S)))
        envelope = peaks(view.speech, bins)
        values = view.attribution.speech()
        outlines = _segment_outlines(envelope, duration, view.attribution.segment_edges_s)
        # a hair line around the yellow, which white paper swallows
        colours = scale.rgb(values)
        axes.add_collection(
            PolyCollection(outlines, facecolors=colours, edgecolors="#333333", linewidths=0.25)
        )
        if options.signed:
            against = [outline for outline, value in zip(outlines, values, strict=True) if value < 0]
            hatched = PolyCollection(
                against, facecolors="none", edgecolors="#222222", linewidths=0, hatch="//////"
            )
            axes.add_collection(hatched)
        loudest = max(float(np.abs(envelope).max()), 1e-6)
        axes.set_xlim(0, duration)
        axes.set_ylim(-1.05 * loudest, 1.05 * loudest)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.tick_params(labelsize=self.texts.size, length=2, width=0.5, pad=1.5, colors=INK)
        axes.set_xlabel("time (s)", fontsize=self.texts.size, labelpad=1, color=INK)
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)

    def colour_bar(self, options: FigureOptions, scale: ColourScale, box: _Box) -> None:
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        axes = self.axes(box)
        ramp = np.linspace(scale.low, scale.high, 256)
        extent = (scale.low, scale.high, 0, 1)
        axes.imshow(scale.rgb(ramp)[None], extent=extent, aspect="auto", interpolation="nearest")
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(max(2, int(box.width / 13))))
        # no common factor beside the axis: it would need a place of its own
        axes.xaxis.set_major_formatter(FuncFormatter(_tick))
        axes.tick_params(labelsize=self.texts.size, length=2, width=0.5, pad=1.5, colors=INK)
        x = box.x + box.width + 2 * _GAP
        for number, text in enumerate(self.texts.legend):
            self.text(text, x, box.y - 0.8 + number * self.texts.line_mm)


def _tick(value: float, _position: int) -> str:
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

    from sier_gui.core.images.patches import patch_rectangles

    values = view.attribution.image()
    rows, columns = values.shape
    rectangles = patch_rectangles(rows, columns, view.inputs.pixels)[values < 0]
    corners = rectangles[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    axes.add_collection(
        PolyCollection(list(corners), facecolors="none", edgecolors="#222222", linewidths=0, hatch="//////")
    )
