"""Stage 4: a text said by the first voice that can."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sier_gui.core.audio.files import Audio
from sier_gui.core.construct.pipeline.request import SynthVoice
from sier_gui.core.construct.synthesizers import Prosody, Synthesizer, choose
from sier_gui.core.dataset.validation import LONGEST_S, SHORTEST_S
from sier_gui.core.errors import SierError
from sier_gui.core.seeds import stream

ROOM = 8 << 20  # bytes that the temporary folder must have left: programs write there, some cut silently
_SILENT = 1e-4  # peak, of full scale


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text that was said: 16-bit FLAC, mono, at the program's own rate."""

    voice: SynthVoice
    seconds: float
    flac: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """What is kept of a text whose speech and picture lie in the dataset; their sizes in bytes."""

    program: str
    voice: str
    seconds: float
    bytes: int
    image_bytes: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A voice that could not say a text, and why."""

    voice: SynthVoice
    reason: str


def usable(voices: Iterable[SynthVoice], prosody: Prosody) -> tuple[list[SynthVoice], list[Failed]]:
    """The voices that say a word, and those that do not: program missing, or it lacks the voice."""
    able: list[SynthVoice] = []
    unable: list[Failed] = []
    for voice in voices:
        try:
            _, failures = say("seven", [voice], prosody)
        except SierError as error:
            failures = [Failed(voice, str(error))]
        unable += failures
        if not failures:
            able.append(voice)
    check_room()
    return able, unable


def order_of(voices: Sequence[SynthVoice], row: int, seed: int) -> list[SynthVoice]:
    """The voices in the order in which they may say the text of ``row``: its own shuffle."""
    return [voices[i] for i in stream(seed, f"voice/{row}").permutation(len(voices))]


def say(text: str, voices: Iterable[SynthVoice], prosody: Prosody) -> tuple[Spoken | None, list[Failed]]:
    """``text`` by the first of ``voices`` that can; None where none can. With it those that failed before.

    Raises
    ------
    SierError : a program is not installed, or the temporary folder is full: that says nothing of the text.
    """
    failures: list[Failed] = []
    for voice in voices:
        synthesizer = choose(voice.program)
        try:
            audio = _spoken(synthesizer, text, voice, prosody)
            spoken = Spoken(voice, audio.duration_s, _flac(audio))
        except SierError as error:
            check_room()
            failures.append(Failed(voice, str(error)))
            continue
        check_room()
        return spoken, failures
    return None, failures


def check_room() -> None:
    """Raises `SierError` where the temporary folder has less than `ROOM` left."""
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < ROOM:
        raise SierError(
            f"{folder}, where synthesizers write, has no space left.", "Make space there and start again."
        )


def _spoken(synthesizer: Synthesizer, text: str, voice: SynthVoice, prosody: Prosody) -> Audio:
    try:
        audio = synthesizer.speak(text, voice.name, prosody)
    except SierError:
        raise
    except Exception as error:  # foreign code may raise anything
        raise SierError(f"{voice.program} failed ({type(error).__name__}: {error}).") from error
    if not np.isfinite(audio.samples).all() or np.abs(audio.samples).max(initial=0) < _SILENT:
        raise SierError(f"{voice.program} answered with silence.")
    if not SHORTEST_S <= audio.duration_s <= LONGEST_S:
        raise SierError(
            f"{voice.program} speaks for {audio.duration_s:.2f} s; {SHORTEST_S}–{LONGEST_S:.0f} s may be."
        )
    return audio


def _flac(audio: Audio) -> bytes:
    """In memory: libsndfile does not say when a disk is full."""
    import soundfile

    target = io.BytesIO()
    mono = np.clip(audio.samples.mean(axis=1), -1, 1)
    soundfile.write(target, mono, audio.rate, "PCM_16", format="FLAC")
    return target.getvalue()
