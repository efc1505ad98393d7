"""Does a rater wear headphones? Three tones, one quieter, one in opposite phase (Woods et al. 2017).

Through loudspeakers the tone in opposite phase cancels out and sounds quietest; through headphones the tone
that is 6 dB lower does. Six rounds, five of which must be right.
"""

from __future__ import annotations

import numpy as np

from sier_gui.core.domain import FloatArray
from sier_gui.core.seeds import stream

ROUNDS, NEEDED = 6, 5
RATE = 48_000
HERTZ = 200.0  # long waves: the cancelling hardly depends on where the head is
_TONE_S, _GAP_S, _RAMP_S = 1.0, 0.5, 0.1
_PEAK = 0.1  # about the loudness of the stimuli
_QUIET_DB = -6.0


def round_of(seed: int, rater: str, number: int) -> tuple[FloatArray, int]:
    """Sound of round ``number`` (from 0 on), float32 (n, 2) at `RATE`; the place 0–2 of the quiet tone."""
    places = stream(seed, f"headphones/{rater}/{number}").permutation(3)
    quiet, opposite = int(places[0]), int(places[1])
    tone, gap = _tone(), np.zeros((round(_GAP_S * RATE), 2), np.float32)
    parts: list[FloatArray] = []
    for place in range(3):
        gain = 10 ** (_QUIET_DB / 20) if place == quiet else 1.0
        right = -1.0 if place == opposite else 1.0
        parts += [gap] if place else []
        parts.append(np.stack([gain * tone, gain * right * tone], axis=1).astype(np.float32))
    return np.concatenate(parts), quiet


def _tone() -> FloatArray:
    t = np.arange(round(_TONE_S * RATE)) / RATE
    ramp = np.clip(np.minimum(t, _TONE_S - t) / _RAMP_S, 0, 1)
    tone = _PEAK * np.sin(2 * np.pi * HERTZ * t) * np.sin(ramp * np.pi / 2) ** 2
    return tone.astype(np.float32)
