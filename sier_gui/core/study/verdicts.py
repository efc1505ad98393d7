"""Whether a take can be used, with the reasons in words: the same checks for recordings and for imports.

Levels are in dBFS. The limits are those of spoken-word practice, on the careful side: a reader is asked again
while still sitting there. "fail" cannot be accepted, "warn" can.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sier_gui.core.audio.levels import active_frames, frame_dbfs, noise_floor, peak_dbfs
from sier_gui.core.domain import FloatArray

CLIPPED_DBFS, CLIPPED_RUN = -0.1, 3
HOT_DBFS = -1.0
FAINT_DBFS, QUIET_DBFS = -50.0, -38.0  # of the speech's RMS
SNR_FAIL_DB, SNR_WARN_DB = 10.0, 20.0
LEADING_S, TRAILING_S = 2.0, 2.0
CUT_S = 0.03  # less silence than this at an end: the sound may go on beyond it
FASTEST_S, SLOWEST_S, SLACK_S = 0.12, 1.2, 1.5  # per word; a slow reader's pauses on top
LEAD_S, TAIL_S = 0.1, 0.2  # kept around the speech when a take is trimmed


class Status(StrEnum):
    """Ordered: the worst finding decides."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason: ``code`` for programs (clipping, level, snr, …), ``text`` for people."""

    code: str
    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one take.

    Attributes
    ----------
    findings : why it does not pass, worst first; empty for a pass.
    start_s, end_s : the suggested trim: the speech with 0.1 s before and 0.2 s after it.
    peak, speech, floor, snr : dBFS and dB; nan where nothing was heard.
    """

    findings: tuple[Finding, ...]
    start_s: float
    end_s: float
    peak: float
    speech: float
    floor: float
    snr: float

    @property
    def status(self) -> Status:
        return self.findings[0].status if self.findings else Status.PASS

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(finding.text for finding in self.findings)


def judge(
    samples: FloatArray,
    rate: int,
    *,
    room_dbfs: float | None,
    text: str = "",
    tainted: bool = False,
    clipped: int | None = None,
) -> Verdict:
    """Check one take.

    Parameters
    ----------
    samples : float32 (n,), full scale ±1, as recorded and not trimmed.
    room_dbfs : noise floor measured from the room tone; None: estimated from the quietest tenth of the take.
    text : what was to be said; its words are held against the duration. Empty: not checked.
    tainted : the device reported that samples were lost.
    clipped : places, where they were counted in the original of a resampled sound; None: counted here.
    """
    duration = len(samples) / rate
    floor = noise_floor(samples, rate) if room_dbfs is None else room_dbfs
    levels = frame_dbfs(samples, rate)
    active = active_frames(levels, floor)
    findings = []
    if tainted:
        findings.append(_fail("tainted", "The device lost samples during this take (overflow)."))
    clipped = clipped_runs(samples) if clipped is None else clipped
    if clipped:
        findings.append(_fail("clipping", f"Clipped in {clipped} {_plural('place', clipped)}: move back."))
    if not active.any():
        findings.append(_fail("silent", "No speech was heard. Is the microphone muted?"))
        nothing = float("nan")
        return Verdict(_ordered(findings), 0.0, duration, peak_dbfs(samples), nothing, floor, nothing)
    size = max(1, round(0.01 * rate))
    where = np.flatnonzero(active)
    start, end = float(where[0] * size / rate), float((where[-1] + 1) * size / rate)
    power = float(np.mean(10 ** (levels[active] / 10)))
    speech = 10 * np.log10(power)
    noise = 10 ** (floor / 10) if np.isfinite(floor) else 0.0
    snr = float(10 * np.log10(max(power - noise, 1e-12) / max(noise, 1e-12)))
    peak = peak_dbfs(samples)
    findings += _levels(peak, speech, snr, clipped)
    findings += _silences(start, duration - end)
    findings += _pace(end - start, len(text.split()))
    begin, stop = max(0.0, start - LEAD_S), min(duration, end + TAIL_S)
    return Verdict(_ordered(findings), begin, stop, peak, speech, floor, snr)


def clipped_runs(samples: FloatArray) -> int:
    """How often at least 3 samples in a row lie at or above −0.1 dBFS, of either sign."""
    limit = 10 ** (CLIPPED_DBFS / 20)
    count = 0
    for sign in (1, -1):  # a run is a flat top: one sign
        over = np.concatenate([[False], sign * samples >= limit, [False]]).astype(np.int8)
        edges = np.flatnonzero(np.diff(over)).reshape(-1, 2)
        count += int((edges[:, 1] - edges[:, 0] >= CLIPPED_RUN).sum())
    return count


def _levels(peak: float, speech: float, snr: float, clipped: int) -> list[Finding]:
    findings = []
    if speech < FAINT_DBFS:
        findings.append(_fail("level", f"Far too quiet ({_db(speech)}): move closer or turn the gain up."))
    elif speech < QUIET_DBFS:
        findings.append(_warn("level", f"Rather quiet ({_db(speech)}): move a little closer."))
    elif peak > HOT_DBFS and not clipped:
        findings.append(_warn("level", f"Nearly too loud (peak {_db(peak)}): move back a little."))
    if snr < SNR_FAIL_DB:
        findings.append(_fail("snr", f"The room is too loud for this voice: {snr:.0f} dB between them."))
    elif snr < SNR_WARN_DB:
        findings.append(_warn("snr", f"Only {snr:.0f} dB between voice and room; 20 are wanted."))
    return findings


def _silences(before: float, after: float) -> list[Finding]:
    findings = []
    if before < CUT_S:
        findings.append(_warn("start", "It sounds from the very start: the first sound may be cut."))
    elif before > LEADING_S:
        findings.append(_warn("start", f"{before:.1f} s of silence before the speech."))
    if after < CUT_S:
        findings.append(_warn("end", "It sounds to the very end: the last sound may be cut."))
    elif after > TRAILING_S:
        findings.append(_warn("end", f"{after:.1f} s of silence after the speech."))
    return findings


def _pace(spoken: float, words: int) -> list[Finding]:
    if not words:
        return []
    if spoken < FASTEST_S * words:
        return [_fail("duration", f"{spoken:.1f} s are too short for {words} {_plural('word', words)}.")]
    if spoken > SLOWEST_S * words + SLACK_S:
        return [_warn("duration", f"{spoken:.1f} s are long for {words} {_plural('word', words)}.")]
    return []


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.status is not Status.FAIL))


def _fail(code: str, text: str) -> Finding:
    return Finding(code, Status.FAIL, text)


def _warn(code: str, text: str) -> Finding:
    return Finding(code, Status.WARN, text)


def _db(value: float) -> str:
    return f"{value:.0f} dBFS".replace("-", "−")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
