"""Listening in the window: what plays, where the play-head is then, voices beside each other, and files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixture_data import LONG, Open, explained, last_words
from pytestqt.qtbot import QtBot

from sier_gui.app import Workbench
from sier_gui.core.audio.devices import FakePlayback
from sier_gui.core.audio.loudness import integrated_lufs
from sier_gui.core.domain import Modality, Selection

SPAN = Selection(Modality.SPEECH, 0.1, 0.3)
BOX = Selection(Modality.IMAGE, right=10, bottom=10)


@pytest.fixture
def bench(qtbot: QtBot, workbench: Open, dataset: Path) -> Workbench:
    """A row that another voice says too, twice as long and much quieter."""
    t = np.arange(16_000) / 16_000
    soundfile.write(dataset / "human.wav", 0.01 * np.sin(2 * np.pi * 300 * t), 16_000)
    with (dataset / "samples.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    with (dataset / "samples.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*header, "human_female"])
        writer.writerows([*row, "human.wav" if row[0] == "s0" else ""] for row in rows)
    made = workbench(dataset)
    made.play._playback = FakePlayback()
    qtbot.waitUntil(lambda: made.state.sample is not None, timeout=LONG)
    return made


def speaker_of(bench: Workbench) -> FakePlayback:
    assert isinstance(bench.play._playback, FakePlayback)
    return bench.play._playback


def test_a_selection_plays_where_it_lies(bench: Workbench) -> None:
    state, speaker = bench.state, speaker_of(bench)
    bench.actions.trigger("play.selection")
    assert speaker.played == []  # nothing is selected
    state.set_selection(BOX)
    bench.actions.trigger("play.selection")
    assert speaker.played == []
    state.set_selection(SPAN)
    bench.actions.trigger("play.selection")
    samples, rate, start = speaker.played[-1]
    assert (len(samples), rate, start) == (3200, 16_000, 0.0)
    speaker.advance(0.05)
    assert state.playhead == pytest.approx(0.15)
    speaker.advance(1)
    assert state.playhead == -1


def test_what_is_left_plays_in_its_place(bench: Workbench) -> None:
    state, speaker = bench.state, speaker_of(bench)
    state.set_removals((SPAN, BOX))
    bench.actions.trigger("play.rest")
    samples, rate, _ = speaker.played[-1]
    assert state.sample is not None
    assert state.sample.speech is not None
    assert len(samples) == len(state.sample.speech)
    assert not samples[round(0.1 * rate) : round(0.3 * rate)].any()
    assert (samples[: round(0.09 * rate)] == state.sample.speech[: round(0.09 * rate)]).all()


def test_the_two_parts_are_never_heard_at_once(qtbot: QtBot, bench: Workbench) -> None:
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    speaker = speaker_of(bench)
    for action in ("play.important", "play.unimportant"):
        bench.actions.trigger(action)
    (first, *_), (second, *_) = speaker.played
    assert first.any()
    assert second.any()
    assert not (first * second).any()


def test_a_loop_has_no_gap_and_its_play_head_comes_back(bench: Workbench) -> None:
    state, speaker = bench.state, speaker_of(bench)
    bench.actions.action("play.loop").trigger()
    state.set_selection(SPAN)
    bench.actions.trigger("play.selection")
    samples, rate, _ = speaker.played[-1]
    assert len(samples) >= 60 * rate
    assert (samples[:3200] == samples[3200:6400]).all()
    speaker.advance(0.25)  # once round
    assert state.playhead == pytest.approx(0.15)
    bench.actions.action("play.loop").trigger()  # from now on once, from where it is
    samples, _, start = speaker.played[-1]
    assert (len(samples), start) == (3200, pytest.approx(0.05))
    speaker.advance(1)
    assert state.playhead == -1


def test_voices_switch_at_the_same_place_and_are_equally_loud(qtbot: QtBot, bench: Workbench) -> None:
    state, speaker = bench.state, speaker_of(bench)
    bench.actions.trigger("play.toggle")
    speaker.advance(0.2)
    bench.actions.trigger("play.compare")
    qtbot.waitUntil(lambda: len(speaker.played) == 2, timeout=LONG)
    (own, rate, _), (other, _, start) = speaker.played
    assert start == pytest.approx(0.4)  # it is twice as long
    assert state.playhead == pytest.approx(0.2)
    quiet = integrated_lufs(other, rate)
    assert state.heard.startswith("B · human_female, +")
    speaker.advance(0.1)
    assert state.playhead == pytest.approx(0.25)
    bench.actions.trigger("play.compare")
    again, _, start = speaker.played[-1]
    assert state.heard.startswith("A · own speech")
    assert start == pytest.approx(0.25)
    assert integrated_lufs(again, rate) == pytest.approx(quiet, abs=0.1)
    assert integrated_lufs(own, rate) > -30
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(lambda: state.sample is not None and state.sample.sample.sample_id == "s1", timeout=LONG)
    assert state.heard == ""
    bench.actions.trigger("play.compare")
    qtbot.waitUntil(lambda: bool(bench.messages.history), timeout=LONG)
    assert "Nobody else says" in last_words(bench)


def test_what_is_heard_is_saved_whole(bench: Workbench, tmp_path: Path) -> None:
    bench.state.set_selection(SPAN)
    bench.actions.trigger("play.selection")
    bench.play.save(str(tmp_path / "heard.wav"))
    samples, rate = soundfile.read(tmp_path / "heard.wav", dtype="float32")
    assert rate == 16_000
    assert samples == pytest.approx(speaker_of(bench).played[-1][0], abs=1e-6)
    bench.play.save(str(tmp_path / "heard.wav" / "impossible.wav"))
    assert "Cannot write" in last_words(bench)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".wav"] == ["heard.wav"]


def test_a_loudspeaker_that_goes_away_is_told(bench: Workbench) -> None:
    bench.actions.trigger("play.toggle")
    speaker_of(bench).unplug()
    assert "was lost" in last_words(bench)
    assert bench.state.playhead == -1
