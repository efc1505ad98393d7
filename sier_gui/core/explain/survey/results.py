"""A survey on disk: ``_survey.json`` and Parquet parts, which ``pandas.read_parquet(folder)`` reads at once.

Part files appear whole (`paths.write_bytes`) under a name that ends in their own hash, and a higher number
wins where two hold the same row. When all rows are known they become few, in the dataset's order.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core import paths
from sier_gui.core.dataset.tables import as_numpy
from sier_gui.core.errors import SierError
from sier_gui.core.explain.survey.facts import FACTS, IDENTITY, check_same, read_facts
from sier_gui.core.explain.survey.rows import SurveyRow, columns
from sier_gui.core.locks import FolderLock

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger(__name__)

PART_ROWS = 32  # a part is written after so many samples …
PART_SECONDS = 5.0  # … or after so long: what a kill may cost
MERGE_PARTS = 64  # so many small parts become one
FINAL_ROWS = 4096
DAMAGED = "_damaged"
METADATA = b"sier_gui.survey"
_PART = re.compile(r"part-(\d{6,})-([0-9a-f]{16})\.parquet")
_LEFT_OVER = re.compile(r"\.[0-9a-f]{32}\.(parquet|json)")


@dataclass(frozen=True, slots=True)
class Known:
    """Where a row is kept, and what tells whether its sample is still the same."""

    part: int
    files: str
    sample_hash: str
    failed: bool


class SurveyStore:
    """The one writer of a survey's folder; a context manager that writes what it still holds on leaving.

    Parameters
    ----------
    folder : made where absent.
    facts : see `facts.survey_facts`; written where the folder is new.

    Attributes
    ----------
    known : by row, what the parts hold.
    notes : what had to be worked around while opening, one sentence each.

    Raises
    ------
    SierError : somebody else writes there, it holds another survey, or cannot be written.
    """

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.known: dict[int, Known] = {}
        self.notes: list[str] = []
        self._waiting: dict[int, SurveyRow] = {}
        self._sizes: dict[int, int] = {}  # rows in each part
        self._files: dict[int, Path] = {}
        self._next = 1
        self._flushed_at = time.monotonic()
        self._metadata = {METADATA: json.dumps(facts).encode()}
        self._lock = FolderLock(folder)
        try:
            self._open(facts)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> SurveyStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        finally:
            self._lock.release()

    # ---------------------------------------------------------------- writing

    def add(self, row: SurveyRow) -> None:
        """Keep ``row``; on disk after `PART_ROWS` of them or `PART_SECONDS`."""
        self._waiting[row.row] = row
        if len(self._waiting) >= PART_ROWS or time.monotonic() - self._flushed_at >= PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting as a part of its own."""
        import pyarrow as pa

        self._flushed_at = time.monotonic()
        if not self._waiting:
            return
        rows = [self._waiting[row] for row in sorted(self._waiting)]
        part = self._write(pa.table(columns(rows)))
        self._waiting = {}
        for r in rows:
            self.known[r.row] = Known(part, r.files, r.sample_hash, r.error is not None)
        small = {number for number, size in self._sizes.items() if size < 8 * PART_ROWS}
        if len(small) >= MERGE_PARTS:
            self._rewrite(small, [sorted(row for row, kept in self.known.items() if kept.part in small)])

    def finish(self) -> None:
        """Rewrite everything in the dataset's order, `FINAL_ROWS` rows a part; nothing where it is so."""
        self.flush()
        rows = sorted(self.known)
        chunks = [rows[start : start + FINAL_ROWS] for start in range(0, len(rows), FINAL_ROWS)]
        parts = [{self.known[row].part for row in chunk} for chunk in chunks]
        tidy = all(len(found) == 1 for found in parts) and len(self._sizes) == len(chunks)
        if not tidy or sum(self._sizes.values()) != len(rows) or not self._sorted():
            self._rewrite(set(self._sizes), chunks)

    def _sorted(self) -> bool:
        """Whether rows ascend within and across parts: parts are written sorted, so only across counts."""
        order = [self.known[row].part for row in sorted(self.known)]
        return order == sorted(order)

    def _rewrite(self, sources: Iterable[int], chunks: Iterable[Sequence[int]]) -> None:
        """The rows of ``sources`` in new parts, one for each of ``chunks``; then the old ones go.

        Killed in between, both are there: the newer wins, and the next opening removes the older.
        """
        import pyarrow as pa

        for chunk in chunks:
            wanted = np.array(chunk, np.int64)
            owner = np.array([self.known[row].part for row in chunk])
            pieces = []
            for number in sorted(set(owner.tolist())):
                table = _read(self._files[number])
                mine = np.isin(as_numpy(table.column("row")), wanted[owner == number])
                pieces.append(table.take(_indices(np.flatnonzero(mine))))
            table = pa.concat_tables(pieces)
            order = np.argsort(as_numpy(table.column("row")), kind="stable")
            part = self._write(table.take(_indices(order)))
            for row in chunk:
                old = self.known[row]
                self.known[row] = Known(part, old.files, old.sample_hash, old.failed)
        self._remove(sources)

    def _write(self, table: pa.Table) -> int:
        import pyarrow as pa
        from pyarrow import parquet

        number, self._next = self._next, self._next + 1
        buffer = pa.BufferOutputStream()
        parquet.write_table(table.replace_schema_metadata(self._metadata), buffer, compression="zstd")
        data = buffer.getvalue().to_pybytes()
        file = self.folder / f"part-{number:06d}-{_digest(data)}.parquet"
        paths.write_bytes(file, data)
        self._sizes[number], self._files[number] = table.num_rows, file
        return number

    def _remove(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._files.pop(number).unlink(missing_ok=True)
            del self._sizes[number]

    # ---------------------------------------------------------------- opening

    def _open(self, facts: dict[str, Any]) -> None:
        there = read_facts(self.folder)
        parts = part_files(self.folder)
        if there is not None:
            check_same(self.folder, there, facts)
        elif parts:
            raise SierError(
                f"{self.folder} holds parts of a survey but not its {FACTS}.", "Choose another folder."
            )
        else:
            paths.write_json(self.folder / FACTS, facts)
        for file in self.folder.iterdir():
            if _LEFT_OVER.fullmatch(file.name):  # a write that was killed; we hold the lock, so nobody's
                file.unlink(missing_ok=True)
        for number, file in parts:
            self._take_in(number, file)
        used = {kept.part for kept in self.known.values()}
        self._remove([number for number in self._sizes if number not in used])

    def _take_in(self, number: int, file: Path) -> None:
        self._next = max(self._next, number + 1)
        try:
            table = _read(file)
            facts = json.loads(self._metadata[METADATA])
            if any(facts_of(table).get(key) != facts[key] for key in IDENTITY):
                raise DamagedPart(f"{file} belongs to another survey.")
        except DamagedPart as error:
            self._set_aside(file, error)
            return
        rows = as_numpy(table.column("row")).tolist()
        kept = [table.column(name).to_pylist() for name in ("files", "sample_hash", "error")]
        self._sizes[number], self._files[number] = len(rows), file
        for row, files, sample_hash, problem in zip(rows, *kept, strict=True):
            self.known[row] = Known(number, files, sample_hash, problem is not None)

    def _set_aside(self, file: Path, error: DamagedPart) -> None:
        note = f"{error.message} It lies in {DAMAGED} now, and its samples are computed again."
        try:
            (self.folder / DAMAGED).mkdir(exist_ok=True)
            file.replace(self.folder / DAMAGED / file.name)
        except OSError as problem:
            raise SierError(
                f"Cannot set the damaged {file} aside: {problem.strerror}.", "Remove it."
            ) from problem
        _log.warning("%s", note)
        self.notes.append(note)


# ---------------------------------------------------------------- reading


def part_files(folder: Path) -> list[tuple[int, Path]]:
    """The parts of a survey with their numbers, ascending."""
    try:
        names = [(_PART.fullmatch(file.name), file) for file in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted((int(match[1]), file) for match, file in names if match)


def read_survey(folder: Path, names: Sequence[str] | None = None) -> pa.Table:
    """Columns ``names`` (default: all) of a survey, each row once, in the dataset's order.

    It may be under way: what is written so far is read.

    Raises
    ------
    SierError : there is no survey, or a part cannot be read.
    """
    import pyarrow as pa

    if read_facts(folder) is None:
        raise SierError(f"There is no survey in {folder}.", "Make one with sier-gui explain --all --out.")
    empty = pa.table(columns([]))
    names = empty.column_names if names is None else list(names)
    wanted = list(dict.fromkeys(["row", *names]))
    table = pa.concat_tables([*_pieces(folder, wanted), empty.select(wanted)], promote_options="permissive")
    rows = as_numpy(table.column("row"))
    # of equal rows the last one, since parts come by number: the first of the reversed
    _, first = np.unique(rows[::-1], return_index=True)
    return table.take(_indices(len(rows) - 1 - first)).select(names)


def _pieces(folder: Path, names: list[str]) -> list[pa.Table]:
    """All parts, read again from the start where the writer merged some meanwhile."""
    while True:
        found = part_files(folder)
        try:
            return [_read(file, names) for _, file in found]
        except FileNotFoundError:
            if part_files(folder) == found:
                raise


def facts_of(table: pa.Table) -> dict[str, Any]:
    """The survey's facts as a part carries them; empty where it carries none."""
    raw = (table.schema.metadata or {}).get(METADATA)
    return dict(json.loads(raw)) if raw else {}


class DamagedPart(SierError):
    """A part that cannot be read, and that computing its samples again replaces."""


def _read(file: Path, names: list[str] | None = None) -> pa.Table:
    """A part, held to the hash in its name.

    Raises
    ------
    FileNotFoundError : it is gone.
    DamagedPart : it is not what was written.
    SierError : the system does not let us read it.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SierError(f"Cannot read {file}: {error.strerror}.", "Check its permissions.") from error
    if _digest(data) not in file.name:
        raise DamagedPart(
            f"{file} is damaged: its hash is not the one in its name.",
            "Run the survey again: it computes what is missing.",
        )
    with parquet.ParquetFile(pa.BufferReader(data)) as stored:
        # Arrow's threads, once started, abort a process that ends while they do (apache/arrow issue 34314)
        return stored.read(columns=names, use_threads=False)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _indices(positions: Any) -> pa.Array:
    """Positions for ``take``, made without pandas."""
    import pyarrow as pa

    kept = np.ascontiguousarray(positions, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(kept), [None, pa.py_buffer(kept)])
