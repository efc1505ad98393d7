"""From a microphone, or a file recorded elsewhere, to a take of the project.

A take is written while it is spoken, so that a full disk is noticed then and a crash finds it: 24-bit WAV as
``003.wav.part``, synced, read back and judged, given its sidecar, renamed, and made known to the project.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sier_gui import __version__
from sier_gui.core.audio.files import read_audio
from sier_gui.core.audio.levels import rms_dbfs
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError
from sier_gui.core.study.project import Project
from sier_gui.core.study.project.database import now
from sier_gui.core.study.project.sidecars import PART, file_hash, publish, take_from, take_path, write_sidecar
from sier_gui.core.study.records import Take
from sier_gui.core.study.verdicts import Verdict, judge

ROOM_TONE_S = 3.0
SHORTEST_ROOM_TONE_S = 1.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a reader is to say: ``text`` as it is shown, ``raw`` as the dataset has it."""

    sample_id: str
    text: str
    raw: str


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What every take of a session shares. ``room_dbfs``: None where no room tone was taken."""

    reader: str
    device: str
    rate: int
    room_dbfs: float | None = None
    session: str = ""


def begin_session(
    project: Project, reader: str, device: str, rate: int, room_dbfs: float | None
) -> SessionFacts:
    """A reader sits down at a device whose room tone is known."""
    session = project.add_session(reader, device, rate, room_dbfs)
    return SessionFacts(reader, device, rate, room_dbfs, session)


# ---------------------------------------------------------------- sinks for a capture

OnKept = Callable[[Take, Verdict], None]
OnFailed = Callable[[SierError], None]


class TakeWriter:
    """Keeps one take of a capture (see `audio.capture.Sink`); everything happens on the capture's thread.

    ``on_kept`` hears of the take once it is on the disk and known to the project, ``on_failed`` of what
    prevented that; exactly one of them is called.
    """

    def __init__(
        self, project: Project, facts: SessionFacts, prompt: Prompt, on_kept: OnKept, on_failed: OnFailed
    ) -> None:
        self._project, self._facts, self._prompt = project, facts, prompt
        self._on_kept, self._on_failed = on_kept, on_failed
        self._file: WavPart | None = None

    def write(self, block: FloatArray) -> None:
        with told_errors(self._project.folder):
            if self._file is None:
                self._file = next_part(
                    self._project, self._facts.reader, self._prompt.sample_id, self._facts.rate
                )
            self._file.write(block)

    def end(self, *, tainted: bool) -> None:
        if self._file is None:
            raise SierError("Nothing was recorded.", "Speak for a moment longer, then press Space.")
        file, self._file = self._file, None
        with told_errors(self._project.folder):
            try:
                take, verdict = keep_part(self._project, self._facts, self._prompt, file, tainted=tainted)
            except BaseException:
                file.discard()
                raise
        self._on_kept(take, verdict)

    def fail(self, error: SierError) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.discard()
        self._on_failed(error)


class RoomTone:
    """Measures the room: hears some seconds of nobody speaking. Nothing is stored."""

    def __init__(self, rate: int, on_level: Callable[[float], None], on_failed: OnFailed) -> None:
        self._rate, self._on_level, self._on_failed = rate, on_level, on_failed
        self._blocks: list[FloatArray] = []

    def write(self, block: FloatArray) -> None:
        self._blocks.append(block)

    def end(self, *, tainted: bool) -> None:
        tone = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)
        if tainted or len(tone) < SHORTEST_ROOM_TONE_S * self._rate:
            raise SierError("The room tone was not complete.", "Take it again, in silence.")
        level = rms_dbfs(tone)
        if not math.isfinite(level):
            raise SierError(
                "The microphone delivered digital silence, not the sound of a room.",
                "It is muted, or the wrong device: unmute it, or choose another.",
            )
        self._on_level(level)

    def fail(self, error: SierError) -> None:
        self._on_failed(error)


class SoundCheck:
    """Keeps some seconds in memory and judges them: the microphone's test. Nothing is stored."""

    def __init__(
        self, rate: int, on_heard: Callable[[FloatArray, Verdict], None], on_failed: OnFailed
    ) -> None:
        self._rate, self._on_heard, self._on_failed = rate, on_heard, on_failed
        self._blocks: list[FloatArray] = []

    def write(self, block: FloatArray) -> None:
        self._blocks.append(block)

    def end(self, *, tainted: bool) -> None:
        sound = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)
        self._on_heard(sound, judge(sound, self._rate, room_dbfs=None, tainted=tainted))

    def fail(self, error: SierError) -> None:
        self._on_failed(error)


# ---------------------------------------------------------------- files


class WavPart:
    """A mono 24-bit WAV that grows as ``NNN.wav.part`` beside the place it will have.

    Raises
    ------
    OSError : from every method but `discard`: the disk is full, or gone.
    """

    def __init__(self, wav: Path, number: int, rate: int) -> None:
        self.wav, self.number, self.rate = wav, number, rate
        self.part = wav.with_name(wav.name + PART)
        self.frames = 0
        self._file = self.part.open("xb")
        self._file.write(_header(0, rate))

    def write(self, block: FloatArray) -> None:
        """float32 (n,); beyond full scale is clipped."""
        self._file.write(pcm24(block))
        self.frames += len(block)

    def finish(self) -> str:
        """All on the disk; returns the file's SHA-256."""
        self._file.seek(0)
        self._file.write(_header(self.frames, self.rate))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return file_hash(self.part)

    def discard(self) -> None:
        """Remove what was written; the reason has been told, so a disk that is gone is not told again."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.part.unlink(missing_ok=True)


def pcm24(block: FloatArray) -> bytes:
    """float32 (n,) as little-endian 24-bit integers; ±1 becomes ±(2²³ − 1)."""
    scale = (1 << 23) - 1
    values = np.rint(np.clip(block, -1, 1).astype(np.float64) * scale).astype("<i4")
    return values.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _header(frames: int, rate: int) -> bytes:
    """The 44 bytes of a canonical RIFF WAVE file: PCM, mono, 24 bits."""
    size = 3 * frames
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, 3 * rate, 3, 24, b"data", size),
    )


def wav_hash(samples: FloatArray, rate: int) -> str:
    """The SHA-256 that a take of these samples, float32 (n,), has as a file."""
    return hashlib.sha256(_header(len(samples), rate) + pcm24(samples)).hexdigest()


def next_part(project: Project, reader: str, sample_id: str, rate: int) -> WavPart:
    """Begin the next take's file; a number on the disk or on record is never used again."""
    number = project.next_number(reader, sample_id)
    while True:
        wav = project.folder / take_path(reader, sample_id, number)
        part = wav.with_name(wav.name + PART)
        if not wav.exists() and not part.exists():
            wav.parent.mkdir(parents=True, exist_ok=True)
            return WavPart(wav, number, rate)
        number += 1


def keep_part(
    project: Project,
    facts: SessionFacts,
    prompt: Prompt,
    file: WavPart,
    *,
    tainted: bool = False,
    source: str = "",
    clipped: int | None = None,
) -> tuple[Take, Verdict]:
    """Sync, read back, judge, describe, name, list: in this order, so that a crash between leaves no riddle.

    ``source``: the name of the file that an import came from; ``clipped``: as `judge`.
    """
    sha256 = file.finish()
    samples = read_audio(file.part).samples[:, 0]
    verdict = judge(
        samples,
        file.rate,
        room_dbfs=facts.room_dbfs,
        text=prompt.text,
        tainted=tainted,
        clipped=clipped,
    )
    values = _described(facts, prompt, file, verdict, tainted=tainted, source=source) | {"sha256": sha256}
    write_sidecar(file.wav, values)
    publish(file.part, file.wav)
    take = take_from(values, file.wav.relative_to(project.folder).as_posix())
    project.add_take(take, facts.session)
    return take, verdict


def _described(
    facts: SessionFacts, prompt: Prompt, file: WavPart, verdict: Verdict, *, tainted: bool, source: str
) -> dict[str, Any]:
    """What the sidecar says beside the file's hash."""
    return {
        "reader": facts.reader,
        "sample_id": prompt.sample_id,
        "number": file.number,
        "text": prompt.text,
        "raw_text": prompt.raw,
        "device": facts.device,
        "rate": file.rate,
        "bits": 24,
        "duration_s": file.frames / file.rate,
        "room_dbfs": facts.room_dbfs,
        "verdict": {
            "status": verdict.status,
            "reasons": verdict.reasons,
            "peak_dbfs": _finite(verdict.peak),
            "speech_dbfs": _finite(verdict.speech),
            "floor_dbfs": _finite(verdict.floor),
            "snr_db": _finite(verdict.snr),
        },
        "trim": {"start_s": verdict.start_s, "end_s": verdict.end_s},
        "tainted": tainted,
        "imported": bool(source),
        "source": source,
        "session": facts.session,
        "recorded_at": now(),
        "software": f"sier-gui {__version__}",
    }


def _finite(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None


@contextmanager
def told_errors(folder: Path) -> Iterator[None]:
    """What the disk refuses, in words."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", None))
        raise SierError(
            f"The take could not be written to {folder}: {'the disk is full' if full else error.strerror}.",
            "Make room on the disk; what was kept before is safe. Then record this prompt again."
            if full
            else "Check the disk; what was kept before is safe. Then record this prompt again.",
        ) from error
