"""The same numbers from other processes and from Dask, and what happens when workers or their parent die."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.survey.run import survey, surveying
from sier_gui.core.explain.survey.work import Job, Task, outcome
from sier_gui.core.tasks import Cancelled, CancelToken, Pause

REQUEST = ExplainRequest(grid=2, segments=2)


@pytest.fixture
def run(catalogue, release, tmp_path):
    def start(name, function=survey, **more):
        return function(catalogue, release, REQUEST, tmp_path / name, device="cpu", use_cache=False, **more)

    return start


def table(folder):
    import pandas

    return pandas.read_parquet(folder).drop(columns="seconds")


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_two_workers_give_what_one_gives(run, folder, engine):
    from pandas.testing import assert_frame_equal

    if engine == "dask":
        pytest.importorskip("distributed")
    (folder / "speech" / "0006.wav").write_bytes(b"no sound")
    alone = run("alone")
    reports = []
    result = run("spread", workers=2, engine=engine, report=reports.append)
    assert (result.done, result.failed, result.computed) == (10, 1, 10)
    assert [r.done for r in reports] == [*range(11), 10]
    assert_frame_equal(table(alone.folder), table(result.folder), check_exact=True)
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_cluster_that_runs_already(run, tmp_path):
    """As its docstring says to start one: scheduler and worker by their own command lines."""
    from pandas.testing import assert_frame_equal

    pytest.importorskip("distributed")
    scheduler_file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "dask"]
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path))
    root = str(Path(__file__).parents[5])
    with (
        subprocess.Popen(
            [*command, "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(scheduler_file)]
        ) as scheduler,
        subprocess.Popen(
            [*command, "worker", "--scheduler-file", str(scheduler_file), *options],
            env={**os.environ, "PYTHONPATH": root},
        ) as worker,
    ):
        try:
            while not scheduler_file.is_file():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pytest.fail(f"the scheduler ended: {scheduler.wait(0.1)}")
            address = json.loads(scheduler_file.read_text())["address"]
            result = run("spread", engine="dask", address=address)
        finally:
            worker.terminate()
            scheduler.terminate()
    assert (result.done, result.failed) == (10, 0)
    assert_frame_equal(table(run("alone").folder), table(result.folder), check_exact=True)


def test_a_killed_worker_is_said_and_costs_nothing_that_was_written(run):
    steps = run("out", function=surveying, workers=2)
    for state in steps:
        if state.done == 4:
            break
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(SierError, match="A worker process was ended from outside"):
        for _ in steps:
            pass
    assert not multiprocessing.active_children()
    done = len(table(state.folder))
    assert done >= 4
    assert run("out").computed == 10 - done


def test_cancelled_workers_end_and_paused_ones_get_nothing_new(run):
    token, pause = CancelToken(), Pause()
    pause.pause()
    steps = run("out", function=surveying, workers=2, token=token, pause=pause)
    token.cancel()
    with pytest.raises(Cancelled):
        next(steps)
    assert not multiprocessing.active_children()
    token = CancelToken()
    steps = run("out", function=surveying, workers=2, token=token, pause=pause)
    pause.resume()
    for state in steps:
        if state.done == 2:
            break
    pause.pause()
    token.cancel()
    with pytest.raises(Cancelled):
        for _ in steps:
            pass
    assert not multiprocessing.active_children()
    assert 2 <= len(table(state.folder)) < 10


def test_dask_that_is_missing_or_silent_is_one_line(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "distributed", None)
        with pytest.raises(SierError) as caught:
            run("out", engine="dask")
    assert 'pip install "sier-gui[spread]"' in str(caught.value)
    pytest.importorskip("distributed")
    monkeypatch.setattr("sier_gui.core.spreading.CONNECT_S", 1)
    with pytest.raises(SierError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run("out", engine="dask", address="tcp://127.0.0.1:9")


def test_a_worker_refuses_another_release_or_version(catalogue, release):
    task = Task(catalogue.sample(0), "")
    facts = ("d", REQUEST, "cpu", 1, False)
    with pytest.raises(SierError, match="another release"):
        outcome(Job(release.folder, "0" * 64, *facts), task, CancelToken())
    with pytest.raises(SierError, match="another version"):
        outcome(Job(release.folder, release.weights_hash, *facts, "0"), task, CancelToken())


PARENT = """
import sys
from pathlib import Path
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.survey.run import surveying
from sier_gui.core.nets.releases import open_release

def main():
    import multiprocessing
    data, release, out = map(Path, sys.argv[1:])
    for state in surveying(open_dataset(data), open_release(release), ExplainRequest(grid=2, segments=2), out,
                           device="cpu", workers=2):
        if state.done == 1:
            print(len(multiprocessing.active_children()), flush=True)
            sys.stdin.read()

if __name__ == "__main__":
    main()
"""


def test_workers_end_with_a_killed_parent(folder, release, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = str(Path(__file__).parents[5])
    parent = subprocess.Popen(
        [sys.executable, str(script), str(folder), str(release.folder), str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    with parent:
        assert parent.stdout.readline() == b"2\n"
        parent.kill()
        parent.wait()
        # their ends of the pipe that we read from are closed only when they end
        assert parent.stdout.read() == b""
