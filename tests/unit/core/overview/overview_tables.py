"""Predictions of a table, by a made-up release."""

from __future__ import annotations

import numpy as np

from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.query import PredictionTable

CLASSES = ("anger", "happy", "sad")


def predicted(catalogue: Catalogue, seed: int, classes: tuple[str, ...] = CLASSES) -> PredictionTable:
    """Four rows of five, with shares and disagreement of most of them."""
    rng = np.random.default_rng(seed)
    table = PredictionTable(catalogue, classes)
    rows = np.flatnonzero(rng.random(len(catalogue)) < 0.8)
    table.fill(rows, rng.dirichlet(np.ones(len(classes)), len(rows)))
    for row in rows[rng.random(len(rows)) < 0.7].tolist():
        table.fill_explained(row, rng.normal(size=len(classes)), rng.normal(size=len(classes)), 0)
    return table
