"""``sier-gui study rationales`` and ``study export``: on the demo set, with a few marks of its evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sier_gui.cli import main
from sier_gui.core import paths
from sier_gui.core.dataset.evidence import read_evidence
from sier_gui.core.study.rationales import MARK_COLUMNS

DEMO = paths.resources() / "demo"
SMALL = ("--grid", "2", "--segments", "4", "--release", "demo", "--device", "cpu")
SAMPLES = ("anger-train-01", "anger-train-02")


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Three people mark what was planted, one of them in a voice that the CSV cannot know."""
    rows = [",".join(MARK_COLUMNS)]
    for sample in SAMPLES:
        planted = read_evidence(DEMO)[sample]
        assert planted.box is not None
        assert planted.span is not None
        box = ",".join(f"{edge / 256:.4f}" for edge in planted.box)
        for person in ("p1", "simulated-2"):
            rows.append(f"{person},{sample},ss-i,box,,,{box},anger,anger,synthetic,1,1")
            span = f"{planted.span[0]},{planted.span[1]}"
            rows.append(f"{person},{sample},ss-i,span,{span},,,,,anger,anger,synthetic,1,1")
        rows.append(f"p3,{sample},hs,span,0.1,0.9,,,,,hate,anger,anna,2,1")
    rows.append("p1,nowhere,i,box,,,0,0,1,1,anger,anger,,3,1")
    file = tmp_path / "rationales.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def test_marks_of_a_csv_are_compared_and_what_is_unknown_is_said(
    capsys: pytest.CaptureFixture[str], marks: Path
) -> None:
    arguments = ("study", "rationales", str(marks), "--dataset", str(DEMO), *SMALL, "--values", "magnitude")
    assert main([*arguments, "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["people"], found["simulated"]) == (1, 3, 1)
    assert found["left_out"] == {"the recording is not known": 2, "the dataset has no such sample": 1}
    assert [(s["sample_id"], s["modality"]) for s in found["samples"]] == [
        (sample, modality) for sample in SAMPLES for modality in ("image", "speech")
    ]
    all_ = {line["modality"]: line for line in found["dataset"] if line["group"] == "all"}
    mean = sum(s["network"]["rho"] for s in found["samples"] if s["modality"] == "image") / 2
    assert all_["image"]["network"]["rho"]["value"] == pytest.approx(mean)
    # both marked the same: each predicts the other fully
    assert all_["speech"]["person_left_out"]["rho"]["value"] == pytest.approx(1.0)
    assert all_["image"]["people"] == 2
    assert main([*arguments]) == 0
    text = capsys.readouterr().out
    assert "2 people and 1 simulated raters" in text
    assert "rank correlation" in text
    assert "2 marks are left out: the recording is not known." in text


def test_what_cannot_be_compared_is_said(capsys: pytest.CaptureFixture[str], marks: Path) -> None:
    assert main(["study", "rationales", str(marks)]) == 1
    assert "--dataset" in capsys.readouterr().err
    marks.write_text(f"{','.join(MARK_COLUMNS)}\n", encoding="utf-8")
    assert main(["study", "rationales", str(marks), "--dataset", str(DEMO)]) == 1
    assert "holds no marks" in capsys.readouterr().err


def test_a_study_s_marks_are_exported_and_match_its_project(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    project, out = str(tmp_path / "study"), tmp_path / "out"
    assert main(["study", "new", project, "--demo", "--protocol", "rationale"]) == 0
    capsys.readouterr()
    arguments = ["study", "export", project, "--out", str(out), "--format", "svg", "--no-models"]
    assert main([*arguments, "--json", "-"]) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert str(out / "rationales.csv") in [entry["file"] for entry in manifest]
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.study.design import load_design
    from sier_gui.core.study.project import open_project
    from sier_gui.core.study.rationales import read_marks, study_marks

    with open_project(Path(project), read_only=True) as opened:
        found = study_marks(opened, load_design(opened), open_dataset(DEMO))
    back = read_marks(out / "rationales.csv")
    assert len(found.people) == found.simulated == 29
    assert len(back.marks) == len(found.marks) > 900
    assert found.asked == 1160
    assert {m.sample_id for m in back.marks} <= {sample for sample, _ in found.recordings}
    planted = read_evidence(DEMO)
    near = [
        abs((m.boxes[0][0] + m.boxes[0][2]) / 2 - (box[0] + box[2]) / 512) < 0.15
        for m in found.marks
        if m.boxes and m.answer == m.label and (box := planted[m.sample_id].box) is not None
    ]
    assert sum(near) > 0.7 * len(near) > 200
