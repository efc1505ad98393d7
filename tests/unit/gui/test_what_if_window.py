"""What if, in the window: parts taken away, answers that are the network's, a list that forgets nothing."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixture_data import LONG, Open
from pytestqt.qtbot import QtBot

from sier_gui.app import Workbench
from sier_gui.core.domain import Modality, Selection
from sier_gui.core.explain.what_if import paired, what_if
from sier_gui.gui.panels.result import ProbabilityPanel
from sier_gui.gui.state import AppState

BOX = Selection(Modality.IMAGE, left=8, top=4, right=24, bottom=30)
SPAN = Selection(Modality.SPEECH, 0.1, 0.3)
BAND = Selection(Modality.SPEECH, 0.1, 0.3, 100.0, 900.0)


@pytest.fixture
def bench(qtbot: QtBot, workbench: Open, dataset: Path) -> Workbench:
    """Predicted; explaining would only take the network's time."""
    made = workbench(dataset)
    made.state.change_explain_options(method="modality")
    qtbot.waitUntil(lambda: made.state.prediction is not None, timeout=LONG)
    return made


def known(state: AppState, *removals: Selection) -> Any:
    return lambda: state.what_if is not None and state.what_if.removals == removals


def asked(bench: Workbench, removals: tuple[Selection, ...], absence: str = "zeros") -> np.ndarray:
    """By a predictor of its own, without the window."""
    from sier_gui.core.nets.prediction import Predictor

    state = bench.state
    assert state.release is not None
    picture, speech = (state.shown(m) for m in (Modality.IMAGE, Modality.SPEECH))
    assert picture is not None
    assert speech is not None
    assert picture.inputs is not None
    assert speech.inputs is not None
    predictor = Predictor(state.release, "cpu")
    return what_if(predictor, paired(picture.inputs, speech.inputs), removals, absence)


def test_a_part_selected_is_answered_at_once(qtbot: QtBot, bench: Workbench) -> None:
    state = bench.state
    state.set_selection(BOX)
    qtbot.waitUntil(known(state, BOX), timeout=LONG)
    assert state.what_if is not None
    assert state.what_if.after == pytest.approx(asked(bench, (BOX,)), abs=1e-5)
    assert state.prediction is not None
    assert state.what_if.before == pytest.approx(state.prediction.probabilities, abs=1e-5)
    bars = bench.window.findChildren(ProbabilityPanel)[0].bars
    assert [bar.instead for bar in bars] == list(state.what_if.after)
    bench.actions.trigger("what_if.take_away")
    assert (state.selection, state.removals) == (None, (BOX,))
    state.change_explain_options(absence="mean")
    state.set_selection(BAND)
    qtbot.waitUntil(lambda: known(state, BOX, BAND)() and state.what_if.absence == "mean", timeout=LONG)  # type: ignore[union-attr]
    assert state.what_if is not None
    assert state.what_if.after == pytest.approx(asked(bench, (BOX, BAND), "mean"), abs=1e-5)
    bench.actions.trigger("what_if.put_back")
    assert (state.selection, state.removals, state.what_if) == (None, (), None)
    assert [bar.instead for bar in bars] == [None] * len(bars)
    assert bench.messages.history == []


def test_a_drag_asks_for_its_newest_step_only(qtbot: QtBot, bench: Workbench) -> None:
    """And is answered while it goes on: each step does not throw away the answer under way."""
    state, answers = bench.state, []
    state.what_if_changed.connect(answers.append)
    steps = [Selection(Modality.IMAGE, left=2, top=2, right=3 + i, bottom=20) for i in range(30)]
    for step in steps:
        state.set_selection(step)
    qtbot.waitUntil(known(state, steps[-1]), timeout=LONG)
    assert [found.removals for found in answers] == [(steps[0],), (steps[-1],)]


def test_an_absence_that_fails_is_told_once(
    qtbot: QtBot, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sier_gui.core.errors import SierError
    from sier_gui.core.explain import absence

    def fails(_given: object) -> None:
        raise SierError("No fog here.", "Use zeros.")

    monkeypatch.setitem(absence.POLICIES, "fog", fails)
    state = bench.state
    state.change_explain_options(absence="fog", method="modality")
    bench.actions.trigger("explain.cancel")
    qtbot.waitUntil(lambda: not bench.computer.busy("explain"), timeout=LONG)
    before = len(bench.messages.history)
    for right in range(10, 20):
        state.set_selection(Selection(Modality.IMAGE, right=right, bottom=20))
        qtbot.waitUntil(lambda: not bench.computer.busy("what_if"), timeout=LONG)
    assert [m.text for m in bench.messages.history[before:]].count("No fog here.") == 1
    state.change_explain_options(absence="zeros")
    qtbot.waitUntil(lambda: state.what_if is not None, timeout=LONG)


def test_another_sample_has_everything(qtbot: QtBot, bench: Workbench) -> None:
    state = bench.state
    state.set_removals((SPAN,))
    qtbot.waitUntil(known(state, SPAN), timeout=LONG)
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(lambda: state.sample is not None and state.sample.sample.sample_id == "s1", timeout=LONG)
    assert (state.removals, state.what_if) == ((), None)


def test_one_picture_is_held_while_speech_goes_by(qtbot: QtBot, bench: Workbench) -> None:
    state = bench.state
    bench.actions.action("what_if.hold_picture").trigger()
    assert state.what_if is None  # it is the sample's own
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(lambda: state.what_if is not None, timeout=LONG)
    assert state.what_if is not None
    assert (state.what_if.sample_id, state.what_if.picture_of, state.what_if.speech_of) == ("s1", "s0", "s1")
    assert state.what_if.after == pytest.approx(asked(bench, ()), abs=1e-5)
    qtbot.waitUntil(lambda: state.prediction is not None, timeout=LONG)
    assert state.prediction is not None
    assert state.predictions is not None
    # the table's row is what the network says of the sample itself
    assert state.predictions.probabilities[1] == pytest.approx(state.prediction.probabilities, abs=1e-5)
    assert np.abs(state.prediction.probabilities - state.what_if.after).max() > 1e-7
    state.set_selection(BOX)
    assert not bench.actions.action("annotate.mark").isEnabled()  # it is no part of this sample
    state.set_selection(SPAN)
    assert bench.actions.action("annotate.mark").isEnabled()
    state.set_removals((BOX, SPAN))
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(known(state, BOX), timeout=LONG)  # what is gone of the held picture stays gone
    assert state.what_if.sample_id == "s2"
    assert state.what_if.after == pytest.approx(asked(bench, (BOX,)), abs=1e-5)
    bench.actions.trigger("sample.previous")
    qtbot.waitUntil(lambda: state.sample is not None and state.sample.sample.sample_id == "s1", timeout=LONG)
    bench.actions.trigger("what_if.pair")
    qtbot.waitUntil(lambda: state.sample is not None and state.sample.sample.row == -1, timeout=LONG)
    assert state.held is None
    assert state.sample is not None
    assert [path.name for path in state.sample.sample.paths.values()] == ["0.png", "1.wav"]


def test_the_list_is_named_undone_exported_and_remembered(
    qtbot: QtBot, bench: Workbench, workbench: Open, dataset: Path, tmp_path: Path
) -> None:
    state, listed = bench.state, bench.what_if_list
    for selection in (BOX, SPAN):
        state.set_selection(selection)
        qtbot.waitUntil(known(state, selection), timeout=LONG)
        bench.actions.trigger("what_if.keep")
    first = listed.entries[0]
    assert [entry.removals for entry in listed.entries] == [(BOX,), (SPAN,)]
    assert first.name == f"without {BOX.text}"
    listed.show_list()
    dialog = listed._dialog
    assert dialog is not None
    dialog.table.item(0, 0).setText("no face")  # as editing in place does
    assert listed.entries[0].name == "no face"
    dialog.table.selectRow(1)
    dialog.delete.click()
    assert [entry.name for entry in listed.entries] == ["no face"]
    listed.undo.undo()
    listed.undo.undo()
    assert listed.entries == (first, listed.entries[1])
    listed.undo.redo()
    listed.export(str(tmp_path / "list.csv"))
    with (tmp_path / "list.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["name"] for row in rows} == {"no face", f"without {SPAN.text}"}
    assert len(rows) == 2 * 4
    listed.export(str(tmp_path / "list.json"))
    kept = listed.entries
    listed.delete([1])
    listed.add_file(str(tmp_path / "list.json"))
    assert listed.entries == kept
    assert bench.messages.history[-1].text == "Added 1 of 2 entries of list.json."
    listed.add_file(str(tmp_path / "list.csv"))
    assert "no what-if list" in bench.messages.history[-1].text
    bench.actions.trigger("what_if.put_back")
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(lambda: state.sample is not None and state.sample.sample.sample_id == "s1", timeout=LONG)
    dialog.apply_wished.emit(0)
    qtbot.waitUntil(known(state, BOX), timeout=LONG)
    assert state.sample is not None
    assert state.sample.sample.sample_id == "s0"
    dialog.close()
    bench.window.close()
    again = workbench(dataset)
    qtbot.waitUntil(lambda: again.state.dataset is not None, timeout=LONG)
    assert [entry.name for entry in again.what_if_list.entries] == ["no face", f"without {SPAN.text}"]
