"""The whole window offscreen: browsing, pairs, sound and export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fixture_data import LONG, Open, explained, last_words
from pytestqt.qtbot import QtBot

from sier_gui.core.audio.devices import FakePlayback, FakeRecorder
from sier_gui.core.audio.files import Audio
from sier_gui.core.domain import Modality
from sier_gui.gui.dialogs.export import ExportChoice

# ---------------------------------------------------------------- browse


def test_place_and_filters_are_remembered(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    bench.window.samples.search.setText("word")
    bench.window.samples._wish()
    bench.state.set_row(4)
    qtbot.waitUntil(lambda: bench.state.sample.sample.row == 4, timeout=LONG)  # type: ignore[union-attr]
    bench.window.close()
    again = workbench(dataset)
    qtbot.waitUntil(lambda: again.state.row == 4, timeout=LONG)
    assert again.window.samples.search.text() == "word"


def test_most_wrong_first_and_next_error(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    state = bench.state
    qtbot.waitUntil(lambda: state.predictions is not None and state.predictions.known == 6, timeout=LONG)
    table = state.predictions
    assert table is not None
    bench.actions.trigger("table.most_wrong")
    losses = table.loss[state.rows]
    assert (np.diff(losses) <= 0).all()
    assert state.row == state.rows[0]
    bench.actions.trigger("sample.next_error")
    wrong = [row for row in state.rows if table.codes[row] != table.labels[row]]
    assert state.row == wrong[1]
    bench.actions.trigger("table.reset")
    assert list(state.rows) == list(range(6))


# ---------------------------------------------------------------- pairs, sound, export


def test_a_dropped_picture_waits_for_its_sound(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench()
    bench.window.dropped.emit([str(dataset / "1.png")])
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    assert "1.png waits for its sound file." in last_words(bench)
    assert bench.state.sample is not None
    assert bench.state.sample.speech is None
    bench.window.dropped.emit([str(dataset / "2.wav")])
    qtbot.waitUntil(explained(bench.state, "1 + 2"), timeout=LONG)
    assert not bench.window.message_bar.isVisible()
    assert bench.state.row == -1


def test_speech_recorded_beside_a_picture(
    qtbot: QtBot, workbench: Open, dataset: Path, own_home: Path
) -> None:
    bench = workbench()
    rate = 16_000
    take = np.sin(np.arange(rate) / 20)[:, None].astype(np.float32) * 0.5
    bench.pair._recorder = FakeRecorder(Audio(take, rate))
    bench.pair.take([str(dataset / "1.png")])
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    bench.pair._playback = FakePlayback()
    bench.actions.trigger("file.record")
    dialog = bench.pair.dialog
    assert dialog is not None
    dialog.record.click()
    dialog.record.click()
    dialog.use.click()
    assert bench.pair.dialog is None

    def heard() -> bool:
        view = bench.state.sample
        return view is not None and view.speech is not None and bench.state.prediction is not None

    qtbot.waitUntil(heard, timeout=LONG)
    (file,) = (own_home / "data" / "recordings").glob("1-*.wav")
    assert bench.state.sample is not None
    assert bench.state.sample.sample.paths[Modality.SPEECH] == file


def test_a_missing_microphone_is_explained(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench()
    bench.pair._recorder = FakeRecorder(Audio(np.zeros((1, 1), np.float32), 16_000), missing=True)
    bench.pair.take([str(dataset / "1.png")])
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    bench.pair._playback = FakePlayback()
    bench.actions.trigger("file.record")
    dialog = bench.pair.dialog
    assert dialog is not None
    dialog.record.click()
    assert "No microphone" in dialog.message.text()
    assert not dialog.use.isEnabled()
    bench.pair.stop()
    assert bench.pair.dialog is None


def test_playback_whole_from_here_and_important(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    from sier_gui.gui.state import Hover

    bench = workbench(dataset)
    state = bench.state
    speaker = FakePlayback()
    bench.play._playback = speaker
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    bench.actions.trigger("play.toggle")
    speaker.advance(0.2)
    assert state.playhead == pytest.approx(0.2)
    bench.actions.trigger("play.toggle")
    assert state.playhead < 0
    assert not speaker.playing
    state.set_playhead(0.25)  # as a click on the waveform does
    bench.actions.trigger("play.toggle")
    assert speaker.played[-1][2] == pytest.approx(0.25)
    bench.actions.trigger("play.toggle")
    state.set_hover(Hover(seconds=0.3))
    bench.actions.trigger("play.from_here")
    assert speaker.played[-1][2] == pytest.approx(0.3)
    bench.actions.trigger("play.important")
    samples, rate, start = speaker.played[-1]
    attribution = state.attribution
    assert attribution is not None
    assert start == 0
    values, edges = attribution.speech(), attribution.segment_edges_s
    muted = values < np.percentile(values, 30)
    assert 0 < muted.sum() < len(values)
    for i, silent in enumerate(muted):
        part = samples[round(edges[i] * rate) : round(edges[i + 1] * rate)]
        assert (not part.any()) == silent
    speaker.advance(10)
    assert state.playhead < 0


def test_a_missing_loudspeaker_is_explained(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    bench.play._playback = FakePlayback(missing=True)
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    bench.actions.trigger("play.toggle")
    assert "No loudspeaker" in last_words(bench)
    assert bench.state.playhead < 0


def test_export_writes_and_says_where(qtbot: QtBot, workbench: Open, dataset: Path, tmp_path: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    out = tmp_path / "out"
    bench.export.export(ExportChoice(("png", "audacity"), 85.0, str(out)))
    qtbot.waitUntil(lambda: any("Wrote" in m.text for m in bench.messages.history), timeout=LONG)
    assert {file.name for file in out.iterdir()} == {"s0.png", "s0.txt", "s0.json"}
    assert str(out) in last_words(bench)


def test_an_export_folder_that_cannot_be_written_is_told(
    qtbot: QtBot, workbench: Open, dataset: Path, tmp_path: Path
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, where a folder should be")
    bench.export.export(ExportChoice(("png",), 85.0, str(blocked / "out")))
    qtbot.waitUntil(lambda: any("blocked" in m.text for m in bench.messages.history), timeout=LONG)
    bench.export.export(ExportChoice(("audacity",), 85.0, str(tmp_path / "free")))
    qtbot.waitUntil(lambda: any("Wrote" in m.text for m in bench.messages.history), timeout=LONG)


def test_the_theme_is_switched_and_remembered(qtbot: QtBot, workbench: Open) -> None:
    from sier_gui.gui import theme

    bench = workbench()
    bench.actions.trigger("view.theme_dark")
    qtbot.waitUntil(lambda: theme.is_dark(bench.window.palette()), timeout=5000)
    assert bench.actions.action("view.theme_dark").isChecked()
    assert not bench.actions.action("view.theme_light").isChecked()
    assert bench.settings.get("theme") == "dark"


def test_every_action_is_handled(qtbot: QtBot, workbench: Open) -> None:
    assert workbench().actions.unbound() == set()
