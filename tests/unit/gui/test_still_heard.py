"""What a recogniser still hears, in the window: of the important part, beside the words, never in the way."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fixture_data import LONG, Open, explained
from pytestqt.qtbot import QtBot

from sier_gui.core import paths
from sier_gui.core.audio.files import load_speech
from sier_gui.core.audio.recognition import Recognised, recognise, recognisers
from sier_gui.core.domain import WordSpan
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import Cancelled, CancelToken
from sier_gui.gui.panels.speech import SpeechPanel
from sier_gui.gui.workflows.words import Recogniser

needed = pytest.mark.skipif(not recognisers(), reason="no recogniser is installed")


@needed
def test_its_process_hears_what_is_heard_here() -> None:
    file = next((paths.resources() / "demo" / "speech").glob("*.flac"))
    speech = load_speech(file)
    recogniser = Recogniser()
    found = recogniser.heard(speech, 16_000, "en", CancelToken())
    recogniser.stop()
    assert found == recognise(speech, 16_000)
    assert found.words
    assert recogniser.heard(speech, 16_000, "it", CancelToken()) == Recognised((), "")
    assert recogniser._process is None  # nobody had to be asked


@needed
def test_a_process_that_dies_or_is_cancelled_leaves_nothing_behind() -> None:
    speech, token = np.ones(100, np.float32), CancelToken()
    dying = Recogniser((sys.executable, "-c", "import sys; sys.stdin.buffer.read(8)"))
    with pytest.raises(SierError, match="without an answer"):
        dying.heard(speech, 16_000, "en", token)
    silent = Recogniser((sys.executable, "-c", "import sys; sys.stdin.read()"))
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        silent.heard(speech, 16_000, "en", token)
    timer.join()
    assert (dying._process, silent._process) == (None, None)


def test_it_follows_sample_and_class_while_it_is_switched_on(
    qtbot: QtBot, workbench: Open, dataset: Path
) -> None:
    bench = workbench(dataset)
    state, asked = bench.state, []

    def heard(speech: np.ndarray, rate: int, language: str, _token: CancelToken) -> Recognised:
        asked.append((speech, rate, language))
        return Recognised((WordSpan("word", 0.1, 0.2), WordSpan("else", 0.2, 0.4)), "stub")

    bench.still_heard._recogniser = SimpleNamespace(heard=heard, stop=list)  # type: ignore[assignment]
    bench.still_heard._rest.setInterval(0)
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    row = bench.window.findChildren(SpeechPanel)[0].still_heard
    assert not row.isVisible()
    assert asked == []  # nobody asked for it
    bench.actions.action("view.still_heard").trigger()
    qtbot.waitUntil(lambda: state.still_heard is not None, timeout=LONG)
    assert row.isVisible()
    assert row.emphasised_words() == ["word"]  # the text is "word 0"
    bench.play._playback = SimpleNamespace(play=lambda *_, **__: None, stop=list, playing=False)  # type: ignore[assignment]
    bench.actions.trigger("play.important")
    assert bench.play._heard is not None
    assert (asked[0][0] == bench.play._heard.sound).all()  # what one hears oneself
    bench.actions.trigger("sample.next")
    assert state.still_heard is None
    qtbot.waitUntil(lambda: state.still_heard is not None, timeout=LONG)
    assert state.still_heard is not None
    assert state.still_heard.sample_id == "s1"
    bench.actions.trigger("sample.previous")
    count = len(asked)
    qtbot.waitUntil(lambda: state.still_heard is not None, timeout=LONG)
    assert len(asked) == count  # it was known
    bench.actions.action("view.still_heard").trigger()
    assert state.still_heard is None
    assert not row.isVisible()


def test_what_cannot_be_heard_is_said(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    bench.still_heard._show(Recognised((), ""))
    row = bench.window.findChildren(SpeechPanel)[0].still_heard
    assert row.accessibleDescription() == "no recogniser here knows this language"
    bench.still_heard._show(Recognised((), "pocketsphinx"))
    assert row.accessibleDescription() == "nothing is understood"
