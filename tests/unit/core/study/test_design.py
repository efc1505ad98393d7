"""A project's study: planned, drawn, enrolled, reported; and the demo."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sier_gui.cli import main
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.errors import SierError
from sier_gui.core.paths import resources
from sier_gui.core.study import design, protocol
from sier_gui.core.study.assignment import CELLS
from sier_gui.core.study.items import Candidate
from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Kind, Rater, Reader, Response, Sex
from sier_gui.core.study.report import make_report

CAST = {Sex.FEMALE: "anna", Sex.MALE: "otto"}


def dataset() -> Catalogue:
    return open_dataset(resources() / "demo")


def candidates(without: str = "") -> list[Candidate]:
    catalogue = dataset()
    both = frozenset(CAST.values())
    return [
        Candidate(str(name), str(label), True, True, both if name != without else frozenset({"anna"}))
        for name, label in zip(catalogue.column("sample_id"), catalogue.column("label"), strict=True)
    ]


def answer(rater: Rater, drawn: design.Design, number: int) -> Response:
    trial = drawn.trials(rater)[number]
    return Response(
        rater.rater, rater.group, trial.block, trial.trial, trial.kind, trial.list, "anna", trial.sample_id,
        trial.label, trial.modality, trial.label, 2, 900.0, 0, trial.kind is Kind.MAIN,
    )  # fmt: skip


def test_a_study_is_planned_drawn_and_enrolled(tmp_path: Path) -> None:
    with open_project(tmp_path / "p", create=True) as project:
        with pytest.raises(SierError, match="No study was planned"):
            design.load_design(project)
        planned = design.new_study(project, dataset(), protocol.text_of("default"))
        assert planned.items == ()
        assert planned.shares == {"anger": 36, "happy": 36, "hate": 36, "sad": 36}
        with pytest.raises(SierError, match="no items yet"):
            design.enrol(project, planned, Rater("r1"))
        with pytest.raises(SierError, match="a female and a male reader"):
            design.draw_items(project, candidates(), {Sex.MALE: "otto"})
        drawn = design.draw_items(project, candidates(without="sad-test-01"), CAST)
        assert drawn == design.load_design(project)
        assert "sad-test-01" not in {item.sample_id for item in drawn.items}
        raters = [design.enrol(project, drawn, Rater(f"r{n}")) for n in range(31)]
        assert {(r.group, r.order) for r in raters[:30]} == set(CELLS)
        assert [r.number for r in raters] == list(range(31))
        with pytest.raises(SierError, match="r3 is enrolled"):
            design.enrol(project, drawn, Rater("r3"))
        number = next(n for n, t in enumerate(drawn.trials(raters[0])) if t.kind is Kind.MAIN)
        project.add_answer(answer(raters[0], drawn, number))
        with pytest.raises(SierError, match="its items are fixed"):
            design.draw_items(project, candidates(), CAST)
        with pytest.raises(SierError, match="frozen"):
            design.new_study(project, dataset(), protocol.text_of("repeat-with-wash-out"))
        project.log_event("r0", 6, design.UNBLINDED, reason="saw the table")
        flags = make_report(project.responses(), design.setting_of(project, drawn)).flags
        told = {flag.check: flag.message for flag in flags}
        assert told["unblinded"] == "Not blind: r0 (saw the table)."
        assert told["unfinished"] == "Unfinished sessions: r0."
        found = design.status(project, drawn)
        assert found.raters[0]["answered"] == 1
        assert found.raters[0]["planned"] == 49  # no gold: no pilot
        assert sum(found.cells.values()) == 31
        assert found.frozen_at


def test_a_rater_who_is_excluded_gives_the_cell_back(tmp_path: Path) -> None:
    with open_project(tmp_path / "p", create=True) as project:
        design.new_study(project, dataset(), protocol.text_of("default"))
        drawn = design.draw_items(project, candidates(), CAST)
        first = design.enrol(project, drawn, Rater("careless", excluded=""))
        for number, trial in enumerate(drawn.trials(first)):
            if trial.kind is Kind.TRAP:
                wrong = answer(first, drawn, number)
                others = [name for name in drawn.classes if name != wrong.label]
                project.add_answer(Response(**{**_fields(wrong), "answer": others[0]}))
        more = [design.enrol(project, drawn, Rater(f"r{n}")) for n in range(30)]
        assert Counter((r.group, r.order) for r in more) == Counter(CELLS)
        assert "missed 4 of 4 trap" in design.status(project, drawn).raters[0]["excluded"]


def _fields(response: Response) -> dict[str, Any]:
    return {name: getattr(response, name) for name in Response.__dataclass_fields__}


def test_interrupted_trials_are_replaced_in_the_projects_trials(tmp_path: Path) -> None:
    with open_project(tmp_path / "p", create=True) as project:
        design.new_study(project, dataset(), protocol.text_of("default"))
        drawn = design.draw_items(project, candidates(), CAST)
        rater = design.enrol(project, drawn, Rater("r"))
        lost = next(t for t in drawn.trials(rater) if t.kind is Kind.MAIN)
        project.begin_trial("r", lost.trial)
        *_, instead = drawn.trials(rater, interrupted=project.interrupted("r"))
        assert (instead.kind, instead.label, instead.modality) == (Kind.RESERVE, lost.label, lost.modality)


def test_the_cast_is_whoever_recorded_most() -> None:
    readers = [Reader("a", Sex.FEMALE), Reader("b", Sex.FEMALE), Reader("c", Sex.MALE)]
    said = [
        Candidate("1", "sad", True, True, frozenset({"b", "c"})),
        Candidate("2", "sad", True, True, frozenset({"a", "b"})),
    ]
    assert design.choose_cast(readers, said) == {Sex.FEMALE: "b", Sex.MALE: "c"}
    assert design.choose_cast(readers, []) == {Sex.FEMALE: "a", Sex.MALE: "c"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "demo"
    assert main(["study", "new", str(folder), "--demo"]) == 0
    return folder


def test_the_demo_leaves_one_cell_for_whoever_tries_it(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "status", str(demo), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(cell["raters"] for cell in found["cells"]) == 29
    free = [(c["group"], c["order"]) for c in found["cells"] if not c["raters"]]
    assert free == [(found["next"]["group"], found["next"]["order"])]
    assert all(rater["rater"].startswith("simulated-") for rater in found["raters"])
    with open_project(demo, read_only=True) as project:
        drawn = design.load_design(project)
        takes = project.accepted_takes()
        wanted = {item.sample_id for item in drawn.items}
        assert {(reader, sample) for reader in drawn.cast.values() for sample in wanted} == set(takes)
        assert all((demo / take.path).is_file() for take in takes.values())
        assert all(reader.stand_in for reader in project.readers())


def test_the_demos_report_says_what_it_is(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "report", str(demo), "--json", "-", "--no-models"]) == 0
    of_project = json.loads(capsys.readouterr().out)
    checks = {flag["check"] for flag in of_project["flags"]}
    assert {"simulated", "stand-in", "voices", "raters"} <= checks
    assert main(["study", "export", str(demo), "--out", str(tmp_path), "--format", "svg", "--no-models"]) == 0
    capsys.readouterr()
    assert main(["study", "report", str(tmp_path / "responses.csv"), "--json", "-", "--no-models"]) == 0
    of_csv = json.loads(capsys.readouterr().out)
    cells = [{(c["class"], c["modality"]): c for c in value["cells"]} for value in (of_project, of_csv)]
    assert cells[0] == cells[1]
    assert of_csv["tests"]["randomisation"] == of_project["tests"]["randomisation"]


def test_a_study_is_drawn_from_what_was_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "p")
    assert main(["study", "new", folder, str(resources() / "demo"), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 0
    assert main(["study", "draw", folder]) == 1
    assert "a female and a male reader" in capsys.readouterr().err
    with open_project(Path(folder)) as project:
        project.add_reader(Reader("anna", Sex.FEMALE))
        project.add_reader(Reader("otto", Sex.MALE))
    assert main(["study", "draw", folder]) == 1
    assert "Class anger has 0 samples" in capsys.readouterr().err
    assert main(["study", "new", folder]) == 1
    assert "a dataset or --demo" in capsys.readouterr().err
    assert main(["study", "report", folder]) == 1
    assert "No response counts" in capsys.readouterr().err
    assert main(["study", "report", folder, "--protocol", "default"]) == 1
    assert "its own protocol" in capsys.readouterr().err


def test_a_release_is_asked_as_raters_are(demo: Path) -> None:
    """Picture alone is the release's answer to a picture without sound; each reader's take is heard."""
    from sier_gui.core.audio.files import load_speech
    from sier_gui.core.dataset.inputs import inputs_from
    from sier_gui.core.domain import Modality as Sense
    from sier_gui.core.images.files import read_image
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import choose_release
    from sier_gui.core.study.predicting import predict_items
    from sier_gui.core.study.records import Modality

    catalogue = dataset()
    predictor = Predictor(choose_release(catalogue.classes, catalogue.dataset_hash), device="cpu")
    with open_project(demo, read_only=True) as project:
        name = next(i.sample_id for i in design.load_design(project).items if i.kind is Kind.MAIN)
        answers = predict_items(predictor, catalogue, [name], project.accepted_takes(), project.folder)
    assert {m: len(answers[name, m]) for m in Modality} == {"i": 1, "ss": 1, "hs": 2, "ss-i": 1, "hs-i": 2}
    sample = catalogue.sample(catalogue.row_of(name))
    picture = read_image(sample.paths[Sense.IMAGE])
    speech = load_speech(sample.paths[Sense.SPEECH], predictor.front.sample_rate)
    shown = [
        inputs_from(name, a, b, predictor.front)
        for a, b in ((picture, None), (None, speech), (picture, speech))
    ]
    expected = [prediction.predicted for prediction in predictor.predict(shown)]
    assert [answers[name, m][0] for m in (Modality.I, Modality.SS, Modality.SS_I)] == expected
