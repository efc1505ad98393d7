"""Answers to test samples, kept for every part of a split: ``predictions.csv``.

Columns: ``network`` (fused; image alone; speech alone), ``seed``, ``point`` (of the grid; "" without one),
``fold``, ``sample_id``, ``label``, ``predicted``, then ``p_<class>`` in the order of the classes, and for
networks of both streams ``image_p_<class>`` and ``speech_p_<class>``: the same network's answer to that
stream alone, the other one absent. Numbers are written so that they read back bit for bit.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sier_gui.core import paths
from sier_gui.core.errors import SierError

PREDICTIONS = "predictions.csv"
ALL = "all"  # the view with every stream there
FACTS = ("network", "seed", "point", "fold", "sample_id", "label", "predicted")

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """Rows of one network's one part. ``views``: `ALL`, "image", "speech" → (n, C)."""

    network: str
    seed: int
    point: str
    fold: int
    classes: tuple[str, ...]
    sample_ids: tuple[str, ...]
    labels: NDArray[np.int64]  # (n,) class indices
    views: Mapping[str, Shares]


def write_predictions(file: Path, parts: Iterable[Predictions]) -> None:
    paths.write_bytes(file, to_csv(list(parts)).encode())


def to_csv(parts: Sequence[Predictions]) -> str:
    """A part without a view that another one has leaves its cells empty."""
    classes = parts[0].classes
    views = [view for view in (ALL, "image", "speech") if any(view in part.views for part in parts)]
    names = [f"{'' if view == ALL else view + '_'}p_{name}" for view in views for name in classes]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*FACTS, *names])
    for part in parts:
        facts = (part.network, part.seed, part.point, part.fold)
        predicted = part.views[ALL].argmax(axis=1)
        for i, sample_id in enumerate(part.sample_ids):
            cells: list[object] = []
            for view in views:
                there = part.views.get(view)
                cells += [""] * len(classes) if there is None else [repr(float(p)) for p in there[i]]
            writer.writerow([*facts, sample_id, classes[part.labels[i]], classes[predicted[i]], *cells])
    return text.getvalue()


def read_predictions(file: Path) -> list[Predictions]:
    """The parts of a `PREDICTIONS` file, in its order.

    Raises
    ------
    SierError : it is missing, or not such a file.
    """
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        if tuple(header[: len(FACTS)]) != FACTS:
            raise ValueError(f"its columns are {', '.join(header[:7])}")
        return _parts(header[len(FACTS) :], rows)
    except (OSError, ValueError, IndexError) as error:
        raise SierError(
            f"Cannot read predictions from {file}: {error}.", "Train again with --resume: it is rewritten."
        ) from error


def _parts(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Predictions]:
    classes = tuple(name[2:] for name in names if name.startswith("p_"))
    number = {name: i for i, name in enumerate(classes)}
    groups: dict[tuple[str, ...], list[Sequence[str]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[:4]), []).append(row)
    found = []
    for (network, seed, point, fold), own in groups.items():
        views = {}
        for place, view in enumerate((ALL, "image", "speech")):
            start = len(FACTS) + place * len(classes)
            cells = [row[start : start + len(classes)] for row in own]
            if cells[0] and cells[0][0]:
                views[view] = np.array(cells, np.float64)
        labels = np.array([number[row[5]] for row in own], np.int64)
        ids = tuple(row[4] for row in own)
        found.append(Predictions(network, int(seed), point, int(fold), classes, ids, labels, views))
    return found
