"""The four designs of the thesis (004 §3.5), and how the prediction falls and rises in the map's order.

Values speak for the class in red and against it in blue, which is hatched too. ParallelNet hears no text: a
word's value is what the speech segments under it carry (`words.word_values`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.charts import BLUE, INK, ORANGE, SOFT, light
from sier_gui.core.export.colours import ColourScale, scale_of
from sier_gui.core.export.figure import CAPTION_LINES, fit_picture, legend
from sier_gui.core.export.page import (
    AGAINST,
    FOR,
    GAP,
    MARGIN,
    PT,
    Box,
    Page,
    line_mm,
    text_size,
    tick,
)
from sier_gui.core.export.typeset import fitted, plain_lines, width_pt
from sier_gui.core.export.view import FigureInput, FigureOptions, caption
from sier_gui.core.export.words import Span, shown_words, word_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS = 40  # of the most important words; what the others carry is one bar
MOST_ROWS = 5  # of words beside the line
_KEY = "Bars: words; dots: speech segments; each as a share of its largest."
_NUMBERS = 7.0  # mm beside a vertical axis for numbers from −1 to 1
_BESIDE = 11.0  # mm beside one for any other numbers
_SCOPES = {
    "both": (INK, "-", "solid: all parts"),
    "image": (BLUE, "--", "dashed: image"),
    "speech": (ORANGE, ":", "dotted: speech"),
}


@dataclass(frozen=True, slots=True)
class _Frame:
    """A page with its header above and its caption below; ``room`` is what lies between."""

    page: Page
    room: Box


def _frame(view: FigureInput, options: FigureOptions, room_mm: float) -> _Frame:
    size = text_size(options.width_mm)
    inner, line = options.width_mm - 2 * MARGIN, line_mm(size)
    texts = plain_lines(caption(view, options), inner * PT, CAPTION_LINES, size)
    top = MARGIN + line + 2
    foot = top + room_mm + (GAP if texts else 0)
    page = Page(options.width_mm, foot + len(texts) * line + MARGIN, size, options.dpi)
    page.header(view, Box(MARGIN, MARGIN, inner, line))
    page.lines(texts, Box(MARGIN, foot, inner, 0))
    return _Frame(page, Box(MARGIN, top, inner, room_mm))


@dataclass(frozen=True, slots=True)
class _Said:
    """What bars stand for: words with what they carry, or the segments where there is no text."""

    spans: Sequence[Span]
    values: NDArray[np.float64]


def _said(view: FigureInput) -> _Said:
    edges, values = view.attribution.segment_edges_s, view.attribution.speech()
    spans = shown_words(view.inputs, view.sample.text, view.speech, view.rate)
    if spans:
        return _Said(spans, word_values(spans, edges, values))
    return _Said([Span(a, b, f"{a:.2f}–{b:.2f} s") for a, b in pairwise(edges.tolist())], values)


def _unit(view: FigureInput) -> str:
    return "φ (probability)" if view.attribution.value == "probability" else "φ (logit)"


def _limit(view: FigureInput, options: FigureOptions, values: NDArray[np.float64]) -> float:
    """Half the width of an axis around zero: the shared scale where there is one."""
    found = max((abs(end) for end in options.scale or ()), default=0.0)
    return max(found, float(np.abs(values).max(initial=0.0)), 1e-9) * 1.05


# ---------------------------------------------------------------- text: bars in order of importance


def words(view: FigureInput, options: FigureOptions) -> Figure:
    """The words as bars, the most important on top, with a line at zero (004 figure 3.5)."""
    said = _said(view)
    order = np.argsort(-np.abs(said.values), kind="stable")
    names = [said.spans[i].text for i in order[:MOST_BARS]]
    values = said.values[order[:MOST_BARS]]
    if len(order) > MOST_BARS:
        names.append(f"{len(order) - MOST_BARS} others")
        values = np.append(values, said.values[order[MOST_BARS:]].sum())
    with light():
        size = text_size(options.width_mm)
        step, line = 1.15 * line_mm(size), line_mm(size)
        frame = _frame(view, options, len(names) * step + 2 * line + 3)
        page, room = frame.page, frame.room
        names = [fitted(name, room.width * 0.34 * PT, size) for name in names]
        beside = max(width_pt(name, size) for name in names) / PT + 2
        axes = page.axes(Box(room.x + beside, room.y, room.width - beside - 2, len(names) * step))
        limit = _limit(view, options, values)
        corners = [((min(v, 0.0), i + 0.15), abs(v), 0.7) for i, v in enumerate(values)]
        page.bars(axes, corners, values)
        _zero_axis(page, axes, f"{_unit(view)} of {view.attribution.target}", limit, room.width)
        axes.set_ylim(len(names), 0)
        axes.set_yticks([])
        for i, name in enumerate(names):
            x = room.x + beside - 1.5 - width_pt(name, size) / PT
            page.text(name, x, room.y + (i + 0.5) * step - line / 2)
    return page.figure


def _zero_axis(page: Page, axes: Axes, name: str, limit: float, width: float) -> None:
    """A horizontal axis symmetric around zero, where a line stands."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(-limit, limit)
    axes.axvline(0, color=INK, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(4, prune="both"))
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    page.name_axis(axes, fitted(name, width * 0.6 * PT, page.size))
    axes.spines[["top", "left", "right"]].set_visible(False)


# ---------------------------------------------------------------- audio: waveform over values


def speech(view: FigureInput, options: FigureOptions) -> Figure:
    """The waveform, and below it on the same seconds the segments' values (004 figure 3.6)."""
    with light():
        line = line_mm(text_size(options.width_mm))
        height = 20.0 if options.width_mm < 120 else 24.0
        frame = _frame(view, options, 2 * height + GAP + 2 * line + 2)
        page, room = frame.page, frame.room
        edges, values = view.attribution.segment_edges_s, view.attribution.speech()
        limit = _limit(view, options, values)
        beside = line + 1.5 + _numbers_mm(limit, page.size)
        left = Box(room.x + beside, room.y, room.width - beside - 3, height)
        above = page.waveform(view, None, left)
        above.set_xlabel("")
        above.tick_params(labelbottom=False)
        axes = page.axes(Box(left.x, room.y + height + GAP, left.width, height))
        corners = [
            ((a, min(v, 0.0)), b - a, abs(v)) for (a, b), v in zip(pairwise(edges), values, strict=True)
        ]
        page.bars(axes, corners, values)
        _upright(page, axes, limit, _ticks(limit))
        axes.set_xlim(*above.get_xlim())
        page.name_axis(axes, "time (s)")
        axes.spines[["top", "right"]].set_visible(False)
        page.upright(_unit(view), room.x + line / 2, room.y + height + GAP + height / 2)
    return page.figure


def _ticks(limit: float) -> list[float]:
    """Numbers beside an axis from −``limit`` to ``limit``."""
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(4).tick_values(-limit, limit)
    return [float(value) for value in found if abs(value) <= limit]


def _numbers_mm(limit: float, size: float) -> float:
    """Room for `_ticks` at the left of their axis."""
    return max(width_pt(tick(value, 0), size) for value in _ticks(limit)) / PT + 1.5


def _upright(page: Page, axes: Axes, limit: float, ticks: Sequence[float]) -> None:
    """A vertical axis symmetric around zero, where a line stands."""
    axes.set_ylim(-limit, limit)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set_yticks(ticks, [tick(value, 0) for value in ticks])
    axes.tick_params(labelsize=page.size, length=2, width=0.5, pad=1.5, colors=INK)


# ---------------------------------------------------------------- image: frame beside overlay


def picture(view: FigureInput, options: FigureOptions) -> Figure:
    """The greyed picture, and beside it the values over it, signed (004 figure 3.7)."""
    from dataclasses import replace

    options = replace(options, signed=True)
    with light():
        size = text_size(options.width_mm)
        half = (options.width_mm - 2 * MARGIN - GAP) / 2
        box = fit_picture(view, Box(0, 0, half, half * 1.6))
        scale = _image_scale(view, options)
        inner = options.width_mm - 2 * MARGIN
        texts = plain_lines(legend(view, options), (inner * 0.55 - 2 * GAP) * PT, 3, size)
        bar = max(len(texts) * line_mm(size), 2.2 + line_mm(size) + 1)
        frame = _frame(view, options, box.height + GAP + bar)
        page, room = frame.page, frame.room
        for shift, opacity in ((0.0, 0.0), (half + GAP, options.opacity)):
            place = Box(room.x + box.x + shift, room.y, box.width, box.height)
            page.picture(view, replace(options, opacity=opacity, signed=opacity > 0), scale, place)
        ends = Box(room.x + 4, room.y + box.height + GAP, inner * 0.45 - 4, 2.2)
        page.colour_bar(scale, ends, texts)
    return page.figure


def _image_scale(view: FigureInput, options: FigureOptions) -> ColourScale:
    """Of the picture alone, where no scale is shared: its values may be small beside the speech's."""
    if options.scale is not None:
        return scale_of(view, options)
    limit = float(np.abs(view.attribution.image()).max()) or 1e-9
    return ColourScale("RdBu_r", -limit, limit)


# ---------------------------------------------------------------- text beside audio


def comparison(view: FigureInput, options: FigureOptions) -> Figure:
    """Words as bars, and across them a line of the speech segments' values (004 figure 3.8).

    The words share the width; the line is bent so that each segment lies over the words said in it. Both are
    scaled to their own largest value, as the thesis does. Many words take several rows.
    """
    said = _said(view)
    a = view.attribution
    with light():
        size = text_size(options.width_mm)
        line = line_mm(size)
        width = options.width_mm - 2 * MARGIN - _NUMBERS - 2
        a_row = max(1, int(width / (1.25 * line)))
        shown = min(len(said.spans), MOST_ROWS * a_row)
        rows = np.array_split(np.arange(shown), -(-shown // a_row))
        names = [fitted(span.text, 22 * PT, size) for span in said.spans[:shown]]
        below = max(width_pt(name, size) for name in names) / PT + 2
        height = 20.0
        told = "" if shown == len(said.spans) else f" The first {shown} of {len(said.spans)} words."
        key = plain_lines(_KEY + told, (options.width_mm - 2 * MARGIN) * PT, 2, size)
        frame = _frame(view, options, len(rows) * (height + below + GAP) + len(key) * line)
        page, room = frame.page, frame.room
        bars = said.values / max(float(np.abs(said.values).max()), 1e-12)
        places, audio = _across(said.spans, a.segment_edges_s, a.speech())
        for number, row in enumerate(rows):
            top = room.y + number * (height + below + GAP)
            axes = page.axes(Box(room.x + _NUMBERS, top, width, height))
            corners = [((i + 0.12, min(bars[i], 0.0)), 0.76, abs(bars[i])) for i in row]
            page.bars(axes, corners, bars[row])
            _signed_line(axes, places, audio, (row[0], row[-1] + 1))
            _upright(page, axes, 1.1, (-1.0, 0.0, 1.0))
            axes.set_xlim(row[0], row[0] + max(len(r) for r in rows))
            axes.set_xticks([])
            axes.spines[["top", "right", "bottom"]].set_visible(False)
            for i in row:
                x = room.x + _NUMBERS + (i - row[0] + 0.5) * width / max(len(r) for r in rows)
                page.upright(names[i], x, top + height + 1, top=True)
        foot = room.y + len(rows) * (height + below + GAP) - GAP + 1
        page.lines(key, Box(room.x, foot, room.width, 0))
    return page.figure


def _across(
    spans: Sequence[Span], edges_s: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the segments' middles lie when each word has the width 1, and their values, scaled to ±1."""
    middles = (edges_s[1:] + edges_s[:-1]) / 2
    times = np.array([t for span in spans for t in (span.start_s, span.end_s)])
    slots = np.array([x for i in range(len(spans)) for x in (float(i), i + 1.0)])
    times = np.maximum.accumulate(times)
    places = np.interp(middles, times, slots)
    scaled = values / max(float(np.abs(values).max()), 1e-12)
    return places, scaled


def _signed_line(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], ends: tuple[int, int]) -> None:
    """One line, its dots filled where it speaks for the class, hollow where against, whole at the ends."""
    axes.plot(x, y, color=INK, linewidth=0.8, zorder=3)
    inside = (x >= ends[0]) & (x <= ends[1])
    x, y = x[inside], y[inside]
    for side, edge, fill in ((y >= 0, "white", FOR), (y < 0, AGAINST, "white")):
        axes.plot(
            x[side], y[side], "o", markersize=3.5, markeredgecolor=edge, markerfacecolor=fill,
            markeredgewidth=0.7, linestyle="none", zorder=4, clip_on=False,
        )  # fmt: skip


# ---------------------------------------------------------------- deletion and insertion


def curves(view: FigureInput, options: FigureOptions) -> Figure:
    """The class's value while parts leave, and while they come, in the map's order (RISE, arXiv:1806.07421).

    Raises
    ------
    SierError : the network was not asked (`gather.curves_of`).
    """
    from sier_gui.core.errors import SierError

    if view.curves is None:
        raise SierError("Deletion and insertion are not known.", "Let the network compute them.")
    with light():
        line = line_mm(text_size(options.width_mm))
        stacked = options.width_mm < 120
        height = 36.0
        unit = "P" if view.attribution.value == "probability" else "logit"
        what = f"{unit}({view.attribution.target})"
        titles = (f"strongest parts leave: {what}", f"strongest parts come: {what}")
        frame = _frame(view, options, (2 if stacked else 1) * (height + 4 * line + GAP) + 3 * line)
        page, room = frame.page, frame.room
        column = room.width if stacked else (room.width - 2 * GAP) / 2
        for number, (title, name) in enumerate(zip(titles, ("deletion", "insertion"), strict=True)):
            x = room.x if stacked else room.x + number * (column + 2 * GAP)
            y = room.y + (number * (height + 4 * line + GAP) if stacked else 0)
            page.text(fitted(title, column * PT, page.size), x, y, color=INK)
            axes = page.axes(Box(x + _BESIDE, y + 1.5 * line, column - _BESIDE - 2, height))
            _curve_lines(page, axes, view, name)
        foot = room.y + room.height - 3 * line
        for number, (scope, (_, _, text)) in enumerate(_SCOPES.items()):
            found = view.curves[scope]
            areas = (
                f"{text}; area {found.deletion_area:.2f} under deletion, {found.insertion_area:.2f} under"
                " insertion"
            )
            page.text(fitted(areas, room.width * PT, page.size), room.x, foot + number * line, color=SOFT)
    return page.figure


def _curve_lines(page: Page, axes: Axes, view: FigureInput, name: str) -> None:
    """A line for each scope; ``name`` is "deletion" or "insertion"."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    assert view.curves is not None
    for scope, (colour, style, _) in _SCOPES.items():
        curve = getattr(view.curves[scope], name)
        axes.plot(np.linspace(0, 1, len(curve)), curve, color=colour, linestyle=style, linewidth=1.0)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "half", "all"])
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    page.name_axis(axes, "share of the parts")
    axes.spines[["top", "right"]].set_visible(False)
