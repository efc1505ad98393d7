"""The project file itself: opened safely, backed up, one transaction at a time, errors in words."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sier_gui.core.errors import SierError
from sier_gui.core.locks import FolderLock
from sier_gui.core.paths import STUDY
from sier_gui.core.study.project import schema

BACKUPS, TAKES = "backups", "takes"
KEPT_BACKUPS = 10
_WAL_PAGES = 10_000  # 40 MB between checkpoints: none falls into a session's answers
_CLOCK_S = 60.0  # a clock that is set back by less is not worth a word
_OPEN_ELSEWHERE = (
    "The project {folder} is open in another copy of the program ({owner}).",
    "Close it there first; to look at results meanwhile use `sier-gui study report`.",
)


def now() -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def sync_folder(folder: Path) -> None:
    """Make names that were created or renamed in ``folder`` survive a loss of power, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders; it keeps names by itself
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Database:
    """A connection that any thread may use, one after the other. Made by `open_project`.

    Attributes
    ----------
    notices : what the user should know about the opening: repairs, a clock that was set back.
    """

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.folder = folder
        self.file = folder / STUDY
        self.read_only = read_only
        self.notices: list[str] = []
        self._guard = threading.RLock()
        self._held: FolderLock | None = None
        if not read_only:
            self._held = FolderLock(folder, _OPEN_ELSEWHERE)
        try:
            self._connection = self._connect()
        except BaseException:
            self._release()
            raise

    # ---------------------------------------------------------------- opening and closing

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self.read_only else "rwc"
        with self.errors():
            connection = sqlite3.connect(
                f"{self.file.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
            connection.row_factory = sqlite3.Row
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for pragma in ("foreign_keys = ON", "busy_timeout = 5000", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        found = connection.execute("PRAGMA quick_check(3)").fetchall()
        if [row[0] for row in found] != ["ok"]:
            raise SierError(
                f"The project file {self.file} is damaged: {found[0][0]}.",
                f"Copy the latest file in {self.folder / BACKUPS} in its place.",
            )
        old = schema.version(connection)
        if self.read_only:
            if old != schema.VERSION:
                raise SierError(
                    f"The tables of {self.file} are version {old}, not {schema.VERSION}.",
                    "Open the project in the window once: that brings it up to date.",
                )
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES:d}")
        if old:
            self._back_up(connection)
        schema.migrate(connection, str(self.file))

    def _back_up(self, connection: sqlite3.Connection) -> None:
        """A copy as it was when it was opened; the latest `KEPT_BACKUPS` are kept."""
        folder = self.folder / BACKUPS
        folder.mkdir(exist_ok=True)
        target = folder / f"study-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.sqlite"
        part = target.with_suffix(".part")
        part.unlink(missing_ok=True)
        copy = sqlite3.connect(part)
        try:
            connection.backup(copy)
        finally:
            copy.close()
        part.replace(target)
        for old in self.backups()[:-KEPT_BACKUPS]:
            old.unlink(missing_ok=True)

    def backups(self) -> list[Path]:
        """Oldest first."""
        return sorted((self.folder / BACKUPS).glob("study-*.sqlite"))

    def _forget_backups(self) -> None:
        """After a withdrawal: copies that still hold what was withdrawn go, one without it is made."""
        if (self.folder / BACKUPS).is_dir():
            shutil.rmtree(self.folder / BACKUPS)
        self._back_up(self._connection)

    def close(self) -> None:
        """Everything into the one file; then others may open it. Harmless when closed."""
        with self._guard:
            if not self._held and not self.read_only:
                return
            try:
                if not self.read_only:
                    with self.errors():
                        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._connection.close()
                self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.release()

    # ---------------------------------------------------------------- asking and telling

    @contextmanager
    def errors(self) -> Iterator[None]:
        """SQLite's errors in words; constraints are for those who know what they mean."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name == "SQLITE_FULL":
                what, hint = "the disk is full", "Make room; nothing stored before is lost."
            elif name in ("SQLITE_BUSY", "SQLITE_LOCKED"):
                what, hint = "another program holds it", "Close that program and try again."
            elif name in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
                what = "it is damaged, or no project file"
                hint = f"Copy the latest file in {self.folder / BACKUPS} in its place."
            else:
                what, hint = str(error), "Check that the folder can be written and has space left."
            raise SierError(f"The project file {self.file} cannot be used: {what}.", hint) from error
        except OSError as error:
            raise SierError(
                f"Cannot write to {self.folder}: {error.strerror or error}.",
                "Make room or choose a folder you may write to; nothing stored before is lost.",
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, on the disk once this is left.

        Raises
        ------
        SierError : the file cannot be written (a full disk among others); nothing was changed.
        """
        with self._guard, self.errors():
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._guard, self.errors():
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        rows = self.ask(sql, values)
        return rows[0] if rows else None

    # ---------------------------------------------------------------- facts about the project

    def fact(self, name: str, default: str = "") -> str:
        """A named value that belongs to the project: its id, the dataset it is about."""
        row = self.one("SELECT value FROM facts WHERE name = ?", (name,))
        return str(row["value"]) if row is not None else default

    def set_fact(self, name: str, value: str) -> None:
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )

    def check_clock(self) -> None:
        """Say so where the latest entry lies in the future."""
        latest = max(
            str(row["at"] or "")
            for row in self.ask("SELECT max(at) AS at FROM answers UNION ALL SELECT max(at) FROM decisions")
        )
        if not latest:
            return
        ahead = datetime.fromisoformat(latest) - datetime.now(UTC)
        if ahead > timedelta(seconds=_CLOCK_S):
            self.notices.append(
                f"This computer's clock is {_spell(ahead)} behind the project's latest entry ({latest}). "
                "Answers and takes keep their order, which does not depend on it; set the clock right."
            )


def _spell(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.0f} h" if minutes < 72 * 60 else f"{minutes / 1440:.0f} days"
