"""Which rows are shown, and in which order: numpy over whole columns, no row is ever visited in Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.marks import Bits, having
from sier_gui.core.dataset.tables import as_numpy, text_array

Rows = NDArray[np.int64]
UNKNOWN = -1  # code of a row that is not predicted, or has no label
OUTSIDE = -2  # code of a label that is not among the release's classes
NUMBERS = ("confidence", "loss", "image_share", "speech_share")


@dataclass(frozen=True, slots=True)
class Query:
    """Filters, all of which must hold, and the order. Filters on predictions leave out unpredicted rows.

    ``search`` is found in id, text or label, whatever the case. ``confidence`` is a closed range of the
    largest probability. ``marked`` is a `marks.Marked`. ``sort`` is a field, a table column, "predicted",
    "confidence", "loss", "image_share", "speech_share" or "flags" (annotated first); "" keeps the table's
    order. "Most wrong first" is ``sort="loss", descending=True``.
    """

    search: str = ""
    label: str | None = None
    predicted: str | None = None
    wrong_only: bool = False
    disagree_only: bool = False
    confidence: tuple[float, float] = (0.0, 1.0)
    marked: str = ""
    sort: str = ""
    descending: bool = False


class PredictionTable:
    """What is known so far about each row, by column; filled in place while a dataset is predicted.

    One worker fills, anybody reads. A row counts as known from its ``confidence`` on, which is written last;
    ``version`` grows with each change, so that a view can tell whether it is up to date.

    Attributes
    ----------
    classes : the release's classes.
    probabilities : (n, C) float32, NaN where not yet known.
    codes : (n,) int16, index of the predicted class, −1 where not yet known.
    predicted : (n,) object, the predicted class, "" where not yet known.
    confidence : (n,) float32, the largest probability.
    loss : (n,) float32, nats; NaN without a label among the classes.
    image_share : (n,) float32, the image's part of Σ|φ|, known for explained rows.
    disagree : (n,) float32, 1 where image and speech, each on its own, speak for different classes, else 0.
    """

    def __init__(self, catalogue: Catalogue, classes: tuple[str, ...]) -> None:
        n = len(catalogue)
        self.classes = tuple(classes)
        self.labels = label_codes(catalogue, self.classes)
        self.probabilities = np.full((n, len(classes)), np.nan, dtype=np.float32)
        self.codes = np.full(n, UNKNOWN, dtype=np.int16)
        self.predicted = np.full(n, "", dtype=object)
        self.confidence = np.full(n, np.nan, dtype=np.float32)
        self.loss = np.full(n, np.nan, dtype=np.float32)
        self.image_share = np.full(n, np.nan, dtype=np.float32)
        self.disagree = np.full(n, np.nan, dtype=np.float32)
        self.version = 0

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def known(self) -> int:
        """How many rows are predicted."""
        return int(np.count_nonzero(~np.isnan(self.confidence)))

    @property
    def speech_share(self) -> NDArray[np.float32]:
        share: NDArray[np.float32] = np.float32(1) - self.image_share
        return share

    def fill(self, rows: Any, probabilities: Any) -> None:
        """Set the predictions of ``rows``, an index or (k,), from ``probabilities``, (C,) or (k, C)."""
        at = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        p = np.atleast_2d(np.asarray(probabilities, dtype=np.float64))
        best = p.argmax(axis=1)
        label = self.labels[at]
        of_label = np.maximum(p[np.arange(len(at)), np.maximum(label, 0)], 1e-12)  # as Prediction.loss
        self.probabilities[at] = p
        self.codes[at] = best
        self.predicted[at] = np.array(self.classes, dtype=object)[best]
        self.loss[at] = np.where(label >= 0, np.log(1 / of_label), np.nan)
        self.confidence[at] = p.max(axis=1)
        self.version += 1

    def fill_explained(self, row: int, image: Any, speech: Any, target: int) -> None:
        """Set a row's shares from its modality split, the Shapley values ``image`` and ``speech``, (C,).

        The share is |φ| over Σ|φ| for the class ``target``; image and speech disagree when they speak most
        for different classes.
        """
        image, speech = np.asarray(image, dtype=np.float64), np.asarray(speech, dtype=np.float64)
        total = abs(image[target]) + abs(speech[target])
        self.disagree[row] = float(image.argmax() != speech.argmax())
        self.image_share[row] = abs(image[target]) / total if total else np.nan
        self.version += 1

    # ---------------------------------------------------------------- on disk

    def save(self, file: Path) -> None:
        """Write what cannot be computed again: probabilities, shares, disagreement."""
        with paths.atomic_file(file) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                classes=np.array(self.classes),
                probabilities=self.probabilities,
                image_share=self.image_share,
                disagree=self.disagree,
            )

    @classmethod
    def load(cls, file: Path, catalogue: Catalogue, classes: tuple[str, ...]) -> PredictionTable:
        """The table saved in ``file``; an empty one where it is absent, damaged, or of another shape."""
        table = cls(catalogue, classes)
        if not file.is_file():
            return table
        from zipfile import BadZipFile

        try:
            with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                probabilities, share, disagree = (
                    stored[k] for k in ("probabilities", "image_share", "disagree")
                )
                fits = tuple(stored["classes"].tolist()) == table.classes
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return table
        n = len(table)
        if (
            not fits
            or probabilities.shape != table.probabilities.shape
            or {share.shape, disagree.shape} != {(n,)}
        ):
            return table
        known = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
        if len(known):
            table.fill(known, probabilities[known])
        table.image_share[:], table.disagree[:] = share, disagree
        return table


def predictions_file(dataset_hash: str, weights_hash: str) -> Path:
    """Where the predictions of one dataset by one release are kept."""
    return paths.user_folder("cache") / "predictions" / f"{dataset_hash[:24]}-{weights_hash[:24]}.npz"


def label_codes(catalogue: Catalogue, classes: tuple[str, ...]) -> NDArray[np.int16]:
    """Index of each row's label in ``classes``, (n,): `UNKNOWN` without one, `OUTSIDE` for another."""

    def encode() -> tuple[list[str], NDArray[np.int64]]:
        encoded = catalogue.texts("label").combine_chunks().dictionary_encode()
        return encoded.dictionary.to_pylist(), as_numpy(encoded.indices).astype(np.int64)

    names, inverse = catalogue.remember("query.labels", encode)
    codes = {"": UNKNOWN, **{name: index for index, name in enumerate(classes) if name}}
    return np.array([codes.get(name, OUTSIDE) for name in names], dtype=np.int16)[inverse]


# ---------------------------------------------------------------- select


def select(
    catalogue: Catalogue,
    query: Query,
    predictions: PredictionTable | None = None,
    bits: Bits | None = None,
) -> Rows:
    """The rows that pass ``query``, in its order: int64 (k,). ``bits``: what is annotated, (n,).

    Equal rows keep the table's order; those whose value is not known come last, in both directions.
    """
    keep = np.ones(len(catalogue), dtype=bool)
    if query.search:
        keep &= _found(catalogue, query.search)
    if query.label is not None:
        keep &= label_codes(catalogue, (query.label,)) == (0 if query.label else UNKNOWN)
    if query.marked:
        keep &= having(catalogue, query.marked, bits)
    for condition in _on_predictions(catalogue, query, predictions):
        keep &= condition
    if not query.sort:
        rows = np.flatnonzero(keep).astype(np.int64, copy=False)
        return rows[::-1] if query.descending else rows
    if query.sort == "flags":
        order = _by_flags(bits if bits is not None else np.zeros(len(catalogue), np.uint8), query.descending)
    else:
        order = _order(catalogue, query.sort, query.descending, predictions)
    return order[keep[order]]


def _on_predictions(
    catalogue: Catalogue, query: Query, predictions: PredictionTable | None
) -> list[NDArray[np.bool_]]:
    conditions: list[NDArray[np.bool_]] = []
    low, high = query.confidence
    table = predictions or PredictionTable(catalogue, ())
    if query.predicted is not None:
        wanted = table.classes.index(query.predicted) if query.predicted in table.classes else OUTSIDE
        conditions.append(table.codes == wanted)
    if query.wrong_only:
        conditions.append(
            (table.codes != UNKNOWN) & (table.labels != UNKNOWN) & (table.codes != table.labels)
        )
    if query.disagree_only:
        conditions.append(disagreement(catalogue, table) == 1)
    if (low, high) != (0.0, 1.0):
        # float32 of 0.7 is not 0.7: a bound includes what is shown as equal to it
        conditions.append((table.confidence >= low - 1e-6) & (table.confidence <= high + 1e-6))
    return conditions


def disagreement(catalogue: Catalogue, table: PredictionTable) -> NDArray[np.float32]:
    """1, 0 or NaN per row: as explained, else by the dataset's own ``p_ier_*`` and ``p_ser_*``."""
    names = [name[6:] for name in catalogue.columns if name.startswith("p_ier_")]
    names = [name for name in names if f"p_ser_{name}" in catalogue.columns]
    if len(names) < 2 or not np.isnan(table.disagree).any():
        return table.disagree
    image, speech = (
        np.stack([_numbers(catalogue, f"{prefix}{name}") for name in names])
        for prefix in ("p_ier_", "p_ser_")
    )
    known = ~np.isnan(image).any(axis=0) & ~np.isnan(speech).any(axis=0)
    differ = np.where(known, image.argmax(axis=0) != speech.argmax(axis=0), np.nan)
    return np.where(np.isnan(table.disagree), differ, table.disagree).astype(np.float32)


def _numbers(catalogue: Catalogue, name: str) -> NDArray[np.float64]:
    numbers = catalogue.numbers(name)
    return numbers if numbers is not None else np.full(len(catalogue), np.nan)


def _order(catalogue: Catalogue, name: str, descending: bool, predictions: PredictionTable | None) -> Rows:
    """All rows in the order of a column, (n,); that of the table's own columns is computed once."""

    def order() -> Rows:
        key = _sort_key(catalogue, name, predictions)
        return np.argsort(-key if descending else key, kind="stable").astype(np.int64, copy=False)

    if name in NUMBERS or name == "predicted":
        return order()
    return catalogue.remember(f"query.order.{name}.{descending}", order)


def _by_flags(bits: Bits, descending: bool) -> Rows:
    """All rows, (n,): those with most to look at first; what nobody annotated comes last, either way."""
    key = np.where(bits == 0, np.nan, bits if descending else -bits.astype(np.float64))
    return np.argsort(key, kind="stable").astype(np.int64, copy=False)


def _sort_key(catalogue: Catalogue, name: str, predictions: PredictionTable | None) -> NDArray[np.float64]:
    """A float per row, (n,), in the column's order; NaN, which numpy sorts last, where unknown."""
    if name in NUMBERS or name == "predicted":
        if predictions is None:
            return np.full(len(catalogue), np.nan)
        if name == "predicted":
            return np.where(predictions.codes == UNKNOWN, np.nan, predictions.codes).astype(np.float64)
        values: NDArray[np.float64] = getattr(predictions, name).astype(np.float64)
        return values
    return _ranks(catalogue, name)


# ---------------------------------------------------------------- computed once per catalogue


def warm(catalogue: Catalogue) -> None:
    """Compute in the background what the first search and the first sorts would otherwise wait for."""
    _found(catalogue, "a")
    label_codes(catalogue, ())
    for name in ("sample_id", "text", "label"):
        for descending in (False, True):
            _order(catalogue, name, descending, None)


def _found(catalogue: Catalogue, words: str) -> NDArray[np.bool_]:
    """Rows whose id, text or label contains ``words``, (n,)."""
    from pyarrow import compute

    def lowered() -> Any:
        *parts, newline = (
            *(catalogue.texts(f) for f in ("sample_id", "text", "label")),
            text_array(["\n"])[0],
        )
        return compute.utf8_lower(compute.binary_join_element_wise(*parts, newline))

    haystack = catalogue.remember("query.search", lowered)
    (needle,) = compute.utf8_lower(text_array([words])).to_pylist()  # not Python's: its final sigma differs
    if len(needle) > 200:  # too large for a pattern
        return as_numpy(compute.match_substring(haystack, needle))
    # an escaped pattern takes half the time of match_substring, which has no fast path
    return as_numpy(compute.match_substring_regex(haystack, re.escape(needle)))


def _ranks(catalogue: Catalogue, name: str) -> NDArray[np.float64]:
    """The column's numbers, or its texts' alphabetical ranks whatever the case; NaN where empty."""
    numbers = catalogue.numbers(name)
    return (
        numbers
        if numbers is not None
        else catalogue.remember(f"query.ranks.{name}", lambda: _rank(catalogue, name))
    )


def _rank(catalogue: Catalogue, name: str) -> NDArray[np.float64]:
    import pyarrow as pa
    from pyarrow import compute

    lower = compute.utf8_lower(catalogue.texts(name).combine_chunks())
    ranks = as_numpy(compute.cast(compute.rank(lower, tiebreaker="dense"), pa.float64())).copy()
    ranks[as_numpy(compute.equal(lower, text_array([""])[0]))] = np.nan
    return ranks
