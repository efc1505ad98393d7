"""When words are said: found beside the window, shown where they are, explained as players."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import views
from fixture_data import LONG, Open, explained
from pytestqt.qtbot import QtBot

from sier_gui.core.dataset.inputs import with_words
from sier_gui.core.domain import SampleInputs, WordSpan
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import Cancelled, CancelToken
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.panels.speech import SpeechPanel
from sier_gui.gui.state import AppState, Hover, SpokenWords
from sier_gui.gui.workflows.words import WordAligner


@pytest.fixture
def aligner() -> Iterator[WordAligner]:
    made = WordAligner()
    yield made
    made.stop()


def asked(aligner: WordAligner, token: CancelToken | None = None) -> SampleInputs:
    of = views.view(text="those black bags")
    assert of.inputs is not None
    assert of.speech is not None
    return aligner.with_words(of.inputs, of.speech, of.rate, of.sample, token or CancelToken())


def test_the_process_finds_what_align_finds_and_is_asked_once(aligner: WordAligner) -> None:
    of = views.view(text="those black bags")
    assert aligner.known(of) is None
    found = asked(aligner)
    assert of.inputs is not None
    assert of.speech is not None
    expected = with_words(of.inputs, of.speech, of.rate, "those black bags")
    assert found.words == expected.words
    assert found.words_by == expected.words_by
    assert [w.word for w in found.words][:1] == ["those"]
    aligner.stop()
    assert asked(aligner).words == found.words  # without a process
    assert aligner._process is None
    assert aligner.known(of) == SpokenWords(of.sample.sample_id, found.words, found.words_by)


def test_a_process_that_dies_is_told_and_another_one_answers() -> None:
    aligner = WordAligner((sys.executable, "-c", "import sys; sys.stdin.buffer.read(8)"))
    with pytest.raises(SierError, match="without an answer"):
        asked(aligner)
    aligner = WordAligner()
    assert asked(aligner).words
    aligner.stop()


def test_cancelling_does_not_wait_for_the_answer() -> None:
    aligner, token = WordAligner((sys.executable, "-c", "import sys; sys.stdin.read()")), CancelToken()
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        asked(aligner, token)
    timer.join()
    assert time.monotonic() - begun < 30
    assert aligner._process is None


def test_without_a_text_no_process_is_started(aligner: WordAligner) -> None:
    of = views.view(text="  ")
    assert of.inputs is not None
    assert of.speech is not None
    assert aligner.with_words(of.inputs, of.speech, of.rate, of.sample, CancelToken()).words == ()
    assert aligner._process is None


# ---------------------------------------------------------------- where they are shown


@pytest.fixture
def panel(qtbot: QtBot, state: AppState, actions: ActionTable) -> SpeechPanel:
    widget = SpeechPanel(state, actions)
    qtbot.addWidget(widget)
    widget.resize(760, 420)
    widget.show()
    return widget


def test_aligned_words_replace_spread_ones_and_belong_to_their_sample(
    panel: SpeechPanel, state: AppState
) -> None:
    of = views.view(text="those bags")
    state.set_sample(of)
    assert "spread by their lengths" in panel.words.accessibleDescription()
    spread = list(panel.words._words)
    words = (WordSpan("those", 0.1, 0.4), WordSpan("bags", 0.9, 1.5))
    state.set_words(SpokenWords("another", words, "pocketsphinx"))
    assert panel.words._words == spread
    state.set_words(SpokenWords(of.sample.sample_id, words, "pocketsphinx"))
    assert panel.words._words == [("those", 0.1, 0.4), ("bags", 0.9, 1.5)]
    assert "aligned by pocketsphinx" in panel.words.accessibleDescription()
    state.set_words(SpokenWords(of.sample.sample_id, words, "energy"))
    assert "spread by their lengths" in panel.words.accessibleDescription()


def test_hovering_a_word_that_plays_says_the_word(panel: SpeechPanel, state: AppState) -> None:
    from dataclasses import replace

    of = views.view(text="those bags")
    state.set_sample(of)
    attribution = views.attribution(of, segments=2)
    state.set_attribution(replace(attribution, provenance={"words": ["those", "bags"]}))
    state.set_hover(Hover(seconds=0.2))
    assert "“those” φ " in panel.readout.text()
    state.set_hover(Hover(seconds=1.5))
    assert "“bags” φ " in panel.readout.text()


# ---------------------------------------------------------------- in the window


def test_words_are_players_where_they_are_asked_for(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    state = bench.state
    state.change_explain_options(segments="words")
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    assert state.attribution is not None
    view = state.sample
    assert view is not None
    assert view.inputs is not None
    assert view.speech is not None
    expected = with_words(view.inputs, view.speech, view.rate, "word 0")
    assert state.attribution.provenance["words"] == [w.word for w in expected.words]
    assert len(state.attribution.segment_edges_s) == len(expected.words) + 1
    assert state.words == SpokenWords("s0", expected.words, expected.words_by)
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(explained(state, "s1"), timeout=LONG)
    bench.actions.trigger("sample.previous")
    assert state.words is not None
    assert state.words.sample_id == "s0"  # at once, as the explanation


def test_a_sample_without_words_says_what_to_do(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    table = dataset / "samples.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("word 0", ""), encoding="utf-8")
    bench = workbench(dataset)
    bench.state.change_explain_options(segments="words")
    qtbot.waitUntil(lambda: bool(bench.messages.history), timeout=LONG)
    message = bench.messages.history[-1]
    assert "has no words" in message.text
    assert message.hint


def test_the_words_of_a_sample_at_rest_are_found(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    bench.words._rest.setInterval(0)
    qtbot.waitUntil(lambda: bench.state.words is not None, timeout=LONG)
    assert bench.state.words is not None
    assert bench.state.words.sample_id == "s0"
    process = bench.context.aligner._process
    bench.window.close()
    assert process is None or process._child.poll() is not None
