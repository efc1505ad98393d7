"""An SQLite file that is opened safely, backed up, changed one transaction at a time; its errors in words.

What it holds is its `Form`'s business: a study's project, the annotations of a dataset.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sier_gui.core.errors import SierError
from sier_gui.core.locks import FolderLock

BACKUPS = "backups"
_WAL_PAGES = 10_000  # 40 MB between checkpoints: none falls into a session's answers


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of file.

    Attributes
    ----------
    what : "project file": what messages call it.
    migrations : one script a version; what was released is never edited, only followed.
    busy : what is said where another process has it open, and what to do; ``{folder}`` and ``{owner}`` go in.
    kept : how many backups.
    mark : SQLite's application id, by which files of this kind are told from others; 0 for none.
    forgets : what is deleted is overwritten on the disk.
    """

    what: str
    migrations: tuple[str, ...]
    busy: tuple[str, str]
    kept: int = 10
    mark: int = 0
    forgets: bool = False

    @property
    def version(self) -> int:
        return len(self.migrations)


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


def version(connection: sqlite3.Connection) -> int:
    """0 for a file that holds nothing yet."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, file: str, scripts: tuple[str, ...]) -> None:
    """Bring the tables up to date, one transaction a version.

    Raises
    ------
    SierError : a later version of the program wrote ``file``.
    """
    found = version(connection)
    if found > len(scripts):
        raise SierError(
            f"{file} was written by a later version of the program (its tables are version {found}, "
            f"known are {len(scripts)}).",
            "Install that version, or open a backup.",
        )
    for number, script in enumerate(scripts[found:], start=found + 1):
        # executescript commits what is open and none of it is undone on a failure: so with its own frame
        connection.executescript(f"BEGIN IMMEDIATE;\n{script};\nPRAGMA user_version = {number:d};\nCOMMIT;")


class Database:
    """A connection that any thread may use, one after the other. Needs a table ``facts (name, value)``.

    Only one process writes the folder of ``file`` at a time; any number may look.

    Attributes
    ----------
    notices : what the user should know about the opening: repairs, a clock that was set back.
    """

    def __init__(self, file: Path, form: Form, *, read_only: bool) -> None:
        self.file = file
        self.folder = file.parent
        self.form = form
        self.read_only = read_only
        self.notices: list[str] = []
        self._guard = threading.RLock()
        self._held: FolderLock | None = None
        if not read_only:
            self._held = FolderLock(self.folder, form.busy)
        try:
            self._connection = self._connect()
        except BaseException:
            self._release()
            raise

    # ---------------------------------------------------------------- opening and closing

    def _connect(self) -> sqlite3.Connection:
        with self.errors():
            connection = sqlite3.connect(
                f"{self.file.absolute().as_uri()}?{self._mode()}",
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

    def _mode(self) -> str:
        if not self.read_only:
            return "mode=rwc"
        log = self.file.with_name(self.file.name + "-wal")
        # where nothing can be written SQLite could not make the files by which readers and writers agree
        frozen = not os.access(self.folder, os.W_OK) and not log.exists()
        return "mode=ro&immutable=1" if frozen else "mode=ro"

    def _prepare(self, connection: sqlite3.Connection) -> None:
        form = self.form
        for pragma in ("foreign_keys = ON", "busy_timeout = 5000"):
            connection.execute(f"PRAGMA {pragma}")
        if form.forgets:
            connection.execute("PRAGMA secure_delete = ON")
        found = connection.execute("PRAGMA quick_check(3)").fetchall()
        if [row[0] for row in found] != ["ok"]:
            raise SierError(
                f"The {form.what} {self.file} is damaged: {found[0][0]}.",
                f"Copy the latest file in {self.folder / BACKUPS} in its place.",
            )
        old = version(connection)
        if old and connection.execute("PRAGMA application_id").fetchone()[0] != form.mark:
            raise SierError(f"{self.file} is no {form.what}.", "Choose another file.")
        if self.read_only:
            if old != form.version:
                raise SierError(
                    f"The tables of {self.file} are version {old}, not {form.version}.",
                    "Open it in the window once: that brings it up to date.",
                )
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES:d}")
        if old:
            self._back_up(connection)
        elif form.mark:
            connection.execute(f"PRAGMA application_id = {form.mark:d}")
        migrate(connection, str(self.file), form.migrations)

    def _back_up(self, connection: sqlite3.Connection) -> None:
        """A copy as it was when it was opened; the latest ``form.kept`` stay."""
        folder = self.folder / BACKUPS
        folder.mkdir(exist_ok=True)
        target = folder / f"{self.file.stem}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.sqlite"
        part = target.with_suffix(".part")
        part.unlink(missing_ok=True)
        copy = sqlite3.connect(part)
        try:
            connection.backup(copy)
        finally:
            copy.close()
        part.replace(target)
        for old in self.backups()[: -self.form.kept]:
            old.unlink(missing_ok=True)

    def backups(self) -> list[Path]:
        """Oldest first."""
        return sorted((self.folder / BACKUPS).glob(f"{self.file.stem}-*.sqlite"))

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
            what, hint = self._explained(error)
            raise SierError(f"The {self.form.what} {self.file} cannot be used: {what}.", hint) from error
        except OSError as error:
            raise SierError(
                f"Cannot write to {self.folder}: {error.strerror or error}.",
                "Make room or choose a folder you may write to; nothing stored before is lost.",
            ) from error

    def _explained(self, error: sqlite3.Error) -> tuple[str, str]:
        name = getattr(error, "sqlite_errorname", "")
        if name == "SQLITE_FULL":
            return "the disk is full", "Make room; nothing stored before is lost."
        if name in ("SQLITE_BUSY", "SQLITE_LOCKED"):
            return "another program holds it", "Close that program and try again."
        if name in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            hint = f"Copy the latest file in {self.folder / BACKUPS} in its place."
            return f"it is damaged, or no {self.form.what}", hint
        return str(error), "Check that the folder can be written and has space left."

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

    # ---------------------------------------------------------------- facts

    def fact(self, name: str, default: str = "") -> str:
        """A named value that belongs to the file: its id, the dataset it is about."""
        row = self.one("SELECT value FROM facts WHERE name = ?", (name,))
        return str(row["value"]) if row is not None else default

    def set_fact(self, name: str, value: str) -> None:
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )
