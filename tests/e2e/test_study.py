"""`sier-gui study` in its own process: what other groups will type."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

HITS = {
    "i": {"happy": (23, 36), "sad": (36, 48), "hate": (38, 56), "anger": (45, 64)},
    "ss": {"happy": (24, 36), "sad": (37, 48), "hate": (40, 56), "anger": (53, 64)},
    "hs": {"happy": (50, 72), "sad": (75, 96), "hate": (81, 112), "anger": (110, 128)},  # two raters
}


def test_table_1_from_a_csv(sier: Callable[..., object], tmp_path: Path) -> None:
    with (tmp_path / "answers.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["rater", "sample_id", "label", "modality", "answer"])
        for modality, cells in HITS.items():
            raters = ("a", "b") if modality == "hs" else ("a",)
            for label, (hits, n) in cells.items():
                for k in range(n):
                    rater = raters[k % len(raters)]
                    answer = label if k < hits else "none of them"
                    table.writerow([rater, f"{label}{k // len(raters)}", label, modality, answer])
    sier("study", "report", tmp_path / "answers.csv", "--json", tmp_path / "table.json")
    found = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert [cell["percent"] for cell in found["cells"]] == [
        63.89, 75.00, 67.86, 70.31, 66.67, 77.08, 71.43, 82.81, 69.44, 78.13, 72.32, 85.94,
    ]  # fmt: skip
    assert [(one["percent"], one["unrounded"]) for one in found["overall"]] == [
        (69.26, 69.2646), (74.50, 74.4978), (76.46, 76.4571),
    ]  # fmt: skip


def test_what_is_no_study_is_one_line(sier: Callable[..., object], tmp_path: Path) -> None:
    result = sier("study", "report", tmp_path / "nowhere.csv", status=1)
    error = result.stderr  # type: ignore[attr-defined]
    assert "nowhere.csv" in error
    assert error.count("\n") == 1
    sier("study", status=2)
