"""A dataset at a glance from the command line: the numbers of `predict`, a figure, suspects, two releases."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from datasets import make_dataset

from sier_gui.cli import main

CLASSES = ("anger", "happy", "hate", "sad")


def said_by(file: Path, *words: object) -> Any:
    """What a verb writes, run in this process: torch is imported once."""
    assert main([*map(str, words), "--release", "demo", "--device", "cpu", "--json", str(file)]) == 0
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_numbers_are_those_of_predict(tmp_path: Path) -> None:
    pytest.importorskip("cleanlab")
    data = make_dataset(tmp_path / "twelve", rows=12, classes=CLASSES, seconds=0.5, image_size=(64, 48))
    (data / "images" / "0002.png").write_bytes(b"no picture")
    said = [one for one in said_by(tmp_path / "p.json", "predict", data) if "predicted" in one]
    more = ("--figure", tmp_path / "page.pdf", "--suspects", tmp_path / "suspects.csv", "--against", "demo")
    value = said_by(tmp_path / "o.json", "overview", data, "--modalities", *more)
    counts = dict.fromkeys([(a, b) for a in CLASSES for b in CLASSES], 0)
    labels = [CLASSES[i % 4] for i in range(12)]
    for one in said:
        counts[labels[int(one["sample_id"]) - 1], one["predicted"]] += 1
    assert value["confusion"]["counts"] == [[counts[a, b] for b in CLASSES] for a in CLASSES]
    assert (value["samples"], value["predicted"], value["schema"]) == (12, 11, 1)
    assert value["modalities"]["compared"] == 11
    assert value["image_share"][0]["n"] == 11
    assert value["against"]["changed"] == 0
    assert value["against"]["compared"] == 11
    assert "trained on demo" in value["suspects"]["words"]
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    with (tmp_path / "suspects.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == len(value["suspects"]["samples"])


def test_a_figure_of_another_kind_is_refused_before_anything_is_predicted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_dataset(tmp_path / "four", rows=4, classes=CLASSES, seconds=0.5, image_size=(64, 48))
    figure = str(tmp_path / "page.gif")
    assert main(["overview", str(data), "--release", "demo", "--figure", figure]) == 1
    assert "png, svg or pdf" in capsys.readouterr().err
