"""Marks: where they are stored, what leaves as CSV and comes back, and what simulated raters mark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rating
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.errors import SierError
from sier_gui.core.study import protocol
from sier_gui.core.study.design import load_design
from sier_gui.core.study.marking import Habits, Place, mark_all
from sier_gui.core.study.presenting import Presenter
from sier_gui.core.study.project import open_project
from sier_gui.core.study.rationales import marks_of, read_marks, recordings_of, study_marks, write_marks
from sier_gui.core.study.records import (
    Block,
    Kind,
    Modality,
    Rater,
    Rationale,
    Response,
    Sex,
    Trial,
)
from sier_gui.core.study.session import Session

BOX = (0.25, 0.5, 0.5, 0.75)


def response(rater: str, sample: str, modality: Modality, rationale: Rationale | None, **others) -> Response:
    facts = {"reader": "", "label": "sad", "answer": "sad", "kind": Kind.MAIN, "counted": True} | others
    return Response(
        rater=rater, group=0, block="", trial=1, list=0, sample_id=sample, modality=modality, confidence=1,
        rt_ms=1.0, replays=0, rationale=rationale, **facts,
    )  # fmt: skip


def test_spans_are_stored_on_the_time_axis_of_the_original(tmp_path: Path) -> None:
    home = rating.write_study(tmp_path)
    with open_project(home) as project:
        design = load_design(project)
        item = next(item for item in design.items if item.kind is Kind.MAIN)
        reader = rating.CAST[Sex.MALE]
        project.set_trim(reader, item.sample_id, 1, 0.05, 0.47)
        catalogue = open_dataset(Path(design.dataset))
        presenter = Presenter(project, design, catalogue, rating.say)
        presenter.prepare()
        trial = Trial(9, 0, Block.BOTH, Kind.MAIN, 0, item.sample_id, item.label, Modality.HS_I, Sex.MALE)
        marked = presenter.located(trial, Rationale(((0.1, 0.2), (0.3, 0.42)), (BOX,)))
        assert marked is not None
        assert np.array(marked.spans) == pytest.approx(np.array([(0.15, 0.25), (0.35, 0.47)]))
        assert marked.boxes == (BOX,)  # the picture is shown whole
        assert presenter.located(trial, Rationale()) is None
        assert presenter.located(trial, None) is None
        # the session asks it, and what is stored comes back
        session = Session(project, design, presenter, rated(project, design))
        while session.coming() is not None:
            session.begin()
            assert session.current is not None
            session.answer(session.current.label, 1, 900.0, 0, Rationale((), (BOX,)))
        found = study_marks(project, design, catalogue)
        assert found.left_out == ()
        assert {mark.boxes for mark in found.marks} == {(BOX,)}
        assert {mark.column for mark in found.marks} == {"i", "ss-i", "hs-i"}
        heard = recordings_of(project, design, catalogue)[item.sample_id, reader]
        assert (heard.start_s, heard.end_s) == (0.05, 0.47)
        assert heard.path.is_file()
        project.set_fact("dataset_hash", "another")
        with pytest.raises(SierError, match="another dataset"):
            study_marks(project, design, catalogue)


def rated(project, design) -> Rater:
    from sier_gui.core.study.design import enrol

    return enrol(project, design, Rater("r1", consented_at="2026-01-01T00:00:00+00:00"))


def test_marks_leave_as_csv_and_come_back(tmp_path: Path) -> None:
    said = [
        response(
            "p1", "a", Modality.SS_I, Rationale(((0.125, 0.75), (1.0, 2.5)), (BOX,)), reader="synthetic"
        ),
        response("simulated-2", "a", Modality.HS, Rationale(((0.5, 1.0),)), reader="anna", answer="hate"),
        response("p1", "b", Modality.I, None),
        response("p1", "c", Modality.I, Rationale((), (BOX,)), kind=Kind.GOLD, counted=False),
    ]
    assert write_marks(tmp_path / "m.csv", said) == 5
    back = read_marks(tmp_path / "m.csv")
    assert list(back.marks) == marks_of(said)
    assert len(back.marks) == 2  # of trials that count
    assert back.people == ("p1", "simulated-2")
    assert back.simulated == 1
    assert [mark.voice for mark in back.marks] == ["", "anna"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("p,a,i,box,,,0.5,0.5,0.25,0.75,sad", "ends before"),
        ("p,a,i,box,,,0.5,,0.75,0.75,sad", "no box"),
        ("p,a,ss,circle,1,2,,,,,sad", "no circle"),
        ("p,a,ss,span,nan,2,,,,,sad", "ends before"),
        ("p,a,video,span,1,2,,,,,sad", "unknown"),
    ],
)
def test_rows_that_are_no_marks_are_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "m.csv"
    file.write_text(
        f"rater,sample_id,modality,kind,start_s,end_s,left,top,right,bottom,answer\n{line}\n",
        encoding="utf-8",
    )
    with pytest.raises(SierError, match=f"row 2.*{said}"):
        read_marks(file)


def test_the_protocol_that_asks_for_marks_fits_its_session() -> None:
    asking = protocol.load("rationale")
    assert asking.trial.rationale
    assert not protocol.load("default").trial.rationale
    long = replace(asking, items=replace(asking.items, practice=13))
    assert any("minutes" in problem for problem in protocol.problems(long))
    assert not list(protocol.problems(replace(long, trial=replace(long.trial, rationale=False))))


PLACE = Place(BOX, (1.0, 1.5), (0.5, 3.0))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.05, 2.0), st.floats(0.05, 1.0))
def test_simulated_marks_lie_within_what_was_shown(seed: int, shift: float, size: float) -> None:
    said = [response(f"simulated-{n}", "a", m, None, answer="sad") for n in range(6) for m in Modality]
    marked = mark_all(said, {("a", ""): PLACE}, seed, Habits(none=0.2, shift=shift, size=size))
    assert [replace(r, rationale=None) for r in marked] == said
    for r in marked:
        if r.rationale is None:
            continue
        assert r.modality.picture or not r.rationale.boxes
        assert r.modality.sound or not r.rationale.spans
        assert all(0.5 <= a < b <= 3.0 for a, b in r.rationale.spans)
        assert all(0 <= l < r_ <= 1 and 0 <= t < b <= 1 for l, t, r_, b in r.rationale.boxes)  # noqa: E741
    assert marked == mark_all(said, {("a", ""): PLACE}, seed, Habits(none=0.2, shift=shift, size=size))


def test_simulated_marks_lie_near_the_evidence_where_the_answer_is_right() -> None:
    def centres(answer: str) -> np.ndarray:
        said = [response(f"simulated-{n}", "a", Modality.I, None, answer=answer) for n in range(400)]
        boxes = [r.rationale.boxes[0] for r in mark_all(said, {("a", ""): PLACE}, 3) if r.rationale]
        assert 320 < len(boxes) < 400  # a tenth marks nothing
        return np.array([((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in boxes])

    near = [
        np.mean(np.abs(centres(answer) - (0.375, 0.625)).max(axis=1) < 0.15) for answer in ("sad", "hate")
    ]
    assert near[0] > 0.75 > 0.55 > near[1]
