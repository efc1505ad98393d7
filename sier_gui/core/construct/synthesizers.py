"""Text to speech behind one protocol: the synthesizers that Debian ships, and those of installed packages.

A third-party synthesizer is an entry point of the group ``sier_gui.synthesizers`` naming a class without
constructor arguments that follows `Synthesizer`; docs/build.md shows one in ten lines.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
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
GRACE_S = 5.0
_NO_VOICE = 3  # the status with which our script ends festival
_PACKAGES = {"espeak-ng": "espeak-ng", "flite": "flite", "festival": "festival festvox-kallpc16k"}  # Debian's
_ESPEAK_WORDS_PER_MINUTE = 165
_ESPEAK_PITCH_PER_OCTAVE = 90.0  # its 0–99 scale, measured around 50 with the voices used here


class _Failed(SierError):
    """A program ended with a status that says so."""

    def __init__(self, program: str, why: str, status: int) -> None:
        super().__init__(f"{program} failed: {why}.", "Use another voice.")
        self.status = status


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
                f"(if (not (member '{voice} (voice.list))) (exit {_NO_VOICE}))\n(voice_{voice})\n"
                f"(set! int_lr_params '((target_f0_mean {105 * prosody.pitch:.1f})"
                f" (target_f0_std {14 * prosody.range:.1f}) (model_f0_mean 170) (model_f0_std 34)))\n"
                f"(Parameter.set 'Duration_Stretch {1 / prosody.rate:.3f})\n"
                f'(utt.save.wave (utt.synth (Utterance Text "{said}")) "{target}" \'riff)\n'
            )
            try:
                _run([self.name, "--pipe"], script)
            except _Failed as error:
                if error.status != _NO_VOICE:
                    raise
                raise SierError(
                    f"festival has no voice {voice!r}.", "kal_diphone is in the package festvox-kallpc16k."
                ) from error
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


def version_of(name: str) -> str:
    """What the program, or the package that brings the synthesizer, says its version is; "" where none does.

    Raises
    ------
    SierError : the program is missing or does not answer.
    """
    if name in _PACKAGES:
        said = _run([name, "--version"], "", may_fail=True).decode(errors="replace")
        found = re.search(r"\d+\.\d[\w.]*", said)
        return found.group() if found else ""
    for point in entry_points(group=GROUP, name=name):
        if point.dist is not None:
            return f"{point.dist.name} {point.dist.version}"
    return ""


def _missing(program: str) -> SierError:
    package = _PACKAGES.get(program)
    how = f"Install it: apt-get install {package}." if package else "Install it."
    return SierError(f"The speech synthesizer {program} is not installed.", how)


def _run(command: list[str], text: str, *, may_fail: bool = False) -> bytes:
    """Run without a shell; its standard output. Raises `SierError` when missing, failing or hanging.

    ``may_fail``: what it says counts, not how it ends.
    """
    program = command[0]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that what it starts itself can be ended with it
        )
    except FileNotFoundError as error:
        raise _missing(program) from error
    except OSError as error:
        raise SierError(f"{program} does not start: {error.strerror}.", "Check its permissions.") from error
    with process:
        try:
            out, err = _answer(process, text)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise SierError(
                f"{program} did not answer within {TIMEOUT_S:.0f} s.", "Use another voice."
            ) from error
        except BaseException:
            _end(process)
            raise
    if process.returncode and not may_fail:
        said = (err or out).decode(errors="replace").strip().splitlines()
        raise _Failed(program, said[-1] if said else _how_it_ended(process.returncode), process.returncode)
    return out


def _answer(process: subprocess.Popen[bytes], text: str) -> tuple[bytes, bytes]:
    """What it writes until it ends."""
    try:
        return process.communicate(text.encode(), TIMEOUT_S)
    except subprocess.TimeoutExpired:
        # we may have been stopped ourselves, as on a laptop put to sleep: what has answered meanwhile counts
        return process.communicate(timeout=GRACE_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    """The program, and those it started: one of them could keep its output open for ever."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _how_it_ended(status: int) -> str:
    return f"status {status}" if status > 0 else f"{signal.strsignal(-status)}".lower()


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
