"""A take from key to file: the real window under an X server, a real sound server, keys from outside."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import soundfile
from outside import ROOT, Keyboard, display, look, match, program, seat, until
from sound_server import null_sink, unplug
from voices import RATE, spoken

from sier_gui.core.audio.files import Audio, write_wav
from sier_gui.core.study.project import Project, open_project
from sier_gui.core.study.records import Reader, Sex, Take

_wait = threading.Event().wait


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
        environment = seat(environment, name, tmp_path / "home")
        speaking = [sys.executable, str(Path(__file__).with_name("speaking.py")), str(tmp_path / "voice.wav")]
        with (
            subprocess.Popen(speaking, env=environment, stdin=-1, stdout=-1, text=True) as room,
            program(environment, project) as window,
        ):
            try:
                keys = Keyboard(environment)
                record(room, keys, project)
                lose(environment, keys, project)
                status = window.wait(30)
                assert window.stderr is not None
                assert status == 0, window.stderr.read()
            finally:
                window.kill()
                room.kill()
    with open_project(project) as again:
        (take,) = again.accepted_takes().values()
        heard, _ = soundfile.read(str(again.folder / take.path), dtype="float32")
    assert take.verdict != "fail"
    assert 2.0 < take.end_s - take.start_s < 2.6
    assert match(heard, voice)[0] > 0.98


def record(room: subprocess.Popen[str], keys: Keyboard, project: Path) -> None:
    """Choose the reader, take the room's tone, record one prompt, accept it, quit: by keys."""
    assert room.stdin is not None
    assert room.stdout is not None
    assert room.stdout.readline() == "ready\n"
    keys.sit_down()
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


def lose(environment: dict[str, str], keys: Keyboard, project: Path) -> None:
    """The sound server goes away while the second prompt is recorded: that take alone is lost; then quit."""
    _wait(1)
    keys.press("space")
    until(lambda: list(project.glob("takes/anna/*/*.part")), "a second take is written")
    _wait(0.5)
    unplug(environment)
    until(lambda: not list(project.glob("takes/anna/*/*.part")), "the broken take is removed", patience_s=20)
    assert len(look(project, lambda p: p.takes())) == 1
    keys.press("space")  # says that the microphone is closed
    _wait(1)
    keys.press("ctrl+q")
