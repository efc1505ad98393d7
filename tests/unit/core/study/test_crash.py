"""kill -9 at random moments of the real processes: whatever was acknowledged is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from crash_checks import check_takes
from crash_worker import RATER, answer_of

from sier_gui.core.study.project import Project, open_project

_WORKER = Path(__file__).parents[3] / "fixtures" / "crash_worker.py"
_LONGEST_S = {"answering": 0.08, "recording": 0.5}  # of work before the kill


def run_and_kill(folder: Path, what: str, after_s: float) -> list[list[str]]:
    """The worker's complete lines, up to a kill -9 that comes ``after_s`` from its first."""
    environment = dict(os.environ, PYTHONPATH=str(_WORKER.parent))
    command = [sys.executable, str(_WORKER), str(folder), what]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        first = worker.stdout.readline()
        killer = threading.Timer(after_s, worker.send_signal, (signal.SIGKILL,))
        killer.start()
        rest = worker.stdout.read()
        errors = worker.stderr.read()
        killer.join()
    assert worker.returncode == -signal.SIGKILL, errors.decode()
    lines = (first + rest).split(b"\n")[:-1]  # an incomplete line is no acknowledgement
    return [line.decode().split(" ") for line in lines]


def check_answers(project: Project, said: list[list[str]], fresh: list[list[str]]) -> int:
    """Everything acknowledged so far is there, in order and as it was given; where the session goes on."""
    answered = {int(words[1]) for words in said if words[0] == "answered"}
    stored = project.responses(RATER)
    assert stored == [answer_of(r.trial or 0) for r in stored]
    trials = [r.trial or 0 for r in stored]
    assert trials == sorted(trials)
    assert answered <= set(trials)
    # one answer may have been stored and not yet acknowledged each time
    assert len(set(trials) - answered) <= sum(words[0] == "open" for words in said)
    resumes = project.next_trial(RATER)
    begun = [int(words[1]) for words in fresh if words[0] == "begun"]
    if begun:  # one more may have begun and not yet been acknowledged
        assert resumes in (begun[-1] + 1, begun[-1] + 2)
    assert project.interrupted(RATER) == set(range(1, resumes)) - set(trials)
    return len(answered)


def crash(folder: Path, what: str, kills: int, seed: int) -> tuple[int, int]:
    """Kill ``kills`` times, looking each time; acknowledgements checked, and openings after a kill."""
    moments = random.Random(seed)
    said: list[list[str]] = []
    acknowledged = 0
    for _ in range(kills):
        fresh = run_and_kill(folder, what, moments.uniform(0, _LONGEST_S[what]))
        said += fresh
        with open_project(folder) as project:
            if what == "answering":
                acknowledged = check_answers(project, said, fresh)
            else:
                acknowledged = check_takes(project, said)
    assert not [words for words in said if words[0] == "failed"]
    return acknowledged, kills


@pytest.mark.parametrize("what", ["answering", "recording"])
def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path, what: str) -> None:
    acknowledged, _ = crash(tmp_path / "study", what, kills=5, seed=1)
    assert acknowledged > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("what", "seed"), [("answering", 2), ("recording", 3)])
def test_nothing_acknowledged_is_lost_by_a_hundred_kills_each(
    tmp_path: Path, what: str, seed: int, record_property: pytest.RecordProperty
) -> None:
    acknowledged, kills = crash(tmp_path / "study", what, kills=100, seed=seed)
    record_property("acknowledged", acknowledged)
    print(f"{what}: {kills} kills, {acknowledged} acknowledgements, none lost")
    assert acknowledged > kills
