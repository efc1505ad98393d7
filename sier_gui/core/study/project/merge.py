"""Two copies of a project, worked on apart, brought together: nothing is overwritten, conflicts are shown."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sier_gui.core.errors import SierError
from sier_gui.core.study.project.database import sync_folder
from sier_gui.core.study.project.people import tombstone
from sier_gui.core.study.project.rows import ANSWER_FIELDS, RATER_FIELDS, READER_FIELDS, TAKE_FIELDS
from sier_gui.core.study.project.sidecars import (
    PART,
    file_hash,
    publish,
    sidecar_of,
    take_path,
    write_sidecar,
)
from sier_gui.core.study.project.store import Store


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same thing said differently in both copies. Ours stays; ``theirs`` was not taken over."""

    what: str  # "reader", "rater", "accepted take", "answer", "protocol", "trial begun"
    where: str
    ours: str
    theirs: str

    def text(self) -> str:
        return f"{self.what} {self.where}: here {self.ours}; there {self.theirs}. The one here stays."


@dataclass(slots=True)
class MergeReport:
    """What came over, by table; what was here already; what was left out and why."""

    added: dict[str, int] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, into: str, table: str) -> None:
        counts: dict[str, int] = getattr(self, into)
        counts[table] = counts.get(table, 0) + 1


def merge(ours: Store, theirs: Store) -> MergeReport:
    """Bring everything of ``theirs`` that ``ours`` lacks into it; ``theirs`` is not changed.

    Takes of the same number but another sound get the next number. Who withdrew from either copy stays
    withdrawn from the merged one: theirs is not taken over, ours must be withdrawn by hand (a note says so).

    Raises
    ------
    SierError : the copies are of different projects, or answers were given under different protocols.
    """
    if ours.fact("id") != theirs.fact("id"):
        raise SierError(
            f"{theirs.folder} is not a copy of {ours.folder}: they were made separately.",
            "Only copies of one project can be merged.",
        )
    report = MergeReport()
    _protocols(ours, theirs, report)
    moved = _files(ours, theirs, report)
    with ours.transaction() as connection:
        _people(connection, ours, theirs, report)
        _takes(connection, theirs, moved, report)
        _decisions(connection, theirs, moved, report)
        _answers(connection, theirs, report)
    for row in theirs.ask("SELECT * FROM withdrawals"):
        for role in ("reader", "rater"):
            for present in ours.ask(f"SELECT {role} FROM {role}s"):  # noqa: S608 - names of ours only
                if tombstone(role, present[0]) == row["who"]:
                    report.notes.append(
                        f"The {role} {present[0]} has withdrawn in the other copy: withdraw {role} here too."
                    )
    return report


def _protocols(ours: Store, theirs: Store, report: MergeReport) -> None:
    mine, other = ours.protocol_text(), theirs.protocol_text()
    if other is None or mine == other:
        return
    if mine is None:
        ours.store_protocol(other)
        report.count("added", "protocol")
    elif theirs.ask("SELECT 1 FROM answers LIMIT 1") and ours.ask("SELECT 1 FROM answers LIMIT 1"):
        raise SierError(
            f"{theirs.folder} holds answers given under another protocol.",
            "Answers of two protocols make no table; report them apart.",
        )
    else:
        report.conflicts.append(Conflict("protocol", "", _brief(mine), _brief(other)))


def _brief(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip() and line[0] != "#"), "")[:80]


# ---------------------------------------------------------------- people


def _people(connection: sqlite3.Connection, ours: Store, theirs: Store, report: MergeReport) -> None:
    for role, fields in (("reader", READER_FIELDS), ("rater", RATER_FIELDS)):
        for row in theirs.ask(f"SELECT * FROM {role}s ORDER BY rowid"):  # noqa: S608
            if ours.withdrawn(role, row[role]):
                report.notes.append(f"The {role} {row[role]} has withdrawn here and was left out.")
                continue
            mine = connection.execute(
                f"SELECT * FROM {role}s WHERE {role} = ?",  # noqa: S608
                (row[role],),
            ).fetchone()
            if mine is None:
                _insert(connection, f"{role}s", (*fields, "at"), row)
                report.count("added", f"{role}s")
            elif differs := [name for name in fields if mine[name] != row[name]]:
                report.conflicts.append(
                    Conflict(role, row[role], _say(mine, differs), _say(row, differs)),
                )
            else:
                report.count("same", f"{role}s")
    for row in theirs.ask("SELECT * FROM sessions"):
        if _known(connection, "readers", "reader", row["reader"]) and not _known(
            connection, "sessions", "session", row["session"]
        ):
            _insert(connection, "sessions", tuple(row.keys()), row)


def _say(row: sqlite3.Row, names: list[str]) -> str:
    return ", ".join(f"{name} {row[name]!r}" for name in names)


# ---------------------------------------------------------------- takes

# their take's id → the number and path it has here; None where it is here already under that number
_Moved = dict[int, tuple[int, str, bool]]


def _files(ours: Store, theirs: Store, report: MergeReport) -> _Moved:
    """Copy the sounds that are not here, before any row says that they are."""
    moved: _Moved = {}
    next_free: dict[tuple[str, str], int] = {}
    for row in theirs.ask("SELECT * FROM takes ORDER BY id"):
        reader, sample_id = str(row["reader"]), str(row["sample_id"])
        if ours.withdrawn("reader", reader):
            continue
        same = ours.one(
            "SELECT number, path FROM takes WHERE reader = ? AND sample_id = ? AND sha256 = ?",
            (reader, sample_id, row["sha256"]),
        )
        if same is not None:
            moved[row["id"]] = (same["number"], same["path"], False)
            report.count("same", "takes")
            continue
        source = theirs.folder / row["path"]
        if not source.is_file() or file_hash(source) != row["sha256"]:
            report.notes.append(f"{source} is missing or was changed; this take was left out.")
            continue
        key = (reader, sample_id)
        free = next_free.get(key, ours.next_number(*key))
        number = row["number"] if row["number"] >= free else free
        while (ours.folder / take_path(reader, sample_id, number)).exists():
            number += 1
        next_free[key] = number + 1
        path = take_path(reader, sample_id, number)
        _copy(source, ours.folder / path, number)
        if number != row["number"]:
            report.notes.append(f"{row['path']} came over as {path}: that number was taken.")
        moved[row["id"]] = (number, path, True)
        report.count("added", "takes")
    return moved


def _copy(source: Path, target: Path, number: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + PART)
    shutil.copyfile(source, part)
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    beside = sidecar_of(source)
    if beside.is_file():
        values = json.loads(beside.read_text(encoding="utf-8"))
        write_sidecar(target, values | {"number": number})
    publish(part, target)
    sync_folder(target.parent)


def _takes(connection: sqlite3.Connection, theirs: Store, moved: _Moved, report: MergeReport) -> None:
    for row in theirs.ask("SELECT * FROM takes ORDER BY id"):
        number, path, new = moved.get(row["id"], (0, "", False))
        if new:
            _insert(connection, "takes", TAKE_FIELDS, dict(row) | {"number": number, "path": path})


def _decisions(connection: sqlite3.Connection, theirs: Store, moved: _Moved, report: MergeReport) -> None:
    """Their decisions count where nothing was decided here; where both accepted, ours stays."""
    rows = theirs.ask(
        "SELECT takes.id, takes.reader, takes.sample_id, decisions.decision, decisions.at FROM decided "
        "JOIN decisions ON decisions.id = decided.decision JOIN takes ON takes.id = decisions.take"
    )
    for row in rows:
        if row["id"] not in moved:
            continue
        _, path, _ = moved[row["id"]]
        mine = connection.execute(
            "SELECT decisions.decision, takes.path FROM decided "
            "JOIN decisions ON decisions.id = decided.decision JOIN takes ON takes.id = decisions.take "
            "WHERE decided.reader = ? AND decided.sample_id = ?",
            (row["reader"], row["sample_id"]),
        ).fetchone()
        if mine is None:
            connection.execute(
                "INSERT INTO decisions (take, decision, at) SELECT id, ?, ? FROM takes WHERE path = ?",
                (row["decision"], row["at"], path),
            )
            report.count("added", "decisions")
        elif (mine["decision"], mine["path"]) != (row["decision"], path):
            where = f"of {row['sample_id']} by {row['reader']}"
            ours = f"{mine['path']} {mine['decision']}"
            report.conflicts.append(Conflict("accepted take", where, ours, f"{path} {row['decision']}"))
        else:
            report.count("same", "decisions")


# ---------------------------------------------------------------- answers


def _answers(connection: sqlite3.Connection, theirs: Store, report: MergeReport) -> None:
    revoked = {row["answer"]: row for row in theirs.ask("SELECT * FROM revocations")}
    for row in theirs.ask("SELECT * FROM answers ORDER BY id"):
        if not _known(connection, "raters", "rater", row["rater"]):
            continue  # withdrawn here; said above
        mine = connection.execute("SELECT id FROM answers WHERE key = ?", (row["key"],)).fetchone()
        taken = connection.execute(
            "SELECT answer, at FROM answers WHERE rater = ? AND trial = ? AND key <> ? "
            "AND id NOT IN (SELECT answer FROM revocations)",
            (row["rater"], row["trial"], row["key"]),
        ).fetchone()
        if mine is not None:
            report.count("same", "answers")
            number = int(mine["id"])
        elif taken is not None and row["id"] not in revoked:
            where = f"of {row['rater']} in trial {row['trial']}"
            ours, other = (f"{r['answer']!r} at {r['at']}" for r in (taken, row))
            report.conflicts.append(Conflict("answer", where, ours, other))
            continue
        else:
            number = _insert(connection, "answers", ANSWER_FIELDS, row)
            report.count("added", "answers")
        if row["id"] in revoked:
            told = revoked[row["id"]]
            connection.execute(
                "INSERT OR IGNORE INTO revocations VALUES (?, ?, ?)", (number, told["reason"], told["at"])
            )
    for table, names in (
        ("begun", ("rater", "trial", "at")),
        ("events", ("rater", "trial", "what", "detail", "at")),
    ):
        _further(connection, theirs, table, names)
    connection.execute(
        "UPDATE protocol SET frozen_at = (SELECT min(at) FROM answers) WHERE frozen_at IS NULL "
        "AND EXISTS (SELECT 1 FROM answers)"
    )


def _further(connection: sqlite3.Connection, theirs: Store, table: str, names: tuple[str, ...]) -> None:
    """Rows that say nothing new are known by all that they say."""
    for row in theirs.ask(f"SELECT * FROM {table}"):  # noqa: S608 - names of ours only
        if not _known(connection, "raters", "rater", row["rater"]):
            continue
        keys = names[:2] if table == "begun" else names
        where = " AND ".join(f"{name} IS ?" for name in keys)
        values = [row[name] for name in keys]
        if not connection.execute(f"SELECT 1 FROM {table} WHERE {where}", values).fetchone():  # noqa: S608
            _insert(connection, table, names, row)


def _known(connection: sqlite3.Connection, table: str, column: str, value: str) -> bool:
    sql = f"SELECT 1 FROM {table} WHERE {column} = ?"  # noqa: S608 - names of ours only
    return connection.execute(sql, (value,)).fetchone() is not None


def _insert(
    connection: sqlite3.Connection, table: str, names: tuple[str, ...], row: sqlite3.Row | dict[str, Any]
) -> int:
    marks = ", ".join("?" * len(names))
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - names of ours only
    return int(connection.execute(sql, [row[name] for name in names]).lastrowid or 0)
