"""Speaking beside a picture: level, take, listening back, using it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from sier_gui.core.audio.devices import FakePlayback, FakeRecorder
from sier_gui.core.audio.files import Audio
from sier_gui.gui.dialogs.microphone import MicrophoneDialog, verdict


def tone(seconds: float = 1.0, amplitude: float = 0.3) -> Audio:
    t = np.arange(round(seconds * 16_000)) / 16_000
    return Audio((amplitude * np.sin(2 * np.pi * 220 * t)).astype(np.float32)[:, None], 16_000)


def opened(qtbot: QtBot, recorder: FakeRecorder, playback: FakePlayback) -> MicrophoneDialog:
    dialog = MicrophoneDialog(recorder, playback)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_record_listen_use(qtbot: QtBot) -> None:
    recorder, playback = FakeRecorder(tone()), FakePlayback()
    dialog = opened(qtbot, recorder, playback)
    assert not dialog.use.isEnabled()
    assert not dialog.listen.isEnabled()
    qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    assert recorder.recording
    assert dialog.record.text() == "Stop"
    recorder.hear(np.full(160, 0.1, np.float32))
    qtbot.waitUntil(lambda: dialog.meter.level == pytest.approx(-20.0), timeout=2000)
    assert dialog.meter.fraction() == pytest.approx(2 / 3, abs=0.01)
    qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    assert not recorder.recording
    assert "1.0 s recorded" in dialog.message.text()
    qtbot.mouseClick(dialog.listen, Qt.MouseButton.LeftButton)
    assert playback.playing
    assert dialog.listen.text() == "Stop Listening"
    playback.advance(2.0)
    assert dialog.listen.text() == "Listen"
    with qtbot.waitSignal(dialog.taken) as caught:
        qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    assert caught.args == [recorder.take]
    assert not dialog.isVisible()


def test_no_microphone_is_said_and_nothing_breaks(qtbot: QtBot) -> None:
    dialog = opened(qtbot, FakeRecorder(tone(), missing=True), FakePlayback())
    qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    assert dialog.message.text() == "No microphone was found.\nConnect one and try again."
    assert dialog.record.text() == "Record"
    assert not dialog.use.isEnabled()


def test_no_loudspeaker_leaves_the_take_usable(qtbot: QtBot) -> None:
    dialog = opened(qtbot, FakeRecorder(tone()), FakePlayback(missing=True))
    for _ in range(2):
        qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog.listen, Qt.MouseButton.LeftButton)
    assert "No loudspeaker" in dialog.message.text()
    assert dialog.use.isEnabled()


def test_closing_while_recording_lets_the_microphone_go(qtbot: QtBot) -> None:
    recorder = FakeRecorder(tone())
    dialog = opened(qtbot, recorder, FakePlayback())
    qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    taken: list[object] = []

    def take(audio: object) -> None:
        taken.append(audio)

    dialog.taken.connect(take)
    dialog.close()
    assert not recorder.recording
    assert not dialog._timer.isActive()
    assert taken == []


def test_escape_gives_everything_back(qtbot: QtBot) -> None:
    recorder, playback = FakeRecorder(tone()), FakePlayback()
    dialog = opened(qtbot, recorder, playback)
    for _ in range(2):
        qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog.listen, Qt.MouseButton.LeftButton)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not playback.playing
    assert not dialog.isVisible()


def test_recording_again_silences_the_playback_and_forgets_the_take(qtbot: QtBot) -> None:
    recorder, playback = FakeRecorder(tone()), FakePlayback()
    dialog = opened(qtbot, recorder, playback)
    for _ in range(2):
        qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog.listen, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    assert not playback.playing
    assert dialog.take is None
    assert not dialog.use.isEnabled()
    dialog.reject()


@pytest.mark.parametrize(
    ("take", "says"),
    [
        (tone(0.1), "too short"),
        (tone(1.0, 0.001), "muted"),
        (tone(1.0, 1.0), "too loud"),
        (Audio(np.zeros((0, 1), np.float32), 48_000), "too short"),
        (Audio(np.zeros((48_000, 1), np.float32), 48_000), "muted"),
        (tone(1.5, 0.5), "1.5 s recorded, loudest −6 dB"),
    ],
)
def test_a_bad_take_is_named(take: Audio, says: str) -> None:
    assert says in verdict(take)


def test_a_take_too_short_cannot_be_used(qtbot: QtBot) -> None:
    dialog = opened(qtbot, FakeRecorder(tone(0.05)), FakePlayback())
    for _ in range(2):
        qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    assert not dialog.use.isEnabled()
    assert dialog.listen.isEnabled()
    dialog.reject()
