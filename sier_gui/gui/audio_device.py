"""The real loudspeaker and microphone, through PortAudio: `core.audio.devices` for a window.

PortAudio calls back on a thread of its own. It only ever touches numpy arrays and plain attributes, each
replaced in one assignment; a timer on the GUI thread looks at them. So no Qt object is used off its thread.
"""

from __future__ import annotations

import math
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Slot

from sier_gui.core.audio.devices import OnFinished, OnLost, OnPosition
from sier_gui.core.audio.files import Audio, resample
from sier_gui.core.audio.levels import peak_dbfs
from sier_gui.core.audio.portaudio import portaudio
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from types import ModuleType

_TICK_MS = 16  # the play-head moves at the screen's rate
_STALL_S = 3.0  # a device that asks for nothing for so long is gone; wireless ones take a second to wake
_BUFFERED_S = 0.15  # ahead of the loudspeaker, so that a busy machine tears no hole; it delays no beginning
_CLOSE_MS = 300  # from the end to letting the device go: a clock that is a little ahead cuts nothing off
_FARTHEST_S = 1.0  # from handing a frame out to its being heard: what drivers say beyond that is not believed
MAX_TAKE_S = 600.0  # as long as a file may be; a forgotten take stops growing here
_RESTART = "Connect one, choose it in the system's sound settings, and start the program again."


def _device(kind: str) -> tuple[ModuleType, dict[str, Any]]:
    """PortAudio and the default device for ``kind`` "input" | "output"."""
    sounddevice = portaudio()
    name = "microphone" if kind == "input" else "loudspeaker"
    try:
        device: dict[str, Any] = sounddevice.query_devices(kind=kind)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise SierError(f"No {name} was found.", _RESTART) from error
    return sounddevice, device


class _Sound:
    """What one stream plays. The audio thread writes here, the GUI thread only reads: one per stream, so that
    a stream that ends late cannot end its successor."""

    def __init__(self, samples: FloatArray, rate: int, start_s: float) -> None:
        self.samples, self.rate = samples, rate
        self.next = min(max(round(start_s * rate), 0), len(samples))  # frame handed out next
        self.start_s = self.next / rate
        self.latency_s = 0.0  # the stream's own word, for drivers that do not say when a frame is heard
        self.heard = (self.next, float("inf"))  # a frame, and the stream time at which it is heard
        self.calls = 0  # how often the device asked
        self.ends_at: float | None = None  # stream time of the last frame, once it is handed out
        self.ended = False  # the device asks for no more: it went away

    def fill(self, out: FloatArray, frames: int, time: Any, _status: object) -> None:
        """Audio thread: hand out the next frames, noting when they will be heard; then silence.

        A stream that ends by itself is cut off: with ALSA all that waits in its buffer is lost.
        """
        block = self.samples[self.next : self.next + frames]
        out[: len(block)] = block
        out[len(block) :] = 0
        ahead = time.outputBufferDacTime - time.currentTime if time.outputBufferDacTime else self.latency_s
        at = time.currentTime + min(max(ahead, 0.0), _FARTHEST_S)
        self.heard = (self.next, at)
        self.next += len(block)
        self.calls += 1
        if self.ends_at is None and self.next >= len(self.samples):
            self.ends_at = at + len(block) / self.rate

    def end(self) -> None:
        """Audio thread: the stream has ended, which it does only with its device."""
        self.ended = True

    def position_s(self, stream_time: float) -> float:
        """Seconds from the samples' start that are heard at ``stream_time``, the device's clock."""
        frame, at = self.heard
        # a device that stalls must not let the play-head run on
        seconds = frame / self.rate + min(stream_time - at, 1.0)
        return min(max(seconds, self.start_s), self.next / self.rate)


class DevicePlayback(QObject):
    """`Playback` on the default output; positions and the end are told on the GUI thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stream: Any = None
        self._sound: _Sound | None = None
        self._on_position: OnPosition | None = None
        self._on_finished: OnFinished | None = None
        self._on_lost: OnLost | None = None
        self._name = ""
        self._asked = (0, 0.0)  # how often the device had asked when that was last seen to change, and when
        self._looked_at = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._last = QTimer(self)  # the end falls between two ticks
        self._last.setTimerType(Qt.TimerType.PreciseTimer)
        self._last.timeout.connect(self._tick)
        self._closing = QTimer(self)
        self._closing.setInterval(_CLOSE_MS)
        self._closing.timeout.connect(self.stop)
        self._last.setSingleShot(True)
        self._closing.setSingleShot(True)

    @property
    def playing(self) -> bool:
        return self._sound is not None

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
        """As `Playback.play`; a device that cannot do ``rate`` gets the samples at its own."""
        self.stop()
        sounddevice, device = _device("output")
        columns = samples[:, None] if samples.ndim == 1 else samples
        channels = columns.shape[1]
        try:
            sounddevice.check_output_settings(channels=channels, samplerate=rate, dtype="float32")
        except sounddevice.PortAudioError:
            own = int(device["default_samplerate"])
            columns, rate = resample(columns, rate, own), own
        sound = _Sound(columns, rate, start_s)
        stream = None
        try:
            stream = sounddevice.OutputStream(
                samplerate=rate,
                channels=channels,
                dtype="float32",
                latency=_BUFFERED_S,
                callback=sound.fill,
                finished_callback=sound.end,
            )
            sound.latency_s = float(stream.latency)
            stream.start()
        except sounddevice.PortAudioError as error:
            if stream is not None:
                stream.close()
            raise SierError(f"The loudspeaker cannot be used: {error}.", _RESTART) from error
        self._stream, self._sound, self._name = stream, sound, str(device["name"])
        self._on_position, self._on_finished, self._on_lost = on_position, on_finished, on_lost
        self._looked_at = monotonic()
        self._asked = (0, self._looked_at)
        self._timer.start()

    @Slot()
    def stop(self) -> None:
        for timer in (self._timer, self._last, self._closing):
            timer.stop()
        self._on_position = self._on_finished = self._on_lost = None
        stream, self._stream, self._sound = self._stream, None, None
        if stream is not None:
            stream.abort()
            stream.close()

    @Slot()
    def _tick(self) -> None:
        sound = self._sound
        if sound is None:
            return
        if sound.ended or self._stalled(sound.calls):
            self._lose("it was unplugged, or the sound system ended" if sound.ended else "it takes no sound")
            return
        now = float(self._stream.time)
        rest_ms = math.inf if sound.ends_at is None else 1000 * (sound.ends_at - now)
        if rest_ms <= 0:
            self._finish()
            return
        if rest_ms < _TICK_MS:
            self._last.start(math.ceil(rest_ms))
        if self._on_position is not None:
            self._on_position(sound.position_s(now))

    def _finish(self) -> None:
        on_finished, self._on_finished = self._on_finished, None
        self._on_position = self._on_lost = self._sound = None
        self._timer.stop()
        self._last.stop()
        self._closing.start()
        if on_finished is not None:
            on_finished()

    def _stalled(self, calls: int) -> bool:
        """Whether the device has asked for nothing for too long while somebody looked."""
        now = monotonic()
        slept = now - self._looked_at > _STALL_S / 2  # the computer, or the window: a new chance first
        self._looked_at = now
        if slept or calls != self._asked[0]:
            self._asked = (calls, now)
        return now - self._asked[1] > _STALL_S

    def _lose(self, why: str) -> None:
        on_lost, on_finished = self._on_lost, self._on_finished
        self.stop()
        if on_lost is not None:
            on_lost(
                SierError(
                    f"The loudspeaker {self._name} was lost: {why}.",
                    "Connect it again, then go on; where that does not help, start the program again.",
                )
            )
        elif on_finished is not None:
            on_finished()


class DeviceRecorder:
    """`Recorder` on the default microphone: mono, at the device's own rate."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._blocks: list[FloatArray] = []
        self._frames = 0
        self._rate = 1
        self._level = float("-inf")

    @property
    def recording(self) -> bool:
        return self._stream is not None

    @property
    def level(self) -> float:
        """Peak of the latest block in dBFS."""
        return min(self._level, 0.0) if self.recording else float("-inf")

    def start(self) -> None:
        """Begin a take.

        Raises
        ------
        SierError : a take is running, PortAudio is missing, or there is no usable microphone.
        """
        if self.recording:
            raise SierError("A take is already running.", "Stop it first.")
        sounddevice, device = _device("input")
        self._rate = int(device["default_samplerate"])
        self._blocks, self._frames, self._level = [], 0, float("-inf")
        stream = None
        try:
            stream = sounddevice.InputStream(
                samplerate=self._rate, channels=1, dtype="float32", callback=self._take
            )
            stream.start()
        except sounddevice.PortAudioError as error:
            if stream is not None:
                stream.close()
            raise SierError(f"The microphone cannot be used: {error}.", _RESTART) from error
        self._stream = stream

    def stop(self) -> Audio:
        """End the take: float32 (n, 1), possibly 0 samples.

        Raises
        ------
        SierError : no take is running.
        """
        if not self.recording:
            raise SierError("No take is running.", "Start one first.")
        stream, self._stream = self._stream, None
        stream.stop()
        stream.close()
        blocks, self._blocks = self._blocks, []
        return Audio(np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32), self._rate)

    def _take(self, block: FloatArray, frames: int, _time: object, _status: object) -> None:
        """Audio thread: keep a copy, since PortAudio reuses its buffer."""
        self._level = peak_dbfs(block)
        if self._frames < MAX_TAKE_S * self._rate:
            self._blocks.append(block.copy())
            self._frames += frames
