"""Microphones: against a PortAudio made of Python, and the whole path through a sound server's null sink."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sound_server import null_sink

from sier_gui.core.audio.portaudio import DeviceInput, microphones
from sier_gui.core.errors import SierError


class PortAudioError(Exception):
    pass


class Stream:
    all: list[Stream]
    broken = False

    def __init__(self, *, callback: Any, finished_callback: Any, **settings: Any) -> None:
        self.callback, self.finished, self.settings, self.state = (
            callback,
            finished_callback,
            settings,
            "made",
        )
        Stream.all.append(self)

    def start(self) -> None:
        if Stream.broken:
            raise PortAudioError("Device unavailable")
        self.state = "started"

    def abort(self) -> None:
        self.finished()

    def close(self) -> None:
        self.state = "closed"


DEVICES = [
    {"name": "speakers", "hostapi": 0, "max_input_channels": 0, "default_samplerate": 44_100.0},
    {"name": "built-in", "hostapi": 0, "max_input_channels": 2, "default_samplerate": 44_100.0},
    {"name": "headset", "hostapi": 1, "max_input_channels": 1, "default_samplerate": 16_000.0},
]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module: Any = ModuleType("sounddevice")
    Stream.all, Stream.broken = [], False
    module.PortAudioError, module.InputStream = PortAudioError, Stream
    module.query_devices = lambda: list(DEVICES)
    module.query_hostapis = lambda: [{"name": "ALSA"}, {"name": "JACK"}]
    module.default = SimpleNamespace(device=(1, 0))

    def check_input_settings(*, device: int, samplerate: int, **_: object) -> None:
        if device == 2 and samplerate != 16_000:
            raise PortAudioError("Invalid sample rate")

    module.check_input_settings = check_input_settings
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def ignore(*_: object) -> None:
    pass


def test_inputs_are_listed_the_default_first(device: ModuleType) -> None:
    assert [(m.name, m.rate, m.default) for m in microphones()] == [
        ("built-in (ALSA)", 44_100, True),
        ("headset (JACK)", 16_000, False),
    ]


def test_the_default_opens_at_48_khz_mono_and_blocks_are_copied(device: ModuleType) -> None:
    heard: list[tuple[np.ndarray, bool]] = []
    opened = DeviceInput()
    opened.open(lambda block, lost: heard.append((block, lost)), ignore)
    (stream,) = Stream.all
    assert opened.name == "built-in (ALSA)"
    assert (stream.settings["device"], stream.settings["samplerate"], stream.settings["channels"]) == (
        1,
        48_000,
        1,
    )
    buffer = np.full((480, 1), 0.5, np.float32)
    stream.callback(buffer, 480, None, SimpleNamespace(input_overflow=False))
    buffer[:] = 0.25
    stream.callback(buffer, 480, None, SimpleNamespace(input_overflow=True))
    assert [(float(block[0]), len(block), lost) for block, lost in heard] == [
        (0.5, 480, False),
        (0.25, 480, True),
    ]
    opened.close()
    stream.callback(buffer, 480, None, None)
    assert len(heard) == 2


def test_a_device_that_cannot_do_48_khz_runs_at_its_own_rate(device: ModuleType) -> None:
    opened = DeviceInput("headset (JACK)")
    opened.open(ignore, ignore)
    assert opened.rate == 16_000
    assert Stream.all[0].settings["samplerate"] == 16_000
    opened.close()


def test_the_end_of_a_stream_is_told_unless_we_ended_it(device: ModuleType) -> None:
    lost: list[str] = []
    opened = DeviceInput()
    opened.open(ignore, lost.append)
    Stream.all[0].finished()
    assert lost == ["the system ended its stream"]
    opened.open(ignore, lost.append)
    opened.close()
    assert len(lost) == 1
    assert [stream.state for stream in Stream.all] == ["closed", "closed"]


def test_refusing_and_missing_devices_are_told(device: ModuleType) -> None:
    with pytest.raises(SierError, match=r"gone \(ALSA\) was not found"):
        DeviceInput("gone (ALSA)").open(ignore, ignore)
    Stream.broken = True
    with pytest.raises(SierError, match=r"built-in \(ALSA\) cannot be used: Device unavailable"):
        DeviceInput().open(ignore, ignore)
    assert Stream.all[-1].state == "closed"
    device.default.device = (-1, -1)
    with pytest.raises(SierError, match="No microphone was found"):
        DeviceInput().open(ignore, ignore)


# ---------------------------------------------------------------- the true path

TRIES = 3
_PROBE = Path(__file__).with_name("loopback_probe.py")


@pytest.fixture
def sound_server(tmp_path: Path) -> Iterator[dict[str, str]]:
    with null_sink(tmp_path) as environment:
        yield environment


def test_what_is_played_into_a_null_sink_is_what_the_take_holds(
    sound_server: dict[str, str], tmp_path: Path
) -> None:
    """PortAudio, the sound server, our stream, phases, writer and file, all real. A busy machine drops blocks
    now and then, which the device may or may not report: so up to three tries, each compared in full."""
    last = ""
    for attempt in range(TRIES):
        target = tmp_path / f"study-{attempt}"
        result = subprocess.run(
            [sys.executable, str(_PROBE), str(target)],
            env=sound_server,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        if result.returncode == 77:
            pytest.skip(result.stdout.strip())
        if result.returncode == 0:
            return
        last = f"{result.stdout}\n{result.stderr}"
    pytest.fail(last)
