"""The protocol, frozen at the first answer; answers, one transaction each; where a rater goes on."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Sequence
from typing import Any

from sier_gui.core.errors import SierError
from sier_gui.core.study.project.database import Database, now
from sier_gui.core.study.project.rows import ANSWER_FIELDS, answer_values, response_of
from sier_gui.core.study.records import Response

_INSERT = (
    f"INSERT INTO answers ({', '.join(ANSWER_FIELDS)}) "  # noqa: S608 - names of ours only
    f"VALUES ({', '.join('?' * len(ANSWER_FIELDS))})"
)
_STANDING = "FROM answers WHERE id NOT IN (SELECT answer FROM revocations)"


class Answers(Database):
    """What raters say. An answer that is taken back stays on record, marked so, and no longer counts."""

    _frozen = False

    # ---------------------------------------------------------------- the protocol

    def store_protocol(self, text: str) -> None:
        """Copy the protocol's TOML into the project.

        Raises
        ------
        SierError : another one is there, and somebody has answered under it.
        """
        digest = hashlib.sha256(text.encode()).hexdigest()
        with self.transaction() as connection:
            old = connection.execute("SELECT sha256, frozen_at FROM protocol").fetchone()
            if old is not None and old["sha256"] == digest:
                return
            if old is not None and old["frozen_at"]:
                raise SierError(
                    f"The protocol of {self.folder} is frozen since the first answer ({old['frozen_at']}).",
                    "Make a new project for another protocol.",
                )
            connection.execute("DELETE FROM protocol")
            connection.execute("INSERT INTO protocol VALUES (1, ?, ?, ?, NULL)", (text, digest, now()))
        self._frozen = False

    def protocol_text(self) -> str | None:
        """The TOML as it was stored."""
        row = self.one("SELECT text FROM protocol")
        return str(row["text"]) if row is not None else None

    def protocol_frozen_at(self) -> str | None:
        """When the first answer froze it."""
        row = self.one("SELECT frozen_at FROM protocol")
        return str(row["frozen_at"]) if row is not None and row["frozen_at"] else None

    # ---------------------------------------------------------------- trials and answers

    def begin_trial(self, rater: str, trial: int) -> None:
        """To be stored before the stimulus begins: from now on the trial counts as seen.

        Raises
        ------
        SierError : the rater is unknown, or the trial was begun before (a stimulus is never shown again).
        """
        try:
            with self.transaction() as connection:
                connection.execute("INSERT INTO begun VALUES (?, ?, ?)", (rater, trial, now()))
        except sqlite3.IntegrityError as error:
            raise SierError(
                f"Trial {trial} of {rater} was begun before, or nobody is called {rater}.",
                "Go on with the next trial.",
            ) from error

    def add_answer(self, response: Response) -> int:
        """Store one answer; once this returns it survives a crash, kill -9 and loss of power.

        The first one freezes the protocol. Returns the answer's number, by which it can be revoked.

        Raises
        ------
        SierError : this trial has an answer, the rater is unknown, or the project cannot be written.
        """
        (number,) = self._store((response,))
        return number

    def add_simulated(self, responses: Sequence[Response]) -> None:
        """Store what programs answered, in one transaction: all of it or nothing.

        A person's answer is never stored so: it is on the disk before the next trial is shown.

        Raises
        ------
        SierError : as `add_answer`; or one of the raters is a person.
        """
        people = {response.rater for response in responses if not response.simulated}
        if people:
            raise SierError(
                f"Answers of people cannot be stored together: {', '.join(sorted(people))}.",
                "Store each as it is given.",
            )
        self._store(responses)

    def _store(self, responses: Sequence[Response]) -> list[int]:
        at, numbers, rater = now(), [], ""
        try:
            with self.transaction() as connection:
                for response in responses:
                    rater = response.rater
                    if response.trial is not None:
                        self._refuse_second(connection, rater, response.trial)
                    number = connection.execute(
                        _INSERT, answer_values(response, os.urandom(16).hex(), at)
                    ).lastrowid
                    assert number is not None
                    numbers.append(number)
                if responses and not self._frozen:
                    connection.execute("UPDATE protocol SET frozen_at = ? WHERE frozen_at IS NULL", (at,))
        except sqlite3.IntegrityError as error:
            raise SierError(
                f"An answer of {rater} cannot be stored: nobody of that name is enrolled.",
                "Enrol the rater first.",
            ) from error
        self._frozen = self._frozen or bool(responses)
        return numbers

    def _refuse_second(self, connection: sqlite3.Connection, rater: str, trial: int) -> None:
        sql = f"SELECT 1 {_STANDING} AND rater = ? AND trial = ?"
        if connection.execute(sql, (rater, trial)).fetchone() is not None:
            raise SierError(f"Trial {trial} of {rater} has an answer already.", "Go on with the next trial.")

    def revoke_answer(self, number: int, reason: str) -> None:
        """Take an answer back: it stays on record with the reason and no longer counts.

        Raises
        ------
        SierError : there is no such answer, or it was revoked before.
        """
        try:
            with self.transaction() as connection:
                connection.execute("INSERT INTO revocations VALUES (?, ?, ?)", (number, reason, now()))
        except sqlite3.IntegrityError as error:
            raise SierError(
                f"Answer {number} cannot be revoked: there is none, or it was before.",
                "Look at the list of answers.",
            ) from error

    def responses(self, rater: str | None = None, *, revoked: bool = False) -> list[Response]:
        """Answers that stand, in the order in which they were given; with ``revoked`` those too."""
        source = "FROM answers WHERE TRUE" if revoked else _STANDING
        sql = f"SELECT * {source} AND (?1 IS NULL OR rater = ?1) ORDER BY id"
        return [response_of(row) for row in self.ask(sql, (rater,))]

    def answered(self, rater: str) -> set[int]:
        """Numbers of the trials that have an answer."""
        sql = f"SELECT trial {_STANDING} AND rater = ? AND trial IS NOT NULL"
        return {int(row["trial"]) for row in self.ask(sql, (rater,))}

    def interrupted(self, rater: str) -> set[int]:
        """Trials whose stimulus began and that have no answer: seen, to be replaced from reserve."""
        rows = self.ask("SELECT trial FROM begun WHERE rater = ?", (rater,))
        return {int(row["trial"]) for row in rows} - self.answered(rater)

    def next_trial(self, rater: str) -> int:
        """The first trial, from 1 on, that was neither answered nor begun: where a session resumes."""
        begun = {int(row["trial"]) for row in self.ask("SELECT trial FROM begun WHERE rater = ?", (rater,))}
        return max(begun | self.answered(rater), default=0) + 1

    # ---------------------------------------------------------------- what else happened

    def log_event(self, rater: str, trial: int | None, what: str, **detail: Any) -> None:
        """Replays, loss of focus, the device: whatever may matter when an answer is looked at later."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO events (rater, trial, what, detail, at) VALUES (?, ?, ?, ?, ?)",
                (rater, trial, what, json.dumps(detail), now()),
            )

    def events(self, rater: str) -> list[dict[str, Any]]:
        rows = self.ask("SELECT * FROM events WHERE rater = ? ORDER BY id", (rater,))
        return [
            {"trial": r["trial"], "what": r["what"], "at": r["at"], **json.loads(r["detail"])} for r in rows
        ]
