"""The project file's tables and how older ones are brought up to date.

Nothing that was said is ever changed or removed by going on: takes and answers are added, what is decided
about them (accepted, revoked) is added too, and the newest decision counts. Only a withdrawal deletes.
Order is that of the row numbers, never of the clock.
"""

from __future__ import annotations

# One script a version; what was released is never edited, only followed.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

    CREATE TABLE readers (
        reader TEXT PRIMARY KEY, sex TEXT NOT NULL, age_band TEXT NOT NULL, accent TEXT NOT NULL,
        language TEXT NOT NULL, consent_version TEXT NOT NULL, consented_at TEXT NOT NULL,
        stand_in INTEGER NOT NULL, at TEXT NOT NULL
    ) STRICT;

    CREATE TABLE sessions (
        session TEXT PRIMARY KEY, reader TEXT NOT NULL REFERENCES readers ON DELETE CASCADE,
        device TEXT NOT NULL, rate INTEGER NOT NULL, room_dbfs REAL, at TEXT NOT NULL
    ) STRICT;

    CREATE TABLE takes (
        id INTEGER PRIMARY KEY AUTOINCREMENT, reader TEXT NOT NULL REFERENCES readers ON DELETE CASCADE,
        sample_id TEXT NOT NULL, number INTEGER NOT NULL, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL,
        rate INTEGER NOT NULL, duration_s REAL NOT NULL, verdict TEXT NOT NULL, reasons TEXT NOT NULL,
        start_s REAL NOT NULL, end_s REAL NOT NULL, recorded_at TEXT NOT NULL, imported INTEGER NOT NULL,
        session TEXT NOT NULL, UNIQUE (reader, sample_id, number)
    ) STRICT;

    CREATE TABLE decisions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, take INTEGER NOT NULL REFERENCES takes ON DELETE CASCADE,
        decision TEXT NOT NULL CHECK (decision IN ('accepted', 'rejected')), at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX decisions_of_takes ON decisions (take);

    CREATE VIEW decided AS
        SELECT takes.reader AS reader, takes.sample_id AS sample_id, max(decisions.id) AS decision
        FROM decisions JOIN takes ON takes.id = decisions.take GROUP BY takes.reader, takes.sample_id;

    CREATE TABLE skips (
        id INTEGER PRIMARY KEY AUTOINCREMENT, reader TEXT NOT NULL REFERENCES readers ON DELETE CASCADE,
        sample_id TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT;

    CREATE TABLE protocol (
        one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT NOT NULL, sha256 TEXT NOT NULL,
        at TEXT NOT NULL, frozen_at TEXT
    ) STRICT;

    CREATE TABLE raters (
        rater TEXT PRIMARY KEY, number INTEGER NOT NULL, grp INTEGER NOT NULL, ord INTEGER NOT NULL,
        consent_version TEXT NOT NULL, consented_at TEXT NOT NULL, age_band TEXT NOT NULL,
        gender TEXT NOT NULL, language TEXT NOT NULL, hearing TEXT NOT NULL, headphones TEXT NOT NULL,
        excluded TEXT NOT NULL, finished INTEGER NOT NULL, at TEXT NOT NULL
    ) STRICT;

    CREATE TABLE begun (
        rater TEXT NOT NULL REFERENCES raters ON DELETE CASCADE, trial INTEGER NOT NULL, at TEXT NOT NULL,
        PRIMARY KEY (rater, trial)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE answers (
        id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
        rater TEXT NOT NULL REFERENCES raters ON DELETE CASCADE, grp INTEGER, block TEXT NOT NULL,
        trial INTEGER, kind TEXT NOT NULL, list INTEGER, reader TEXT NOT NULL, sample_id TEXT NOT NULL,
        label TEXT NOT NULL, modality TEXT NOT NULL, answer TEXT NOT NULL, confidence INTEGER, rt_ms REAL,
        replays INTEGER, counted INTEGER NOT NULL, rationale TEXT, at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX answers_of_trials ON answers (rater, trial);

    CREATE TABLE revocations (
        answer INTEGER PRIMARY KEY REFERENCES answers ON DELETE CASCADE, reason TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT;

    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, rater TEXT NOT NULL REFERENCES raters ON DELETE CASCADE,
        trial INTEGER, what TEXT NOT NULL, detail TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT;

    CREATE TABLE withdrawals (
        who TEXT PRIMARY KEY, role TEXT NOT NULL, deleted TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT;
    """,
)
VERSION = len(MIGRATIONS)
