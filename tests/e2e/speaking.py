"""A room with a speaker in it: plays noise into the default output, and a voice at each line of its input.

Usage: python speaking.py VOICE.wav
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import soundfile

from sier_gui.core.audio.portaudio import portaudio

RATE = 48_000


class Room:
    """One endless stream; the voice begins where the line arrives."""

    def __init__(self, voice: np.ndarray) -> None:
        self.voice, self.at = voice, len(voice)
        self._noise = np.random.default_rng(1)

    def fill(self, out: np.ndarray, frames: int, _time: object, _status: object) -> None:
        out[:, 0] = self._noise.standard_normal(frames) * 10 ** (-65 / 20)
        part = self.voice[self.at : self.at + frames]
        out[: len(part), 0] += part
        self.at += len(part)


def main() -> None:
    voice, rate = soundfile.read(str(Path(sys.argv[1])), dtype="float32")
    assert rate == RATE
    room = Room(voice)
    with portaudio().OutputStream(samplerate=RATE, channels=1, dtype="float32", callback=room.fill):
        print("ready", flush=True)
        for _line in sys.stdin:
            room.at = 0
            threading.Event().wait(len(voice) / RATE + 0.3)
            print("said", flush=True)


if __name__ == "__main__":
    main()
