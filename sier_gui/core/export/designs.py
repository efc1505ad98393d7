"""The designs that a figure can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sier_gui.core.errors import SierError
from sier_gui.core.export import figure, thesis
from sier_gui.core.export.view import FigureInput, FigureOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[FigureInput, FigureOptions], "Figure"]


@dataclass(frozen=True, slots=True)
class Design:
    """``curves``: it shows deletion and insertion, for which the network is asked."""

    title: str
    draw: Draw
    curves: bool = False


DESIGNS: dict[str, Design] = {
    "figure7": Design("Figure 7: picture, words and waveform", figure.draw),
    "words": Design("Words in order of importance", thesis.words),
    "speech": Design("Waveform over segment values", thesis.speech),
    "picture": Design("Picture beside its overlay", thesis.picture),
    "comparison": Design("Words as bars, speech as a line", thesis.comparison),
    "curves": Design("Deletion and insertion", thesis.curves, curves=True),
}


def draw(view: FigureInput, options: FigureOptions) -> Figure:
    """The figure of ``view`` in the design that ``options`` name.

    Raises
    ------
    SierError : an unknown design.
    """
    return design(options.design).draw(view, options)


def design(name: str) -> Design:
    """By its name in `DESIGNS`.

    Raises
    ------
    SierError : unknown; lists those there are.
    """
    if name not in DESIGNS:
        raise SierError(f"There is no figure design {name!r}.", f"Use {', '.join(DESIGNS)}.")
    return DESIGNS[name]
