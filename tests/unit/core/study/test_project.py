"""The project file: what was acknowledged is there, nothing is overwritten, and one program holds it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sier_gui.core.database import migrate, version
from sier_gui.core.errors import SierError
from sier_gui.core.study.project import Project, open_project, schema
from sier_gui.core.study.project.database import KEPT_BACKUPS
from sier_gui.core.study.records import Kind, Modality, Rater, Rationale, Reader, Response, Sex, Take

ANNA = Reader("anna", Sex.FEMALE, "30-39", "London", "en", "1", "2026-11-21T10:00:00+00:00")
RATER = Rater("r01", number=3, group=2, order=5, hearing="normal", headphones="passed")


def response(trial: int | None, answer: str = "sad", **changes: object) -> Response:
    base = Response(
        "r01",
        2,
        "speech",
        trial,
        Kind.MAIN,
        1,
        "anna",
        f"s{trial}",
        "sad",
        Modality.HS,
        answer,
        2,
        812.5,
        1,
        True,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def take(number: int = 1, **changes: object) -> Take:
    base = Take(
        "anna", "s1", number, f"takes/anna/s1/{number:03d}.wav", "ab" * 32, 48_000, 2.0, "pass", ("fine",),
        False, 0.1, 1.9, "2026-11-21T10:00:00+00:00",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture
def project(tmp_path: Path):
    with open_project(tmp_path / "study", create=True) as opened:
        yield opened


def test_everything_comes_back_as_it_was_stored(project: Project) -> None:
    project.add_reader(ANNA)
    project.add_rater(RATER)
    project.add_take(take())
    rationale = Rationale(spans=((0.25, 0.75), (1.0, 1.5)), boxes=((0.0, 0.25, 0.5, 1.0),))
    answers = [
        response(1, rationale=rationale),
        response(2, "", counted=False, confidence=None, rt_ms=None, replays=None, kind=Kind.TRAP),
        response(None, group=None, list=None),
    ]
    for answer in answers:
        project.add_answer(answer)
    folder = project.folder
    project.close()
    with open_project(folder) as again:
        assert again.readers() == [ANNA]
        assert again.raters() == [RATER]
        assert again.takes() == [take()]
        assert again.responses() == answers


def test_the_file_is_guarded_as_promised(project: Project) -> None:
    def pragma(name: str) -> object:
        return project.ask(f"PRAGMA {name}")[0][0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL
    assert pragma("foreign_keys") == 1
    assert pragma("user_version") == schema.VERSION


def test_closing_brings_everything_into_the_one_file(project: Project) -> None:
    project.add_rater(RATER)
    project.add_answer(response(1))
    assert project.file.with_name("study.sqlite-wal").stat().st_size > 0
    project.close()
    assert not project.file.with_name("study.sqlite-wal").exists()
    connection = sqlite3.connect(project.file)
    assert connection.execute("SELECT count(*) FROM answers").fetchone() == (1,)
    connection.close()
    project.close()  # harmless


def test_an_answer_to_an_answered_trial_or_of_a_stranger_is_refused(project: Project) -> None:
    with pytest.raises(SierError, match="nobody of that name"):
        project.add_answer(response(1))
    project.add_rater(RATER)
    number = project.add_answer(response(1, "happy"))
    with pytest.raises(SierError, match="has an answer already"):
        project.add_answer(response(1))
    project.revoke_answer(number, "pressed by mistake")
    project.add_answer(response(1))
    assert [r.answer for r in project.responses()] == ["sad"]
    assert [r.answer for r in project.responses(revoked=True)] == ["happy", "sad"]
    with pytest.raises(SierError, match="cannot be revoked"):
        project.revoke_answer(number, "again")


def test_the_protocol_is_frozen_by_the_first_answer(project: Project) -> None:
    project.store_protocol("name = 'a'\n")
    project.store_protocol("name = 'b'\n")
    assert project.protocol_frozen_at() is None
    project.add_rater(RATER)
    project.add_answer(response(1, kind=Kind.PRACTICE))
    assert project.protocol_frozen_at()
    project.store_protocol("name = 'b'\n")  # the same one
    with pytest.raises(SierError, match="frozen"):
        project.store_protocol("name = 'c'\n")
    assert project.protocol_text() == "name = 'b'\n"


def test_an_interrupted_trial_counts_as_seen_and_the_session_goes_on_behind_it(project: Project) -> None:
    project.add_rater(RATER)
    assert project.next_trial("r01") == 1
    project.begin_trial("r01", 1)
    project.add_answer(response(1))
    project.begin_trial("r01", 2)  # and here the power goes
    assert project.next_trial("r01") == 3
    assert project.interrupted("r01") == {2}
    with pytest.raises(SierError, match="begun before"):
        project.begin_trial("r01", 2)


def test_events_keep_their_order_and_detail(project: Project) -> None:
    project.add_rater(RATER)
    project.log_event("r01", 1, "replay", count=1)
    project.log_event("r01", None, "focus lost", seconds=2.5)
    assert [(e["trial"], e["what"]) for e in project.events("r01")] == [(1, "replay"), (None, "focus lost")]
    assert project.events("r01")[1]["seconds"] == 2.5


def test_the_newest_decision_counts_and_the_others_stay(project: Project) -> None:
    project.add_reader(ANNA)
    for number in (1, 2):
        project.add_take(take(number))
    project.accept_take("anna", "s1", 1)
    assert project.accepted_takes()["anna", "s1"].number == 1
    project.accept_take("anna", "s1", 2)
    assert [t.accepted for t in project.takes("anna", "s1")] == [False, True]
    project.reject_take("anna", "s1", 1)  # the newest decision says that none counts
    assert project.accepted_takes() == {}
    assert len(project.ask("SELECT * FROM decisions")) == 3
    assert project.next_number("anna", "s1") == 3
    assert project.next_number("anna", "s2") == 1


def test_a_take_that_failed_its_checks_cannot_be_accepted(project: Project) -> None:
    project.add_reader(ANNA)
    project.add_take(take(verdict="fail"))
    with pytest.raises(SierError, match="did not pass"):
        project.accept_take("anna", "s1", 1)
    with pytest.raises(SierError, match="no take 7"):
        project.accept_take("anna", "s1", 7)


def test_takes_are_never_overwritten_in_the_table_either(project: Project) -> None:
    project.add_reader(ANNA)
    project.add_take(take())
    with pytest.raises(SierError, match="there already"):
        project.add_take(take(sha256="cd" * 32))
    with pytest.raises(SierError, match="nobody is called"):
        project.add_take(take(2, reader="ben"))


def test_a_trim_is_an_offset_within_the_take(project: Project) -> None:
    project.add_reader(ANNA)
    project.add_take(take())
    project.set_trim("anna", "s1", 1, 0.5, 1.5)
    (stored,) = project.takes()
    assert (stored.start_s, stored.end_s) == (0.5, 1.5)
    for start, end in ((-0.1, 1.0), (1.0, 1.0), (0.5, 2.1)):
        with pytest.raises(SierError, match="within"):
            project.set_trim("anna", "s1", 1, start, end)


def test_hostile_names_are_data_never_sql(project: Project) -> None:
    project.add_rater(RATER)
    nasty = "'); DROP TABLE answers; --"
    project.add_answer(response(1, sample_id=nasty, answer=nasty))
    assert project.responses()[0].sample_id == nasty
    for name in ("", "..", "a/b", "x" * 65, "a\nb", "?*"):
        with pytest.raises(SierError, match="pseudonym"):
            project.add_reader(replace(ANNA, reader=name))


@pytest.mark.parametrize("name", ["synthetic", "Synthetic", " checks", "synthetic-male", "_spoken"])
def test_a_reader_shares_no_folder_with_sounds_that_nobody_spoke(project: Project, name: str) -> None:
    with pytest.raises(SierError, match="cannot be called") as told:
        project.add_reader(replace(ANNA, reader=name))
    assert "\n" not in str(told.value)
    project.add_rater(replace(RATER, rater=name.strip()))  # raters have no folders


# ---------------------------------------------------------------- opening


def test_a_second_copy_of_the_program_is_told_who_has_it(project: Project) -> None:
    code = f"""
from pathlib import Path
from sier_gui.core.errors import SierError
from sier_gui.core.study.project import open_project
try:
    open_project(Path({str(project.folder)!r}))
except SierError as error:
    print(error.message)
with open_project(Path({str(project.folder)!r}), read_only=True) as look:
    print(len(look.raters()))
"""
    project.add_rater(RATER)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = result.stdout.splitlines()
    assert "open in another copy of the program (process " in first
    assert second == "1"
    with pytest.raises(SierError, match="another copy"):
        open_project(project.folder)


def test_looking_only_cannot_write(project: Project) -> None:
    with open_project(project.file, read_only=True) as look, pytest.raises(SierError, match="cannot be used"):
        look.add_rater(RATER)


def test_there_must_be_a_project(tmp_path: Path) -> None:
    with pytest.raises(SierError, match="no study project"):
        open_project(tmp_path)
    with pytest.raises(SierError, match="no study project"):
        open_project(tmp_path, read_only=True, create=True)


def test_each_opening_makes_a_backup_and_the_oldest_go(project: Project) -> None:
    folder = project.folder
    project.add_rater(RATER)
    project.close()
    for _ in range(KEPT_BACKUPS + 2):
        open_project(folder).close()
    with open_project(folder) as again:
        backups = again.backups()
    assert len(backups) == KEPT_BACKUPS
    copy = sqlite3.connect(backups[-1])
    assert copy.execute("SELECT rater FROM raters").fetchall() == [("r01",)]
    copy.close()


@pytest.mark.parametrize("damage", [b"", b"no database at all, but long enough to be looked at" * 40])
def test_a_damaged_file_is_told_with_the_way_back(project: Project, damage: bytes) -> None:
    project.add_rater(RATER)
    project.close()
    data = project.file.read_bytes()
    project.file.write_bytes(damage or data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(SierError, match="damaged") as caught:
        open_project(project.folder)
    assert "backups" in caught.value.hint
    project.file.write_bytes(data)
    open_project(project.folder).close()  # the lock was let go


def test_a_later_versions_file_is_refused_unchanged(project: Project) -> None:
    project.close()
    connection = sqlite3.connect(project.file)
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.commit()
    connection.close()
    with pytest.raises(SierError, match="later version"):
        open_project(project.folder)


def test_a_migration_is_one_transaction(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old.sqlite", isolation_level=None)
    migrate(connection, "old", schema.MIGRATIONS)
    connection.execute("INSERT INTO facts VALUES ('a', 'b')")
    good = "ALTER TABLE facts ADD COLUMN note TEXT"
    migrate(connection, "old", (*schema.MIGRATIONS, good))
    assert version(connection) == schema.VERSION + 1
    with pytest.raises(sqlite3.Error):
        migrate(connection, "old", (*schema.MIGRATIONS, good, "DROP TABLE facts; SELECT no_such_function()"))
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    assert connection.execute("SELECT value, note FROM facts").fetchall() == [("b", None)]
    assert version(connection) == schema.VERSION + 1
    connection.close()


def test_a_full_disk_is_told_and_nothing_is_half_stored(project: Project) -> None:
    project.add_rater(RATER)
    project.add_answer(response(1))
    pages = project.ask("PRAGMA page_count")[0][0]
    project.ask(f"PRAGMA max_page_count = {pages}")
    acknowledged = [1]

    def fill() -> None:
        for trial in range(2, 2000):
            project.add_answer(response(trial))
            acknowledged.append(trial)

    with pytest.raises(SierError, match="disk is full"):
        fill()
    assert [r.trial for r in project.responses()] == acknowledged
    project.ask(f"PRAGMA max_page_count = {pages + 1000}")
    project.add_answer(response(acknowledged[-1] + 1))
    assert len(project.responses()) == len(acknowledged) + 1


def test_a_clock_that_was_set_back_is_told_and_the_order_stays(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sier_gui.core.study.project import answers

    project.add_rater(RATER)
    monkeypatch.setattr(answers, "now", lambda: "2199-01-01T00:00:00.000+00:00")
    project.add_answer(response(1))
    monkeypatch.undo()
    project.add_answer(response(2))
    project.close()
    with open_project(project.folder) as again:
        assert any("clock" in notice and "2199" in notice for notice in again.notices)
        assert [r.trial for r in again.responses()] == [1, 2]
