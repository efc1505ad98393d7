"""Readers and raters of a project, by pseudonym; and their withdrawal, the only thing that ever deletes."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sier_gui.core.errors import SierError
from sier_gui.core.study.project.database import TAKES, Database, now
from sier_gui.core.study.project.rows import (
    RATER_FIELDS,
    READER_FIELDS,
    rater_of,
    rater_values,
    reader_of,
    reader_values,
)
from sier_gui.core.study.records import Rater, Reader, Sex

STIMULI = "stimuli"  # prepared from takes, below the project: stimuli/<reader>/…
SYNTHETIC, CHECKS, SPOKEN = "synthetic", "checks", "_spoken"  # whose folders lie there beside the readers'
_NOT_READERS = {SYNTHETIC, CHECKS, SPOKEN, *(f"{SYNTHETIC}-{sex}" for sex in Sex)}
_OF_READERS = ("sessions", "takes", "skips")
_OF_RATERS = ("answers", "begun", "events")


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What was deleted: rows by table, and files. ``failed``: those that must be deleted by hand."""

    who: str
    role: str
    rows: dict[str, int]
    files: int
    failed: tuple[str, ...] = ()

    def text(self) -> str:
        """For the user."""
        parts = [f"{count} {name}" for name, count in self.rows.items() if count]
        parts += [f"{self.files} files"] if self.files else []
        told = f"Withdrawn: {self.role} {self.who}. Deleted: {', '.join(parts) or 'nothing was stored'}."
        told += " Older backups of the project were replaced by one without them."
        if self.failed:
            told += f" These could not be deleted, remove them by hand: {', '.join(self.failed)}."
        return told


def pseudonym(text: str, role: str) -> str:
    """``text`` where it can name a person and a folder.

    Raises
    ------
    SierError : it is empty, long, holds characters that a folder's name cannot, or is the folder of stimuli
        that no reader spoke.
    """
    name = text.strip()
    fine = 0 < len(name) <= 64 and all(c.isalnum() or c in "-_ ." for c in name)
    if not fine or name.strip(".") != name:
        raise SierError(
            f"{text!r} cannot be the pseudonym of a {role}.",
            "Take up to 64 letters, digits, spaces, - and _; no real names.",
        )
    if role == "reader" and name.casefold() in _NOT_READERS:  # some systems' folders know no upper case
        raise SierError(
            f"A reader cannot be called {name}: the study's own sounds are.", "Take another name."
        )
    return name


def tombstone(role: str, who: str) -> str:
    """What is kept of somebody who withdrew, so that no copy of the project brings them back: no name."""
    return hashlib.sha256(f"{role}\n{who}".encode()).hexdigest()


class People(Database):
    """Adding, listing, withdrawing."""

    def add_reader(self, reader: Reader) -> None:
        """Store a reader, or what is now said about one (age band, accent, consent).

        Raises
        ------
        SierError : the pseudonym cannot be one, or belongs to somebody who withdrew.
        """
        pseudonym(reader.reader, "reader")
        with self.transaction() as connection:
            self._refuse_withdrawn(connection, "reader", reader.reader)
            _upsert(connection, "readers", READER_FIELDS, (*reader_values(reader), now()))

    def readers(self) -> list[Reader]:
        """In the order in which they came."""
        return [reader_of(row) for row in self.ask("SELECT * FROM readers ORDER BY rowid")]

    def add_rater(self, rater: Rater) -> None:
        """Store a rater, or what is now known about one (headphones, exclusion, the end).

        Raises
        ------
        SierError : as `add_reader`.
        """
        pseudonym(rater.rater, "rater")
        with self.transaction() as connection:
            self._refuse_withdrawn(connection, "rater", rater.rater)
            _upsert(connection, "raters", RATER_FIELDS, (*rater_values(rater), now()))

    def raters(self) -> list[Rater]:
        """By their number, which is the order of enrolment."""
        return [rater_of(row) for row in self.ask("SELECT * FROM raters ORDER BY number, rowid")]

    def rater(self, name: str) -> Rater | None:
        row = self.one("SELECT * FROM raters WHERE rater = ?", (name,))
        return rater_of(row) if row is not None else None

    def withdrawn(self, role: str, who: str) -> bool:
        return self.one("SELECT 1 FROM withdrawals WHERE who = ?", (tombstone(role, who),)) is not None

    def _refuse_withdrawn(self, connection: sqlite3.Connection, role: str, who: str) -> None:
        found = connection.execute("SELECT 1 FROM withdrawals WHERE who = ?", (tombstone(role, who),))
        if found.fetchone() is not None:
            raise SierError(
                f"The {role} {who} has withdrawn from this project.",
                "Take another pseudonym for a new person.",
            )

    # ---------------------------------------------------------------- withdrawal

    def withdraw_reader(self, who: str) -> Withdrawal:
        """Delete a reader with all takes, sessions and stimuli made from them, in backups too.

        What raters answered to them stays: it is the raters'.

        Raises
        ------
        SierError : there is no such reader, or the project cannot be written.
        """
        folders = [self.folder / TAKES / who, self.folder / STIMULI / who]
        return self._withdraw("reader", who, _OF_READERS, folders)

    def withdraw_rater(self, who: str) -> Withdrawal:
        """Delete a rater with all answers, events and trials begun, in backups too.

        Raises
        ------
        SierError : there is no such rater, or the project cannot be written.
        """
        return self._withdraw("rater", who, _OF_RATERS, [])

    def _withdraw(self, role: str, who: str, tables: Iterable[str], folders: Iterable[Path]) -> Withdrawal:
        with self.transaction() as connection:
            if not connection.execute(f"SELECT 1 FROM {role}s WHERE {role} = ?", (who,)).fetchone():  # noqa: S608
                raise SierError(f"There is no {role} {who} in this project.", "Check the pseudonym.")
            rows = {table: self._count(connection, table, role, who) for table in tables}
            # what hangs on them goes by the foreign keys
            connection.execute(f"DELETE FROM {role}s WHERE {role} = ?", (who,))  # noqa: S608
            connection.execute(
                "INSERT INTO withdrawals VALUES (?, ?, ?, ?)",
                (tombstone(role, who), role, json.dumps(rows), now()),
            )
        files = 0
        failed: list[str] = []
        for folder in folders:
            gone, kept = _delete(folder)
            files, failed = files + gone, failed + kept
        with self._guard, self.errors():
            # freed pages were overwritten (secure_delete); the log and the backups still hold the old ones
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._forget_backups()
        return Withdrawal(who, role, rows, files, tuple(failed))

    @staticmethod
    def _count(connection: sqlite3.Connection, table: str, role: str, who: str) -> int:
        sql = f"SELECT count(*) FROM {table} WHERE {role} = ?"  # noqa: S608 - names of ours only
        return int(connection.execute(sql, (who,)).fetchone()[0])


def _upsert(
    connection: sqlite3.Connection, table: str, fields: tuple[str, ...], values: tuple[object, ...]
) -> None:
    """``fields`` begins with the key; ``values`` has one more, the time of the first entry."""
    changed = ", ".join(f"{name} = excluded.{name}" for name in fields[1:])
    marks = ", ".join("?" * len(values))
    connection.execute(
        f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT ({fields[0]}) DO UPDATE SET {changed}",  # noqa: S608
        values,
    )


def _delete(folder: Path) -> tuple[int, list[str]]:
    """Files deleted below ``folder``, and what stayed."""
    files = [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
    failed: list[str] = []
    for file in files:
        try:
            file.unlink()
        except OSError as error:
            failed.append(f"{file} ({error.strerror})")
    if folder.is_dir() and not failed:
        shutil.rmtree(folder)
    return len(files) - len(failed), failed
