"""kill -9 of the real window while somebody rates or reads: nothing acknowledged is lost, and it goes on."""

from __future__ import annotations

import csv
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from crash_checks import check_takes
from outside import ROOT, Ear, Keyboard, display, seat
from rating import PROTOCOL
from sound_server import null_sink

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.study.design import Design, load_design
from sier_gui.core.study.presenting import Presenter
from sier_gui.core.study.project import Project, open_project
from sier_gui.core.study.records import Kind, Reader, Sex, Trial
from sier_gui.core.study.session import Session

KILLS = 100  # of each
_LONGEST_S = {"rating": 5.0, "recording": 3.0}  # of work before the kill
_WORKER = ROOT / "tests" / "fixtures" / "window_worker.py"


# ---------------------------------------------------------------- one run


class Run:
    """One process: reacts to what its window says, until its time has come."""

    def __init__(
        self, what: str, folder: Path, environment: Mapping[str, str], moments: random.Random
    ) -> None:
        self.what, self.keys, self.moments = what, Keyboard(environment), moments
        self.said: list[list[str]] = []
        self._focused = False
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        command = [sys.executable, str(_WORKER), str(folder), what]
        self._errors = folder.parent / "errors"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                command, env=dict(environment), stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def __call__(self) -> list[list[str]]:
        """Every complete line, up to the kill."""
        reading = threading.Thread(target=self._read, daemon=True)
        reading.start()
        with self.process:
            try:
                self._work()
            finally:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
                reading.join(10)
        while not self._lines.empty():
            self.said.append(self._lines.get().split(" "))
        assert "Traceback" not in self._errors.read_text()
        assert self.process.returncode == -signal.SIGKILL
        return self.said

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):  # an incomplete line is no acknowledgement
                self._lines.put(line.rstrip("\n"))

    def _work(self) -> None:
        end = time.monotonic() + 60
        begun = False
        while time.monotonic() < end:
            try:
                words = self._lines.get(timeout=0.02).split(" ")
            except queue.Empty:
                continue
            self.said.append(words)
            if not begun and (words[0] == "begun" or words[:2] == ["window", "booth"]):
                begun = True
                end = time.monotonic() + self.moments.uniform(0, _LONGEST_S[self.what])
            if words[0] == "window":
                self._react(*words[1:])
        assert begun, (self.said, self._errors.read_text())

    def _react(self, what: str, *more: str) -> None:
        """What a person would press."""
        if not self._focused:
            self._focused = self.keys.do("search", "--onlyvisible", "--name", "sier-gui", "windowfocus")
        if what == "notice":
            self._press("Return")
        elif what == "over":
            self._press("ctrl+alt+u")
        elif what == "asked":
            self._press(str(self.moments.randint(1, 4)), str(self.moments.randint(1, 3)))
        elif what == "microphone":
            self._press("alt+o")
        elif what == "room":
            self._press("alt+g")
        elif what == "booth" and more[0] == "recording":
            threading.Event().wait(self.moments.uniform(0.1, 0.3))
            self._press("space")
        elif what == "booth" and more[0] == "idle":
            self._press("Return" if more[2] != "0" else "space")

    def _press(self, *keys: str) -> None:
        self.keys.do("key", "--clearmodifiers", "--delay", "8", *keys)


# ---------------------------------------------------------------- what must hold


def check_answers(project: Project, said: list[list[str]], runs: int) -> int:
    """Everything acknowledged is there as it was given; of what was not, at most one answer a run."""
    told = {(w[1], int(w[2])): (w[3], int(w[4])) for w in said if w[0] == "answered"}
    stored = {(r.rater, r.trial or 0): (r.answer, r.confidence) for r in project.responses()}
    assert {key: stored.get(key) for key in told} == told
    assert len(stored) - len(told) <= runs
    begun = {(w[1], int(w[2])) for w in said if w[0] == "begun"}
    for rater in project.raters():
        open_trials = project.interrupted(rater.rater)
        mine = {trial for who, trial in begun if who == rater.rater}
        assert mine <= open_trials | project.answered(rater.rater)
    return len(told)


def resumes_at(project: Project, design: Design) -> tuple[str, int] | None:
    """Where the next run must go on; replacements of interrupted trials are checked."""
    presenter = Presenter(project, design, open_dataset(Path(design.dataset)))
    unfinished = [rater for rater in project.raters() if not rater.finished]
    if not unfinished:
        return None
    rater = unfinished[0]
    planned = Session(project, design, presenter, rater).planned()
    gone = project.interrupted(rater.rater)
    lost = [t for t in planned if t.trial in gone and t.kind is Kind.MAIN]
    reserve = [t for t in planned if t.kind is Kind.RESERVE]
    fresh = [t for t in reserve if t.trial not in gone]

    def place(trial: Trial) -> tuple[object, ...]:
        return trial.list, trial.label, trial.modality

    # one reserve item for each list and class: each that is not used up replaces a lost one
    assert {place(t) for t in fresh} <= {place(t) for t in lost}
    assert {place(t) for t in lost} == {place(t) for t in reserve}
    seen = gone | project.answered(rater.rater)
    following = [t.trial for t in planned if t.trial not in seen]
    return (rater.rater, following[0]) if following else None


@contextmanager
def desk(folder: Path) -> Iterator[dict[str, str]]:
    """A display and a loudspeaker for all runs."""
    with display() as screen, null_sink(folder) as environment:
        environment = seat(environment, screen, folder / "home")
        environment["PYTHONPATH"] += f":{_WORKER.parent}"
        ear = Ear(environment, folder / "heard")  # keeps the null sink's clock fine
        try:
            yield environment
        finally:
            ear.close()


def rate_and_kill(made: Path, tmp_path: Path, kills: int, seed: int) -> tuple[int, int]:
    """Answers acknowledged, and runs that began where they had to."""
    folder, moments = tmp_path / "study", random.Random(seed)
    shutil.copytree(made, folder)
    with open_project(folder) as project:
        project.store_protocol(PROTOCOL + "demographics = false\nheadphones = false\nvolume = false\n")
        design = load_design(project)
    said: list[list[str]] = []
    acknowledged, resumed, wanted = 0, 0, None
    with desk(tmp_path) as environment:
        for run in range(1, kills + 1):
            fresh = Run("rating", folder, environment, moments)()
            first = next((w for w in fresh if w[0] == "begun"), None)
            if wanted is not None:
                assert first is not None
                assert (first[1], int(first[2])) == wanted
                resumed += 1
            said += fresh
            with open_project(folder) as project:
                acknowledged = check_answers(project, said, run)
                wanted = resumes_at(project, design)
    return acknowledged, resumed


def write_texts(folder: Path, count: int) -> Path:
    """A dataset of texts to read; its files are never looked at."""
    folder.mkdir()
    with (folder / "samples.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("sample_id", "image", "speech", "text", "label"))
        table.writerows((f"s{n}", "a.png", "a.wav", f"sentence {n}", "happy") for n in range(count))
    return folder


def read_and_kill(tmp_path: Path, kills: int, seed: int) -> tuple[int, int]:
    """Takes accepted, and those kept."""
    folder, moments = tmp_path / "study", random.Random(seed)
    with open_project(folder, create=True) as project:
        project.set_fact("dataset", str(write_texts(tmp_path / "set", 2000)))
        project.add_reader(Reader("anna", Sex.FEMALE, consented_at="2026-01-01T00:00:00.000+00:00"))
    said: list[list[str]] = []
    accepted = 0
    with desk(tmp_path) as environment:
        for _ in range(kills):
            before = len(said)
            said += Run("recording", folder, environment, moments)()
            with open_project(folder) as project:
                accepted = check_takes(project, said)
                done = {take.sample_id for take in project.takes() if take.accepted}
                taken = {sample for sample in done if len(project.takes("anna", sample)) > 0}
                assert taken == done
            prompts = [w[3] for w in said[before:] if w[:2] == ["window", "booth"]]
            assert prompts, "it never came to a prompt"
    return accepted, len({w[1] for w in said if w[0] == "kept"})


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_rater_s_window_killed_at_any_moment_loses_nothing_acknowledged(made: Path, tmp_path: Path) -> None:
    acknowledged, resumed = rate_and_kill(made, tmp_path, KILLS, seed=4)
    print(f"rating: {KILLS} kills, {acknowledged} answers acknowledged, none lost; {resumed} resumed rightly")
    assert acknowledged > KILLS
    assert resumed > KILLS // 2


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_reader_s_window_killed_at_any_moment_loses_no_take(tmp_path: Path) -> None:
    accepted, kept = read_and_kill(tmp_path, KILLS, seed=5)
    print(f"recording: {KILLS} kills, {kept} takes kept and {accepted} accepted, none lost")
    assert accepted > KILLS // 2
