"""The designs that a figure can have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sier_gui.core.errors import SierError
from sier_gui.core.export import figure, shap_plots, thesis
from sier_gui.core.export.shap_plots import Chosen
from sier_gui.core.export.view import FigureInput, FigureOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[FigureInput, FigureOptions], "Figure"]
DrawAll = Callable[[Sequence[Chosen], FigureOptions], "Figure"]


@dataclass(frozen=True, slots=True)
class Design:
    """``draw`` of one sample, or ``draw_all`` of several.

    ``curves``: it shows deletion and insertion, for which the network is asked. ``signs``:
    `FigureOptions.signed` changes it; the others are always signed, or have no colours of their own.
    """

    title: str
    draw: Draw | None = None
    draw_all: DrawAll | None = None
    curves: bool = False
    signs: bool = False

    @property
    def captioned(self) -> bool:
        """Whether it holds a caption; SHAP's plots do not."""
        return not self.title.startswith("SHAP")


DESIGNS: dict[str, Design] = {
    "figure7": Design("Figure 7: picture, words and waveform", figure.draw, signs=True),
    "words": Design("Words in order of importance", thesis.words),
    "speech": Design("Waveform over segment values", thesis.speech),
    "picture": Design("Picture beside its overlay", thesis.picture),
    "comparison": Design("Words as bars, speech as a line", thesis.comparison),
    "curves": Design("Deletion and insertion", thesis.curves, curves=True),
    "shap-waterfall": Design("SHAP: waterfall", shap_plots.waterfall),
    "shap-force": Design("SHAP: force", shap_plots.force),
    "shap-bar": Design("SHAP: bars", shap_plots.bar),
    "shap-decision": Design("SHAP: decision", shap_plots.decision),
    "shap-image": Design("SHAP: image", shap_plots.image),
    "shap-bar-all": Design("SHAP: bars of several samples", draw_all=shap_plots.bar_of),
    "shap-beeswarm": Design("SHAP: beeswarm of several samples", draw_all=shap_plots.beeswarm),
    "shap-violin": Design("SHAP: violins of several samples", draw_all=shap_plots.violin),
    "shap-heatmap": Design("SHAP: heat map of several samples", draw_all=shap_plots.heat_map),
    "shap-scatter": Design("SHAP: scatter of several samples", draw_all=shap_plots.scatter),
    "shap-decision-all": Design("SHAP: decisions of several samples", draw_all=shap_plots.decision_of),
}


def draw(view: FigureInput, options: FigureOptions) -> Figure:
    """The figure of ``view`` in the design that ``options`` name.

    Raises
    ------
    SierError : an unknown design, or one of several samples.
    """
    found = design(options.design)
    if found.draw is None:
        raise SierError(f"{found.title} needs several samples.", "Export all that are shown, or use --query.")
    return found.draw(view, options)


def design(name: str) -> Design:
    """By its name in `DESIGNS`.

    Raises
    ------
    SierError : unknown; lists those there are.
    """
    if name not in DESIGNS:
        raise SierError(f"There is no figure design {name!r}.", f"Use {', '.join(DESIGNS)}.")
    return DESIGNS[name]
