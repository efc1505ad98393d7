"""A whole dataset from the command line: resumed, killed at random moments, and its modality degree."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
from datasets import make_dataset
from pandas.testing import assert_frame_equal

from sier_gui.cli.table import parse_verb

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--grid", 2, "--segments", 2, "--device", "cpu")
CLASSES = ("anger", "happy", "hate", "sad")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "twelve"
    return make_dataset(folder, rows=12, classes=CLASSES, seconds=0.5, image_size=(64, 48))


def test_explain_all_into_a_folder(
    sier_json: Callable[..., Any], sier: Callable[..., Any], data: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(data, tmp_path / "data")
    (data / "images" / "0002.png").write_bytes(b"no picture")
    command = ("explain", data, "--all", "--out", tmp_path / "out", "--release", "demo", *SMALL)
    first = sier_json(*command, "--workers", 2)
    assert first | {"seconds": 0} == {
        "schema": 1,
        "out": str(tmp_path / "out"),
        "samples": 12,
        "explained": 11,
        "failed": 1,
        "computed": 12,
        "seconds": 0,
    }
    again = sier(*command, "--workers", 1)
    assert "11 of 12 samples explained\t0 of them now" in again.stdout
    assert "1 of 12 samples could not be explained" in again.stderr
    table = pandas.read_parquet(tmp_path / "out")
    assert table.sample_id.tolist() == [f"{row:04d}" for row in range(1, 13)]
    assert "0002.png" in table.error[1]
    one = sier_json("explain", data, "--sample", "0003", "--release", "demo", "--no-cache", *SMALL)
    at = CLASSES.index(one["class"])
    assert table.image[2].reshape(4, 2, 2)[at].tolist() == one["image"]
    assert table.speech[2].reshape(4, 2)[at].tolist() == one["speech"]
    refused = sier(*command[:-6], "--grid", 4, status=1)
    assert "another request" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_degree_computes_what_is_missing_and_no_more(sier_json: Callable[..., Any], data: Path) -> None:
    command = ("degree", data, "--release", "demo", *SMALL, "--workers", 1)
    value = sier_json(*command, "--grids", "1+1,2+2", "--subset", 4)
    assert set(value) == {"schema", "dataset", "labels", "samples", "provenance", "grids"}
    assert list(value["labels"]) == list(CLASSES)
    assert len(value["samples"]) == value["dataset"]["n"] == 12
    shares = [sample["degree"]["speech"] for sample in value["samples"]]
    assert value["dataset"]["degree"]["speech"] == pytest.approx(sum(shares) / 12)
    low, high = value["dataset"]["interval"]["speech"]
    assert 0 <= low <= value["dataset"]["degree"]["speech"] <= high <= 1
    assert value["dataset"]["correct"]["n"] + value["dataset"]["wrong"]["n"] == 12
    assert [(g["grid"], g["segments"], g["n"]) for g in value["grids"]] == [(1, 1, 4), (2, 2, 4)]
    again = sier_json(*command)
    value.pop("grids")
    assert again == value  # from the folder in the cache


def test_equal_player_counts_are_the_default_and_wrong_usage_is_status_2(sier: Callable[..., Any]) -> None:
    chosen = parse_verb(["degree", "data"])
    assert (chosen.method, chosen.grid**2, chosen.segments) == ("owen", 16, "16")
    for wrong in (
        ("explain", "x", "--sample", "1", "--out", "y"),
        ("explain", "x", "--all", "--workers", "2"),
        ("explain", "x", "--all", "--out", "y", "--workers", "0"),
    ):
        with pytest.raises(SystemExit) as ended:
            parse_verb(list(wrong))
        assert ended.value.code == 2
    assert "list of grids" in sier("degree", "x", "--grids", "four", status=1).stderr


# ---------------------------------------------------------------- kill -9

DRIVER = """
import sys
from pathlib import Path
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.survey import results
from sier_gui.core.explain.survey.run import survey
from sier_gui.core.nets.releases import choose_release

def main():
    data, out, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    results.PART_ROWS, results.PART_SECONDS, results.MERGE_PARTS = 4, 1e9, 5
    survey(open_dataset(data), choose_release((), name="demo"), ExplainRequest(grid=2, segments=2), out,
           device="cpu", workers=workers, use_cache=False, report=lambda p: print(p.done, flush=True))

if __name__ == "__main__":
    main()
"""
PART = 4


def start(script: Path, data: Path, out: Path, workers: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(data), str(out), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)


def kept(out: Path) -> int:
    """Rows on disk, each counted once."""
    parts = list(out.glob("part-*.parquet"))
    return len(set(pandas.concat(map(pandas.read_parquet, parts)).row)) if parts else 0


def killed_again_and_again(
    tmp_path: Path, data: Path, rows: int, kills: int, workers: int, seed: int
) -> None:
    """Killed after random numbers of samples, at random moments after them; then run to its end."""
    rng = random.Random(seed)
    (script := tmp_path / "driver.py").write_text(DRIVER)
    out, reached = tmp_path / "out", 0
    for left in range(kills, 0, -1):
        process = start(script, data, out, workers)
        stop_at = reached + rng.randint(1, max(1, (rows - reached) // left))
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                reached = int(line)
                if reached >= stop_at:
                    break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(rng.random() * 0.2)  # somewhere within what follows: a sample, a write, a merge
            process.kill()
            reached = max([reached, *map(int, process.stdout)])
        saved = kept(out)
        assert saved > reached - PART, f"{reached} were done, {saved} are kept"
        reached = saved
    with start(script, data, out, workers) as process:
        assert process.stdout is not None
        first, *_, last = map(int, process.stdout)
    assert process.returncode == 0
    assert (first, last) == (reached, rows)
    with start(script, data, tmp_path / "undisturbed", 1) as process:
        process.communicate()
    assert process.returncode == 0
    found, expected = (pandas.read_parquet(folder) for folder in (out, tmp_path / "undisturbed"))
    assert_frame_equal(found.drop(columns="seconds"), expected.drop(columns="seconds"), check_exact=True)
    assert found.row.tolist() == list(range(rows))
    names = {file.name for file in out.iterdir()}
    assert len([name for name in names if name.startswith("part-")]) == 1
    assert names - {"_lock", "_survey.json"} == {name for name in names if name.startswith("part-")}


def test_killed_twice_it_ends_with_the_same_table(tmp_path: Path, data: Path) -> None:
    killed_again_and_again(tmp_path, data, 12, kills=2, workers=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_ten_times_it_ends_with_the_same_table(tmp_path: Path, workers: int) -> None:
    data = make_dataset(tmp_path / "data", rows=60, classes=CLASSES, seconds=0.5, image_size=(64, 48))
    killed_again_and_again(tmp_path, data, 60, kills=10, workers=workers, seed=workers)


def test_ctrl_c_keeps_what_is_done(tmp_path: Path, data: Path) -> None:
    (script := tmp_path / "driver.py").write_text(DRIVER)
    with start(script, data, tmp_path / "out", 1) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 6:
                break
        process.send_signal(signal.SIGINT)
        reached = max([6, *map(int, process.stdout)])
    assert kept(tmp_path / "out") >= reached
    facts = json.loads((tmp_path / "out" / "_survey.json").read_text())
    assert facts["threads"] == 1


def test_tf32_on_a_cpu_is_said_to_be_float32(sier: Callable[..., Any], data: Path) -> None:
    command = ("explain", data, "--sample", "0003", "--release", "demo", *SMALL)
    found = sier(*command, "--precision", "tf32", "--json", "-")
    said = [line for line in found.stderr.splitlines() if "tf32" in line]
    assert len(said) == 1
    assert "no effect on a CPU" in said[0]
    assert "needs CUDA" in said[0]
    assert json.loads(found.stdout)["provenance"]["precision"] == "float32"
    assert "tf32" not in sier(*command).stderr
