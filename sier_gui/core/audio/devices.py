"""Microphone and loudspeaker as protocols, with fakes for tests; the window brings the real ones.

Times are seconds from the start of the given samples. Callbacks may come from an audio thread: a receiver
with a GUI carries them across itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from sier_gui.core.audio.files import Audio
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError

OnPosition = Callable[[float], None]
OnFinished = Callable[[], None]
OnLost = Callable[[SierError], None]


class Recorder(Protocol):
    """One microphone. `start` twice without `stop` is a `SierError`, as is a missing device."""

    def start(self) -> None:
        """Begin a take; raises `SierError` when there is no usable microphone."""

    def stop(self) -> Audio:
        """End the take and return it (possibly 0 samples); raises `SierError` when none is running."""

    @property
    def recording(self) -> bool: ...

    @property
    def level(self) -> float:
        """Peak of the latest block in dBFS, at most 0; -inf for silence or when not recording."""


class Playback(Protocol):
    """One loudspeaker; playing anew stops what plays."""

    def play(
        self,
        samples: FloatArray,
        rate: int,
        *,
        start_s: float = 0.0,
        on_position: OnPosition | None = None,
        on_finished: OnFinished | None = None,
        on_lost: OnLost | None = None,
    ) -> None:
        """Play float32 (n,) or (n, channels) from ``start_s``.

        ``on_position`` hears seconds from the samples' start, taken from the device's clock;
        ``on_finished`` is called once, when the end has been heard by that clock; where the device goes away
        before, ``on_lost`` is called in its place, or ``on_finished`` where there is none. Neither is called
        after `stop`. Raises `SierError` when there is no usable device.
        """

    def stop(self) -> None:
        """Silence at once; harmless when nothing plays."""

    @property
    def playing(self) -> bool: ...


class FakeRecorder:
    """Hands out a given take, with the level of the block last passed to `hear`."""

    def __init__(self, take: Audio, *, missing: bool = False) -> None:
        self.take = take
        self.missing = missing
        self.recording = False
        self.level = float("-inf")

    def start(self) -> None:
        if self.missing:
            raise SierError("No microphone was found.", "Connect one and try again.")
        if self.recording:
            raise SierError("A take is already running.", "Stop it first.")
        self.recording = True

    def hear(self, block: FloatArray) -> None:
        """Pretend that the microphone delivered ``block``."""
        peak = float(np.abs(block).max(initial=0.0))
        self.level = float(20 * np.log10(peak)) if peak else float("-inf")

    def stop(self) -> Audio:
        if not self.recording:
            raise SierError("No take is running.", "Start one first.")
        self.recording = False
        self.level = float("-inf")
        return self.take


class FakePlayback:
    """Time passes only through `advance`; ``played`` lists what was asked for as (samples, rate, start_s)."""

    def __init__(self, *, missing: bool = False) -> None:
        self.missing = missing
        self.playing = False
        self.played: list[tuple[FloatArray, int, float]] = []
        self.position_s = 0.0
        self._on_position: OnPosition | None = None
        self._on_finished: OnFinished | None = None
        self._on_lost: OnLost | None = None

    def play(
        self,
        samples: FloatArray,
        rate: int,
        *,
        start_s: float = 0.0,
        on_position: OnPosition | None = None,
        on_finished: OnFinished | None = None,
        on_lost: OnLost | None = None,
    ) -> None:
        if self.missing:
            raise SierError("No loudspeaker was found.", "Connect one and try again.")
        self.stop()
        self.played.append((samples, rate, start_s))
        self.position_s, self.playing = start_s, True
        self._on_position, self._on_finished, self._on_lost = on_position, on_finished, on_lost

    def advance(self, seconds: float) -> None:
        """Let the device's clock run on; reports the position, and the end when it is reached."""
        if not self.playing:
            return
        samples, rate, _ = self.played[-1]
        end = len(samples) / rate
        self.position_s = min(self.position_s + seconds, end)
        if self._on_position:
            self._on_position(self.position_s)
        if self.position_s >= end:
            self.playing = False
            if self._on_finished:
                self._on_finished()

    def unplug(self) -> None:
        """The device goes away, and stays away."""
        on_lost, self.missing = self._on_lost if self.playing else None, True
        self.stop()
        if on_lost is not None:
            on_lost(SierError("The loudspeaker was lost: it was unplugged.", "Connect it again."))

    def stop(self) -> None:
        self.playing = False
        self._on_position = self._on_finished = self._on_lost = None
