"""Programs that fail, hang, start others, or are missing: named for each text, and the rest is built."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from building import FileAnswers, make_pictures, make_request, rows_of, write_texts

from sier_gui.core.construct import synthesizers
from sier_gui.core.construct.pipeline import labelling
from sier_gui.core.construct.pipeline.request import parse_voice
from sier_gui.core.construct.pipeline.run import build
from sier_gui.core.construct.synthesizers import Prosody, version_of
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins are shell scripts")
Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a shell script in the place of a program; ``$WAVE`` is a sound to answer with."""
    wave = tmp_path / "answer.wav"
    soundfile.write(wave, 0.3 * np.sin(np.arange(8000) / 5), 16_000)
    (programs := tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("WAVE", str(wave))

    def script(name: str, body: str) -> None:
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)

    return script


# espeak-ng is given the text on its standard input and the file to write as the last argument
SAYS = 'for last; do :; done; cp "$WAVE" "$last"'
CHOOSY = f"""
if [ "$1" = --version ]; then echo "eSpeak NG text-to-speech: 9.51-dev  Data at: /nowhere"; exit 0; fi
text=$(cat)
case "$text" in
    *unsayable*) echo "no phoneme for that" >&2; exit 1;;
    *forever*) sleep 600;;
    *silence*) exit 0;;
    *killed*) kill -9 $$;;
esac
{SAYS}
"""


def speak(text: str) -> float:
    return synthesizers.SYNTHESIZERS["espeak-ng"].speak(text, "en", Prosody()).duration_s


def test_a_program_that_hangs_is_ended_with_all_it_started(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesizers, "TIMEOUT_S", 2.0)
    monkeypatch.setattr(synthesizers, "GRACE_S", 0.1)
    install("espeak-ng", f"sleep 600 & echo $! > {tmp_path / 'child'}; wait")
    started = time.monotonic()
    with pytest.raises(SierError, match="espeak-ng did not answer within 2 s"):
        speak("hello")
    assert time.monotonic() - started < 60  # not the ten minutes for which its child holds the output open
    child = Path(f"/proc/{int((tmp_path / 'child').read_text())}")
    if Path("/proc/self").exists():
        assert not child.exists() or "Z" in (child / "stat").read_text().rpartition(")")[2].split()[0]


def test_an_answer_that_came_while_we_were_stopped_counts(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesizers, "TIMEOUT_S", 0.05)
    monkeypatch.setattr(synthesizers, "GRACE_S", 60.0)
    install("espeak-ng", f"cat > /dev/null; sleep 0.3; {SAYS}")
    assert speak("hello") == 0.5


def test_a_program_that_does_not_start_is_told(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("espeak-ng", SAYS)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin" / "espeak-ng").write_bytes(b"\x7fELF is no program")
    with pytest.raises(SierError, match="espeak-ng does not start"):
        speak("hello")


def test_versions_are_what_programs_say(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("espeak-ng", CHOOSY)
    install("flite", 'echo "  version: flite-2.2-current Sep 2018 (http://cmuflite.org)"; exit 1')
    assert version_of("espeak-ng") == "9.51"
    assert version_of("flite") == "2.2"
    assert version_of("nobody's") == ""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SierError, match="festival is not installed") as caught:
        version_of("festival")
    assert "apt-get install festival festvox-kallpc16k" in caught.value.hint


@pytest.fixture
def answerers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {Modality.SPEECH: FileAnswers("ser"), Modality.IMAGE: FileAnswers("ier")}
    monkeypatch.setattr(labelling, "load_answers", lambda ser, ier, device: found)


@pytest.mark.usefixtures("answerers")
def test_each_text_that_a_program_fails_on_is_named_and_the_rest_is_built(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesizers, "TIMEOUT_S", 5.0)
    monkeypatch.setattr(synthesizers, "GRACE_S", 0.1)
    install("espeak-ng", CHOOSY)
    texts = ["good one", "unsayable", "this takes forever", "silence", "killed", "good two"]
    write_texts(tmp_path / "texts.csv", [[text] for text in texts])
    make_pictures(tmp_path / "pictures", 6)
    voices = (parse_voice("espeak-ng"), parse_voice("festival"))
    result = build(make_request(tmp_path, voices=voices, threshold=0.0), tmp_path / "out", workers=2)
    rows = rows_of(tmp_path / "out" / "samples.csv")
    assert [row["text"] for row in rows] == ["good one", "good two"]
    assert {(row["synthesizer"], row["synthesizer_version"]) for row in rows} == {("espeak-ng", "9.51")}
    problems = rows_of(tmp_path / "out" / "problems.csv")
    assert [(p["line"], p["kind"]) for p in problems] == [
        ("", "missing"), ("3", "synthesis"), ("4", "synthesis"), ("5", "synthesis"), ("6", "synthesis"),
    ]  # fmt: skip
    for problem, said in zip(
        problems,
        (
            "apt-get install festival festvox-kallpc16k",
            "no phoneme for that",
            "did not answer within 5 s",
            "made no sound",
            "killed",
        ),
        strict=True,
    ):
        assert said in problem["reason"]
    assert result.summary["synthesizers"]["versions"] == {"espeak-ng": "9.51"}


@pytest.mark.usefixtures("answerers")
def test_another_version_does_not_go_on_with_the_build(install: Install, tmp_path: Path) -> None:
    install("espeak-ng", CHOOSY)
    write_texts(tmp_path / "texts.csv", [["one"], ["two"]])
    make_pictures(tmp_path / "pictures", 2)
    request = make_request(tmp_path, voices=(parse_voice("espeak-ng"),), threshold=0.0)
    build(request, tmp_path / "out")
    install("espeak-ng", CHOOSY.replace("9.51", "9.52"))
    build(request, tmp_path / "out")  # nothing is left to say
    next((tmp_path / "out" / "speech").iterdir()).unlink()
    with pytest.raises(SierError, match=r"begun with espeak-ng 9\.51; here is 9\.52"):
        build(request, tmp_path / "out")
