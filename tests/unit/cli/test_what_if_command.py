"""``sier-gui what-if``: parts as they are written, the function's answers, an old list asked again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from sier_gui.cli import main
from sier_gui.cli.what_if import part
from sier_gui.core import paths
from sier_gui.core.domain import Modality, Selection

SAMPLE, OTHER = "hate-train-05", "happy-train-01"
PARTS = ["--remove", "0.3-0.8s", "--remove", "60,40,200,220px"]


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("0.3-0.8s", Selection(Modality.SPEECH, 0.3, 0.8)),
        (".5-2s:500-2000Hz", Selection(Modality.SPEECH, 0.5, 2.0, 500.0, 2000.0)),
        ("10,20.5,60,80px", Selection(Modality.IMAGE, left=10, top=20.5, right=60, bottom=80)),
    ],
)
def test_parts_are_read_in_their_units(text: str, selection: Selection) -> None:
    assert part(text) == selection


@pytest.mark.parametrize(
    "text", ["3s", "0.3-0.8", "0.8-0.3s", "1-2s:5-5Hz", "9,9,1,1px", "1,2,3px", "-1-2s", ""]
)
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        part(text)


def entry_of(file: Path) -> dict:
    (entry,) = json.loads(file.read_text(encoding="utf-8"))["entries"]
    return entry


def test_it_says_what_the_function_says_and_says_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.dataset.inputs import load_inputs
    from sier_gui.core.explain.what_if import paired, what_if
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import choose_release

    demo, first, again = str(paths.resources() / "demo"), tmp_path / "a.json", tmp_path / "b.json"
    asked = ["--sample", SAMPLE, "--speech-of", OTHER, "--absence", "mean", *PARTS]
    assert main(["what-if", demo, *asked, "--json", str(first), "--csv", str(tmp_path / "a.csv")]) == 0
    found = entry_of(first)
    catalogue = open_dataset(Path(demo))
    predictor = Predictor(choose_release(catalogue.classes, catalogue.dataset_hash), "cpu")
    own, other = (
        load_inputs(catalogue.sample(catalogue.row_of(name)), predictor.front) for name in (SAMPLE, OTHER)
    )
    removals = [part(PARTS[1]), part(PARTS[3])]
    assert found["after"] == pytest.approx(what_if(predictor, paired(own, other), removals, "mean"), abs=1e-6)
    (prediction,) = predictor.predict([own])
    assert found["before"] == pytest.approx(prediction.probabilities, abs=1e-6)
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").count("\n") == 1 + len(catalogue.classes)
    assert main(["what-if", demo, "--from", str(first), "--json", str(again)]) == 0
    assert entry_of(again)["after"] == found["after"]
    assert capsys.readouterr().err == ""
    found["after"], found["provenance"]["sample_hash"] = found["before"], "0" * 64
    first.write_text(json.dumps({"format": "sier-gui what-if", "version": 1, "entries": [found]}), "utf-8")
    assert main(["what-if", demo, "--from", str(first)]) == 0
    said = capsys.readouterr().err
    assert "of other files" in said
    assert "another one than in the list" in said


def test_asking_for_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["what-if", str(paths.resources() / "demo"), "--sample", SAMPLE]) == 1
    assert "--remove" in capsys.readouterr().err
