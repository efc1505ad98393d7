"""Where the samples of a built dataset come from, and their labels made again under another rule.

Read from the dataset's own files, so that it works wherever the folder was copied to; the original table is
never written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui import __version__
from sier_gui.core.construct.pipeline.labels import (
    MAPPING,
    THRESHOLD,
    Answers,
    Floats,
    Labels,
    mapped,
    relabel,
)
from sier_gui.core.construct.pipeline.table import DROPPED, SUMMARY, TABLE, csv_bytes
from sier_gui.core.dataset.answered import PREFIXES, is_built
from sier_gui.core.dataset.catalogue import ordered_classes
from sier_gui.core.dataset.tables import read_table
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.paths import write_bytes, write_json

NETWORKS = {Modality.SPEECH: "ser", Modality.IMAGE: "ier"}  # their names in summary.json


@dataclass(frozen=True)
class BuiltSet:
    """A built dataset's candidates, those that were dropped too, in the order of their ids.

    Attributes
    ----------
    table : the file with the labels that count now: samples.csv, or one that `save_relabelled` made.
    ids : (n,) sample ids.
    stored : (n,) labels in ``table``; "" where it has no such sample.
    cells : the tables' columns, (n,) each, as text.
    answers : both networks' probabilities, in their own classes.
    rule, threshold, mapping : that made ``stored``.
    summary : summary.json; empty where there is none.
    left_out : (stage and kind, how many), of rows and files that became no candidate.
    """

    folder: Path
    table: Path
    ids: NDArray[Any]
    stored: NDArray[Any]
    cells: Mapping[str, list[str]]
    answers: Mapping[Modality, Answers]
    rule: str
    threshold: float
    mapping: Mapping[str, str]
    summary: Mapping[str, Any]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def classes(self) -> tuple[str, ...]:
        """That labels come from."""
        return ordered_classes(self.mapping.values())

    def place(self, sample_id: str) -> int | None:
        """Of the sample among ``ids``; None where it is not there."""
        at = int(np.searchsorted(self.ids, sample_id))
        return at if at < len(self.ids) and self.ids[at] == sample_id else None

    def cell(self, place: int, column: str) -> str:
        """ "" where there is no such column."""
        return self.cells[column][place] if column in self.cells else ""

    def one(self, place: int) -> Labels:
        """One candidate alone, under the rule that made the table."""
        answers = {m: Answers(a.classes, a.values[place : place + 1]) for m, a in self.answers.items()}
        return relabel(answers, self.rule, self.threshold, self.mapping)

    def labels(self, rule: str, threshold: float) -> Labels:
        """All candidates under another rule; raises `SierError` for one that does not exist."""
        return relabel(self.answers, rule, threshold, self.mapping)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the labels: ``before`` and ``after`` count samples by class, in its order.

    ``decided_before`` and ``decided_after`` count them by deciding modality. ``other`` get another label,
    ``lost`` are dropped, ``gained`` were dropped before.
    """

    before: Mapping[str, int]
    after: Mapping[str, int]
    decided_before: Mapping[str, int]
    decided_after: Mapping[str, int]
    other: int
    lost: int
    gained: int

    @property
    def changed(self) -> int:
        return self.other + self.lost + self.gained


@dataclass(frozen=True, slots=True)
class Heard:
    """One network's answer to one sample: its own ``classes`` with ``values``, and what they count as."""

    release: str
    classes: tuple[str, ...]
    values: Floats
    counts_as: tuple[str, ...]  # "": for no class of the dataset
    mapped: Mapping[str, float]


def read_built(source: Path) -> BuiltSet:
    """``source``: the folder of a built dataset, or a table in it.

    Raises
    ------
    SierError : a table cannot be read, or has no probabilities of both networks (``p_ser_…``, ``p_ier_…``).
    """
    folder, table = (source, source / TABLE) if source.is_dir() else (source.parent, source)
    cells, of_table = _candidates(folder, table)
    order = sorted(range(len(cells["sample_id"])), key=cells["sample_id"].__getitem__)
    cells = {name: [column[i] for i in order] for name, column in cells.items()}
    ids = _texts(cells["sample_id"])
    stored = _texts([of_table.get(sample_id, "") for sample_id in cells["sample_id"]])
    summary = _json(folder / SUMMARY)
    chosen = {**summary, **_json(table.with_suffix(".json"))} if table.name != TABLE else summary
    return BuiltSet(
        folder=folder,
        table=table,
        ids=ids,
        stored=stored,
        cells=cells,
        answers={m: _answers(table, cells, prefix) for m, prefix in PREFIXES.items()},
        rule=str(chosen.get("rule", "max")),
        threshold=float(chosen.get("threshold", THRESHOLD)),
        mapping=dict(summary.get("mapping", MAPPING)),
        summary=summary,
        left_out=dict(summary.get("problems", {})),
    )


def heard(built: BuiltSet, place: int, modality: Modality) -> Heard:
    """What the network of ``modality`` said of the candidate at ``place``."""
    answers, classes = built.answers[modality], built.classes
    one = Answers(answers.classes, answers.values[place : place + 1])
    network = built.summary.get("networks", {}).get(NETWORKS[modality], {})
    return Heard(
        str(network.get("release", "")),
        answers.classes,
        answers.values[place],
        tuple(built.mapping.get(name, "") for name in answers.classes),
        dict(zip(classes, map(float, mapped(one, built.mapping, classes)[0]), strict=True)),
    )


def compare(built: BuiltSet, labels: Labels) -> Change:
    """The labels that count now against ``labels`` of the same candidates."""
    before, after = built.stored, _texts(labels.names())
    differ = before != after
    classes = [*labels.classes, *sorted(set(before) - set(labels.classes) - {""})]
    modalities = [str(m) for m in PREFIXES]
    decided = _texts(built.cells.get("decided_by", [""] * len(built)))
    return Change(
        decided_before={m: int(((before != "") & (decided == m)).sum()) for m in modalities},
        decided_after={m: int((labels.kept & (labels.decided_by == m)).sum()) for m in modalities},
        before={name: int((before == name).sum()) for name in classes},
        after={name: int((after == name).sum()) for name in classes},
        other=int((differ & (before != "") & (after != "")).sum()),
        lost=int((differ & (after == "")).sum()),
        gained=int((differ & (before == "")).sum()),
    )


def save_relabelled(built: BuiltSet, labels: Labels, rule: str, threshold: float) -> Path:
    """A table with ``labels`` beside the original one, and what made it as JSON; returns the table.

    An equal table that is there already is left as it is; a different one of that name is not overwritten.

    Raises
    ------
    SierError : no sample has a label, or the folder cannot be written.
    """
    kept = np.flatnonzero(labels.kept)
    if not len(kept):
        raise SierError(
            f"No sample has a label under rule {rule} with threshold {threshold:g}.", "Choose a lower one."
        )
    columns = list(built.cells)
    columns += [name for name in ("label", "decided_by", "confidence") if name not in columns]
    names = labels.names()
    rows = (
        {name: column[i] for name, column in built.cells.items()}
        | {
            "label": names[i],
            "decided_by": labels.decided_by[i],
            "confidence": float(labels.confidence[i]),
        }
        for i in kept
    )
    data = csv_bytes(columns, rows)
    table = _free_name(built.folder, f"samples-{rule}-{threshold:g}", data)
    change = compare(built, labels)
    write_json(
        table.with_suffix(".json"),
        {
            "schema": 1,
            "version": __version__,
            "made_of": built.table.name,
            "made_of_sha256": hashlib.sha256(_bytes(built.table)).hexdigest(),
            "rule": rule,
            "threshold": threshold,
            "samples": len(kept),
            "classes": dict(change.after),
            "decided_by": dict(change.decided_after),
            "changed": change.changed,
        },
    )
    write_bytes(table, data)  # last: where it is, the other one is too
    return table


# ---------------------------------------------------------------- the files


def _candidates(folder: Path, table: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Columns of all candidates, and the labels of those in ``table`` by id."""
    own = _columns(table)
    of_table = dict(zip(own["sample_id"], own["label"], strict=True))
    if table.name != TABLE and (folder / TABLE).is_file():
        own = _columns(folder / TABLE)
    if (folder / DROPPED).is_file() and (folder / TABLE).is_file():
        dropped = _columns(folder / DROPPED)
        for name, column in own.items():
            column += dropped.get(name, [""] * len(dropped["sample_id"]))
    return own, of_table


def _columns(file: Path) -> dict[str, list[str]]:
    """All of a table, as text; a table of only a header has none in them."""
    if file.name == DROPPED and len(_bytes(file).split(b"\n", 2)) < 3:
        return {"sample_id": [], "label": []}
    table = read_table(file)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    if not {"sample_id", "label"} <= columns.keys() or not is_built(columns):
        raise SierError(
            f"{file} holds no samples with labels and probabilities of two networks (p_ser_…, p_ier_…).",
            "Open a dataset that build-dataset made.",
        )
    return columns


def _answers(table: Path, cells: Mapping[str, list[str]], prefix: str) -> Answers:
    names = [name for name in cells if name.startswith(prefix)]
    values = np.empty((len(cells["sample_id"]), len(names)))
    for at, name in enumerate(names):
        try:
            values[:, at] = [float(cell) for cell in cells[name]]
        except ValueError as error:
            raise SierError(
                f"Column {name} of {table} has a cell that is no number: {error}.", "Correct the table."
            ) from error
    if not np.isfinite(values).all() or (values < 0).any():
        raise SierError(f"Columns {prefix}… of {table} have a cell that is no probability.", "Correct them.")
    return Answers(tuple(name.removeprefix(prefix) for name in names), values)


def _json(file: Path) -> dict[str, Any]:
    """What it holds; {} where it is missing."""
    if not file.is_file():
        return {}
    try:
        value = json.loads(_bytes(file))
    except ValueError as error:
        raise SierError(f"{file} is damaged: {error}.", "Delete it; the defaults are taken then.") from error
    if not isinstance(value, dict):
        raise SierError(f"{file} holds no table of facts.", "Delete it; the defaults are taken then.")
    return value


def _free_name(folder: Path, stem: str, data: bytes) -> Path:
    names = (f"{stem}{suffix}.csv" for suffix in chain([""], (f"-{number}" for number in count(2))))
    return next(f for name in names if not (f := folder / name).exists() or _bytes(f) == data)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SierError(
            f"Cannot read {file}: {error.strerror or error}.", "Check the file and its permissions."
        ) from error


def _texts(cells: Sequence[str]) -> NDArray[Any]:
    """(n,) of str objects, whatever they look like."""
    found = np.empty(len(cells), dtype=object)
    found[:] = cells
    return found
