"""SHAP's own plots of our attributions, drawn by SHAP, set in the figure's width.

A player's feature, by which SHAP colours some of them, is what it looks or sounds like: a patch's brightness
in [0, 1], a segment's level in dBFS. SHAP draws for a page of about 20 cm: the whole figure is scaled to its
width, letters and lines with it, so that little moves against anything else. SHAP's text plot is a web page
with scripts, which no figure can hold: a report's words say the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.audio.levels import SILENT_DBFS, rms_dbfs
from sier_gui.core.charts import CUT, FONT, MM, PAD_INCHES, light
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Attribution
from sier_gui.core.explain.conversion import to_shap
from sier_gui.core.export.view import FigureInput, FigureOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NARROWEST_MM = 120.0  # below it SHAP's letters become smaller than 7 points
MOST_SAMPLES = 2000  # SHAP draws each of them
_SHOWN = 12  # players of a plot, the others in one
_ROUNDS = 4
_SHAP_INCHES = 8.0  # what most of its plots are drawn for


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a plot of several samples needs of each. ``features``: (players,) in `to_shap`'s order."""

    row: int
    attribution: Attribution
    features: NDArray[np.float64]


def chosen(view: FigureInput) -> Chosen:
    return Chosen(view.sample.row, view.attribution, features(view))


def features(view: FigureInput) -> NDArray[np.float64]:
    """(players,): brightness of each patch as the network sees it, level of each segment in dBFS."""
    rows, columns = view.attribution.image().shape
    grey = view.inputs.tensors[Modality.IMAGE].mean(axis=0)
    patches = [
        part.mean() for row in np.array_split(grey, rows) for part in np.array_split(row, columns, axis=1)
    ]
    edges = np.rint(view.attribution.segment_edges_s * view.rate).astype(int)
    levels = [max(rms_dbfs(view.speech[a:b]), SILENT_DBFS) for a, b in pairwise(edges)]
    values = view.attribution.values[Modality.SPEECH]
    bands = values.shape[1] if values.ndim == 3 else 1
    return np.array([*patches, *(levels * bands)], np.float64)


# ---------------------------------------------------------------- of one sample


def waterfall(view: FigureInput, options: FigureOptions) -> Figure:
    """From f(none) to f(all), the strongest players one by one."""
    with _drawing(options) as shap:
        shap.plots.waterfall(_explanation([chosen(view)])[0], max_display=_SHOWN, show=False)
        return _fitted(options)


def force(view: FigureInput, options: FigureOptions) -> Figure:
    """Players that push the value up against those that push it down."""
    with _drawing(options) as shap:
        one = _explanation([chosen(view)])[0]
        shap.plots.force(
            float(one.base_values), one.values, feature_names=one.feature_names, matplotlib=True,
            show=False, figsize=(9, 2.6), contribution_threshold=0.05,
        )  # fmt: skip
        return _fitted(options)


def bar(view: FigureInput, options: FigureOptions) -> Figure:
    """The strongest players' values."""
    with _drawing(options) as shap:
        shap.plots.bar(_explanation([chosen(view)])[0], max_display=_SHOWN, show=False)
        return _fitted(options)


def decision(view: FigureInput, options: FigureOptions) -> Figure:
    """The value as it adds up, from the weakest shown player to the strongest."""
    return _decision([chosen(view)], options)


def image(view: FigureInput, options: FigureOptions) -> Figure:
    """The picture, and its patches' values over it, as SHAP shows pixels."""
    size = view.inputs.tensors[Modality.IMAGE].shape[1]
    picture = np.moveaxis(view.inputs.tensors[Modality.IMAGE], 0, -1).astype(np.float64)
    values = view.attribution.image()
    at = (np.arange(size) * values.shape[0]) // size
    pixels = values[at][:, (np.arange(size) * values.shape[1]) // size]
    with _drawing(options) as shap:
        shap.plots.image(
            [pixels[None, ..., None]], picture[None], labels=np.array([[view.attribution.target]]), show=False
        )
        return _fitted(options)


# ---------------------------------------------------------------- of several


def bar_of(samples: Sequence[Chosen], options: FigureOptions) -> Figure:
    """Mean |φ| of the strongest players."""
    with _drawing(options) as shap:
        shap.plots.bar(_explanation(samples), max_display=_SHOWN, show=False)
        return _fitted(options)


def beeswarm(samples: Sequence[Chosen], options: FigureOptions) -> Figure:
    """Each sample a dot for each of the strongest players."""
    with _drawing(options) as shap:
        shap.plots.beeswarm(_explanation(samples), max_display=_SHOWN, show=False)
        return _fitted(options)


def violin(samples: Sequence[Chosen], options: FigureOptions) -> Figure:
    """The distributions of the strongest players' values."""
    with _drawing(options) as shap:
        shap.plots.violin(_explanation(samples), max_display=_SHOWN, show=False)
        return _fitted(options)


def heat_map(samples: Sequence[Chosen], options: FigureOptions) -> Figure:
    """Samples by players, alike ones beside each other."""
    with _drawing(options) as shap:
        shap.plots.heatmap(_explanation(samples), max_display=_SHOWN, show=False)
        return _fitted(options)


def scatter(samples: Sequence[Chosen], options: FigureOptions) -> Figure:
    """The strongest player's value over what it looks or sounds like."""
    with _drawing(options) as shap:
        whole = _explanation(samples)
        strongest = int(np.abs(whole.values).mean(axis=0).argmax())
        shap.plots.scatter(whole[:, strongest], show=False)
        return _fitted(options)


def decision_of(samples: Sequence[Chosen], options: FigureOptions) -> Figure:
    """A line for each sample."""
    return _decision(samples, options)


def _decision(samples: Sequence[Chosen], options: FigureOptions) -> Figure:
    with _drawing(options) as shap:
        whole = _explanation(samples)
        shap.plots.decision(
            float(np.mean(whole.base_values)), whole.values, feature_names=list(whole.feature_names),
            feature_display_range=slice(None, -_SHOWN - 1, -1), show=False, ignore_warnings=True,
        )  # fmt: skip
        return _fitted(options)


# ---------------------------------------------------------------- shared


def _explanation(samples: Sequence[Chosen]) -> Any:
    """As `to_shap`, for each sample's class, with the players' features."""
    if len(samples) > MOST_SAMPLES:
        raise SierError(
            f"SHAP draws {len(samples):,} samples one by one.", f"Choose at most {MOST_SAMPLES:,}."
        )
    found = to_shap([one.attribution for one in samples])
    found.data = np.stack([one.features for one in samples])
    return found


@contextmanager
def _drawing(options: FigureOptions) -> Iterator[Any]:
    """SHAP with matplotlib's state machine, which it needs: no window, our fonts, nothing left behind.

    Raises
    ------
    SierError : SHAP is not installed, or the figure is too narrow for it.
    """
    if options.width_mm < NARROWEST_MM:
        raise SierError(
            f"SHAP's letters cannot be read on {options.width_mm:g} mm.", f"Use {NARROWEST_MM:g} mm or more."
        )
    import matplotlib

    with light(), matplotlib.rc_context({"text.parse_math": True}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SHAP's calls of libraries that have moved on are not ours to mend
        shap, pyplot = _libraries()
        pyplot.switch_backend("Agg")
        state = np.random.get_state()
        np.random.seed(0)  # SHAP scatters its dots by numpy's own generator: equal inputs, equal figures
        try:
            yield shap
        finally:
            np.random.set_state(state)
            pyplot.close("all")


def _libraries() -> tuple[Any, Any]:
    try:
        import shap
    except ImportError as error:
        raise SierError("SHAP is not installed.", 'Install it: pip install "sier-gui[plots]".') from error
    from matplotlib import pyplot

    return shap, pyplot


def _fitted(options: FigureOptions) -> Figure:
    """The current figure, scaled to the width with all that is on it; it is cut to what is drawn."""
    from matplotlib import pyplot

    figure = pyplot.gcf()
    figure.set_layout_engine("none")
    figure.set_facecolor("white")
    figure.set_dpi(options.dpi)
    figure.set_label(CUT)
    wide, high = figure.get_size_inches()
    figure.set_size_inches(max(wide, _SHAP_INCHES), high)  # on a small one its letters would be too large
    for _ in range(_ROUNDS):  # some distances are in points and do not scale: a few rounds settle it
        figure.draw_without_rendering()
        share = (options.width_mm / MM - 2 * PAD_INCHES) / figure.get_tightbbox().width
        _scale(figure, share)
        wide, high = figure.get_size_inches() * share
        figure.set_size_inches(wide, high)
    return figure


def _scale(figure: Figure, share: float) -> None:
    """Letters, lines, dots and distances in points, ``share`` times as large."""
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.labelpad *= share  # not the ticks' own: SHAP has moved some, which a new one undoes
    for one in figure.findobj():
        if isinstance(one, Text):
            one.set_fontsize(float(one.get_fontsize()) * share)
            one.set_fontfamily(FONT)
        elif isinstance(one, Line2D):
            one.set_linewidth(one.get_linewidth() * share)
            one.set_markersize(one.get_markersize() * share)
        elif isinstance(one, PathCollection):
            one.set_sizes(one.get_sizes() * share**2)
