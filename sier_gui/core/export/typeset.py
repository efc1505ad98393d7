"""Text in measured lines: what does not fit is cut with an ellipsis, never overflows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from sier_gui.core.charts import FONT

ELLIPSIS = "…"
_LONGEST = 400  # characters of one word that are looked at


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring words of one style: ``x`` in points from the line's start."""

    x: float
    text: str
    strong: bool


@lru_cache(maxsize=4096)
def width_pt(text: str, size: float, strong: bool = False) -> float:
    """Width in points as matplotlib sets it."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=FONT, size=size, weight="bold" if strong else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def lines(words: Sequence[tuple[str, bool]], limit_pt: float, max_lines: int, size: float) -> list[list[Run]]:
    """Words (text, strong) flowed into at most ``max_lines`` lines no wider than ``limit_pt``."""
    space = width_pt("x x", size) - width_pt("xx", size)
    result: list[list[tuple[float, str, bool]]] = [[]]
    x = 0.0
    for word, strong in _pieces(words, limit_pt, size):
        wide = width_pt(word, size, strong)
        if result[-1] and x + wide > limit_pt:
            if len(result) == max_lines:
                _end_with_ellipsis(result[-1], limit_pt, size)
                break
            result.append([])
            x = 0.0
        result[-1].append((x, word, strong))
        x += wide + space
    return [_runs(line) for line in result if line]


def plain_lines(text: str, limit_pt: float, max_lines: int, size: float) -> list[str]:
    """As `lines`, for text of one style."""
    flowed = lines([(word, False) for word in text.split()], limit_pt, max_lines, size)
    return [" ".join(run.text for run in line) for line in flowed]


def fitted(text: str, limit_pt: float, size: float, strong: bool = False) -> str:
    """One line of ``text``, cut with an ellipsis where it is too wide."""
    text = text[:_LONGEST]
    if width_pt(text, size, strong) <= limit_pt:
        return text
    low, high = 0, len(text)
    while low < high:  # longest beginning that fits with its ellipsis
        middle = (low + high + 1) // 2
        if width_pt(text[:middle] + ELLIPSIS, size, strong) <= limit_pt:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + ELLIPSIS


def _pieces(words: Sequence[tuple[str, bool]], limit: float, size: float) -> Iterator[tuple[str, bool]]:
    """Words, with any that is wider than a line cut to it."""
    for word, strong in words:
        yield (word if len(word) < 12 else fitted(word, limit, size, strong)), strong


def _end_with_ellipsis(line: list[tuple[float, str, bool]], limit: float, size: float) -> None:
    """Make room for an ellipsis behind the last word that leaves it."""
    while line:
        x, word, strong = line[-1]
        if x + width_pt(word + ELLIPSIS, size, strong) <= limit or len(line) == 1:
            line[-1] = (
                x,
                fitted(word + " ", limit - x - width_pt(ELLIPSIS, size), size, strong).rstrip(" …")
                + ELLIPSIS,
                strong,
            )
            return
        line.pop()


def _runs(line: list[tuple[float, str, bool]]) -> list[Run]:
    runs = []
    for strong, group in groupby(line, key=lambda item: item[2]):
        items = list(group)
        runs.append(Run(items[0][0], " ".join(word for _, word, _ in items), strong))
    return runs
