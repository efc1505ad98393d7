"""Copies of a project brought together, and people who withdraw: nothing is overwritten, nothing returns."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from crash_worker import answer_of
from voices import RATE, spoken

from sier_gui.core.audio.files import Audio, write_wav
from sier_gui.core.errors import SierError
from sier_gui.core.study.importing import import_recordings
from sier_gui.core.study.project import Project, open_project
from sier_gui.core.study.project.sidecars import file_hash
from sier_gui.core.study.records import Rater, Reader, Sex
from sier_gui.core.study.takes import Prompt

ANNA, BEN = Reader("anna", Sex.FEMALE), Reader("ben", Sex.MALE)
SECONDS = iter(range(10**6))


def record(project: Project, reader: str, sample_id: str, *, accept: bool = True) -> None:
    """A take unlike any other."""
    file = project.folder.parent / f"{sample_id}.wav"
    write_wav(file, Audio(spoken(1.2 + next(SECONDS) / 100)[:, None], RATE))
    ((take, _),) = import_recordings(project, reader, [file], [Prompt(sample_id, "", "")]).takes
    if accept:
        project.accept_take(reader, sample_id, take.number)


@pytest.fixture
def ours(tmp_path: Path):
    with open_project(tmp_path / "ours", create=True) as project:
        project.add_reader(ANNA)
        project.add_rater(Rater("r01"))
        project.store_protocol("name = 'a'\n")
        record(project, "anna", "s1")
        yield project


def copied(project: Project, name: str = "theirs") -> Project:
    """As somebody takes it home: the folder, closed."""
    folder = project.folder.with_name(name)
    project.close()
    shutil.copytree(project.folder, folder)
    return open_project(folder)


def both(project: Project) -> tuple[Project, Project]:
    theirs = copied(project)
    return open_project(project.folder), theirs


def test_what_each_copy_has_alone_comes_together(ours: Project) -> None:
    ours, theirs = both(ours)
    with ours, theirs:
        theirs.add_reader(BEN)
        theirs.add_rater(Rater("r02"))
        record(theirs, "ben", "s1")
        theirs.begin_trial("r02" if False else "r01", 1)
        theirs.add_answer(answer_of(1))
        theirs.log_event("r01", 1, "replay", count=1)
        record(ours, "anna", "s2")
        ours.add_answer(answer_of(2))
        report = ours.merge(theirs)
        assert report.conflicts == []
        assert report.added == {"takes": 1, "readers": 1, "raters": 1, "decisions": 1, "answers": 1}
        assert [r.reader for r in ours.readers()] == ["anna", "ben"]
        assert {r.trial for r in ours.responses()} == {1, 2}
        assert set(ours.accepted_takes()) == {("anna", "s1"), ("anna", "s2"), ("ben", "s1")}
        for take in ours.takes():
            assert file_hash(ours.folder / take.path) == take.sha256
        assert len(ours.events("r01")) == 1
        assert ours.protocol_frozen_at()
        again = ours.merge(theirs)
        assert (again.added, again.conflicts) == ({}, [])
        assert again.same["answers"] == 1
        assert len(ours.events("r01")) == 1
        assert len(theirs.responses()) == 1  # theirs is not changed


def test_conflicts_are_shown_and_ours_stays(ours: Project) -> None:
    ours, theirs = both(ours)
    with ours, theirs:
        ours.add_reader(replace(ANNA, accent="London"))
        theirs.add_reader(replace(ANNA, accent="Leeds"))
        ours.add_answer(replace(answer_of(1), answer="sad"))
        theirs.add_answer(replace(answer_of(1), answer="hate"))
        record(ours, "anna", "s1")
        record(theirs, "anna", "s1")
        report = ours.merge(theirs)
        assert sorted(c.what for c in report.conflicts) == ["accepted take", "answer", "reader"]
        texts = " ".join(conflict.text() for conflict in report.conflicts)
        for said in (
            "'London'",
            "'Leeds'",
            "'sad'",
            "'hate'",
            "takes/anna/s1/002.wav",
            "takes/anna/s1/003.wav",
        ):
            assert said in texts
        assert ours.readers()[0].accent == "London"
        assert [r.answer for r in ours.responses()] == ["sad"]
        assert ours.accepted_takes()["anna", "s1"].number == 2
        assert [take.number for take in ours.takes("anna", "s1")] == [1, 2, 3]  # theirs is there as well
        assert any("came over as" in note for note in report.notes)


def test_a_revoked_answer_comes_over_revoked(ours: Project) -> None:
    ours, theirs = both(ours)
    with ours, theirs:
        number = theirs.add_answer(replace(answer_of(1), answer="hate"))
        theirs.revoke_answer(number, "mistake")
        theirs.add_answer(replace(answer_of(1), answer="sad"))
        assert ours.merge(theirs).conflicts == []
        assert [r.answer for r in ours.responses()] == ["sad"]
        assert [r.answer for r in ours.responses(revoked=True)] == ["hate", "sad"]


def test_other_projects_and_other_protocols_are_refused(ours: Project, tmp_path: Path) -> None:
    with open_project(tmp_path / "other", create=True) as other, pytest.raises(SierError, match="not a copy"):
        ours.merge(other)
    ours, theirs = both(ours)
    with ours, theirs:
        theirs.store_protocol("name = 'b'\n")
        assert [c.what for c in ours.merge(theirs).conflicts] == ["protocol"]
        theirs.add_answer(answer_of(1))
        ours.add_answer(answer_of(2))
        with pytest.raises(SierError, match="another protocol"):
            ours.merge(theirs)
        assert len(ours.responses()) == 1


def test_a_take_whose_file_was_changed_is_left_out(ours: Project) -> None:
    ours, theirs = both(ours)
    with ours, theirs:
        record(theirs, "anna", "s2")
        (theirs.folder / "takes/anna/s2/001.wav").write_bytes(b"changed")
        report = ours.merge(theirs)
        assert any("was changed" in note for note in report.notes)
        assert set(ours.accepted_takes()) == {("anna", "s1")}


# ---------------------------------------------------------------- withdrawal


def every_byte(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_a_reader_who_withdraws_is_gone_from_files_tables_and_backups(ours: Project) -> None:
    ours.add_reader(replace(BEN, accent="Northumbrian-accent"))
    record(ours, "ben", "s1")
    ours.add_answer(answer_of(1))
    folder = ours.folder
    ours.close()
    with open_project(folder) as project:
        assert b"Northumbrian-accent" in every_byte(folder)
        told = project.withdraw_reader("ben")
        assert told.rows == {"sessions": 0, "takes": 1, "skips": 0}
        assert told.files == 2
        assert "Deleted: 1 takes, 2 files" in told.text()
        assert [r.reader for r in project.readers()] == ["anna"]
        assert set(project.accepted_takes()) == {("anna", "s1")}
        assert not (folder / "takes" / "ben").exists()
        assert len(project.responses()) == 1
        with pytest.raises(SierError, match="has withdrawn"):
            project.add_reader(BEN)
    assert b"Northumbrian-accent" not in every_byte(folder)


def test_a_rater_who_withdraws_takes_the_answers_along(ours: Project) -> None:
    ours.add_rater(Rater("r02", gender="a-word-to-look-for"))
    for trial in (1, 2):
        ours.begin_trial("r01", trial)
        ours.add_answer(answer_of(trial))
    ours.add_answer(replace(answer_of(1), rater="r02"))
    ours.revoke_answer(ours.add_answer(replace(answer_of(2), rater="r02")), "mistake")
    told = ours.withdraw_rater("r02")
    assert told.rows == {"answers": 2, "begun": 0, "events": 0}
    assert [r.rater for r in ours.responses(revoked=True)] == ["r01", "r01"]
    with pytest.raises(SierError, match="no rater r02"):
        ours.withdraw_rater("r02")
    ours.close()
    assert b"a-word-to-look-for" not in every_byte(ours.folder)


def test_a_copy_does_not_bring_back_who_withdrew(ours: Project) -> None:
    ours.add_reader(BEN)
    record(ours, "ben", "s1")
    ours.add_answer(answer_of(1))
    ours, theirs = both(ours)
    with ours, theirs:
        ours.withdraw_reader("ben")
        ours.withdraw_rater("r01")
        report = ours.merge(theirs)
        assert [r.reader for r in ours.readers()] == ["anna"]
        assert (ours.raters(), ours.responses()) == ([], [])
        assert sum("has withdrawn here" in note for note in report.notes) == 2
        back = theirs.merge(ours)
        assert sum("withdraw" in note for note in back.notes) == 2
