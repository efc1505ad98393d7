"""build-dataset from the command line: real synthesizers and releases, killed and resumed."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from building import files_of, make_pictures, rows_of, write_texts

ROOT = Path(__file__).resolve().parents[2]
SYNTHESIZERS = [name for name in ("espeak-ng", "flite") if shutil.which(name)]
needs_synthesizer = pytest.mark.skipif(not SYNTHESIZERS, reason="neither espeak-ng nor flite is installed")


def make_parts(folder: Path, count: int) -> tuple[object, ...]:
    """Arguments that build ``count`` texts; two rows and a picture are bad."""
    rows = [[f"We met {n} people at the lake."] for n in range(1, count + 1)]
    write_texts(folder / "texts.csv", [*rows, [""], [rows[0][0].upper()]])
    make_pictures(folder / "pictures", count + 1)
    (folder / "pictures" / "broken.jpg").write_bytes(b"no picture")
    return ("build-dataset", "--texts", folder / "texts.csv", "--images", folder / "pictures")


@needs_synthesizer
def test_a_dataset_is_built_told_and_clean(
    sier: Callable[..., Any], sier_json: Callable[..., Any], tmp_path: Path
) -> None:
    command, out = make_parts(tmp_path, 10), tmp_path / "out"
    value = sier_json(*command, "--out", out, "--device", "cpu", "--threshold", 0.3)
    assert value["schema"] == 1
    assert value["counts"]["rows"] == 12
    assert value["counts"]["spoken"] == value["counts"]["pairs"] == 10
    samples = value["counts"]["samples"]
    assert samples + value["counts"]["dropped_below_threshold"] == 10
    assert sum(value["classes"].values()) == sum(value["decided_by"].values()) == samples > 0
    assert set(value["synthesizers"]["spoken"]) <= {"espeak-ng en-us+f2", "flite slt", "festival kal_diphone"}
    left_out = [
        (p["line"], p["item"], p["kind"]) for p in rows_of(out / "problems.csv") if p["kind"] != "missing"
    ]
    assert left_out == [
        ("", "broken.jpg", "unreadable"),
        ("12", "000011", "empty-text"),
        ("13", "000012", "duplicate"),
    ]
    assert sier_json("validate", out) == []
    predictions = sier_json("predict", out, "--release", "emodb_fer")
    assert [p["sample_id"] for p in predictions] == [row["sample_id"] for row in rows_of(out / "samples.csv")]
    before = files_of(out)
    again = sier(*command, "--out", out, "--device", "cpu", "--threshold", 0.3, "--resume")
    assert f"{samples} samples of 12 texts" in again.stdout
    assert files_of(out) == before
    refused = sier(*command, "--out", out, "--threshold", 0.9, status=1)
    assert "another request: its threshold is 0.3, not 0.9" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert files_of(out) == before


@needs_synthesizer
def test_a_missing_synthesizer_is_told_and_not_used(sier: Callable[..., Any], tmp_path: Path) -> None:
    command = make_parts(tmp_path, 3)
    done = sier(
        *command,
        "--out",
        tmp_path / "out",
        "--synthesizers",
        f"{SYNTHESIZERS[0]},flite:nobody",
        "--threshold",
        0,
    )
    assert "flite nobody is not used." in done.stderr
    assert "rows and files were left out or need a look; problems.csv names them" in done.stderr
    rows = rows_of(tmp_path / "out" / "samples.csv")
    assert {row["synthesizer"] for row in rows} == {SYNTHESIZERS[0]}
    assert len(rows) == 3
    for wrong, said in (
        (("--synthesizers", "dectalk"), "There is no synthesizer 'dectalk'"),
        (("--map", "anger"), "'anger' maps no class"),
        (("--ser", "nobody"), "There is no release 'nobody'"),
        (("--text-column", "words"), "has no column 'words'; it has: text"),
    ):
        assert said in sier(*command, "--out", tmp_path / "other", *wrong, status=1).stderr
    assert "usage:" in sier(*command, status=2).stderr


# ---------------------------------------------------------------- kill -9

DRIVER = """
import sys
from pathlib import Path
from building import ToneVoice
from sier_gui.core.construct import synthesizers
from sier_gui.core.construct.pipeline.request import BuildRequest, parse_voice
from sier_gui.core.construct.pipeline.run import build

folder, out, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
synthesizers.SYNTHESIZERS["tones"] = ToneVoice()
voices = (parse_voice("tones:low"), parse_voice("tones:high"))
build(BuildRequest(folder / "texts.csv", folder / "pictures", voices, threshold=0.3), out,
      device="cpu", workers=workers, report=lambda p: print(p.text, p.done, flush=True))
"""
TABLES = {"pictures": "pictures", "speech": "speech", "probabilities": "probabilities"}


def start(script: Path, parts: Path, out: Path, workers: int) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "fixtures")])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(parts), str(out), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)


def kept(out: Path) -> dict[str, int]:
    """Items of each stage that the state holds."""
    file = out / "_build.sqlite"
    if not file.is_file():
        return dict.fromkeys(TABLES, 0)
    with closing(sqlite3.connect(file)) as db:
        known = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        count = {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in known & set(TABLES)}  # noqa: S608
    return {t: count.get(t, 0) // (16 if t == "probabilities" else 1) for t in TABLES}


def killed_again_and_again(tmp_path: Path, count: int, kills: int, workers: int, seed: int) -> None:
    """Killed after random steps, at random moments within the next; then run to its end."""
    rng = random.Random(seed)
    make_parts(tmp_path, count)
    (script := tmp_path / "driver.py").write_text(DRIVER)
    with start(script, tmp_path, tmp_path / "undisturbed", workers) as process:
        assert process.stdout is not None
        steps = len(process.stdout.readlines())
    assert process.returncode == 0
    out = tmp_path / "out"
    for left in range(kills, 0, -1):
        stop_after, seen = rng.randint(1, max(2, steps // (left + 1))), dict.fromkeys(TABLES, 0)
        with start(script, tmp_path, out, workers) as process:
            assert process.stdout is not None
            for number, line in enumerate(process.stdout, start=1):
                stage, done = line.split()
                seen |= {stage: int(done)} if stage in TABLES else {}
                if number == stop_after:
                    break
            with suppress(subprocess.TimeoutExpired):
                process.wait(rng.random() * 0.1)
            process.kill()
            for line in process.stdout:
                stage, *number_done = line.split()
                if stage in TABLES and number_done:
                    seen[stage] = int(number_done[0])
        saved = kept(out)
        assert all(saved[stage] >= seen[stage] for stage in TABLES), (saved, seen)
    with start(script, tmp_path, out, 1) as process:
        process.communicate()
    assert process.returncode == 0
    assert files_of(out) == files_of(tmp_path / "undisturbed")


def test_killed_twice_it_ends_with_the_same_files(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path, count=16, kills=2, workers=2, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_ten_times_it_ends_with_the_same_files(tmp_path: Path, workers: int) -> None:
    killed_again_and_again(tmp_path, count=64, kills=10, workers=workers, seed=workers)
