"""``sier-gui annotations``: results on standard output, one line for a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sier_gui.cli import main
from sier_gui.core.annotations.places import open_store
from sier_gui.core.annotations.records import Change, Kind
from sier_gui.core.annotations.store import AnnotationStore
from sier_gui.core.dataset.catalogue import open_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    rows = "".join(f"s{i},{i}.png,{i}.wav,word,{'sad' if i else ''}\n" for i in range(4))
    (folder / "samples.csv").write_text(f"sample_id,image,speech,text,label\n{rows}", encoding="utf-8")
    return folder


@pytest.fixture
def annotated(folder: Path) -> Path:
    with open_store(open_dataset(folder)) as store:
        for sample, name in (("s0", "sad"), ("s1", "sad"), ("s2", "hate")):
            store.apply(Change("Anna", sample, Kind.LABEL, name))
        for sample, name in (("s1", "sad"), ("s2", "sad"), ("s3", "hate")):
            store.apply(Change("Ben", sample, Kind.LABEL, name))
        store.apply(Change("Ben", "s3", Kind.FLAG, True))
    return folder


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["annotations", *words, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def test_status_counts(annotated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "status", str(annotated))
    assert found["people"] == {"Anna": {"labels": 3}, "Ben": {"labels": 3, "flags": 1}}
    counts = {name: found[name] for name in ("samples", "unlabelled", "disputed", "corrected", "flagged")}
    assert counts == {"samples": 4, "unlabelled": 0, "disputed": 1, "corrected": 2, "flagged": 1}
    assert found["file"].endswith("samples.annotations/annotations.sqlite")


def test_without_annotations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "status", str(folder))
    assert (found["file"], found["people"], found["unlabelled"]) == (None, {}, 1)
    assert main(["annotations", "agreement", str(folder)]) == 1
    assert "Nobody has annotated set yet" in capsys.readouterr().err
    assert sorted(file.name for file in folder.iterdir()) == ["samples.csv"]


def test_agreement(annotated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "agreement", str(annotated), "--with-table")
    assert (found["items"], found["disputed"]) == (2, 1)
    # two items, sad sad and hate sad: α = 1 − (1/2) / (2·3·1 / (4·3)) = 0
    assert found["alpha"] == pytest.approx(0)
    pairs = {(pair["first"], pair["second"]): (pair["n"], pair["same"]) for pair in found["pairs"]}
    assert pairs == {("Anna", "Ben"): (2, 1), ("Anna", "the table"): (2, 1), ("Ben", "the table"): (3, 2)}
    assert main(["annotations", "agreement", str(annotated)]) == 0
    assert "Krippendorff's α" in capsys.readouterr().out


def test_export_and_a_corrected_table(
    annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, table = tmp_path / "out", annotated / "new.csv"
    found = asked(capsys, "export", str(annotated), "--out", str(out), "--table", str(table))
    assert [Path(file).name for file in found["files"]] == [
        "annotations.csv", "marks.csv", "annotations.json",
    ]  # fmt: skip
    assert {name: found[name] for name in ("corrected", "filled", "disputed", "unknown", "rule")} == {
        "corrected": 1, "filled": 1, "disputed": 1, "unknown": 0, "rule": "unanimous",
    }  # fmt: skip
    labels = open_dataset(table).column("label").tolist()
    assert labels == ["sad", "sad", "sad", "hate"]
    assert main(["annotations", "export", str(annotated)]) == 1
    assert "writes nothing" in capsys.readouterr().err
    original = annotated / "samples.csv"
    assert main(["annotations", "export", str(annotated), "--table", str(original)]) == 1
    assert "own table" in capsys.readouterr().err


def test_merge(annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with AnnotationStore(tmp_path / "theirs") as theirs:
        for number in range(7):
            theirs.apply(Change("Anna", "s1", Kind.LABEL, "happy" if number % 2 == 0 else "hate"))
    found = asked(capsys, "merge", str(annotated), str(tmp_path / "theirs"))
    (one,) = found["files"]
    assert (one["added"], one["same"], len(one["conflicts"])) == (7, 0, 1)
    assert "both stay on record" in one["conflicts"][0]
    again = asked(capsys, "merge", str(annotated), str(tmp_path / "theirs" / "annotations.sqlite"))
    assert (again["files"][0]["added"], again["files"][0]["same"]) == (0, 7)
