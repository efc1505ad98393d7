"""A batch: one scale over all, equal to single exports, and going on wherever it was ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from export_sets import ASKED, SMALL, asking, write_set

from sier_gui.core import paths
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.export.batch import Means, batch, batching
from sier_gui.core.export.bundle import export
from sier_gui.core.export.choosing import choose, parse_query
from sier_gui.core.export.gather import Source, view_of
from sier_gui.core.export.ledger import MANIFEST
from sier_gui.core.export.view import shared_scale
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.tasks import Cancelled, CancelToken


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_figures_share_the_scale_of_all(catalogue, release, tmp_path):
    said = []
    means = Means(report=lambda progress: said.append((progress.done, progress.total, progress.text)))
    state = batch(catalogue, release, asking("png"), [4, 0, 2], tmp_path / "out", means)
    assert (state.done, state.made, state.failed, state.complete) == (3, 3, 0, True)
    assert [entry["sample_id"] for entry in state.entries] == ["0005"] * 2 + ["0001"] * 2 + ["0003"] * 2
    assert {text for _, _, text in said} == {"", "reading", "explaining", "writing"}
    assert said[-1] == (3, 3, "writing")
    source = Source.of(catalogue, release, ASKED, "cpu")
    views = [view_of(source, catalogue.sample(row), CancelToken()) for row in (4, 0, 2)]
    scale = shared_scale(view.attribution for view in views)
    for view in views:
        export(view, ["png"], None, tmp_path / "single", options=replace(SMALL, scale=scale))
    found = files(tmp_path / "out")
    manifest = json.loads(found.pop(MANIFEST))
    assert found == files(tmp_path / "single")
    assert manifest["scale"] == list(scale)
    assert [one["sample_id"] for one in manifest["samples"]] == ["0005", "0001", "0003"]


def test_each_its_own_scale(catalogue, release, tmp_path):
    batch(catalogue, release, asking("png", shared=False), [0, 1], tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "0001.json").read_text())
    assert facts["figure"]["scale"] is None


def test_workers_write_the_same(catalogue, release, tmp_path):
    for workers in (0, 2):
        batch(
            catalogue, release, asking("png"), range(4), tmp_path / str(workers), Means(workers, niceness=3)
        )
    assert files(tmp_path / "0") == files(tmp_path / "2")


def test_a_cancelled_batch_goes_on(catalogue, release, tmp_path):
    out, token = tmp_path / "out", CancelToken()
    steps = batching(catalogue, release, asking("png"), range(6), out, Means(token=token))
    while next(steps).made < 2:
        pass
    token.cancel()
    with pytest.raises(Cancelled):
        next(steps)
    written = {file: file.stat().st_mtime_ns for file in out.glob("*.png")}
    assert len(written) == 2
    state = batch(catalogue, release, asking("png"), range(6), out)
    assert (state.made, state.done, len(state.entries)) == (4, 6, 12)
    assert all(file.stat().st_mtime_ns == when for file, when in written.items())
    again = batch(catalogue, release, asking("png"), range(6), out)
    assert (again.made, again.entries) == (0, state.entries)
    batch(catalogue, release, asking("png"), range(6), tmp_path / "at once")
    assert files(out) == files(tmp_path / "at once")


_CHILD = """
import sys
from pathlib import Path
from export_sets import asking
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.export.batch import batch
from sier_gui.core.nets.releases import open_release

folder, release, out = map(Path, sys.argv[1:])
batch(open_dataset(folder), open_release(release), asking("png"), range(10), out)
"""


def test_a_killed_batch_goes_on(release, tmp_path):
    catalogue, out = write_set(tmp_path / "set", rows=10), tmp_path / "out"
    batch(
        catalogue, release, asking("audacity"), range(10), tmp_path / "warm"
    )  # explained, so it draws at once
    here = Path(__file__).parent
    path = [here, here.parents[2] / "fixtures", here.parents[3]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-c", _CHILD, catalogue.root, release.folder, out]
    child = subprocess.Popen(command, env=environment)
    until, pause = time.monotonic() + 120, threading.Event()
    while len(list(out.glob("*.png"))) < 3 and child.poll() is None and time.monotonic() < until:
        pause.wait(0.005)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    state = batch(catalogue, release, asking("png"), range(10), out)
    assert 0 < state.made < 10
    assert state.done == 10
    batch(catalogue, release, asking("png"), range(10), tmp_path / "at once")
    assert files(out) == files(tmp_path / "at once")


def test_a_line_that_a_kill_cut_off_is_done_again(catalogue, release, tmp_path):
    out = tmp_path / "out"
    steps = batching(catalogue, release, asking("png"), range(6), out)
    for state in steps:
        if state.made == 3:
            break
    steps.close()
    (kept,) = (paths.user_folder("cache") / "exports").glob("*/batch.jsonl")
    kept.write_bytes(kept.read_bytes()[:-20])
    assert batch(catalogue, release, asking("png"), range(6), out).made == 4


def test_what_changed_is_drawn_again(catalogue, release, tmp_path):
    out = tmp_path / "out"
    batch(catalogue, release, asking("png"), range(3), out)
    (out / "0002.png").unlink()
    assert batch(catalogue, release, asking("png"), range(3), out).made == 1
    (out / "0002.png").write_bytes(b"short")
    assert batch(catalogue, release, asking("png"), range(3), out).made == 1
    other = asking("png", options=replace(SMALL, signed=True))
    assert batch(catalogue, release, other, range(3), out).made == 3
    shutil.copy(
        catalogue.sample(1).paths[Modality.SPEECH], catalogue.sample(0).paths[Modality.SPEECH]
    )  # the shared scale may have changed
    assert batch(catalogue, release, other, range(3), out).made == 3


def test_samples_that_cannot_be_drawn_are_told(catalogue, release, tmp_path):
    catalogue.sample(0).paths[Modality.IMAGE].write_bytes(b"no picture")
    table = catalogue.root / "samples.csv"
    table.write_text(table.read_text().replace("0003,", "0002,").replace("images/0004.png", ""))
    from sier_gui.core.dataset.catalogue import open_dataset

    state = batch(open_dataset(catalogue.root), release, asking("png"), range(5), tmp_path / "out")
    assert (state.done, state.failed) == (5, 3)
    assert sorted(file.name for file in (tmp_path / "out").glob("*.png")) == ["0002.png", "0005.png"]
    first, second, third = state.errors
    assert "0001.png" in first
    assert second == "Row 3 has the same id as row 2: 0002."
    assert "no image file" in third
    again = batch(open_dataset(catalogue.root), release, asking("png"), range(5), tmp_path / "out")
    assert (again.made, again.failed) == (3, 3)  # they are tried again


def test_one_writer_for_a_folder(catalogue, release, tmp_path):
    steps = batching(catalogue, release, asking("png"), range(6), tmp_path / "out")
    next(steps)
    with pytest.raises(SierError, match="Another export is writing"):
        batch(catalogue, release, asking("png"), range(6), tmp_path / "out")
    steps.close()
    assert batch(catalogue, release, asking("audacity"), range(2), tmp_path / "out").complete


def test_wrong_wishes(catalogue, release, tmp_path):
    with pytest.raises(SierError, match="no sample to export"):
        batch(catalogue, release, asking("png"), [], tmp_path)
    with pytest.raises(SierError, match="-1 workers"):
        batch(catalogue, release, asking("png"), [0], tmp_path, Means(-1))
    with pytest.raises(SierError, match="Cannot export as gif"):
        batch(catalogue, release, asking("gif"), [0], tmp_path)
    with pytest.raises(SierError, match="no figure design"):
        batch(catalogue, release, asking("png", options=replace(SMALL, design="mosaic")), [0], tmp_path)
    (tmp_path / "blocked").write_text("")
    with pytest.raises(SierError, match="blocked"):
        batch(catalogue, release, asking("png"), [0], tmp_path / "blocked" / "out")


# ---------------------------------------------------------------- choosing


def test_queries_choose(catalogue, release):
    assert choose(catalogue, release, "label:sad").tolist() == [3]
    assert choose(catalogue, release, "sort:-sample_id label:anger").tolist() == [4, 0]
    assert choose(catalogue, release, "0003").tolist() == [2]
    confident = choose(catalogue, release, "confidence:0.1 sort:-confidence")
    assert sorted(confident.tolist()) == list(range(6))
    predictor = Predictor(release, "cpu")
    answers = {row: said.predicted for row, said in predictor.predict_rows(catalogue, range(6))}
    wrong = [row for row, name in answers.items() if name != catalogue.sample(row).label]
    assert choose(catalogue, release, "wrong").tolist() == wrong
    assert choose(catalogue, release, f"predicted:{answers[0]} 0001").tolist() == [0]
    query = parse_query("'two words' predicted:hate wrong disagree confidence:0.5-0.9")
    assert (query.search, query.predicted, query.wrong_only, query.disagree_only) == (
        "two words", "hate", True, True,
    )  # fmt: skip
    assert query.confidence == (0.5, 0.9)


@pytest.mark.parametrize("text", ["'open", "confidence:2", "confidence:0.9-0.5", "confidence:x"])
def test_queries_that_cannot_be(text):
    with pytest.raises(SierError):
        parse_query(text)


def test_nobody_passes(catalogue, release):
    with pytest.raises(SierError, match="No sample of set"):
        choose(catalogue, release, "label:bored")
