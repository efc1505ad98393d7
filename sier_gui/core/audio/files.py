"""Sound files to samples and back; every file loads or gives one `SierError` naming it and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError
from sier_gui.core.paths import atomic_file, check_media

MAX_SECONDS = 300.0  # speech is at most 60 s; five minutes of Opus still decode within 2 s
MAX_VALUES = 60_000_000  # frames × channels: 240 MB of float32
_RATES = (1_000, 768_000)  # Hz; outside it a header is damaged or hostile, and resampling would explode
_BLOCK_VALUES = 1 << 18
_CONVERT = "Convert it to WAV or FLAC with another program, or leave it out."


@dataclass(frozen=True, slots=True)
class Audio:
    """Decoded sound: ``samples`` float32 (n, channels), full scale ±1; ``rate`` in Hz."""

    samples: FloatArray
    rate: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate


def read_audio(path: Path, *, max_seconds: float = MAX_SECONDS) -> Audio:
    """Decode any file libsndfile knows (WAV, RIFX, RF64, FLAC, OGG, Opus, MP3, AIFF, AU, …).

    Integer samples are scaled to ±1; floating-point samples are taken as they are.

    Raises
    ------
    SierError : missing, not a sound file, damaged, empty, longer than ``max_seconds``, or with
        samples that are not finite (refused, since guessing them would change what is explained).
    """
    import soundfile

    path = Path(path)
    check_media(path, "sound")
    try:
        with soundfile.SoundFile(str(path)) as file:
            _check_header(path, file, max_seconds)
            samples, rate = _read_blocks(path, file, max_seconds), file.samplerate
    except (soundfile.SoundFileError, OSError, TypeError, RuntimeError) as error:
        # TypeError: headerless .raw, for which libsndfile wants rate and channels
        raise SierError(f"Cannot read {path} as sound: {_reason(error)}.", _CONVERT) from error
    if len(samples) == 0:
        raise SierError(f"{path} holds no samples.", "Record it again, or leave it out.")
    if not np.isfinite(samples).all():
        raise SierError(f"{path} holds samples that are not finite numbers (NaN or infinity).", _CONVERT)
    return Audio(samples, rate)


def load_speech(path: Path, rate: int = 16_000) -> FloatArray:
    """Decode to mono at ``rate`` Hz: float32 (n,), channels averaged, n ≥ 1.

    Raises
    ------
    SierError : as `read_audio`.
    """
    audio = read_audio(path)
    return resample(audio.samples.mean(axis=1, dtype=np.float32), audio.rate, rate)


def resample(samples: FloatArray, rate: int, target: int) -> FloatArray:
    """Band-limited resampling (soxr) of (n,) or (n, channels) from ``rate`` to ``target`` Hz."""
    if rate == target:
        return samples
    import soxr

    resampled: FloatArray = soxr.resample(samples, rate, target).astype(np.float32, copy=False)
    # a handful of samples at a high rate is less than one at the target: keep one
    return resampled if len(resampled) else samples[:1].copy()


def write_wav(path: Path, audio: Audio) -> None:
    """Write 24-bit WAV atomically; values beyond ±1 are clipped.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    import soundfile

    with atomic_file(Path(path)) as temporary:
        soundfile.write(str(temporary), np.clip(audio.samples, -1, 1), audio.rate, "PCM_24", format="WAV")


def _check_header(path: Path, file: Any, max_seconds: float) -> None:
    rate, frames = file.samplerate, file.frames
    if not _RATES[0] <= rate <= _RATES[1]:
        raise SierError(f"{path} states a sampling rate of {rate} Hz.", _CONVERT)
    # streams of unknown length state 2^63-1 frames: those are counted while reading
    if frames < 1 << 62 and frames > max_seconds * rate:
        raise _too_long(path, frames / rate, max_seconds)


def _read_blocks(path: Path, file: Any, max_seconds: float) -> FloatArray:
    """Read block by block, so that a header's false length never decides an allocation."""
    block = max(1, _BLOCK_VALUES // file.channels)
    limit = min(max_seconds * file.samplerate, MAX_VALUES / file.channels)
    parts, total = [], 0
    while True:
        part = file.read(block, dtype="float32", always_2d=True)
        if len(part):
            parts.append(part)
            total += len(part)
        if total > limit:
            rate = file.samplerate
            raise _too_long(path, total / rate, limit / rate)
        if len(part) < block:
            break
    return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)


def _too_long(path: Path, seconds: float, limit: float) -> SierError:
    return SierError(
        f"{path} is too long: {seconds:.0f} s or more (limit {limit:.0f} s).",
        "Cut it into single utterances.",
    )


def _reason(error: Exception) -> str:
    """The library's words without the path it repeats."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".") or type(error).__name__
