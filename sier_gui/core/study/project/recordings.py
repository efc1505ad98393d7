"""Recording sessions, takes, and what was decided about them."""

from __future__ import annotations

import os
import sqlite3

from sier_gui.core.errors import SierError
from sier_gui.core.study.project.database import Database, now
from sier_gui.core.study.project.rows import TAKE_FIELDS, take_of, take_values
from sier_gui.core.study.records import Take

ACCEPTED, REJECTED = "accepted", "rejected"

_TAKES = """
    SELECT takes.*, (decisions.decision IS 'accepted' AND decisions.take = takes.id) AS accepted
    FROM takes LEFT JOIN decided ON decided.reader = takes.reader AND decided.sample_id = takes.sample_id
    LEFT JOIN decisions ON decisions.id = decided.decision
"""


class Recordings(Database):
    """The newest decision about any take of a reader and sample counts; all others stay on record."""

    def add_session(self, reader: str, device: str, rate: int, room_dbfs: float | None) -> str:
        """A reader at one device with one room tone; returns the session's id."""
        session = os.urandom(8).hex()
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)",
                (session, reader, device, rate, room_dbfs, now()),
            )
        return session

    def add_take(self, take: Take, session: str = "") -> None:
        """Store a take that lies on the disk, complete.

        Raises
        ------
        SierError : it is stored already, its reader is unknown, or the project cannot be written.
        """
        marks = ", ".join("?" * len(TAKE_FIELDS))
        try:
            with self.transaction() as connection:
                connection.execute(
                    f"INSERT INTO takes ({', '.join(TAKE_FIELDS)}) VALUES ({marks})",  # noqa: S608
                    take_values(take, session),
                )
        except sqlite3.IntegrityError as error:
            raise SierError(
                f"The take {take.path} cannot be added: it is there already, or nobody is called "
                f"{take.reader}.",
                "Add the reader first; takes are never overwritten.",
            ) from error

    def takes(self, reader: str | None = None, sample_id: str | None = None) -> list[Take]:
        """Of a reader, of a sample, of both, or all; by reader, sample and number."""
        order = " ORDER BY takes.reader, takes.sample_id, takes.number"
        where = " WHERE (?1 IS NULL OR takes.reader = ?1) AND (?2 IS NULL OR takes.sample_id = ?2)"
        return [take_of(row) for row in self.ask(_TAKES + where + order, (reader, sample_id))]

    def accepted_takes(self) -> dict[tuple[str, str], Take]:
        """The take that counts for each (reader, sample), where one was accepted."""
        return {(t.reader, t.sample_id): t for t in self.takes() if t.accepted}

    def session_of(self, take: Take) -> str:
        """The sitting in which it was recorded; "imported" for all that came from files."""
        row = self.one("SELECT session FROM takes WHERE path = ?", (take.path,))
        return str(row["session"]) if row is not None and row["session"] else "imported"

    def next_number(self, reader: str, sample_id: str) -> int:
        """From 1 on; numbers of takes that exist are never given again."""
        row = self.one(
            "SELECT max(number) AS last FROM takes WHERE reader = ? AND sample_id = ?", (reader, sample_id)
        )
        return int(row["last"] or 0) + 1 if row is not None else 1

    def accept_take(self, reader: str, sample_id: str, number: int) -> None:
        """From now on this take counts; the one accepted before stays on the disk and on record.

        Raises
        ------
        SierError : there is no such take, or it failed its checks.
        """
        take = self._take_row(reader, sample_id, number)
        if take["verdict"] == "fail":
            raise SierError(
                f"Take {number} of {sample_id} did not pass its checks.", "Record it again (key R)."
            )
        self._decide(int(take["id"]), ACCEPTED)

    def reject_take(self, reader: str, sample_id: str, number: int) -> None:
        """From now on no take of this reader and sample counts, until one is accepted."""
        self._decide(int(self._take_row(reader, sample_id, number)["id"]), REJECTED)

    def skip(self, reader: str, sample_id: str) -> None:
        """The reader passed this prompt over; it is offered again at the end."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO skips (reader, sample_id, at) VALUES (?, ?, ?)", (reader, sample_id, now())
            )

    def skipped(self, reader: str) -> set[str]:
        return {
            str(r["sample_id"]) for r in self.ask("SELECT sample_id FROM skips WHERE reader = ?", (reader,))
        }

    def set_trim(self, reader: str, sample_id: str, number: int, start_s: float, end_s: float) -> None:
        """Where the speech lies, as offsets; the file is never cut.

        Raises
        ------
        SierError : there is no such take, or the offsets lie outside it.
        """
        take = self._take_row(reader, sample_id, number)
        if not 0 <= start_s < end_s <= float(take["duration_s"]) + 1e-6:
            raise SierError(
                f"{start_s:.3f} s to {end_s:.3f} s does not lie within take {number} of {sample_id}.",
                f"The take is {take['duration_s']:.3f} s long.",
            )
        with self.transaction() as connection:
            connection.execute(
                "UPDATE takes SET start_s = ?, end_s = ? WHERE id = ?", (start_s, end_s, int(take["id"]))
            )

    def _take_row(self, reader: str, sample_id: str, number: int) -> sqlite3.Row:
        row = self.one(
            "SELECT * FROM takes WHERE reader = ? AND sample_id = ? AND number = ?",
            (reader, sample_id, number),
        )
        if row is None:
            raise SierError(f"There is no take {number} of {sample_id} by {reader}.", "Record it first.")
        return row

    def _decide(self, take: int, decision: str) -> None:
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO decisions (take, decision, at) VALUES (?, ?, ?)", (take, decision, now())
            )
