"""Text to speech behind one protocol: the synthesizers that Debian ships, and those of installed packages.

A third-party synthesizer is an entry point of the group ``sier_gui.synthesizers`` naming a class without
constructor arguments that follows `Synthesizer`; docs/build.md shows one in ten lines.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from math import log2
from pathlib import Path
from typing import Protocol
from xml.sax.saxutils import escape

import numpy as np

from sier_gui.core.audio.files import Audio
from sier_gui.core.errors import SierError

GROUP = "sier_gui.synthesizers"
TIMEOUT_S = 60.0
_ESPEAK_WORDS_PER_MINUTE = 165
_ESPEAK_PITCH_PER_OCTAVE = 90.0  # its 0–99 scale, measured around 50 with the voices used here


@dataclass(frozen=True, slots=True)
class Prosody:
    """How a piece is said, relative to the voice's own manner.

    ``pitch``, ``rate`` and ``range`` (of the pitch) are ratios, 1 leaves them; ``volume_db`` is added to
    what the program answers. flite has no control of the range and ignores it.
    """

    pitch: float = 1.0
    rate: float = 1.0
    range: float = 1.0
    volume_db: float = 0.0


class Synthesizer(Protocol):
    """One program that speaks; several threads may ask it at once."""

    name: str
    default_voice: str

    def available(self) -> bool:
        """Whether it is installed; quick."""
        ...

    def speak(self, text: str, voice: str, prosody: Prosody) -> Audio:
        """Mono sound at the program's own rate, the same for the same arguments.

        Raises `SierError` without the program or the voice, or where it fails or takes too long.
        """
        ...


class EspeakNg:
    """espeak-ng; voices as ``language+variant``, e.g. ``en-gb+f2``."""

    name = "espeak-ng"
    default_voice = "en-us+f2"

    def available(self) -> bool:
        return shutil.which(self.name) is not None

    def speak(self, text: str, voice: str, prosody: Prosody) -> Audio:
        """Speak ``text``; see `Synthesizer`. Raises `SierError` without the program or the voice."""
        pitch = round(np.clip(50 + _ESPEAK_PITCH_PER_OCTAVE * log2(prosody.pitch), 0, 99))
        markup = f"<speak><prosody range='{round(100 * prosody.range)}%'>{escape(text)}</prosody></speak>"
        words = round(_ESPEAK_WORDS_PER_MINUTE * prosody.rate)
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "speech.wav"
            command = [self.name, "-v", voice, "-p", str(pitch), "-s", str(words), "-m", "-z", "--stdin"]
            _run([*command, "-w", str(target)], markup)
            return _with_volume(_decode(self.name, text, _bytes(target)), prosody)


class Flite:
    """flite; voices ``awb``, ``slt``, ``rms``, ``kal16``."""

    name = "flite"
    default_voice = "slt"

    def available(self) -> bool:
        return shutil.which(self.name) is not None

    def speak(self, text: str, voice: str, prosody: Prosody) -> Audio:
        """Speak ``text``; see `Synthesizer`. An unknown voice is refused (flite would use its default)."""
        self._check_voice(voice)
        settings = [f"duration_stretch={1 / prosody.rate:.3f}", f"f0_shift={prosody.pitch:.3f}"]
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "speech.wav"
            options = [word for setting in settings for word in ("--setf", setting)]
            # the text as an argument after -t: flite reads no standard input
            _run([self.name, "-voice", voice, *options, "-t", text, "-o", str(target)], "")
            return _with_volume(_decode(self.name, text, _bytes(target)), prosody)

    def _check_voice(self, voice: str) -> None:
        known = _run([self.name, "-lv"], "").decode(errors="replace").partition(":")[2].split()
        if voice not in known:
            raise SierError(f"flite has no voice {voice!r}.", f"Use one of {', '.join(known)}.")


class Festival:
    """festival with its diphone voices, e.g. ``kal_diphone`` (package festvox-kallpc16k)."""

    name = "festival"
    default_voice = "kal_diphone"

    def available(self) -> bool:
        return shutil.which(self.name) is not None

    def speak(self, text: str, voice: str, prosody: Prosody) -> Audio:
        """Speak ``text``; see `Synthesizer`. Raises `SierError` without the program or the voice."""
        if not voice.replace("_", "").isalnum():
            raise SierError(f"{voice!r} is no festival voice.", "Use a name such as kal_diphone.")
        said = text.replace("\\", " ").replace('"', " ")
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "speech.wav"
            # linear-regression intonation: mean and deviation of F0 in Hz; kal's own are 105 and 14
            script = (
                f"(if (not (member '{voice} (voice.list))) (exit 3))\n(voice_{voice})\n"
                f"(set! int_lr_params '((target_f0_mean {105 * prosody.pitch:.1f})"
                f" (target_f0_std {14 * prosody.range:.1f}) (model_f0_mean 170) (model_f0_std 34)))\n"
                f"(Parameter.set 'Duration_Stretch {1 / prosody.rate:.3f})\n"
                f'(utt.save.wave (utt.synth (Utterance Text "{said}")) "{target}" \'riff)\n'
            )
            _run([self.name, "--pipe"], script)
            return _with_volume(_decode(self.name, text, _bytes(target)), prosody)


SYNTHESIZERS: dict[str, Synthesizer] = {s.name: s for s in (EspeakNg(), Flite(), Festival())}


def names() -> tuple[str, ...]:
    """Of all synthesizers, installed or not: those of this module, then those of installed packages."""
    brought = {point.name for point in entry_points(group=GROUP)}
    return (*SYNTHESIZERS, *sorted(brought - set(SYNTHESIZERS)))


def find(name: str) -> Synthesizer:
    """The synthesizer of that name, whose program may be missing.

    Raises
    ------
    SierError : unknown, or the package that brings it does not load.
    """
    if name in SYNTHESIZERS:
        return SYNTHESIZERS[name]
    if name not in names():
        raise SierError(f"There is no synthesizer {name!r}.", f"Use one of {', '.join(names())}.")
    (point, *_) = entry_points(group=GROUP, name=name)
    return _loaded(point)


def choose(name: str) -> Synthesizer:
    """The synthesizer of that name, checked to be installed.

    Raises
    ------
    SierError : as `find`, or its program is missing.
    """
    synthesizer = find(name)
    if not synthesizer.available():
        raise _missing(name)
    return synthesizer


def _loaded(point: EntryPoint) -> Synthesizer:
    try:
        synthesizer: Synthesizer = point.load()()
    except (ImportError, AttributeError) as error:
        raise SierError(
            f"The package that brings synthesizer {point.name!r} does not load: {error}.", "Install it again."
        ) from error
    return synthesizer


def _missing(program: str) -> SierError:
    how = f"Install it: apt-get install {program}." if program in SYNTHESIZERS else "Install it."
    return SierError(f"The speech synthesizer {program} is not installed.", how)


def _run(command: list[str], text: str) -> bytes:
    """Run without a shell; its standard output. Raises `SierError` when missing, failing or hanging."""
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError as error:
        raise _missing(command[0]) from error
    except subprocess.TimeoutExpired as error:
        raise SierError(
            f"{command[0]} did not answer within {TIMEOUT_S:.0f} s.", "Use another voice."
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise SierError(
            f"{command[0]} failed: {said[-1] if said else done.returncode}.", "Use another voice."
        )
    return done.stdout


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _decode(program: str, text: str, wave: bytes) -> Audio:
    """WAV bytes to mono; none or unreadable ones mean that the program did not speak."""
    import soundfile

    try:
        samples, rate = soundfile.read(io.BytesIO(wave), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise SierError(f"{program} made no sound of {text[:40]!r}.", "Use another voice or text.") from error
    if not len(samples):
        raise SierError(f"{program} made no sound of {text[:40]!r}.", "Use another voice or text.")
    return Audio(samples.mean(axis=1, keepdims=True, dtype=np.float32), rate)


def _with_volume(audio: Audio, prosody: Prosody) -> Audio:
    gain = np.float32(10 ** (prosody.volume_db / 20))
    return Audio(audio.samples * gain, audio.rate)
