"""One rater's whole session from outside: the real window under an X server, keys, and ears; then its CSV."""

from __future__ import annotations

import csv
import itertools
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from outside import RATE, Ear, Keyboard, display, look, match, program, seat, settled, tones, until
from rating import PROTOCOL
from sound_server import null_sink, serving, unplug

from sier_gui.core.study.project import Project, open_project

KEYS = ("anger", "happy", "sad", "hate")  # the first rater's buttons: the first row of Williams' square
PROBLEM = 7  # the trial at which P is pressed
_wait = threading.Event().wait


class Person:
    """Sits before the window, listens, types, and remembers what was typed."""

    def __init__(self, keys: Keyboard, ear: Ear, window: subprocess.Popen[str], folder: Path) -> None:
        self.keys, self.ear, self.window, self.folder = keys, ear, window, folder
        self.typed: list[tuple[int, str, str]] = []  # trial, answer, confidence

    def settle(self) -> None:
        settled(self.window)

    def count(self, table: str) -> int:
        """Rows on the disk: "begun" or "answers"."""

        def rows(project: Project) -> int:
            (row,) = project.ask(f"SELECT count(*) AS n FROM {table}")  # noqa: S608 - one of two
            return int(row["n"])

        return look(self.folder, rows)

    def events(self) -> list[str]:
        return look(self.folder, lambda p: [str(event["what"]) for event in p.events("r1")])

    def arrive(self, name: str) -> None:
        """From the desk to the practice's notice."""
        self.settle()
        self.keys.type(name)
        self.keys.press("Return")
        self.settle()
        self.keys.press("Return")  # agrees
        self.settle()
        self.keys.press("Down", "Tab", "Tab")
        self.keys.type("Welsh")
        self.keys.press("Tab", "Tab", "space")
        until(lambda: look(self.folder, lambda p: p.rater(name)), "the rater is enrolled")
        self.settle()
        self.keys.press("space")
        for _ in range(6):
            self.keys.press(str(1 + self.quietest()))
        self.settle()
        self.keys.press("space")  # the volume's example
        self.listen()
        self.settle()
        self.keys.press("space")
        self.settle()

    def listen(self, pause_s: float = 0.8) -> np.ndarray:
        """What is played from now until it has been silent for so long."""
        until(lambda: not self.ear.silent(0.1), "something is heard")
        before = len(self.ear.heard())
        until(lambda: self.ear.silent(pause_s), "it ends")
        return self.ear.heard()[max(0, before - RATE) :]

    def quietest(self) -> int:
        """Which of the three tones it is, by ear."""
        levels = tones(self.listen())
        assert len(levels) == 3, levels
        return int(np.argmin(levels))

    def answer(self, done: int) -> None:
        """Answer the trial that has begun, the ``done``-th from 0 on."""
        trial = max(look(self.folder, lambda p: p.interrupted("r1")))
        if done == PROBLEM:
            self.keys.press("p")
            self.typed.append((trial, "", ""))
            until(lambda: self.count("answers") == done + 1, "the problem is stored")
            return
        answer, confidence = str(1 + done % 4), str(1 + done // 2 % 3)
        while True:  # a key that comes too early is not taken, so neither may be the pair
            self.keys.press("BackSpace", answer, confidence, between_s=0.05)
            end = time.monotonic() + 3
            while time.monotonic() < end and self.count("answers") == done:
                _wait(0.05)
            if self.count("answers") > done:
                break
        self.typed.append((trial, KEYS[done % 4], confidence))

    def judge(self) -> None:
        """All trials; Return wherever nothing is asked."""
        for done in itertools.count():
            end = time.monotonic() + 30
            while self.count("begun") == done and time.monotonic() < end:
                _wait(0.4)
                if look(self.folder, lambda p: p.rater("r1").finished):  # type: ignore[union-attr]
                    return
                if self.count("begun") == done:
                    self.keys.press("Return")
                    _wait(0.4)
            assert self.count("begun") == done + 1, done
            _wait(0.7)
            self.answer(done)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_session_from_consent_to_thanks_by_keys_and_ears(
    made: Path, tmp_path: Path, sier: Callable[..., object]
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(made, folder)
    with open_project(folder) as project:  # whose rater answers whatever key is next, traps too
        project.store_protocol(PROTOCOL + "\n[exclusion]\ntraps_missed = 9\ngold_missed = 9\n")
    with display() as screen, null_sink(tmp_path) as environment:
        environment = seat(environment, screen, tmp_path / "home")
        ear = Ear(environment, tmp_path / "heard")
        with program(environment, folder, "--mode", "study") as window:
            try:
                keys = Keyboard(environment)
                keys.sit_down()
                person = Person(keys, ear, window, folder)
                person.arrive("r1")
                person.judge()
                person.settle()
                keys.press("1", "Return")  # nothing happens any more
                keys.press("ctrl+alt+u")
                person.settle()
                keys.press("ctrl+q")
                status = window.wait(30)
                assert window.stderr is not None
                told = [line for line in window.stderr.read().splitlines() if "underrun" not in line]
                assert (status, told) == (0, [])
            finally:
                window.kill()
                ear.close()
    sier("study", "export", folder, "--out", tmp_path / "out", "--format", "png", "--no-models")
    with (tmp_path / "out" / "responses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    compare(rows, person.typed, folder)
    hear_again(rows, ear.heard().mean(axis=1), folder)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_sound_server_that_goes_away_in_a_recording_is_told_and_the_session_goes_on(
    made: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(made, folder)
    with open_project(folder) as project:
        project.store_protocol(PROTOCOL + "demographics = false\nheadphones = false\nvolume = false\n")
    with display() as screen, null_sink(tmp_path) as environment:
        environment = seat(environment, screen, tmp_path / "home")
        ear = Ear(environment, tmp_path / "heard")
        with program(environment, folder, "--mode", "study") as window:
            try:
                keys = Keyboard(environment)
                keys.sit_down()
                person = Person(keys, ear, window, folder)
                person.settle()
                keys.type("r1")
                keys.press("Return")
                person.settle()
                keys.press("Return")
                person.settle()
                keys.press("Return")  # the practice begins, with a recording for the first rater
                until(lambda: not ear.silent(0.05), "a recording is heard")
                unplug(environment)
                until(lambda: "loudspeaker lost" in person.events(), "it is noticed", patience_s=20)
                keys.press("1", "2")  # the keys sleep
                assert person.count("begun") == 1
                assert person.count("answers") == 0
                with serving(tmp_path, environment):  # connected again
                    keys.press("Return")
                    until(lambda: person.count("begun") == 2, "the next trial")
                    _wait(1.0)
                    person.answer(0)
            finally:
                window.kill()
                ear.close()
    with open_project(folder) as project:
        (answer,) = project.responses("r1")
        assert answer.trial == 2
        assert project.interrupted("r1") == {1}


def compare(rows: list[dict[str, str]], typed: list[tuple[int, str, str]], folder: Path) -> None:
    """The CSV is what was typed, in that order, and what the project holds."""
    assert [(int(r["trial"]), r["answer"], r["confidence"]) for r in rows] == typed
    with open_project(folder) as project:
        stored, rater = project.responses("r1"), project.rater("r1")
        events = [event["what"] for event in project.events("r1")]
        (asked,) = [event for event in project.events("r1") if event["what"] == "headphones"]
    assert rater is not None
    assert (rater.finished, rater.language, rater.age_band) == (True, "Welsh", "18–29")
    assert (rater.headphones, asked["right"]) == ("passed", 6)  # by ear
    assert events.count("visit ended") == 1
    assert len(stored) == len(rows) == 26
    for row, response in zip(rows, stored, strict=True):
        assert row["sample_id"] == response.sample_id
        assert row["label"] == response.label
        assert row["modality"] == response.modality
        assert row["counted"] == ("1" if response.counted else "0")
        assert row["rt_ms"] == ("" if response.rt_ms is None else f"{response.rt_ms:g}") or (
            response.rt_ms is not None and abs(float(row["rt_ms"]) - response.rt_ms) < 0.1
        )
    times = [float(row["rt_ms"]) for row in rows if row["answer"]]
    assert len(times) == 25
    assert all(0 < time_ms < 10_000 for time_ms in times)


def hear_again(rows: list[dict[str, str]], heard: np.ndarray, folder: Path) -> None:
    """Each trial's own recording left the loudspeaker, in the order of the CSV."""
    places = []
    for row in rows:
        if row["modality"] == "i" or not row["answer"] or row["kind"] == "trap":  # two traps sound the same
            continue
        file = folder / "stimuli" / row["reader"] / f"{row['sample_id']}.wav"
        said, rate = soundfile.read(str(file), dtype="float32")
        assert rate == RATE
        fit, at = match(heard, said, cut=0.02)  # whole: neither start nor end is cut off
        places.append((at, fit))
    assert len(places) > 10
    good = [at for at, fit in places if fit > 0.95]
    assert len(good) >= 0.9 * len(places), places  # a busy machine may break one up
    assert good == sorted(good)
