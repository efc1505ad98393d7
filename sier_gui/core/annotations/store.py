"""The annotations of one dataset: one file, one transaction a change, nothing ever overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from sier_gui.core.annotations.records import (
    Act,
    Change,
    Entry,
    Event,
    Kind,
    Request,
    checked,
    from_text,
    new_id,
    to_text,
)
from sier_gui.core.annotations.schema import FILE, FORM
from sier_gui.core.database import Database, now

EVENT_FIELDS = (
    "id", "store", "tick", "at", "who", "sample_id", "kind", "item", "old", "new", "act", "of",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO events ({', '.join(EVENT_FIELDS)}) "  # noqa: S608 - names of ours only
    f"VALUES ({', '.join('?' * len(EVENT_FIELDS))})"
)
_STAND = """
    INSERT INTO standing (sample_id, who, kind, item, value, tick, at, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET value = excluded.value, tick = excluded.tick, at = excluded.at,
        event = excluded.event WHERE (excluded.tick, excluded.at, excluded.event) > (tick, at, event)
"""


@dataclass(slots=True)
class _History:
    """Ids of one person's changes in this file: what can be undone, and what redone."""

    done: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)

    def follow(self, act: str, event: str, of: str) -> None:
        if act == Act.CHANGE:
            self.done.append(event)
            self.undone.clear()
            return
        source, target = (self.done, self.undone) if act == Act.UNDO else (self.undone, self.done)
        if source[-1:] == [of]:
            source.pop()
        elif of in source:  # copies of one file, written apart and merged, may step in any order
            source.remove(of)
        else:
            return
        target.append(of)


class AnnotationStore(Database):
    """What a method changes is on the disk when it returns; where it raises `SierError` nothing was changed.

    Undo and redo are per person, outlast the program, and reach back over this file's own changes.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        file = path if path.suffix == ".sqlite" else path / FILE
        super().__init__(file, FORM, read_only=read_only)
        if not read_only:
            with self.transaction() as connection:
                connection.execute("INSERT OR IGNORE INTO facts VALUES ('id', ?)", (new_id(),))
                connection.execute("INSERT OR IGNORE INTO facts VALUES ('created_at', ?)", (now(),))
        self.id = self.fact("id")
        self._tick = int(self.ask("SELECT coalesce(max(tick), 0) FROM events")[0][0])
        self._histories: dict[str, _History] = {}

    def __enter__(self) -> AnnotationStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---------------------------------------------------------------- changing

    def apply(self, request: Request) -> Event | None:
        """Do what was asked for, once: the same request again changes nothing and gives the same event.

        None where nothing had to be changed: it was so already, or there is nothing to undo.

        Raises
        ------
        SierError : it cannot be stored, or the file not be written; then nothing was changed.
        """
        if isinstance(request, Change):
            checked(request)
        history = self.history(request.who)
        with self.transaction() as connection:
            done = connection.execute("SELECT * FROM events WHERE id = ?", (request.id,)).fetchone()
            event = None if done is not None else self._event(connection, request, history)
            if event is not None:
                _write(connection, event, self.id)
        if done is not None:
            return _event_of(done)
        if event is not None:
            self._tick = event.tick
            history.follow(event.act, event.id, event.of)
        return event

    def _event(self, connection: sqlite3.Connection, request: Request, history: _History) -> Event | None:
        if isinstance(request, Change):
            slot = (request.sample_id, request.who, request.kind, request.item)
            act, of, new = Act.CHANGE, "", request.value
        else:
            stack = history.done if request.back else history.undone
            if not stack:
                return None
            target = _event_of(
                connection.execute("SELECT * FROM events WHERE id = ?", (stack[-1],)).fetchone()
            )
            slot = (target.sample_id, target.who, target.kind, target.item)
            act, of = (Act.UNDO if request.back else Act.REDO), target.id
            new = target.old if request.back else target.new
        held = connection.execute(
            "SELECT value FROM standing WHERE sample_id = ? AND who = ? AND kind = ? AND item = ?", slot
        ).fetchone()
        old = from_text(held["value"]) if held is not None else None
        if act is Act.CHANGE and old == new:
            return None
        sample_id, who, kind, item = slot
        return Event(request.id, self._tick + 1, now(), who, sample_id, kind, item, old, new, act, of)

    def history(self, who: str) -> _History:
        """What ``who`` can undo and redo; read once."""
        if who not in self._histories:
            history = _History()
            for row in self.ask(
                "SELECT act, id, of FROM events WHERE who = ? AND store = ? ORDER BY seq", (who, self.id)
            ):
                history.follow(row["act"], row["id"], row["of"])
            self._histories[who] = history
        return self._histories[who]

    # ---------------------------------------------------------------- asking

    def entries(self, sample_id: str | None = None) -> Iterator[Entry]:
        """What holds now, of one sample or of all, in the order of sample, person, kind and mark."""
        where, values = ("", ()) if sample_id is None else (" AND sample_id = ?", (sample_id,))
        kinds, read = {str(kind): kind for kind in Kind}, cache(from_text)  # a dataset has few labels, often
        for row in self._stream(
            "SELECT sample_id, who, kind, item, value, at FROM standing "  # noqa: S608 - words of ours only
            f"WHERE value IS NOT NULL{where} ORDER BY sample_id, who, kind, item",
            values,
        ):
            sample, who, kind, item, value, at = row
            decoded = read(value) if kind == Kind.LABEL else from_text(value)
            yield Entry(sample, who, kinds[kind], item, decoded, at)

    def _stream(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Rows a few at a time, as plain tuples: a whole dataset's would take 100 MiB."""
        with self._guard, self.errors():
            cursor = self._connection.cursor()
            cursor.row_factory = None
            cursor.execute(sql, values)
        while True:
            with self._guard, self.errors():
                rows = cursor.fetchmany(2000)
            if not rows:
                return
            yield from rows

    def events(self, sample_id: str | None = None) -> list[Event]:
        """Everything that happened, in the order in which it counts."""
        where, values = ("", ()) if sample_id is None else ("WHERE sample_id = ?", (sample_id,))
        sql = f"SELECT * FROM events {where} ORDER BY tick, at, id"  # noqa: S608 - words of ours only
        return [_event_of(row) for row in self.ask(sql, values)]

    def people(self) -> tuple[str, ...]:
        """Who annotated, alphabetically."""
        return tuple(row[0] for row in self.ask("SELECT DISTINCT who FROM events ORDER BY who"))

    # ---------------------------------------------------------------- taking over (see `merging`)

    def take_over(self, rows: Iterable[sqlite3.Row]) -> int:
        """Add the events of ``rows`` that are not here yet, all or none; how many they were."""
        added = 0
        with self.transaction() as connection:
            for row in rows:
                values = [row[name] for name in EVENT_FIELDS]
                found = connection.execute(_INSERT.replace("INSERT", "INSERT OR IGNORE", 1), values)
                if found.rowcount:
                    added += 1
                    _stand(connection, dict(row))
        self._tick = int(self.ask("SELECT coalesce(max(tick), 0) FROM events")[0][0])
        self._histories.clear()
        return added


def _write(connection: sqlite3.Connection, event: Event, store: str) -> None:
    values = {
        **{name: getattr(event, name) for name in EVENT_FIELDS if name != "store"},
        "store": store,
        "old": to_text(event.old),
        "new": to_text(event.new),
    }
    connection.execute(_INSERT, [values[name] for name in EVENT_FIELDS])
    _stand(connection, values)


def _stand(connection: sqlite3.Connection, values: dict[str, Any]) -> None:
    names = ("sample_id", "who", "kind", "item", "new", "tick", "at", "id")
    connection.execute(_STAND, [values[name] for name in names])


def _event_of(row: sqlite3.Row) -> Event:
    return Event(
        row["id"], row["tick"], row["at"], row["who"], row["sample_id"], Kind(row["kind"]), row["item"],
        from_text(row["old"]), from_text(row["new"]), Act(row["act"]), row["of"],
    )  # fmt: skip
