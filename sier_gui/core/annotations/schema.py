"""The annotation file's tables.

``events`` grows and is never changed: undoing is an event as well. ``standing`` is what they come to, kept in
the same transactions so that nobody has to add them up; of two events about the same thing the one of the
later tick holds, then of the later time, then of the greater id: so all copies come to the same.
"""

from __future__ import annotations

from sier_gui.core.database import Form

FILE = "annotations.sqlite"
_MARK = 0x53_47_41_4E  # "SGAN"

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

    CREATE TABLE events (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, store TEXT NOT NULL, tick INTEGER NOT NULL,
        at TEXT NOT NULL, who TEXT NOT NULL, sample_id TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('label', 'flag', 'comment', 'mark')), item TEXT NOT NULL,
        old TEXT, new TEXT, act TEXT NOT NULL CHECK (act IN ('change', 'undo', 'redo')), of TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of_people ON events (who, store);
    CREATE INDEX events_of_samples ON events (sample_id);
    CREATE TRIGGER events_stay BEFORE UPDATE ON events
        BEGIN SELECT raise(ABORT, 'events are never changed'); END;
    CREATE TRIGGER events_remain BEFORE DELETE ON events
        BEGIN SELECT raise(ABORT, 'events are never deleted'); END;

    CREATE TABLE standing (
        sample_id TEXT NOT NULL, who TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL,
        value TEXT, tick INTEGER NOT NULL, at TEXT NOT NULL, event TEXT NOT NULL,
        PRIMARY KEY (sample_id, who, kind, item)
    ) STRICT, WITHOUT ROWID;
    """,
)

FORM = Form(
    "annotation file",
    MIGRATIONS,
    (
        "The annotations in {folder} are open in another copy of the program ({owner}).",
        "Close it there first.",
    ),
    kept=5,
    mark=_MARK,
)
