"""The fakes keep the promises of the protocols, since other tests stand on them."""

import numpy as np
import pytest

from sier_gui.core.audio.devices import FakePlayback, FakeRecorder, Playback, Recorder
from sier_gui.core.audio.files import Audio
from sier_gui.core.errors import SierError


def test_recorder_hands_out_its_take_and_level():
    take = Audio(np.ones((10, 1), np.float32), 16_000)
    recorder: Recorder = FakeRecorder(take)
    with pytest.raises(SierError):
        recorder.stop()
    recorder.start()
    with pytest.raises(SierError):
        recorder.start()
    assert recorder.level == -np.inf
    recorder.hear(np.array([0.1, -0.5], np.float32))
    assert recorder.level == pytest.approx(-6.02, abs=0.01)
    assert recorder.stop() is take
    assert not recorder.recording


def test_playback_reports_position_and_end_once():
    playback: Playback = FakePlayback()
    heard, ended = [], []
    playback.play(
        np.zeros(16_000, np.float32),
        16_000,
        start_s=0.5,
        on_position=heard.append,
        on_finished=lambda: ended.append(1),
    )
    playback.advance(0.25)
    assert (heard, ended, playback.playing) == ([0.75], [], True)
    playback.advance(9)
    playback.advance(9)
    assert (heard, ended, playback.playing) == ([0.75, 1.0], [1], False)


def test_stopping_calls_nothing():
    playback, ended = FakePlayback(), []
    playback.play(np.zeros(10, np.float32), 10, on_finished=lambda: ended.append(1))
    playback.stop()
    playback.advance(5)
    assert ended == []


def test_missing_devices_say_so():
    with pytest.raises(SierError, match="microphone"):
        FakeRecorder(Audio(np.zeros((1, 1), np.float32), 1), missing=True).start()
    with pytest.raises(SierError, match="loudspeaker"):
        FakePlayback(missing=True).play(np.zeros(1, np.float32), 1)
