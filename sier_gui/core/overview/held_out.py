"""Which of a release's probabilities are out-of-sample: of rows that the network had not learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.query import PredictionTable
from sier_gui.core.errors import SierError
from sier_gui.core.nets.releases import Release
from sier_gui.core.nets.training import predictions
from sier_gui.core.nets.training.learnt import test_rows

CROSS_VALIDATE = 'Train with split.kind = "folds" (Tools, Train a Release): its predictions are kept.'


class Source(StrEnum):
    """Why probabilities count as out-of-sample."""

    OTHER = "other"  # the release learnt from another dataset
    KEPT = "kept"  # cross-validation's answers, kept beside the release
    PART = "part"  # the split left these rows out of the training
    NONE = "none"  # nothing is known to be


@dataclass(frozen=True, slots=True)
class HeldOut:
    """``rows`` (k,) ascending, with out-of-sample ``probabilities`` (k, C) in the order of the release's
    classes; ``words``: a sentence for people on where they come from, and what was left out."""

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    source: Source
    words: str


def held_out(catalogue: Catalogue, release: Release, table: PredictionTable) -> HeldOut:
    """The out-of-sample probabilities of ``catalogue``'s samples by ``release`` that there are.

    In this order: answers of networks that were trained without the sample, kept as ``predictions.csv``; what
    ``table`` says, where the release never saw the dataset; what it says of the rows that the split left out.
    """
    kept = _kept(catalogue, release)
    if kept is not None:
        return kept
    known = np.flatnonzero(~np.isnan(table.confidence))
    training = release.config.get("training", {})
    if release.dataset_hash is None and not training.get("dataset"):
        return _nothing(table, f"{release.label} does not say what it was trained on.")
    if release.dataset_hash != catalogue.dataset_hash:
        if training.get("dataset") == catalogue.name:
            return _nothing(
                table,
                f"{release.label} learnt from another state of {catalogue.name}: it may know these samples.",
            )
        return HeldOut(
            known,
            table.probabilities[known].astype(np.float64),
            Source.OTHER,
            f"{release.label} was trained on {training.get('dataset') or 'other data'}: all answers are "
            "out-of-sample, unless that holds some of these samples too.",
        )
    test = test_rows(catalogue, release)
    if test is None:
        return _nothing(
            table,
            f"{release.label} was trained on these samples: its answers are in-sample and would hide errors.",
        )
    rows = np.intersect1d(known, test)
    return HeldOut(
        rows,
        table.probabilities[rows].astype(np.float64),
        Source.PART,
        f"Only the {len(test):,} samples that {release.label} was not trained on; of the other "
        f"{len(catalogue) - len(test):,} its answers are in-sample.",
    )


def in_sample(catalogue: Catalogue, release: Release) -> int:
    """How many of the samples the shipped network has learnt from, by what its config says."""
    if release.dataset_hash != catalogue.dataset_hash:
        return 0

    def count() -> int:
        test = test_rows(catalogue, release)
        return len(catalogue) - (len(test) if test is not None else 0)

    return catalogue.remember(f"overview.in_sample.{release.weights_hash}", count)


def _nothing(table: PredictionTable, why: str) -> HeldOut:
    return HeldOut(
        np.empty(0, np.int64), np.empty((0, len(table.classes))), Source.NONE, f"{why} {CROSS_VALIDATE}"
    )


def _kept(catalogue: Catalogue, release: Release) -> HeldOut | None:
    """Mean over seeds of what the fused network, else the first one, of ``predictions.csv`` said."""
    if not (release.folder / predictions.PREDICTIONS).is_file() or release.dataset_hash is None:
        return None
    if release.dataset_hash != catalogue.dataset_hash and (
        release.config.get("training", {}).get("dataset") != catalogue.name
    ):
        return None
    try:
        tables = predictions.read(release.folder)
    except SierError:
        return None  # the other sources stand
    network = next((t.network for t in tables if t.network == "fused"), tables[0].network)
    runs = [t for t in tables if t.network == network and set(t.classes) == set(release.classes)]
    found: dict[str, list[NDArray[np.float64]]] = {}
    for run in runs:
        order = [run.classes.index(name) for name in release.classes]
        for sample_id, shares in zip(run.sample_ids, run.probabilities[:, order], strict=True):
            found.setdefault(sample_id, []).append(shares)
    ids = catalogue.column("sample_id").tolist()
    rows = np.array([row for row, sample_id in enumerate(ids) if sample_id in found], np.int64)
    if not len(rows):
        return None
    return HeldOut(
        rows,
        np.stack([np.mean(found[ids[row]], axis=0) for row in rows]),
        Source.KEPT,
        f"{len(rows):,} answers of networks trained without the sample, as {release.label} kept them.",
    )
