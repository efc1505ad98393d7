"""The annotated figure in the style of the paper's figure 7 (000 §5.2).

Text stays text in vector files; pictures and colour bars are pixels in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sier_gui.core.charts import light, save
from sier_gui.core.export.colours import scale_of
from sier_gui.core.export.page import GAP, MARGIN, PT, Box, Page, line_mm, text_size
from sier_gui.core.export.typeset import Run, lines, plain_lines
from sier_gui.core.export.view import FigureInput, FigureOptions, caption, parse_width, shared_scale
from sier_gui.core.export.words import contributing, shown_words, word_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FigureInput", "FigureOptions", "draw", "parse_width", "save", "shared_scale"]

_TICK = 2.0  # half a tick's number, which reaches beyond its axis
_BAR = 0.45  # the colour bar's share of the width
_WORD_LINES, CAPTION_LINES = 4, 8


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where everything goes; ``height`` of the whole in mm."""

    height: float
    image: Box
    header: Box
    words: Box
    wave: Box
    bar: Box
    caption: Box


@dataclass(frozen=True, slots=True)
class _Texts:
    """Everything set in lines, measured before anything is placed."""

    size: float
    words: list[list[Run]]
    legend: list[str]
    caption: list[str]

    @property
    def line_mm(self) -> float:
        return line_mm(self.size)


def draw(view: FigureInput, options: FigureOptions) -> Figure:
    """Draw picture with overlay, words, coloured waveform, P, GT, Score, colour bar and caption."""
    with light():
        scale = scale_of(view, options)
        beside = _beside(view, options.width_mm)
        texts = _set_texts(view, options, beside)
        layout = _lay_out(view, options.width_mm, texts, beside)
        page = Page(options.width_mm, layout.height, texts.size, options.dpi)
        page.header(view, layout.header)
        page.picture(view, options, scale, layout.image)
        for number, line in enumerate(texts.words):
            page.runs(line, layout.words.x, layout.words.y + number * texts.line_mm)
        page.waveform(view, scale, layout.wave, hatched=options.signed)
        page.colour_bar(scale, layout.bar, texts.legend)
        page.lines(texts.caption, layout.caption)
    return page.figure


def _beside(view: FigureInput, width: float) -> bool:
    """Picture beside the speech where there is room; panoramas and single columns are stacked."""
    height_px, width_px = view.picture.shape[:2]
    return width >= 120 and width_px < 2.2 * height_px


def _set_texts(view: FigureInput, options: FigureOptions, beside: bool) -> _Texts:
    size = text_size(options.width_mm)
    inner = options.width_mm - 2 * MARGIN
    column = inner * 0.62 - GAP if beside else inner
    spans = shown_words(view.inputs, view.sample.text, view.speech, view.rate)
    values = word_values(spans, view.attribution.segment_edges_s, view.attribution.speech())
    strong = contributing(values)
    words = [(span.text, bool(b)) for span, b in zip(spans, strong, strict=True)]
    return _Texts(
        size,
        lines(words, column * PT, _WORD_LINES, size),
        plain_lines(legend(view, options), (inner * (1 - _BAR) - 2 * GAP) * PT, 3, size),
        plain_lines(caption(view, options), inner * PT, CAPTION_LINES, size),
    )


def legend(view: FigureInput, options: FigureOptions) -> str:
    """What the colours say, with their unit."""
    a = view.attribution
    unit = "probability" if a.value == "probability" else "logit"
    if options.signed:
        return f"φ ({unit} of {a.target}): red for, blue and hatched against the class"
    return f"φ ({unit} of {a.target}): yellow most, blue least important"


def _lay_out(view: FigureInput, width: float, texts: _Texts, beside: bool) -> _Layout:
    inner, line = width - 2 * MARGIN, texts.line_mm
    ticks = 2 * line + 1  # below the waveform: numbers and the axis' name
    words_height = len(texts.words) * line + (1 if texts.words else 0)
    column = Box(MARGIN, 0, inner, 0)
    room = Box(MARGIN, MARGIN, inner, min(65.0, inner))
    if beside:
        room = Box(MARGIN, MARGIN, inner * 0.38, inner * 0.55)
        column = Box(MARGIN + inner * 0.38 + GAP, 0, inner * 0.62 - GAP, 0)
    image = fit_picture(view, room)
    y = MARGIN if beside else image.y + image.height + GAP
    header = Box(column.x, y, column.width, line + 1.5)
    words = Box(column.x, y + header.height, column.width, words_height)
    top = words.y + words.height + 1
    left_over = image.y + image.height - ticks - top
    wave = Box(column.x + _TICK, top, column.width - 2 * _TICK, max(18.0, left_over) if beside else 18.0)
    y = max(image.y + image.height, wave.y + wave.height + ticks) + GAP
    bar = Box(MARGIN + 2 * _TICK, y, inner * _BAR - 2 * _TICK, 2.2)
    y += max(len(texts.legend) * line, bar.height + line + 1) + 1.5
    foot = Box(MARGIN, y, inner, len(texts.caption) * line)
    return _Layout(foot.y + foot.height + MARGIN, image, header, words, wave, bar, foot)


def fit_picture(view: FigureInput, room: Box) -> Box:
    """The largest box of the picture's shape, centred across the room."""
    height, width = view.picture.shape[:2]
    scale = min(room.width / width, room.height / height)
    # a line of one pixel would vanish
    w, h = max(width * scale, 1.0), max(height * scale, 1.0)
    return Box(room.x + (room.width - w) / 2, room.y, w, h)
