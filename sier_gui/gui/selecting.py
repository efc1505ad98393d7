"""A selection by mouse and by keys, and in words; knows no state."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from sier_gui.core.domain import Modality, PixelMap, Selection, TimeFrequencyMap

STEPS = 32  # a key moves an edge by this part of the picture's shorter side, or of what is heard
ROWS = 4  # mel rows by which a key moves the edge of a band


_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


def key_step(event: QKeyEvent) -> tuple[int, int, bool] | None:
    """Steps to the right and down, and whether the selection grows: Shift and an arrow let it grow or shrink,
    Ctrl+Shift and an arrow move it. None for any other key."""
    arrow = _ARROWS.get(Qt.Key(event.key()))
    shift, control = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if arrow is None or held not in (shift, shift | control):
        return None
    return *arrow, held == shift


def box(first: tuple[float, float], last: tuple[float, float], width: int, height: int) -> Selection | None:
    """What a drag from ``first`` to ``last`` (x, y in picture pixels) encloses; None for nothing."""
    left, right = sorted(min(max(x, 0.0), float(width)) for x in (first[0], last[0]))
    top, bottom = sorted(min(max(y, 0.0), float(height)) for y in (first[1], last[1]))
    found = Selection(Modality.IMAGE, left=left, top=top, right=right, bottom=bottom)
    return None if found.empty else found


def span(
    first: float, last: float, duration_s: float, band_hz: tuple[float, float] = (0.0, 0.0)
) -> Selection | None:
    """What a drag between two moments encloses, in ``band_hz``, else in all frequencies."""
    start, end = sorted(min(max(s, 0.0), duration_s) for s in (first, last))
    low, high = sorted(band_hz)
    found = Selection(Modality.SPEECH, start, end, low, high)
    return None if found.empty else found


def nudged_box(
    selection: Selection, across: int, down: int, grow: bool, size: tuple[int, int], pixels: PixelMap | None
) -> Selection:
    """A step of keys: the box moves, or where ``grow`` is set its right and lower edges do.

    ``size``: width and height of the picture; a step is a 32nd of the part that is seen.
    """
    width, height = size
    seen = min(width, height) if pixels is None else pixels.size * min(pixels.scale_x, pixels.scale_y)
    step = seen / STEPS
    left, right = _nudged(selection.left, selection.right, across * step, width, grow, step)
    top, bottom = _nudged(selection.top, selection.bottom, down * step, height, grow, step)
    return replace(selection, left=left, right=right, top=top, bottom=bottom)


def nudged_span(
    selection: Selection, later: int, higher: int, grow: bool, step_s: float, times: TimeFrequencyMap
) -> Selection:
    """As `nudged_box`: the span moves, or its end does; the band moves, or its upper edge does.

    All frequencies have an upper edge too, the highest that is heard; raised to there again, and low enough,
    the band is all frequencies.
    """
    start, end = _nudged(selection.start_s, selection.end_s, later * step_s, times.duration_s, grow, step_s)
    changed = replace(selection, start_s=start, end_s=end)
    if not higher:
        return changed
    rows = len(times.mel_edges_hz) - 1
    low = times.row(selection.low_hz)
    high = times.row(selection.high_hz) if selection.banded else float(rows)
    low, high = _nudged(low, high, higher * ROWS, rows, grow, ROWS)
    if low <= 0 and high >= rows:
        return replace(changed, low_hz=0.0, high_hz=0.0)
    return replace(changed, low_hz=times.hz(low), high_hz=times.hz(high))


def _nudged(
    low: float, high: float, by: float, limit: float, grow: bool, least: float
) -> tuple[float, float]:
    """Edges within [0, ``limit``] after a step; what moves keeps its size, what shrinks keeps ``least``."""
    if not by:
        return low, high
    if grow:
        return low, min(max(high + by, min(low + least, limit)), limit)
    moved = min(max(low + by, 0.0), limit - (high - low))
    return moved, moved + (high - low)
