"""Loudspeaker and microphone against a PortAudio made of Python, and against none at all."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from sier_gui.core.audio.portaudio import portaudio
from sier_gui.core.errors import SierError
from sier_gui.gui.audio_device import DevicePlayback, DeviceRecorder


class PortAudioError(Exception):
    pass


class Stream:
    """Time passes, and blocks are asked for, only when a test says so."""

    latency_s = 0.125
    latency = 0.25  # what it says of itself, for drivers that do not say when a frame is heard
    all: list[Stream]
    broken = False

    def __init__(self, *, callback: Any, finished_callback: Any = None, **settings: Any) -> None:
        self.callback, self.finished, self.settings = callback, finished_callback, settings
        self._time, self._begun, self.state = 0.0, None, "made"
        Stream.all.append(self)

    def start(self) -> None:
        if Stream.broken:
            raise PortAudioError("Device unavailable")
        self.state = "started"

    def stop(self) -> None:
        self.state = "stopped"

    def abort(self) -> None:
        self.state = "aborted"
        if self.finished:
            self.finished()

    def close(self) -> None:
        self.state = "closed"

    def run_from(self, begun: float) -> None:
        """From now on time passes by itself."""
        self._begun = begun

    @property
    def time(self) -> float:
        return self._time if self._begun is None else perf_counter() - self._begun

    @time.setter
    def time(self, value: float) -> None:
        self._time = value

    def pull(self, frames: int) -> np.ndarray:
        """The device asks for ``frames``; they are heard after the latency."""
        out = np.full((frames, self.settings["channels"]), 9.0, np.float32)
        now = self.time
        heard = SimpleNamespace(outputBufferDacTime=now + self.latency_s, currentTime=now)
        self.callback(out, frames, heard, None)
        return out


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module in sounddevice's place with one loudspeaker and one microphone."""
    module = ModuleType("sounddevice")
    Stream.all, Stream.broken = [], False
    module.PortAudioError = PortAudioError  # type: ignore[attr-defined]
    module.OutputStream = module.InputStream = Stream  # type: ignore[attr-defined]
    module.rates = {16_000, 48_000}  # type: ignore[attr-defined]

    def query_devices(kind: str) -> dict[str, Any]:
        return {"name": kind, "default_samplerate": 48_000.0}

    def check_output_settings(*, channels: int, samplerate: int, dtype: str) -> None:
        if samplerate not in module.rates:  # type: ignore[attr-defined]
            raise PortAudioError("Invalid sample rate")

    module.query_devices = query_devices  # type: ignore[attr-defined]
    module.check_output_settings = check_output_settings  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


@pytest.fixture
def playback(qtbot: QtBot, device: ModuleType) -> DevicePlayback:
    return DevicePlayback()


RAMP = np.arange(16_000, dtype=np.float32) / 16_000


def test_every_sample_is_handed_out_once_in_order_then_silence(playback: DevicePlayback) -> None:
    playback.play(RAMP, 16_000, start_s=0.75)
    stream = Stream.all[0]
    heard = np.concatenate([stream.pull(1500) for _ in range(3)])[:, 0]
    np.testing.assert_array_equal(heard[:4000], RAMP[12_000:])
    np.testing.assert_array_equal(heard[4000:], 0)
    assert stream.state == "started"  # silence until it is stopped: a stream that ends is cut off
    playback.stop()


def test_the_play_head_follows_the_devices_clock_not_what_was_handed_out(
    playback: DevicePlayback, qtbot: QtBot
) -> None:
    positions: list[float] = []
    playback.play(RAMP, 16_000, start_s=0.25, on_position=positions.append)
    stream = Stream.all[0]
    stream.pull(8000)  # half a second handed out, nothing heard yet
    qtbot.waitUntil(lambda: len(positions) > 0, timeout=2000)
    assert positions[-1] == 0.25
    stream.time = 0.225
    qtbot.waitUntil(lambda: positions[-1] == pytest.approx(0.35), timeout=2000)
    stream.time = 50.0  # a stalled device does not carry the head beyond what it was given
    qtbot.waitUntil(lambda: positions[-1] == pytest.approx(0.75), timeout=2000)
    playback.stop()


def test_the_end_is_told_once_and_stopping_is_not_an_end(playback: DevicePlayback, qtbot: QtBot) -> None:
    ended: list[str] = []

    def finished() -> None:
        ended.append("ended")

    playback.play(RAMP, 16_000, on_finished=finished)
    assert playback.playing
    stream = Stream.all[0]
    stream.pull(20_000)  # one second, heard from 0.125 s on
    stream.time = 1.12
    qtbot.wait(60)
    assert ended == []  # its last samples are not yet heard
    stream.time = 1.126
    qtbot.waitUntil(lambda: bool(ended), timeout=2000)
    assert ended == ["ended"]
    assert not playback.playing
    assert stream.state == "started"  # a clock that is a little ahead cuts nothing off
    qtbot.waitUntil(lambda: stream.state == "closed", timeout=2000)
    playback.play(RAMP, 16_000, on_finished=finished)
    playback.stop()  # aborting also calls finished_callback
    assert Stream.all[1].state == "closed"
    assert not playback._timer.isActive()
    assert ended == ["ended"]


def test_the_end_is_told_when_the_clock_reaches_it_not_at_the_next_tick(
    playback: DevicePlayback, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that runs: the end must be told within a few milliseconds of it, whatever the ticks do."""
    playback._timer.setInterval(200)
    monkeypatch.setattr("sier_gui.gui.audio_device._TICK_MS", 200)
    late: list[float] = []
    for length_s in (0.1, 0.12, 0.15):  # heard well before the second tick
        begun = perf_counter()
        heard_s = Stream.latency_s + length_s

        def finished(due: float = begun + heard_s) -> None:
            late.append(perf_counter() - due)

        playback.play(RAMP[: round(16_000 * length_s)], 16_000, on_finished=finished)
        Stream.all[-1].run_from(begun)
        Stream.all[-1].pull(20_000)
        qtbot.waitUntil(lambda: not playback.playing, timeout=2000)
    playback.stop()
    assert min(late) >= -0.001
    assert min(late) < 0.06  # one of three may have been held up on a busy machine, not all


@pytest.mark.parametrize("handed_out", [0, 4000, 20_000])
def test_a_loudspeaker_that_goes_away_is_no_end(
    playback: DevicePlayback, qtbot: QtBot, handed_out: int
) -> None:
    ended: list[str] = []
    lost: list[SierError] = []
    playback.play(RAMP, 16_000, on_finished=lambda: ended.append("ended"), on_lost=lost.append)
    if handed_out:
        Stream.all[0].pull(handed_out)
    Stream.all[0].finished()  # before the last frame was heard
    qtbot.waitUntil(lambda: bool(lost), timeout=2000)
    assert "loudspeaker output was lost" in lost[0].message
    assert "Connect it again" in lost[0].hint
    assert ended == []
    assert not playback.playing
    assert Stream.all[0].state == "closed"
    playback.play(RAMP, 16_000, on_finished=lambda: ended.append("ended"))
    Stream.all[1].finished()
    qtbot.waitUntil(lambda: bool(ended), timeout=2000)  # who does not ask is at least told that it is over


def test_a_loudspeaker_that_takes_no_sound_any_more_is_lost(
    playback: DevicePlayback, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sier_gui.gui.audio_device._STALL_S", 0.3)
    lost: list[SierError] = []
    playback.play(RAMP, 16_000, on_lost=lost.append)
    for _ in range(4):  # as long as it asks now and then it is there
        Stream.all[0].pull(100)
        qtbot.wait(100)
    assert lost == []
    qtbot.waitUntil(lambda: bool(lost), timeout=3000)
    assert "takes no sound" in lost[0].message


def test_playing_anew_stops_what_plays_and_its_late_end_is_not_ours(
    playback: DevicePlayback, qtbot: QtBot
) -> None:
    positions: list[float] = []
    playback.play(RAMP, 16_000)
    playback.play(RAMP, 16_000, start_s=0.5, on_position=positions.append)
    first, second = Stream.all
    assert (first.state, second.state) == ("closed", "started")
    first.finished()  # from the audio thread, late
    qtbot.waitUntil(lambda: len(positions) > 1, timeout=2000)
    assert playback.playing
    playback.stop()


def test_a_rate_the_device_lacks_is_resampled_to_its_own(playback: DevicePlayback) -> None:
    playback.play(np.ones((11_025, 2), np.float32), 11_025)
    stream = Stream.all[0]
    assert stream.settings["samplerate"] == 48_000
    assert stream.settings["channels"] == 2
    heard = stream.pull(50_000)
    assert np.count_nonzero(np.abs(heard[:, 0]) > 0.5) == pytest.approx(48_000, abs=100)
    playback.stop()


def test_a_driver_without_output_times_still_moves_the_head(playback: DevicePlayback, qtbot: QtBot) -> None:
    positions: list[float] = []
    playback.play(RAMP, 16_000, on_position=positions.append)
    stream = Stream.all[0]
    out = np.zeros((16_000, 1), np.float32)
    stream.callback(out, 16_000, SimpleNamespace(outputBufferDacTime=0.0, currentTime=2.0), None)
    stream.time = 2.75  # a quarter of a second is the stream's latency
    qtbot.waitUntil(lambda: bool(positions) and positions[-1] == pytest.approx(0.5), timeout=2000)
    playback.stop()


def test_a_take_is_what_the_microphone_delivered(device: ModuleType) -> None:
    recorder = DeviceRecorder()
    assert recorder.level == float("-inf")
    recorder.start()
    stream = Stream.all[0]
    block = np.zeros((480, 1), np.float32)
    for i in range(4):
        block[:] = i / 10
        stream.callback(block, 480, None, None)  # PortAudio reuses its buffer
    assert recorder.recording
    assert recorder.level == pytest.approx(20 * np.log10(0.3))
    take = recorder.stop()
    assert (take.rate, take.samples.shape) == (48_000, (1920, 1))
    np.testing.assert_allclose(take.samples[::480, 0], [0, 0.1, 0.2, 0.3])
    assert stream.state == "closed"
    assert not recorder.recording


def test_a_take_without_a_block_is_empty_not_an_error(device: ModuleType) -> None:
    recorder = DeviceRecorder()
    recorder.start()
    assert recorder.stop().samples.shape == (0, 1)


def test_a_forgotten_take_stops_growing(device: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sier_gui.gui.audio_device.MAX_TAKE_S", 0.02)
    recorder = DeviceRecorder()
    recorder.start()
    for _ in range(10):
        Stream.all[0].callback(np.zeros((480, 1), np.float32), 480, None, None)
    assert len(recorder.stop().samples) == 960


def test_starting_twice_and_stopping_nothing_are_told(device: ModuleType) -> None:
    recorder = DeviceRecorder()
    with pytest.raises(SierError, match="No take"):
        recorder.stop()
    recorder.start()
    with pytest.raises(SierError, match="already"):
        recorder.start()
    recorder.stop()


def test_a_device_that_refuses_is_told_and_let_go(playback: DevicePlayback) -> None:
    Stream.broken = True
    with pytest.raises(SierError, match="loudspeaker cannot be used: Device unavailable"):
        playback.play(RAMP, 16_000)
    assert not playback.playing
    recorder = DeviceRecorder()
    with pytest.raises(SierError, match="microphone cannot be used"):
        recorder.start()
    assert not recorder.recording
    assert [stream.state for stream in Stream.all] == ["closed", "closed"]


def test_no_device_is_one_clear_message(playback: DevicePlayback, device: ModuleType) -> None:
    def query_devices(kind: str) -> dict[str, Any]:
        raise PortAudioError("Error querying device -1")

    device.query_devices = query_devices  # type: ignore[attr-defined]
    with pytest.raises(SierError, match="No loudspeaker was found"):
        playback.play(RAMP, 16_000)
    with pytest.raises(SierError, match="No microphone was found") as caught:
        DeviceRecorder().start()
    assert "Connect one" in caught.value.hint
    assert not playback.playing


@pytest.mark.parametrize("reason", ["library", "module"])
def test_without_portaudio_the_message_names_the_package(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As sounddevice does it: OSError at its import; or the module itself is not there."""
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    if reason == "library":
        (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
        monkeypatch.syspath_prepend(tmp_path)
    else:
        monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SierError) as caught:
        portaudio()
    assert "PortAudio" in caught.value.message
    assert "libportaudio2" in caught.value.hint
