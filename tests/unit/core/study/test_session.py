"""A rater's session without a window: what is shown, what is stored, and how it goes on after a crash."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from rating import CAST, CLASSES, say

from sier_gui.core.audio.files import read_audio
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import read_image
from sier_gui.core.study import headphones
from sier_gui.core.study.design import Design, enrol, load_design
from sier_gui.core.study.presenting import Presenter
from sier_gui.core.study.project import Project, open_project
from sier_gui.core.study.records import BlindTrial, Kind, Modality, Rater, Sex
from sier_gui.core.study.session import Session
from sier_gui.core.study.stimuli import MANIFEST, Stimulus, source_means


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Iterator[Project]:
    shutil.copytree(made, tmp_path / "study")
    with open_project(tmp_path / "study") as opened:
        yield opened


def presenter_of(project: Project) -> tuple[Design, Presenter]:
    design = load_design(project)
    return design, Presenter(project, design, open_dataset(Path(design.dataset)), say)


def begun(project: Project, name: str = "r1") -> Session:
    design, presenter = presenter_of(project)
    rater = project.rater(name) or enrol(project, design, Rater(name))
    return Session(project, design, presenter, rater)


def test_a_blind_trial_has_no_field_that_could_tell() -> None:
    names = {field.name for field in fields(BlindTrial)}
    assert names == {
        "number", "of", "practice", "block", "answers", "picture", "sound", "rate", "instruction",
        "mark",
    }  # fmt: skip


def test_stimuli_are_prepared_once_and_each_source_has_the_protocols_loudness(project: Project) -> None:
    _design, presenter = presenter_of(project)
    assert presenter.prepare() == 0
    first = next(presenter.folder.glob("synthetic/*.wav"))
    first.unlink()
    written = presenter.prepare()
    assert written > 0
    assert first.is_file()
    rows = json.loads((presenter.folder / MANIFEST).read_text())["stimuli"]
    means = source_means([Stimulus(**row) for row in rows])
    assert set(means) == {"synthetic/voxname", "checks", *(f"{name}/imported" for name in CAST.values())}
    assert all(abs(lufs + 23) < 0.3 for lufs in means.values()), means
    item = next(item for item in load_design(project).items if item.kind is Kind.MAIN)
    project.set_trim(CAST[Sex.MALE], item.sample_id, 1, 0.05, 0.47)
    assert presenter.prepare() == written
    heard = read_audio(presenter.folder / CAST[Sex.MALE] / f"{item.sample_id}.wav")
    assert len(heard.samples) / heard.rate == pytest.approx(0.42, abs=0.001)


def test_a_session_shows_what_was_planned_and_stores_what_was_said(project: Project) -> None:
    session = begun(project)
    planned = session.planned()
    catalogue = open_dataset(Path(load_design(project).dataset))
    said = []
    while (blind := session.begin()) is not None:
        trial = session.current
        assert trial is not None
        assert sorted(blind.answers) == sorted(CLASSES)
        row = catalogue.row_of(trial.sample_id) if trial.kind is not Kind.TRAP else -1
        if trial.kind is Kind.TRAP:
            assert (blind.instruction == "") == trial.modality.sound
            assert blind.instruction == "" or trial.label in blind.instruction
            assert blind.picture is None
        elif trial.modality.picture:
            paths = list(catalogue.sample(row).paths.values())
            assert np.array_equal(blind.picture, read_image(paths[0]))
        if trial.kind is not Kind.TRAP and trial.modality.human:
            assert trial.sex is not None
            reader = CAST[trial.sex]
            file = project.folder / "stimuli" / reader / f"{trial.sample_id}.wav"
            assert np.array_equal(blind.sound, read_audio(file).samples)
        answer = blind.answers[len(said) % 4]
        said.append(session.answer(answer, 1 + len(said) % 3, 500.0 + len(said), 0))
    session.end()
    assert [r.trial for r in said] == [t.trial for t in planned]
    assert project.responses("r1") == said
    assert [r.counted for r in said] == [t.kind is Kind.MAIN for t in planned]
    assert {r.modality for r in said if r.counted} == set(Modality)
    assert {r.reader for r in said} <= {"", "synthetic", *CAST.values()}
    stored = project.rater("r1")
    assert stored is not None
    assert stored.finished
    with pytest.raises(SierError, match="answered everything"):
        begun(project)


def test_an_interrupted_trial_is_replaced_and_never_shown_again(project: Project) -> None:
    session = begun(project)
    planned = session.planned()
    shown = []
    while session.coming() is Kind.PRACTICE or len(shown) < 5:
        blind = session.begin()
        assert blind is not None
        assert session.current is not None
        shown.append(session.current.trial)
        session.answer(blind.answers[0], 1, 1.0, 0)
    while session.coming() is not Kind.MAIN:
        blind = session.begin()
        assert blind is not None
        session.answer(blind.answers[0], 1, 1.0, 0)
    assert session.begin() is not None
    lost = session.current
    assert lost is not None

    session = begun(project)  # as after a crash
    extra = session.planned()[len(planned) :]
    assert [(t.kind, t.list, t.label, t.modality) for t in extra] == [
        (Kind.RESERVE, lost.list, lost.label, lost.modality)
    ]
    assert extra[0].sample_id != lost.sample_id
    seen = []
    while session.begin() is not None:
        assert session.current is not None
        seen.append(session.current)
        session.answer("sad", 2, 1.0, 0)
    assert lost.trial not in {t.trial for t in seen}
    assert seen[-1] == extra[0]
    assert project.responses("r1")[-1].counted
    done, count = session.progress()
    assert done == count


def test_a_trial_that_cannot_be_read_has_not_begun(project: Project) -> None:
    session = begun(project)
    for file in (project.folder / "stimuli").rglob("*.wav"):
        file.unlink()
    pictures = next(place for place, t in enumerate(session.planned()) if t.modality.sound)
    for _ in range(pictures):
        session.begin()
        session.answer("sad", 1, 1.0, 0)
    with pytest.raises(SierError):
        session.begin()
    assert project.interrupted("r1") == set()
    assert len(project.answered("r1")) == pictures


def test_without_a_synthesizer_traps_are_written(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "study", ignore=shutil.ignore_patterns("stimuli"))
    with open_project(tmp_path / "study") as project:
        design = load_design(project)
        presenter = Presenter(project, design, open_dataset(Path(design.dataset)))
        presenter.prepare()
        rater = enrol(project, design, Rater("r1"))
        traps = [t for t in design.trials(rater) if t.kind is Kind.TRAP]
        assert len(traps) == 3
        for trap in traps:
            blind = presenter.blind(trap, rater, 1, 1)
            assert blind.sound is None
            assert f"choose {trap.label}" in blind.instruction


def test_a_second_visit_waits_for_the_wash_out(project: Project) -> None:
    text = project.protocol_text()
    assert text is not None
    project.store_protocol(text + "\n[design]\nvisits = 2\nwash_out_days = 14\n")
    session = begun(project)
    while session.begin() is not None:
        session.answer("sad", 1, 1.0, 0)
    session.end()
    stored = project.rater("r1")
    assert stored is not None
    assert not stored.finished
    with pytest.raises(SierError, match="next visit of r1 can begin"):
        begun(project)
    with project.transaction() as connection:
        connection.execute("UPDATE events SET at = '2020-01-01T00:00:00.000+00:00'")
    again = begun(project)
    assert again.visit == 1
    assert all(t.trial > 1000 for t in again.planned())


def test_the_headphone_check_has_a_quiet_tone_and_one_in_opposite_phase() -> None:
    places = set()
    for number in range(headphones.ROUNDS):
        sound, quiet = headphones.round_of(3, "r1", number)
        again, _ = headphones.round_of(3, "r1", number)
        assert np.array_equal(sound, again)
        tone, gap = headphones.RATE, headphones.RATE // 2
        parts = [sound[k * (tone + gap) : k * (tone + gap) + tone] for k in range(3)]
        assert len(sound) == 3 * tone + 2 * gap
        rms = [float(np.sqrt(np.mean(part[:, 0] ** 2))) for part in parts]
        assert int(np.argmin(rms)) == quiet
        assert 20 * np.log10(rms[quiet] / max(rms)) == pytest.approx(-6, abs=0.01)
        in_the_air = [float(np.abs(part.sum(axis=1)).max()) for part in parts]
        opposite = int(np.argmin(in_the_air))
        assert in_the_air[opposite] < 1e-6
        assert opposite != quiet
        places.add(quiet)
    assert len(places) > 1
