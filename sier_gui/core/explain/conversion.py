"""Attributions as ``shap.Explanation``, for SHAP's own plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Attribution, Floats

if TYPE_CHECKING:
    import shap


def to_shap(attributions: Sequence[Attribution], target: str | None = None) -> shap.Explanation:
    """One row per sample, a feature per player: image patches row by row, then speech segments.

    ``values`` (n, players), ``base_values`` (n,) f_none, ``error_std`` (n, players) where values are
    estimated, ``data`` (n, players) ones: each player is present. Values and base add up to f_all.

    Parameters
    ----------
    target : the class; None takes each sample's own.

    Raises
    ------
    SierError : no attribution, players that differ, a class that is unknown, or shap is not installed.
    """
    try:
        import shap
    except ImportError as error:
        raise SierError("SHAP is not installed.", 'Install it: pip install "sier-gui[plots]".') from error
    if not attributions:
        raise SierError("There is nothing to convert.", "Explain at least one sample.")
    shapes = {tuple(v.shape[1:] for v in one.values.values()) for one in attributions}
    if len(shapes) > 1:
        raise SierError(
            "These samples were explained with different players.", "Explain them with one grid and segments."
        )
    errors = [_flat(one.stderr, one.index(target)) for one in attributions if one.stderr is not None]
    return shap.Explanation(
        values=np.stack([_flat(one.values, one.index(target)) for one in attributions]),
        base_values=np.array([one.f_none[one.index(target)] for one in attributions]),
        data=np.ones((len(attributions), sum(v[0].size for v in attributions[0].values.values()))),
        feature_names=player_names(attributions),
        output_names=target,
        error_std=np.stack(errors) if len(errors) == len(attributions) else None,
    )


def player_names(attributions: Sequence[Attribution]) -> list[str]:
    """As "image row 1, column 2" and "0.10–0.20 s"; segments by number where samples' times differ."""
    first = attributions[0]
    rows, columns = first.values[Modality.IMAGE].shape[1:]
    names = [f"image row {r + 1}, column {c + 1}" for r in range(rows) for c in range(columns)]
    edges = first.segment_edges_s
    alike = all(np.array_equal(one.segment_edges_s, edges) for one in attributions)
    spans = [f"{a:.2f}–{b:.2f} s" if alike else f"speech {i + 1}" for i, (a, b) in enumerate(pairwise(edges))]
    speech = first.values[Modality.SPEECH]
    bands = speech.shape[1] if speech.ndim == 3 else 1
    return names + [f"{span}, band {b + 1}" if bands > 1 else span for b in range(bands) for span in spans]


def _flat(values: Mapping[Modality, Floats], index: int) -> Floats:
    """(players,) of a class, from (C, …) by modality."""
    return np.concatenate([v[index].ravel() for v in values.values()])
