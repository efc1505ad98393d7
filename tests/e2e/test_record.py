"""A take from key to file: the real window under an X server, a real sound server, keys from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_server import null_sink
from voices import RATE, spoken

from sier_gui.core.audio.files import Audio, write_wav
from sier_gui.core.study.project import Project, open_project
from sier_gui.core.study.records import Reader, Sex, Take

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
_wait = threading.Event().wait


@contextmanager
def display() -> Iterator[str]:
    """The name of a fresh X server."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("Xvfb or xdotool is not installed")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            name = pipe.readline().strip()
        assert name, "Xvfb did not start"
        yield f":{name}"
    finally:
        server.terminate()
        server.wait(10)


def until(what: Callable[[], object], told: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if what():
            return
        _wait(0.2)
    pytest.fail(f"never happened: {told}")


class Keyboard:
    """Somebody at the keys, who knows nothing of the program's inside."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def do(self, *words: str) -> bool:
        return subprocess.run(["xdotool", *words], env=self._environment, capture_output=True).returncode == 0

    def press(self, *keys: str) -> None:
        for key in keys:
            assert self.do("key", "--clearmodifiers", key), key
            _wait(0.1)


def look(folder: Path, what: Callable[[Project], object]) -> object:
    """What the project holds now; it belongs to the program, so it is only looked at."""
    with open_project(folder, read_only=True) as project:
        return what(project)


def match(heard: np.ndarray, said: np.ndarray) -> float:
    """Correlation of the middle of ``said`` with the place in ``heard`` where it fits best."""
    middle = said[len(said) // 3 : 2 * len(said) // 3]
    size = len(heard) + len(middle)
    fit = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(middle, size)))
    at = int(np.argmax(fit[: len(heard) - len(middle)]))
    return float(np.corrcoef(heard[at : at + len(middle)], middle)[0, 1])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    with open_project(folder, create=True) as made:
        made.set_fact("dataset", str(ROOT / "resources" / "demo"))
        made.add_reader(Reader("anna", Sex.FEMALE))
    return folder


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_take_from_key_to_file(project: Path, tmp_path: Path) -> None:
    voice = 0.9 * spoken(2.0, before=0.0, after=0.0, noise=-90)
    write_wav(tmp_path / "voice.wav", Audio(voice[:, None], RATE))
    with display() as name, null_sink(tmp_path) as environment:
        environment |= {"DISPLAY": name, "QT_QPA_PLATFORM": "xcb", "OMP_NUM_THREADS": "1"}
        environment |= {"SIER_GUI_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
        speaking = [sys.executable, str(Path(__file__).with_name("speaking.py")), str(tmp_path / "voice.wav")]
        window = [sys.executable, "-m", "sier_gui", str(project)]
        with (
            subprocess.Popen(speaking, env=environment, stdin=-1, stdout=-1, text=True) as room,
            subprocess.Popen(window, env=environment, stderr=subprocess.PIPE, text=True) as program,
        ):
            try:
                record(room, Keyboard(environment), project)
                status = program.wait(30)
                assert program.stderr is not None
                assert status == 0, program.stderr.read()
            finally:
                program.kill()
                room.kill()
    with open_project(project) as again:
        (take,) = again.accepted_takes().values()
        heard, _ = soundfile.read(str(again.folder / take.path), dtype="float32")
    assert take.verdict != "fail"
    assert 2.0 < take.end_s - take.start_s < 2.6
    assert match(heard, voice) > 0.98


def record(room: subprocess.Popen[str], keys: Keyboard, project: Path) -> None:
    """Choose the reader, take the room's tone, record one prompt, accept it, quit: by keys."""
    assert room.stdin is not None
    assert room.stdout is not None
    assert room.stdout.readline() == "ready\n"
    until(lambda: keys.do("search", "--onlyvisible", "--name", "sier-gui", "windowfocus"), "a window")
    until(lambda: (project / "study.sqlite-wal").exists(), "the project is open")
    _wait(3)
    keys.press("Tab", "space")  # go on as anna

    def at_the_prompts() -> bool:
        keys.press("alt+o")  # the room's tone, 3 s
        _wait(5)
        keys.press("alt+g")
        _wait(1)
        return bool(look(project, lambda p: p.ask("SELECT 1 FROM sessions")))

    until(at_the_prompts, "the prompts")
    _wait(1)
    keys.press("space")
    until(lambda: list(project.glob("takes/anna/*/*.part")), "a take is written")
    _wait(0.5)
    room.stdin.write("\n")
    room.stdin.flush()
    assert room.stdout.readline() == "said\n"
    keys.press("space")

    def takes(p: Project) -> list[Take]:
        return p.takes()

    until(lambda: look(project, takes), "the take is stored")
    _wait(1)
    keys.press("Return")
    until(lambda: look(project, lambda p: p.accepted_takes()), "the take is accepted")
    keys.press("ctrl+q")
