"""Annotations made apart, brought together: a union of events; nothing is overwritten, conflicts shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from sier_gui.core.annotations.records import Value, from_text
from sier_gui.core.annotations.schema import FILE
from sier_gui.core.annotations.store import AnnotationStore
from sier_gui.core.errors import SierError


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same person said different things about a sample in two copies, neither knowing of the other.

    Both stay on record; the later one holds.
    """

    who: str
    sample_id: str
    kind: str
    ours: Value
    theirs: Value
    ours_holds: bool

    def text(self) -> str:
        holds = "here" if self.ours_holds else "there"
        return (
            f"{self.kind} of {self.sample_id} by {self.who}: here {_said(self.ours)}, there "
            f"{_said(self.theirs)}. The one {holds} is later and holds; both stay on record."
        )


@dataclass(slots=True)
class MergeReport:
    """What came over: ``added`` events; ``same`` were here already."""

    added: int = 0
    same: int = 0
    conflicts: list[Conflict] = field(default_factory=list)

    def text(self) -> str:
        parts = [f"{self.added:,} new annotation events, {self.same:,} known already"]
        if self.conflicts:
            count = len(self.conflicts)
            parts.append(f"{count:,} conflict{'s' if count > 1 else ''}")
        return "; ".join(parts)


def merge(ours: AnnotationStore, theirs: AnnotationStore) -> MergeReport:
    """Bring in every event of ``theirs`` that ``ours`` lacks; ``theirs`` is not changed.

    Merging again changes nothing; merging in either direction comes to the same.

    Raises
    ------
    SierError : ours cannot be written; then nothing came over.
    """
    known = {row["id"] for row in ours.ask("SELECT id FROM events")}
    rows = theirs.ask("SELECT * FROM events ORDER BY seq")
    fresh = [row for row in rows if row["id"] not in known]
    report = MergeReport(same=len(rows) - len(fresh))
    if fresh:
        report.conflicts = _conflicts(ours, theirs, {row["id"] for row in rows}, known)
        report.added = ours.take_over(fresh)
    return report


def _conflicts(
    ours: AnnotationStore, theirs: AnnotationStore, there: set[str], here: set[str]
) -> list[Conflict]:
    """Slots whose latest event neither copy has from the other, with different values."""
    mine = {_slot(row): row for row in ours.ask("SELECT * FROM standing")}
    found = []
    for row in theirs.ask("SELECT * FROM standing ORDER BY sample_id, who, kind, item"):
        own = mine.get(_slot(row))
        if own is None or own["event"] in there or row["event"] in here or own["value"] == row["value"]:
            continue
        holds = (own["tick"], own["at"], own["event"]) > (row["tick"], row["at"], row["event"])
        values = (from_text(own["value"]), from_text(row["value"]))
        found.append(Conflict(row["who"], row["sample_id"], row["kind"], *values, holds))
    return found


def _slot(row: sqlite3.Row) -> tuple[str, ...]:
    return (row["sample_id"], row["who"], row["kind"], row["item"])


def _said(value: Value) -> str:
    if value is None:
        return "nothing"
    if value is True:
        return "flagged"
    return repr(value.get("text") or "a mark") if isinstance(value, dict) else repr(value)


def bring_in(ours: AnnotationStore, path: Path, samples: Collection[str]) -> MergeReport:
    """Merge the annotation file, or the folder of one, at ``path``, which must be about some of ``samples``.

    Raises
    ------
    SierError : there is no such file, or it is about another dataset; nothing came over.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise SierError(
            f"There is no annotation file at {path}.", f"It is called {FILE} and lies beside the table."
        )
    if file.resolve() == ours.file.resolve():
        raise SierError(f"{path} is the dataset's own annotation file.", "Choose somebody else's copy.")
    with AnnotationStore(file, read_only=True) as theirs:
        about = {row[0] for row in theirs.ask("SELECT DISTINCT sample_id FROM events")}
        if about and about.isdisjoint(samples):
            name = theirs.fact("dataset") or "another dataset"
            raise SierError(f"{path} is about {name}: none of its samples is here.", "Open that dataset.")
        return merge(ours, theirs)
