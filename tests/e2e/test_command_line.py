"""What cli.md promises, from outside."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sier_gui.cli import main

CLASSES = {"anger", "happy", "hate", "sad"}


def first_ids(dataset: Path, count: int = 1) -> list[str]:
    with (dataset / "samples.csv").open(newline="", encoding="utf-8") as file:
        return [row["sample_id"] for _, row in zip(range(count), csv.DictReader(file), strict=False)]


def test_predict_gives_one_row_for_each_sample(sier_json: Callable[..., Any], demo: Path) -> None:
    rows = sier_json("predict", demo)
    with (demo / "samples.csv").open(newline="", encoding="utf-8") as file:
        assert [r["sample_id"] for r in rows] == [r["sample_id"] for r in csv.DictReader(file)]
    for row in rows:
        assert set(row["probabilities"]) == CLASSES
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-6)
        assert row["predicted"] == max(row["probabilities"], key=row["probabilities"].get)
        assert row["loss"] >= 0


def test_a_loose_pair_is_predicted_like_the_same_sample(sier_json: Callable[..., Any], demo: Path) -> None:
    sample = sier_json("predict", demo)[0]
    with (demo / "samples.csv").open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    pair = sier_json(
        "predict", "--image", demo / row["image"], "--speech", demo / row["speech"], "--release", "demo"
    )
    assert pair["probabilities"] == pytest.approx(sample["probabilities"], abs=1e-5)
    assert pair["label"] is None


def test_explain_adds_up_and_repeats_bit_for_bit(sier_json: Callable[..., Any], demo: Path) -> None:
    (sample_id,) = first_ids(demo)
    arguments = (
        "explain",
        demo,
        "--sample",
        sample_id,
        "--grid",
        4,
        "--segments",
        8,
        "--seed",
        3,
        "--no-cache",
    )
    one, two = sier_json(*arguments), sier_json(*arguments)
    assert one["schema"] == 1
    assert one["sample_id"] == sample_id
    assert abs(one["residual"]) <= 1e-5
    total = sum(map(sum, one["image"])) + sum(one["speech"])
    assert total == pytest.approx(one["f_all"] - one["f_none"], abs=1e-5)
    assert sum(one["modality"]["degree"].values()) == pytest.approx(1)
    for volatile in ("seconds", "provenance"):
        one.pop(volatile), two.pop(volatile)
    assert one == two


def test_explain_several_gives_a_list(sier_json: Callable[..., Any], demo: Path) -> None:
    ids = first_ids(demo, 2)
    results = sier_json("explain", demo, "--sample", *ids, "--method", "modality")
    assert [r["sample_id"] for r in results] == ids


def test_export_writes_what_its_manifest_says(
    sier_json: Callable[..., Any], demo: Path, tmp_path: Path
) -> None:
    (sample_id,) = first_ids(demo)
    manifest = sier_json(
        "export", demo, "--sample", sample_id, "--grid", 4, "--segments", 8,
        "--format", "png,svg,pdf,npz,textgrid,elan,audacity", "--width", "140mm", "--out", tmp_path,
    )  # fmt: skip
    files = [Path(entry["file"]) for entry in manifest]
    assert {f.suffix for f in files} >= {".png", ".svg", ".pdf", ".npz", ".TextGrid", ".eaf"}
    assert all(f.stat().st_size > 100 for f in files)
    heads = {f.suffix: f.read_bytes()[:8] for f in files}
    assert heads[".png"].startswith(b"\x89PNG")
    assert heads[".pdf"].startswith(b"%PDF")


def test_export_into_a_folder_that_is_a_file(sier: Callable[..., Any], demo: Path, tmp_path: Path) -> None:
    (sample_id,) = first_ids(demo)
    blocked = tmp_path / "blocked"
    blocked.write_text("not a folder")
    result = sier(
        "export", demo, "--sample", sample_id, "--method", "modality", "--out", blocked / "figures", status=1
    )
    assert "blocked" in result.stderr


def test_inspect_refuses_without_failing(sier_json: Callable[..., Any], demo: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF\0\0\0\0WAVEjunk")
    picture = next((demo / "images").iterdir())
    outcomes = sier_json("inspect", broken, picture, tmp_path / "absent.png")
    assert [o["ok"] for o in outcomes] == [False, True, False]
    assert outcomes[0]["error"]
    assert outcomes[1]["kind"] == "image"
    assert set(outcomes[1]) >= {"file", "ok", "kind", "error", "hint", "seconds_taken", "size_px"}


def test_validate_reports_rows_with_reasons(
    sier_json: Callable[..., Any], sier: Callable[..., Any], demo: Path, tmp_path: Path
) -> None:
    assert sier_json("validate", demo) == []
    broken = tmp_path / "broken"
    shutil.copytree(demo, broken, ignore=shutil.ignore_patterns("readers"))
    table = broken / "samples.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    with table.open(newline="", encoding="utf-8") as file:
        speech = next(csv.DictReader(file))["speech"]
    (broken / speech).write_bytes(b"")
    lines[2] = lines[2].replace("images/", "../images/")
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    problems = sier_json("validate", broken)
    found = {(p["row"], p["kind"]) for p in problems}
    assert (0, "unreadable") in found
    assert (1, "outside") in found
    rows = sier("predict", broken).stdout.splitlines()
    assert len(rows) == len(lines) - 1 - 2  # the rest stays usable


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("sample_id,image,text,label\na,b.png,hello,sad\n", "speech"),
        ("", "samples.csv"),
    ],
)
def test_a_broken_table_gives_one_clear_line(
    sier: Callable[..., Any], tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "samples.csv").write_text(content, encoding="utf-8")
    error = sier("predict", tmp_path, status=1).stderr.strip()
    assert words in error
    assert len(error.splitlines()) == 1


def test_an_empty_folder_gives_one_clear_line(sier: Callable[..., Any], tmp_path: Path) -> None:
    assert str(tmp_path) in sier("predict", tmp_path, status=1).stderr


def test_wrong_usage_is_status_two(sier: Callable[..., Any], demo: Path) -> None:
    sier("predict", demo, "--device", "toaster", status=2)
    sier("explain", demo, status=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict",),
        ("predict", "--image", "a.png"),
        ("predict", "data", "--image", "a.png", "--speech", "a.wav"),
        ("--size", "0x0"),
        ("--size", "999999x999999"),
        ("--size", "12"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize("target", [".", "/"])
def test_results_do_not_go_to_a_folder(
    target: str, demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(demo / "samples.csv"), "--json", target]) == 1
    assert "is a folder" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("form", [(), ("--json", "-")])
def test_a_full_disk_under_standard_output_is_one_message(form: tuple[str, ...], demo: Path) -> None:
    command = [sys.executable, "-m", "sier_gui", "inspect", str(demo / "samples.csv"), *form]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            command, cwd=demo.parents[1], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 1
    assert result.stderr.startswith("sier-gui: Cannot write to standard output")
    assert len(result.stderr.splitlines()) == 1


def test_weights_nobody_publishes_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "vgg99"]) == 1
    assert "vgg16" in capsys.readouterr().err


def test_models_list_and_verify(sier_json: Callable[..., Any], tmp_path: Path, demo: Path) -> None:
    listed = sier_json("models", "list")
    assert "demo" in {r["name"] for r in listed}
    assert all(r["problems"] == [] for r in sier_json("models", "verify"))


def test_a_corrupt_release_and_a_pickle_are_refused(
    sier: Callable[..., Any], demo: Path, tmp_path: Path
) -> None:
    shipped = demo.parents[1] / "models" / "demo" / "1"
    corrupt, pickled = tmp_path / "corrupt", tmp_path / "pickled"
    for folder in (corrupt, pickled):
        shutil.copytree(shipped, folder)
    weights = corrupt / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1000] ^= 1
    weights.write_bytes(data)
    assert "weights.safetensors" in sier("predict", demo, "--release", corrupt, status=1).stderr
    (pickled / "weights.safetensors").write_bytes(b"\x80\x04\x95" + bytes(500))
    assert "weights.safetensors" in sier("predict", demo, "--release", pickled, status=1).stderr
    assert sier("models", "verify", corrupt, status=1).stdout


def test_json_goes_to_a_file_atomically(sier: Callable[..., Any], demo: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "predictions.json"
    sier("predict", demo, "--json", target)
    assert json.loads(target.read_text(encoding="utf-8"))
    assert [f.name for f in target.parent.iterdir()] == ["predictions.json"]


@pytest.mark.shared
def test_the_real_set_predicts_181_rows(sier_json: Callable[..., Any], shared: Path) -> None:
    rows = sier_json("predict", shared / "sier_mini")
    assert len(rows) == 181


def test_explaining_goes_on_from_the_cache(
    sier_json: Callable[..., Any], sier: Callable[..., Any], demo: Path
) -> None:
    (sample_id,) = first_ids(demo)
    arguments = ("explain", demo, "--sample", sample_id, "--grid", 2, "--segments", 4)
    first = sier_json(*arguments)
    again = sier_json(*arguments, "--resume")
    assert again["seconds"] == first["seconds"]  # of the first time: nothing was computed
    assert again["image"] == first["image"]
    sier(*arguments, "--resume", "--no-cache", status=2)
