"""Annotations as tables; a copy of the dataset's table with people's labels. Originals are never touched."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui import __version__
from sier_gui.core.annotations.records import Entry, Kind
from sier_gui.core.annotations.store import AnnotationStore
from sier_gui.core.database import now
from sier_gui.core.errors import SierError
from sier_gui.core.paths import write_bytes, write_json

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue

COLUMNS = ("sample_id", "label", "by", "at", "flag", "comment")
MARK_COLUMNS = (
    "sample_id", "by", "at", "modality", "start_s", "end_s", "low_hz", "high_hz", "left", "top", "right",
    "bottom", "text",
)  # fmt: skip
ADDED = ("label_before", "label_by", "label_state")  # columns of a corrected table
RULES = ("unanimous", "majority")


@dataclass(frozen=True, slots=True)
class Corrected:
    """``changed``: rows whose label is another now; ``filled``: that had none.

    ``kept``: disputed, left as they were; ``unknown``: labelled samples that the dataset does not have.
    """

    table: Path
    changed: int
    filled: int
    kept: int
    unknown: int

    def text(self) -> str:
        parts = [f"{self.changed:,} labels corrected", f"{self.filled:,} filled in"]
        parts += [f"{self.kept:,} disputed left as they were"] if self.kept else []
        parts += [f"{self.unknown:,} labelled samples are not in the dataset"] if self.unknown else []
        return ", ".join(parts)


# ---------------------------------------------------------------- as said


def write_annotations(store: AnnotationStore, folder: Path) -> list[Path]:
    """``annotations.csv``, a line for each person and sample; ``marks.csv``; where they come from as JSON.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    entries = list(store.entries())
    told = {
        "schema": 1,
        "program": f"sier-gui {__version__}",
        "dataset": store.fact("dataset"),
        "dataset_hash": store.fact("dataset_hash"),
        "annotations": store.id,
        "events": len(store.ask("SELECT 1 FROM events")),
        "people": list(store.people()),
        "exported_at": now(),
    }
    files = [folder / name for name in ("annotations.csv", "marks.csv", "annotations.json")]
    write_bytes(files[0], _csv(COLUMNS, _lines(entries)))
    write_bytes(files[1], _csv(MARK_COLUMNS, _mark_lines(entries)))
    write_json(files[2], told)
    return files


def _lines(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for e in entries:
        if e.kind is Kind.MARK:
            continue
        line = found.setdefault((e.sample_id, e.who), {"sample_id": e.sample_id, "by": e.who, "at": e.at})
        line["at"] = max(line["at"], e.at)
        line[str(e.kind)] = 1 if e.value is True else e.value
    return list(found.values())


def _mark_lines(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    return [
        {"sample_id": e.sample_id, "by": e.who, "at": e.at, **asdict(e.mark.where), "text": e.mark.text}
        for e in entries
        if e.kind is Kind.MARK
    ]


def _csv(columns: Sequence[str], lines: Iterable[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(lines)
    return text.getvalue().encode()


# ---------------------------------------------------------------- merged back


def settle(labels: Sequence[str], rule: str) -> str | None:
    """What people's ``labels`` of one sample come to; None where they are disputed.

    ``rule``: "unanimous", or "majority": more than half.
    """
    (name, most), *_ = Counter(labels).most_common(1)
    enough = most == len(labels) if rule == "unanimous" else 2 * most > len(labels)
    return name if enough else None


def corrected_name(catalogue: Catalogue) -> Path:
    """A name beside the original, where its media paths hold."""
    from sier_gui.core.annotations.places import beside

    return catalogue.root / f"{beside(catalogue).stem}-corrected.csv"


def write_corrected(
    catalogue: Catalogue, store: AnnotationStore, target: Path, rule: str = "unanimous"
) -> Corrected:
    """A copy of the dataset's table as CSV with the labels that people settled on, and `ADDED` behind it.

    Disputed samples keep the label they have. In another folder than the dataset's, media paths are written
    relative to there; such a table opens with files outside allowed.

    Raises
    ------
    SierError : ``target`` is the dataset's own table, or cannot be written.
    """
    from sier_gui.core.dataset.adapters.native import table_file

    source = table_file(catalogue.source)
    if source is not None and target.exists() and os.path.samefile(source, target):
        raise SierError(f"{target} is the dataset's own table.", "Choose another name: originals stay.")
    said: dict[str, list[Entry]] = {}
    for entry in store.entries():
        if entry.kind is Kind.LABEL:
            said.setdefault(entry.sample_id, []).append(entry)
    ids = catalogue.texts("sample_id").to_pylist()
    columns = _copied(catalogue, target.parent)
    label = catalogue.mapping.label or "label"
    before = catalogue.texts("label").to_pylist()
    settled = {s: settle([str(e.value) for e in entries], rule) for s, entries in said.items()}
    after = [settled.get(s) or old for s, old in zip(ids, before, strict=True)]
    columns[label] = after
    columns["label_before"] = before
    columns["label_by"] = [", ".join(e.who for e in said.get(s, ())) for s in ids]
    rows = zip(ids, before, strict=True)
    columns["label_state"] = [_state(s in said, settled.get(s), old) for s, old in rows]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(zip(*columns.values(), strict=True))
    write_bytes(target, text.getvalue().encode())
    states = Counter(columns["label_state"])
    unknown = len(said.keys() - set(ids))
    return Corrected(target, states["corrected"], states["filled in"], states["disputed"], unknown)


def _state(labelled: bool, settled: str | None, before: str) -> str:
    if not labelled:
        return ""
    if settled is None:
        return "disputed"
    if settled == before:
        return "confirmed"
    return "corrected" if before else "filled in"


def _copied(catalogue: Catalogue, folder: Path) -> dict[str, list[str]]:
    """The table's columns as they are; media paths relative to ``folder``."""
    columns = {name: catalogue.texts(name).to_pylist() for name in catalogue.columns if name not in ADDED}
    if folder.resolve() != catalogue.root.resolve():
        media = [catalogue.mapping.image, catalogue.mapping.speech]
        for name in (*media, *(name for name in columns if name.startswith("human_"))):
            columns[name] = [_moved(cell, catalogue.root, folder) for cell in columns.get(name, [])]
    return columns


def _moved(cell: str, root: Path, folder: Path) -> str:
    return os.path.relpath(os.path.join(root, cell), folder) if cell else cell
