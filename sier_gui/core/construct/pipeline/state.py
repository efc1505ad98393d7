"""What a build has done so far, in one SQLite file of the dataset's folder.

A kill at any moment loses at most what was being worked on: an item is in the file or it is not, and files
are written before they are noted. The file is locked by its one writer for as long as it lives; the operating
system lets the lock go when the process dies.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from sier_gui.core.construct.pipeline.pairing import Pairs
from sier_gui.core.construct.pipeline.pictures import HASH_BITS, Seen
from sier_gui.core.construct.pipeline.speech import Said
from sier_gui.core.construct.pipeline.texts import Finding, Text
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError

FILE = "_build.sqlite"
_LEFT_OVER = re.compile(r"\.[0-9a-f]{32}(\.\w+)?")  # of `paths.atomic_file`, where a process was killed
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS findings (stage TEXT, line INTEGER, item TEXT, kind TEXT, reason TEXT);
CREATE TABLE IF NOT EXISTS texts
    (row INTEGER PRIMARY KEY, line INTEGER, sample_id TEXT, text TEXT, image TEXT, label TEXT);
CREATE TABLE IF NOT EXISTS pictures
    (file TEXT PRIMARY KEY, sha256 TEXT, pixels TEXT, bits BLOB, look BLOB, flat INTEGER, same_as TEXT);
CREATE TABLE IF NOT EXISTS pairs (row INTEGER PRIMARY KEY, file TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS speech
    (row INTEGER PRIMARY KEY, program TEXT, voice TEXT, seconds REAL, bytes INTEGER, image_bytes INTEGER);
CREATE TABLE IF NOT EXISTS probabilities
    (row INTEGER, stream TEXT, p BLOB NOT NULL, PRIMARY KEY (row, stream));
"""


class BuildState:
    """The state in ``folder``, opened and locked; a context manager.

    Raises
    ------
    SierError : another process builds there, the file is damaged, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with self._told():
            folder.mkdir(parents=True, exist_ok=True)
            # no transactions but our own; a second writer is told at once
            self._db = sqlite3.connect(folder / FILE, timeout=0.5, isolation_level=None)
        try:
            with self._told():
                self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("BEGIN EXCLUSIVE")
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute("COMMIT")
            self._sweep()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> BuildState:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is kept whole or not at all."""
        with self._told():
            self._db.execute("BEGIN")
        try:
            yield
            with self._told():
                self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # ---------------------------------------------------------------- facts and findings

    def fact(self, key: str) -> Any:
        """What was noted under ``key``; None before."""
        rows = self._rows("SELECT value FROM facts WHERE key = ?", key)
        return json.loads(rows[0][0]) if rows else None

    def note(self, key: str, value: Any) -> None:
        self._do("INSERT OR REPLACE INTO facts VALUES (?, ?)", key, json.dumps(value, ensure_ascii=False))

    def find(self, findings: Iterable[Finding]) -> None:
        for one in findings:
            self._do("INSERT INTO findings VALUES (?, ?, ?, ?, ?)", *astuple(one))

    def findings(self) -> list[Finding]:
        """By line, then by item; those of no line first."""
        found = [Finding(*row) for row in self._rows("SELECT * FROM findings")]
        return sorted(found, key=lambda f: (f.line or 0, f.stage, f.item, f.kind, f.reason))

    # ---------------------------------------------------------------- stages

    def add_texts(self, texts: Iterable[Text]) -> None:
        for text in texts:
            self._do("INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?)", *astuple(text))

    def texts(self) -> list[Text]:
        return [Text(*row) for row in self._rows("SELECT * FROM texts ORDER BY row")]

    def add_picture(self, file: str, seen: Seen | None) -> None:
        """``seen`` None: it cannot be read."""
        values: tuple[Any, ...] = (None,) * 5
        if seen is not None:
            bits, look = np.packbits(seen.bits).tobytes(), seen.look.tobytes()
            values = (seen.sha256, seen.pixels, bits, look, int(seen.flat))
        self._do("INSERT INTO pictures VALUES (?, ?, ?, ?, ?, ?, NULL)", file, *values)

    def pictures(self) -> dict[str, Seen | None]:
        """Every picture that was looked at, by name."""
        return {
            file: None if sha is None else Seen(sha, pixels, _unpacked(bits), _look(look), bool(flat))
            for file, sha, pixels, bits, look, flat in self._rows(
                "SELECT file, sha256, pixels, bits, look, flat FROM pictures ORDER BY file"
            )
        }

    def set_same(self, same_as: dict[str, str]) -> None:
        for file, first in same_as.items():
            self._do("UPDATE pictures SET same_as = ? WHERE file = ?", first, file)

    def same_as(self) -> dict[str, str | None]:
        return dict(self._rows("SELECT file, same_as FROM pictures ORDER BY file"))

    def hash_of(self) -> dict[str, str]:
        """SHA-256 of each readable picture's file."""
        return dict(self._rows("SELECT file, sha256 FROM pictures WHERE sha256 IS NOT NULL"))

    def add_pairs(self, pairs: Pairs) -> None:
        for row, file in pairs.items():
            self._do("INSERT INTO pairs VALUES (?, ?)", row, file)

    def pairs(self) -> Pairs:
        return dict(self._rows("SELECT row, file FROM pairs ORDER BY row"))

    def add_speech(self, row: int, said: Said | None) -> None:
        """``said`` None: no voice could say it."""
        values = (None,) * 5 if said is None else astuple(said)
        self._do("INSERT INTO speech VALUES (?, ?, ?, ?, ?, ?)", row, *values)

    def speech(self) -> dict[int, Said | None]:
        """By row; None where no voice could say it."""
        found = self._rows("SELECT * FROM speech ORDER BY row")
        return {row: None if rest[0] is None else Said(*rest) for row, *rest in found}

    def forget_speech(self, rows: Iterable[int]) -> None:
        """And what was answered to it: their files are gone."""
        for row in rows:
            self._do("DELETE FROM speech WHERE row = ?", row)
            self._do("DELETE FROM probabilities WHERE row = ?", row)
            (line,) = self._rows("SELECT line FROM texts WHERE row = ?", row)[0]
            self._do("DELETE FROM findings WHERE stage = 'speech' AND line = ?", line)

    def add_probabilities(self, stream: Modality, rows: Iterable[int], values: Any) -> None:
        """``values`` float64 (n, K)."""
        for row, p in zip(rows, np.asarray(values, np.float64), strict=True):
            self._do("INSERT OR REPLACE INTO probabilities VALUES (?, ?, ?)", row, str(stream), p.tobytes())

    def probabilities(self, stream: Modality) -> dict[int, np.ndarray[Any, np.dtype[np.float64]]]:
        found = self._rows("SELECT row, p FROM probabilities WHERE stream = ? ORDER BY row", str(stream))
        return {row: np.frombuffer(p, np.float64) for row, p in found}

    # ---------------------------------------------------------------- the file

    def _do(self, statement: str, *values: Any) -> None:
        with self._told():
            self._db.execute(statement, values)

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._told():
            return self._db.execute(query, values).fetchall()

    def _sweep(self) -> None:
        for folder in (self.folder, self.folder / "images", self.folder / "speech"):
            for file in folder.glob(".*"):
                if _LEFT_OVER.fullmatch(file.name):
                    file.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        file = self.folder / FILE
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise SierError(
                    f"{self.folder} is being built by another process.",
                    "Wait until it has ended, or choose another folder.",
                ) from error
            raise SierError(
                f"Cannot write {file}: {error}.", "Choose a folder you may write to, with space left."
            ) from error
        except sqlite3.DatabaseError as error:
            raise SierError(
                f"{file} is damaged: {error}.", "Build into another folder, or remove this one."
            ) from error
        except OSError as error:
            raise SierError(
                f"Cannot write to {self.folder}: {error.strerror or error}.",
                "Choose a folder you may write to, with space left.",
            ) from error


def _unpacked(bits: bytes) -> Any:
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=HASH_BITS).astype(bool)


def _look(look: bytes) -> Any:
    return np.frombuffer(look, np.uint8).reshape(8, 8, 3)
