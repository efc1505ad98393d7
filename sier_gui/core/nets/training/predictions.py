"""What a network said of samples it had not seen, as a table: the source of every figure.

CSV, one line for each network, seed and sample: ``network, seed, fold, sample_id, group, label, predicted,
p_<class>…``. Of these only ``sample_id``, ``label`` and the probabilities must be there. A network's answers
to one stream alone are those of a network of its own (`network_without`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.paths import write_bytes

PREDICTIONS = "predictions.csv"
SHARE = "p_"

_Lines = list[tuple[int, dict[str, str]]]


@dataclass(frozen=True)
class Predictions:
    """Of one network and seed: ``labels`` (n,) class indices, ``probabilities`` (n, C), ``groups`` (n,) str
    or (0,) where none are named, ``folds`` (n,) numbers of the split's parts.
    """

    network: str
    seed: int
    classes: tuple[str, ...]
    sample_ids: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    groups: NDArray[Any]
    folds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def hits(self) -> NDArray[np.bool_]:
        return self.probabilities.argmax(axis=1) == self.labels

    @cached_property
    def clusters(self) -> NDArray[Any]:
        """(n,) what ties samples together: groups, where there are none the parts of the split; (0,) where
        each sample stands for itself.
        """
        if len(self.groups) or len(np.unique(self.folds)) < 2:
            return self.groups
        return self.folds

    @cached_property
    def places(self) -> Mapping[str, int]:
        return {sample_id: place for place, sample_id in enumerate(self.sample_ids)}

    def take(self, index: NDArray[np.int64]) -> Predictions:
        """Only the samples at ``index``, in its order."""
        return replace(
            self,
            sample_ids=tuple(self.sample_ids[i] for i in index),
            labels=self.labels[index],
            probabilities=self.probabilities[index],
            groups=self.groups[index] if len(self.groups) else self.groups,
            folds=self.folds[index],
        )


def network_without(network: str, stream: str) -> str:
    """What ``network`` is called where ``stream`` was kept from it."""
    return f"{network} network, {stream} absent"


def aligned(one: Predictions, like: Predictions) -> Predictions:
    """``one`` with its samples in the order of ``like``'s.

    Raises
    ------
    SierError : they are not about the same samples, labels or classes.
    """
    if one.sample_ids != like.sample_ids:
        if set(one.sample_ids) != set(like.sample_ids):
            apart = len(set(one.sample_ids) ^ set(like.sample_ids))
            raise SierError(
                f"{one.network} and {like.network} were not tested on the same samples: {apart} differ.",
                "Compare networks measured on one split of one dataset.",
            )
        one = one.take(np.array([one.places[name] for name in like.sample_ids], np.int64))
    if one.classes != like.classes or (one.labels != like.labels).any():
        raise SierError(
            f"{one.network} and {like.network} have different classes or labels.",
            "Compare networks measured on one dataset.",
        )
    return one


def by_network(tables: Iterable[Predictions]) -> dict[str, list[Predictions]]:
    """The seeds of each network, in the order they come in."""
    found: dict[str, list[Predictions]] = {}
    for table in tables:
        found.setdefault(table.network, []).append(table)
    return found


def pooled(parts: Sequence[Predictions]) -> Predictions:
    """The parts of one network's split, one after the other."""
    return replace(
        parts[0],
        sample_ids=tuple(name for part in parts for name in part.sample_ids),
        labels=np.concatenate([part.labels for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        groups=np.concatenate([part.groups for part in parts]),
        folds=np.concatenate([part.folds for part in parts]),
    )


# ---------------------------------------------------------------- files


def write(file: Path, tables: Sequence[Predictions]) -> None:
    """All of ``tables``, which share their classes, into one CSV; numbers read back bit for bit.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    write_bytes(file, to_csv(tables).encode())


def to_csv(tables: Sequence[Predictions]) -> str:
    """What `write` writes."""
    classes = tables[0].classes
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    fixed = ["network", "seed", "fold", "sample_id", "group", "label", "predicted"]
    writer.writerow([*fixed, *(SHARE + name for name in classes)])
    for t in tables:
        said = t.probabilities.argmax(axis=1)
        for i, sample_id in enumerate(t.sample_ids):
            group = t.groups[i] if len(t.groups) else ""
            row = [
                t.network,
                t.seed,
                int(t.folds[i]),
                sample_id,
                group,
                classes[t.labels[i]],
                classes[said[i]],
            ]
            writer.writerow([*row, *(repr(float(p)) for p in t.probabilities[i])])
    return stream.getvalue()


def read(file: Path) -> list[Predictions]:
    """The networks and seeds of a CSV, in the order they come in; of a folder its `PREDICTIONS`.

    Raises
    ------
    SierError : it is missing, no such table, or a line has no valid label or probabilities.
    """
    file = file / PREDICTIONS if file.is_dir() else file
    rows, columns = _rows(file)
    classes = tuple(name.removeprefix(SHARE) for name in columns if name.startswith(SHARE))
    found: dict[tuple[str, int], _Lines] = {}
    for number, row in rows:
        try:
            key = (row.get("network") or file.stem, int(row.get("seed") or 0))
        except ValueError:
            raise _broken(file, number, f"{row['seed']!r} is no seed") from None
        found.setdefault(key, []).append((number, row))
    return [_table(file, key, lines, classes) for key, lines in found.items()]


def _rows(file: Path) -> tuple[_Lines, list[str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SierError(f"Cannot read {file}: {error}.", "Check the path and the file.") from error
    lacking = [f"column {name}" for name in ("sample_id", "label") if name not in columns]
    if sum(name.startswith(SHARE) for name in columns) < 2:
        lacking.append("columns p_<class>")
    if lacking or not rows:
        what = lacking[0] if lacking else "line with a sample"
        raise SierError(f"{file} has no {what}.", "Give predictions as sier-gui train and ablate write them.")
    return rows, columns


def _table(file: Path, key: tuple[str, int], lines: _Lines, classes: tuple[str, ...]) -> Predictions:
    place = {name: number for number, name in enumerate(classes)}
    labels, shares = [], []
    for number, row in lines:
        if row["label"] not in place:
            raise _broken(file, number, f"label {row['label']!r} is none of {', '.join(classes)}")
        try:
            shares.append([float(row[SHARE + name]) for name in classes])
        except (TypeError, ValueError):
            raise _broken(file, number, "a probability is no number") from None
        labels.append(place[row["label"]])
    probabilities = np.array(shares)
    # not a number fails both
    sound = (np.abs(probabilities.sum(axis=1) - 1) < 1e-3) & (probabilities >= 0).all(axis=1)
    if not sound.all():
        raise _broken(file, lines[int(sound.argmin())][0], "the probabilities do not sum up to 1")
    folds = [row.get("fold") or "0" for _, row in lines]
    groups = [row.get("group") or "" for _, row in lines]
    names = tuple(row["sample_id"] for _, row in lines)
    if len(set(names)) < len(names):
        raise _broken(file, lines[0][0], f"{key[0]}, seed {key[1]}, has a sample twice")
    return Predictions(
        *key,
        classes,
        names,
        np.array(labels, np.int64),
        probabilities,
        np.array(groups if any(groups) else [], object),
        _numbers(folds),
    )


def _numbers(folds: Sequence[str]) -> NDArray[np.int64]:
    """As they are where they are numbers, else counted."""
    if all(fold.isdecimal() for fold in folds):
        return np.array(folds, np.int64)
    return np.unique(folds, return_inverse=True)[1].astype(np.int64)


def grouped(tables: Iterable[Predictions], groups: Mapping[str, str], where: str) -> list[Predictions]:
    """``tables`` with the groups of their samples; ``groups``: sample id → group.

    Raises
    ------
    SierError : a sample is not among them; ``where`` says of what.
    """
    found = []
    for table in tables:
        strange = [name for name in table.sample_ids if name not in groups]
        if strange:
            raise SierError(f"{where} has no sample {strange[0]!r}.", "Give the dataset that was tested on.")
        found.append(replace(table, groups=np.array([groups[name] for name in table.sample_ids], object)))
    return found


def _broken(file: Path, number: int, what: str) -> SierError:
    return SierError(f"{file}, line {number}: {what}.", "Write the file again.")
