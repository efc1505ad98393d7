"""build-dataset from the command line: real synthesizers and releases, killed and resumed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
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

TABLES = ("pictures", "pairs", "speech", "probabilities")


def start(command: tuple[object, ...], out: Path, workers: int) -> subprocess.Popen[bytes]:
    """The program itself, as a person starts it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = [*command, "--out", out, "--device", "cpu", "--threshold", 0.3, "--workers", workers]
    return subprocess.Popen(
        [sys.executable, "-m", "sier_gui", *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )


def finish(process: subprocess.Popen[bytes]) -> float:
    """Seconds to its end, which must be a good one."""
    started = time.monotonic()
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()
    return time.monotonic() - started


def kept(out: Path) -> dict[str, int]:
    """What the state holds of each stage."""
    file = out / "_build.sqlite"
    if not file.is_file():
        return dict.fromkeys(TABLES, 0)
    with closing(sqlite3.connect(file)) as db:
        known = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        count = {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in known & set(TABLES)}  # noqa: S608
    return {t: count.get(t, 0) for t in TABLES}


def killed_again_and_again(tmp_path: Path, count: int, kills: int, workers: int, seed: int) -> None:
    """Killed at random moments of its life, which gets shorter as work is done; then run to its end."""
    rng = random.Random(seed)
    command, out = make_parts(tmp_path, count), tmp_path / "out"
    with start(command, tmp_path / "undisturbed", workers) as process:
        whole = finish(process)
    before, killed = kept(out), 0
    while killed < kills:
        with start(command, out, workers) as process:
            try:
                process.communicate(timeout=rng.uniform(0.05, 0.95) * whole)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        if process.returncode == 0:  # it was done before: begin anew, as what is finished cannot be killed
            assert files_of(out) == files_of(tmp_path / "undisturbed")
            shutil.rmtree(out)
            before = kept(out)
            continue
        assert process.returncode == -signal.SIGKILL
        killed += 1
        after = kept(out)
        assert all(after[t] >= before[t] for t in TABLES), (before, after)  # nothing is done twice
        before = after
    with start(command, out, 1) as process:
        finish(process)
    assert files_of(out) == files_of(tmp_path / "undisturbed")
    assert not [file for file in out.rglob(".*") if file.is_file()]


@needs_synthesizer
def test_killed_once_it_ends_with_the_same_files(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path, count=16, kills=1, workers=2, seed=1)


@needs_synthesizer
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_ten_times_it_ends_with_the_same_files(tmp_path: Path, workers: int) -> None:
    killed_again_and_again(tmp_path, count=120, kills=10, workers=workers, seed=workers)


# ---------------------------------------------------------------- full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    (folder := tmp_path / "disk").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a disk can be mounted by the superuser only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@needs_synthesizer
@pytest.mark.slow
def test_a_full_disk_is_one_line_and_what_is_done_is_kept(
    sier: Callable[..., Any], small_disk: Path, tmp_path: Path
) -> None:
    command, out = make_parts(tmp_path, 40), small_disk / "out"
    options = ("--device", "cpu", "--threshold", 0.3)
    done = sier(*command, "--out", out, *options, status=1)
    lines = [line for line in done.stderr.splitlines() if line.startswith("sier-gui:")]
    assert len(lines) == 1
    assert "Cannot write" in lines[0]
    assert str(out) in lines[0]
    assert "Traceback" not in done.stderr
    assert not (out / "samples.csv").exists()
    subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)  # space is made
    assert 0 < kept(out)["speech"] < 40
    sier(*command, "--out", out, *options)
    sier(*command, "--out", tmp_path / "undisturbed", *options)
    assert files_of(out) == files_of(tmp_path / "undisturbed")
