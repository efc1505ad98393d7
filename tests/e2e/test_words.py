"""Words as players, from the command line: aligned by pocketsphinx or by energy, and said which."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

IDS = {"hate-test-05": "en", "sad-test-01": "fr", "happy-test-01": "en"}


@pytest.fixture
def three(demo: Path, tmp_path: Path) -> Path:
    """Rows of the demo set: English; said to be French; without a text."""
    with (demo / "samples.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["sample_id"]: row for row in csv.DictReader(file)}
    with (tmp_path / "samples.csv").open("w", newline="", encoding="utf-8") as file:
        columns = ("sample_id", "image", "speech", "text", "label", "language")
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        for name, language in IDS.items():
            row = rows[name] | {"language": language}
            for column in ("image", "speech"):
                source = demo / row[column]
                (tmp_path / source.name).write_bytes(source.read_bytes())
                row[column] = source.name
            table.writerow(row | ({"text": ""} if name == "happy-test-01" else {}))
    return tmp_path


def test_words_are_explained_and_a_sample_without_text_is_left_out(
    sier: Callable[..., Any], three: Path
) -> None:
    request = ("--release", "demo", "--grid", 2, "--segments", "words")
    done = sier("explain", three, "--all", *request, "--json", "-")
    assert "happy-test-01 has no words" in done.stderr
    found = json.loads(done.stdout)
    assert [one["sample_id"] for one in found] == ["hate-test-05", "sad-test-01"]
    assert [one["provenance"]["words_by"] for one in found] == ["pocketsphinx", "energy"]
    for one in found:
        words, edges = one["provenance"]["words"], one["provenance"]["segment_edges_s"]
        assert len(one["speech"]) == len(words) == len(edges) - 1
        assert edges == sorted(set(edges))
        total = sum(one["speech"]) + sum(map(sum, one["image"]))
        assert one["f_all"] - one["f_none"] == pytest.approx(total, abs=1e-5)
    assert found[0]["provenance"]["words"] == [
        *("She", "read", "the", "news.", "Take", "it", "away", "from", "me.")
    ]
    refused = sier("explain", three, "--sample", "happy-test-01", *request, status=1)
    assert "Give its row a text" in refused.stderr


def test_bands_and_words_are_exported(sier: Callable[..., Any], three: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sier("export", three, "--sample", "hate-test-05", "--release", "demo", "--grid", 2, "--segments", "words",
         "--bands", 2, "--format", "csv,textgrid", "--out", out)  # fmt: skip
    with (out / "hate-test-05.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["class"], row["modality"]) == ("hate", "speech")]
    assert [(row["band"], row["word"]) for row in rows[8:10]] == [("0", "me."), ("1", "She")]
    assert len(rows) == 18
    assert "words (aligned by pocketsphinx)" in (out / "hate-test-05.TextGrid").read_text(encoding="utf-8")
