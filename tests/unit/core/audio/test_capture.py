"""An open microphone: what belongs to a take is decided by places in the sound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sier_gui.core.audio import capture
from sier_gui.core.audio.capture import Capture, FakeInput, Meter, Phase
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError

RATE = 48_000


class Heard:
    """A sink that remembers."""

    def __init__(self, breaks_after: int = 1 << 40) -> None:
        self.blocks: list[FloatArray] = []
        self.ends: list[bool] = []
        self.errors: list[SierError] = []
        self._breaks_after = breaks_after

    def write(self, block: FloatArray) -> None:
        if sum(map(len, self.blocks)) + len(block) > self._breaks_after:
            raise SierError("The disk is full.")
        self.blocks.append(block)

    def end(self, *, tainted: bool) -> None:
        self.ends.append(tainted)

    def fail(self, error: SierError) -> None:
        self.errors.append(error)

    @property
    def sound(self) -> FloatArray:
        return np.concatenate(self.blocks) if self.blocks else np.zeros(0, np.float32)


@pytest.fixture
def microphone() -> FakeInput:
    return FakeInput()


@pytest.fixture
def open_(microphone: FakeInput) -> Iterator[Capture]:
    opened = Capture(microphone)
    opened.open()
    yield opened
    opened.close()
    assert not microphone.is_open


def ramp(first: float, seconds: float) -> FloatArray:
    """Samples that say where they are: their number in units of a second."""
    return ((np.arange(round(seconds * RATE)) + round(first * RATE)) / RATE / 100).astype(np.float32)


def test_the_devices_first_300_ms_are_dropped_and_500_ms_after_the_stop_are_kept(
    microphone: FakeInput, open_: Capture
) -> None:
    sink = Heard()
    open_.start(sink)
    assert open_.phase is Phase.PRE_ROLL
    microphone.deliver(ramp(0, 0.3))
    assert open_.drain()
    assert open_.phase is Phase.RECORDING
    assert len(sink.sound) == 0
    microphone.deliver(ramp(0.3, 1.0))
    open_.stop()
    assert open_.phase is Phase.POST_ROLL
    microphone.deliver(ramp(1.3, 1.0))
    assert open_.drain()
    assert sink.ends == [False]
    np.testing.assert_array_equal(sink.sound, ramp(0.3, 1.5))
    assert open_.phase is Phase.IDLE


def test_in_a_warm_device_an_early_start_is_kept(microphone: FakeInput, open_: Capture) -> None:
    """Whoever speaks with the key, before the window says so, is not cut."""
    microphone.deliver(ramp(0, 2.0))
    sink = Heard()
    open_.start(sink)
    microphone.deliver(ramp(2.0, 0.2))
    assert open_.drain()
    assert open_.phase is Phase.PRE_ROLL
    microphone.deliver(ramp(2.2, 0.8))
    assert open_.drain()
    assert open_.phase is Phase.RECORDING
    open_.stop()
    microphone.deliver(ramp(3.0, 0.6))
    assert open_.drain()
    np.testing.assert_array_equal(sink.sound, ramp(2.0, 1.5))


def test_a_warm_up_that_began_before_the_key_is_not_begun_again(
    microphone: FakeInput, open_: Capture
) -> None:
    microphone.deliver(ramp(0, 0.1))
    sink = Heard()
    open_.start(sink)
    microphone.deliver(ramp(0.1, 1.0))
    open_.stop()
    microphone.deliver(ramp(1.1, 0.5))
    assert open_.drain()
    np.testing.assert_array_equal(sink.sound, ramp(0.3, 1.3))


def test_room_tone_ends_by_itself(microphone: FakeInput, open_: Capture) -> None:
    sink = Heard()
    open_.start(sink, seconds=3.0)
    assert open_.phase is Phase.RECORDING
    microphone.deliver(ramp(0, 5.0))
    assert open_.drain()
    assert sink.ends == [False]
    np.testing.assert_array_equal(sink.sound, ramp(0.3, 3.0))


def test_lost_samples_taint_the_take_they_were_lost_in_and_no_other(
    microphone: FakeInput, open_: Capture
) -> None:
    microphone.deliver(ramp(0, 0.5), lost=True)
    for lost in (False, True, False):
        sink = Heard()
        open_.start(sink)
        microphone.deliver(ramp(0, 0.4))
        microphone.deliver(ramp(0, 0.4), lost=lost)
        open_.stop()
        microphone.deliver(ramp(0, 0.6))
        assert open_.drain()
        assert sink.ends == [lost]


def test_a_forgotten_take_ends_at_the_limit(
    microphone: FakeInput, open_: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "MAX_TAKE_S", 1.0)
    sink = Heard()
    open_.start(sink)
    microphone.deliver(ramp(0, 3.0))
    assert open_.drain()
    assert sink.ends == [False]
    assert len(sink.sound) == RATE
    assert open_.phase is Phase.IDLE


def test_unplugged_during_a_take_loses_that_take_and_says_so(microphone: FakeInput, open_: Capture) -> None:
    sink = Heard()
    open_.start(sink)
    microphone.deliver(ramp(0, 1.0))
    microphone.unplug()
    open_.close()
    assert sink.ends == []
    (error,) = sink.errors
    assert "test microphone was lost: it was unplugged" in error.message
    assert "not kept" in error.message
    assert open_.phase is Phase.CLOSED
    assert not microphone.is_open


def test_unplugged_between_takes_is_told_and_the_device_opens_again(microphone: FakeInput) -> None:
    told: list[SierError] = []
    opened = Capture(microphone, told.append)
    opened.open()
    microphone.unplug()
    deadline = opened._thread
    if deadline is not None:
        deadline.join(5)
    assert "was lost" in told[0].message
    opened.open()
    sink = Heard()
    opened.start(sink)
    microphone.deliver(ramp(0, 1.0))
    opened.stop()
    microphone.deliver(ramp(1.0, 0.5))
    assert opened.drain()
    assert sink.ends == [False]
    opened.close()


def test_a_device_that_falls_silent_for_good_is_taken_for_gone(
    microphone: FakeInput, open_: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Heard()
    open_.start(sink)
    microphone.deliver(ramp(0, 1.0))
    open_.check()
    assert open_.drain()
    assert open_.phase is Phase.RECORDING
    monkeypatch.setattr(capture, "STALL_S", -1.0)
    thread = open_._thread
    open_.check()
    assert thread is not None
    thread.join(5)
    assert open_.phase is Phase.CLOSED
    assert "no sound" in sink.errors[0].message


def test_a_computer_that_slept_does_not_lose_its_microphone(
    microphone: FakeInput, open_: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(capture.time, "monotonic", lambda: clock[0])
    microphone.deliver(ramp(0, 0.1))
    open_.check()
    clock[0] += 3600  # and the device has not yet woken up
    open_.check()
    clock[0] += 0.4
    microphone.deliver(ramp(0.1, 0.1))
    for _ in range(10):
        open_.check()
        clock[0] += 0.1
        assert open_.drain()
    assert open_.phase is Phase.IDLE
    thread = open_._thread
    clock[0] += 0.1
    open_.check()
    assert thread is not None
    thread.join(5)
    assert open_.phase is Phase.CLOSED  # it never came back


def test_a_sink_that_cannot_write_loses_its_take_and_the_next_goes_on(
    microphone: FakeInput, open_: Capture
) -> None:
    broken, fine = Heard(breaks_after=RATE // 2), Heard()
    open_.start(broken)
    microphone.deliver(ramp(0, 2.0))
    assert open_.drain()
    assert [error.message for error in broken.errors] == ["The disk is full."]
    assert broken.ends == []
    open_.start(fine)
    microphone.deliver(ramp(0, 1.0))
    open_.stop()
    microphone.deliver(ramp(1.0, 0.5))
    assert open_.drain()
    assert fine.ends == [False]


def test_keys_at_the_wrong_time(microphone: FakeInput, open_: Capture) -> None:
    open_.stop()
    assert open_.phase is Phase.IDLE
    open_.start(Heard())
    with pytest.raises(SierError, match="under way"):
        open_.start(Heard())
    open_.stop()
    open_.stop()
    microphone.deliver(ramp(0, 1.0))
    assert open_.drain()
    assert open_.phase is Phase.IDLE
    open_.close()
    with pytest.raises(SierError, match="No microphone is open"):
        open_.start(Heard())


def test_a_missing_device_is_told_and_nothing_runs() -> None:
    opened = Capture(FakeInput(missing=True))
    with pytest.raises(SierError, match="not found"):
        opened.open()
    assert opened.phase is Phase.CLOSED
    opened.close()


def test_the_meter_shows_peak_and_rms_and_holds_the_highest() -> None:
    meter = Meter(RATE)
    assert meter.levels.peak == float("-inf")
    t = np.arange(RATE // 10) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    for block in np.array_split(tone, 10):
        meter.add(block)
    assert meter.levels.peak == pytest.approx(20 * np.log10(0.5), abs=0.01)
    assert meter.levels.rms == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.05)
    silence = np.zeros(480, np.float32)
    for _ in range(100):  # one second
        meter.add(silence)
    assert meter.levels.peak == float("-inf")
    assert meter.levels.held == pytest.approx(20 * np.log10(0.5), abs=0.01)
    for _ in range(60):
        meter.add(silence)
    assert meter.levels.held == float("-inf")
