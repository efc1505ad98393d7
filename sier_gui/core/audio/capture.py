"""An open microphone: phases, level meter, and takes handed block by block to whoever keeps them.

The device's thread only copies blocks into a queue and measures their level. One thread of `Capture` takes
them out, in order with the commands to start and stop, so that what belongs to a take is decided by places in
the sound and never by the clock; it also does all writing. The window only reads plain attributes.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from sier_gui.core.audio.levels import peak_dbfs, rms_dbfs
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError

RATE = 48_000  # Hz
BLOCK_S = 0.01
WARM_UP_S = 0.3  # what a device delivers first (clicks, fading in) is dropped
PRE_ROLL_S = 0.3  # from the key to "speak"; kept, so that an early start is not cut
POST_ROLL_S = 0.5  # kept after the key that stops, so that the last sound is not cut
MAX_TAKE_S = 300.0  # as long as a file may be; a forgotten take ends here
STALL_S = 1.0  # a device that delivers nothing for so long is gone
HOLD_S = 1.5  # the highest level stays to be read

OnBlock = Callable[[FloatArray, bool], None]  # float32 (n,); True where the device lost samples before them
OnLost = Callable[[str], None]  # the reason
OnFailed = Callable[[SierError], None]


class Phase(StrEnum):
    """What the microphone does now."""

    CLOSED = "closed"
    IDLE = "idle"
    PRE_ROLL = "pre-roll"
    RECORDING = "recording"
    POST_ROLL = "post-roll"


class InputDevice(Protocol):
    """One microphone: mono float32 blocks at one rate from `open` until `close`."""

    name: str
    rate: int

    def open(self, on_block: OnBlock, on_lost: OnLost) -> None:
        """Begin; both are called on the device's thread. Raises `SierError` where it cannot be used."""

    def close(self) -> None:
        """End; nothing is called afterwards. Harmless when it is not open."""


class Sink(Protocol):
    """Keeps one take. All are called on the capture's thread; `write` and `end` may raise `SierError`."""

    def write(self, block: FloatArray) -> None:
        """The take's next samples, float32 (n,)."""

    def end(self, *, tainted: bool) -> None:
        """All has been written. ``tainted``: the device lost samples on the way."""

    def fail(self, error: SierError) -> None:
        """The take is lost: the device went, or `write` or `end` failed."""


@dataclass(frozen=True, slots=True)
class Levels:
    """In dBFS, -inf for silence: of the latest 50 ms, and the highest peak of the last 1.5 s."""

    peak: float = float("-inf")
    rms: float = float("-inf")
    held: float = float("-inf")


class Meter:
    """Levels of a running sound. Written by the device's thread, read by any."""

    def __init__(self, rate: int) -> None:
        self._keep, self._hold = max(1, round(0.05 * rate)), HOLD_S * rate
        self._recent: list[FloatArray] = []
        self._held, self._held_for = float("-inf"), 0.0
        self.levels = Levels()

    def add(self, block: FloatArray) -> None:
        self._recent.append(block)
        size = sum(map(len, self._recent))
        while size - len(self._recent[0]) >= self._keep:
            size -= len(self._recent.pop(0))
        now = np.concatenate(self._recent)
        self._held_for += len(block)
        peak = peak_dbfs(block)
        if peak >= self._held or self._held_for >= self._hold:
            self._held, self._held_for = peak, 0.0
        self.levels = Levels(peak_dbfs(now), rms_dbfs(now), self._held)


@dataclass(slots=True)
class _Take:
    """What the capture's thread knows of the take under way, in samples."""

    sink: Sink
    limit: int  # of what may still be recorded
    warming: int  # still to be dropped
    rolling: int  # of the pre-roll, then of the post-roll, still to come
    stopping: bool = False  # unlike the phase, which is ahead of the blocks still in the queue
    tainted: bool = False


class Capture:
    """One device held open over a session; one take at a time.

    Parameters
    ----------
    on_failed : told, on the capture's thread, when the device goes while no take runs.

    Notes
    -----
    `start` and `stop` return at once; the phase says how far the take is. A take's sink hears of its end
    after the post-roll. `close` ends everything; a take that runs then is lost, and its sink is told so.
    """

    def __init__(self, device: InputDevice, on_failed: OnFailed | None = None) -> None:
        self.device = device
        self.phase = Phase.CLOSED
        self.recorded_s = 0.0  # of the take under way, pre-roll included
        self._on_failed = on_failed
        self._meter = Meter(device.rate)
        self._queue: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()  # over the phase: `start` and `stop` against the capture's thread
        self._over = threading.Event()  # no take is under way
        self._thread: threading.Thread | None = None
        self._take: _Take | None = None
        self._warming = 0
        self._heard_at = self._checked_at = 0.0

    @property
    def levels(self) -> Levels:
        return self._meter.levels if self.phase is not Phase.CLOSED else Levels()

    def open(self) -> None:
        """Open the device and begin to listen; its first 0.3 s are never part of a take.

        Raises
        ------
        SierError : the device cannot be used, or is open.
        """
        if self.phase is not Phase.CLOSED:
            raise SierError(f"{self.device.name} is open already.", "Close it first.")
        self._queue = queue.SimpleQueue()
        self.device.open(self._on_block, self._on_lost)
        self._heard_at = self._checked_at = time.monotonic()
        self._meter = Meter(self.device.rate)  # opening may have settled on another rate
        self._warming = round(WARM_UP_S * self.device.rate)
        self._take = None
        self.phase = Phase.IDLE
        self._thread = threading.Thread(target=self._run, name="sier-gui capture", daemon=True)
        self._thread.start()

    def start(self, sink: Sink, seconds: float | None = None) -> None:
        """Begin a take after the pre-roll.

        Parameters
        ----------
        seconds : end by itself after so long, without pre-roll and post-roll (room tone).

        Raises
        ------
        SierError : no device is open, or a take is under way.
        """
        with self._lock:
            if self.phase is Phase.CLOSED:
                raise SierError("No microphone is open.", "Choose one on the device page.")
            if self.phase is not Phase.IDLE:
                raise SierError("A take is under way.", "Stop it first.")
            self.phase = Phase.PRE_ROLL if seconds is None else Phase.RECORDING
            self.recorded_s = 0.0
            self._over.clear()
        self._queue.put(("start", (sink, seconds)))

    def stop(self) -> None:
        """End the take after the post-roll; harmless when none runs or it is ending."""
        with self._lock:
            if self.phase not in (Phase.PRE_ROLL, Phase.RECORDING):
                return
            self.phase = Phase.POST_ROLL
        self._queue.put(("stop", None))

    def finish(self, timeout_s: float = 3.0) -> bool:
        """Stop and wait until the take is kept or lost; False where that takes longer."""
        if self.phase in (Phase.CLOSED, Phase.IDLE):
            return True
        self.stop()
        return self._over.wait(timeout_s)

    def check(self) -> None:
        """To be called now and then: a device that silently delivers nothing any more is taken for gone.

        After a time in which nobody called, as when the computer slept, the device gets a new chance first.
        """
        now = time.monotonic()
        if now - self._checked_at > STALL_S / 2 > 0:
            self._heard_at = max(self._heard_at, now)
        self._checked_at = now
        if self.phase is not Phase.CLOSED and now - self._heard_at > STALL_S:
            self._heard_at = now
            self._on_lost("it delivers no sound")

    def drain(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything delivered so far is dealt with; False where that takes longer."""
        done = threading.Event()
        self._queue.put(("tell", done))
        return self._thread is not None and done.wait(timeout_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """Let the device go and end the thread; a take under way is lost."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self.device.close()
        self._queue.put(("close", None))
        if thread is not threading.current_thread():
            thread.join(timeout_s)

    # ---------------------------------------------------------------- the device's thread

    def _on_block(self, block: FloatArray, lost: bool) -> None:
        self._heard_at = time.monotonic()
        self._meter.add(block)
        self._queue.put(("block", (block, lost)))

    def _on_lost(self, reason: str) -> None:
        self._queue.put(("lost", reason))

    # ---------------------------------------------------------------- the capture's thread

    def _run(self) -> None:
        while True:
            what, value = self._queue.get()
            if what == "block":
                self._hear(*value)
            elif what == "start":
                self._begin(*value)
            elif what == "stop" and self._take is not None:
                self._take.stopping, self._take.rolling = True, round(POST_ROLL_S * self.device.rate)
            elif what == "tell":
                value.set()
            elif what in ("lost", "close"):
                self._lose(what, value)
                return

    def _begin(self, sink: Sink, seconds: float | None) -> None:
        rate = self.device.rate
        limit = round((MAX_TAKE_S if seconds is None else seconds) * rate)
        pre_roll = round(PRE_ROLL_S * rate) if seconds is None else 0
        self._take = _Take(sink, limit, self._warming, max(pre_roll, self._warming))
        self._warming = 0

    def _hear(self, block: FloatArray, lost: bool) -> None:
        take = self._take
        if take is None:
            self._warming = max(0, self._warming - len(block))
            return
        take.tainted |= lost
        dropped = min(take.warming, len(block))
        take.warming -= dropped
        kept = block[dropped:][: take.limit]
        if take.stopping:
            kept = kept[: take.rolling]
        try:
            if len(kept):
                take.sink.write(kept)
        except SierError as error:
            self._end(error)
            return
        take.limit -= len(kept)
        self.recorded_s += len(kept) / self.device.rate
        take.rolling -= len(block)
        self._move_on(take)

    def _move_on(self, take: _Take) -> None:
        """The next phase, where it is time."""
        with self._lock:
            if self.phase is Phase.PRE_ROLL and take.rolling <= 0:
                self.phase = Phase.RECORDING
        over = take.limit <= 0 or (take.stopping and take.rolling <= 0)
        if over:
            self._end(None)

    def _end(self, error: SierError | None) -> None:
        """The take is over: kept, or lost by ``error``. The next one may begin once its sink has finished."""
        take, self._take = self._take, None
        assert take is not None
        try:
            if error is None:
                take.sink.end(tainted=take.tainted)
        except SierError as problem:
            error = problem
        if error is not None:
            take.sink.fail(error)
        with self._lock:
            if self.phase is not Phase.CLOSED:
                self.phase = Phase.IDLE
            self._over.set()

    def _lose(self, what: str, reason: str | None) -> None:
        """The device is gone, or let go: so is the take under way."""
        with self._lock:
            self.phase = Phase.CLOSED
        if what == "lost":
            self.device.close()
            self._thread = None
        error = SierError(
            f"The microphone {self.device.name} was lost: {reason}."
            if what == "lost"
            else "The microphone was closed during the take.",
            "Connect it again and open it on the device page; takes kept before are safe.",
        )
        if self._take is not None:
            error = SierError(f"{error.message} The take under way was not kept.", error.hint)
            self._end(error)
        elif what == "lost" and self._on_failed is not None:
            self._on_failed(error)


class FakeInput:
    """A microphone for tests: hears what `deliver` is given, on the caller's thread."""

    def __init__(self, name: str = "test microphone", rate: int = RATE, *, missing: bool = False) -> None:
        self.name, self.rate, self.missing = name, rate, missing
        self.is_open = False
        self._on_block: OnBlock | None = None
        self._on_lost: OnLost | None = None

    def open(self, on_block: OnBlock, on_lost: OnLost) -> None:
        if self.missing:
            raise SierError(f"The microphone {self.name} was not found.", "Connect it and try again.")
        self.is_open, self._on_block, self._on_lost = True, on_block, on_lost

    def close(self) -> None:
        self.is_open, self._on_block, self._on_lost = False, None, None

    def deliver(self, samples: FloatArray, *, lost: bool = False) -> None:
        """Hear ``samples``, float32 (n,), in blocks of 10 ms; ``lost``: some were lost before the first."""
        size = round(BLOCK_S * self.rate)
        for first in range(0, len(samples), size):
            if self._on_block is not None:
                self._on_block(np.array(samples[first : first + size], np.float32), lost and first == 0)

    def unplug(self, reason: str = "it was unplugged") -> None:
        if self._on_lost is not None:
            self._on_lost(reason)
