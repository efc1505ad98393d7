"""Which samples are exported, from a query as people type it: "label:anger wrong confidence:0.5-0.9 door"."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sier_gui.core.dataset.query import NUMBERS, PredictionTable, Query, Rows, predictions_file, select
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.releases import Release

HELP = (
    "words to search for, label:NAME, predicted:NAME, wrong, disagree, confidence:0.5-0.9, "
    "sort:COLUMN or sort:-COLUMN (descending)"
)


def parse_query(text: str) -> Query:
    """The `Query` that ``text`` asks for; names with spaces stand in quotes.

    Raises
    ------
    SierError : a quote that is not closed, or a range that is none.
    """
    query, words = Query(), []
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise SierError(f"The query {text!r} has a quote that is not closed.", f"Use {HELP}.") from error
    for part in parts:
        name, colon, value = part.partition(":")
        if part == "wrong":
            query = replace(query, wrong_only=True)
        elif part == "disagree":
            query = replace(query, disagree_only=True)
        elif colon and name == "label":
            query = replace(query, label=value)
        elif colon and name == "predicted":
            query = replace(query, predicted=value)
        elif colon and name == "confidence":
            query = replace(query, confidence=_range(value))
        elif colon and name == "sort":
            query = replace(query, sort=value.removeprefix("-"), descending=value.startswith("-"))
        else:
            words.append(part)
    return replace(query, search=" ".join(words))


def choose(
    catalogue: Catalogue,
    release: Release,
    text: str,
    *,
    device: str = "auto",
    report: Report = silent,
    token: CancelToken | None = None,
) -> Rows:
    """The rows that the query ``text`` asks for, in its order: int64 (k,).

    Where it asks about predictions, those that are not kept yet are computed, and kept.

    Raises
    ------
    SierError : no such query, or no row passes it.
    """
    query = parse_query(text)
    table = _predicted(catalogue, release, device, report, token) if _about_predictions(query) else None
    rows = select(catalogue, query, table)
    if not len(rows):
        raise SierError(f"No sample of {catalogue.name} is {text!r}.", f"Use {HELP}.")
    return rows


def _about_predictions(query: Query) -> bool:
    return bool(
        query.predicted is not None
        or query.wrong_only
        or query.disagree_only
        or query.confidence != (0.0, 1.0)
        or query.sort in (*NUMBERS, "predicted")
    )


def _predicted(
    catalogue: Catalogue, release: Release, device: str, report: Report, token: CancelToken | None
) -> PredictionTable:
    """The window's table of this dataset by this release, with the rows that it lacks."""
    from sier_gui.core.nets.prediction import Predictor

    file = predictions_file(catalogue.dataset_hash, release.weights_hash)
    table = PredictionTable.load(file, catalogue, release.classes)
    missing = np.flatnonzero(np.isnan(table.confidence))
    if len(missing):
        predictor = Predictor(release, device)
        for row, found in predictor.predict_rows(catalogue, missing, report=report, token=token):
            if not isinstance(found, SierError):
                table.fill(row, found.probabilities)
        table.save(file)
    return table


def _range(text: str) -> tuple[float, float]:
    low, dash, high = text.partition("-")
    try:
        found = (float(low), float(high) if dash else 1.0)
    except ValueError:
        found = (1.0, 0.0)
    if not 0 <= found[0] <= found[1] <= 1:
        raise SierError(f"{text!r} is no range of confidences.", "Use for example confidence:0.5-0.9.")
    return found
