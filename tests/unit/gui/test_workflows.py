"""The whole window offscreen on generated data and an untrained release: what actions do, what is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixture_data import CLASSES, LONG, Open, explained, last_words, write_dataset
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from sier_gui.core.domain import Modality
from sier_gui.gui.dialogs.mapping import MappingDialog
from sier_gui.gui.dialogs.report import ReportDialog
from sier_gui.gui.panels.image import ImagePanel

# ---------------------------------------------------------------- open, look, predict, explain


def test_from_a_folder_to_an_overlay(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    state = bench.state
    assert state.dataset is not None
    assert state.release is not None
    assert state.prediction is not None
    assert len(state.dataset) == len(state.rows) == 6
    assert state.release.label == "untrained/1"
    assert state.prediction.sample_id == "s0"
    assert state.attribution is not None
    assert state.attribution.image().shape == (4, 4)
    assert abs(state.attribution.residual()) < 1e-5
    assert bench.window.pages.currentWidget() is not bench.window.start
    assert bench.settings.get("recent") == [str(dataset)]
    assert bench.messages.history == []


def test_the_whole_dataset_follows_in_the_background_and_is_kept(
    qtbot: QtBot, workbench: Open, dataset: Path
) -> None:
    bench = workbench(dataset)
    state = bench.state

    def all_known() -> bool:
        table = state.predictions
        return table is not None and table.known == 6 and not np.isnan(table.image_share).any()

    qtbot.waitUntil(all_known, timeout=LONG)
    table = state.predictions
    assert table is not None
    expected = table.probabilities.copy()
    assert np.allclose(expected.sum(axis=1), 1, atol=1e-5)
    qtbot.waitUntil(lambda: not bench.computer.busy("dataset"), timeout=LONG)
    bench.window.close()
    again = workbench(dataset)
    qtbot.waitUntil(lambda: again.state.predictions is not None, timeout=LONG)
    kept = again.state.predictions
    assert kept is not None
    assert np.array_equal(kept.probabilities, expected)


def test_a_sample_decoded_and_predicted_ahead_is_explained(
    qtbot: QtBot, workbench: Open, dataset: Path
) -> None:
    bench = workbench(dataset)
    state = bench.state
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    qtbot.waitUntil(lambda: state.predictions is not None and state.predictions.known == 6, timeout=LONG)
    qtbot.waitUntil(lambda: 1 in bench.look._views, timeout=LONG)
    bench.actions.trigger("sample.next")
    # shown from the table within the call; its explanation must not fall to the end of the one before
    assert state.prediction is not None
    assert state.prediction.sample_id == "s1"
    qtbot.waitUntil(explained(state, "s1"), timeout=LONG)


def test_tab_goes_from_the_table_to_picture_and_speech(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    names, widget = [], bench.window.samples.table
    for _ in range(200):
        widget = widget.nextInFocusChain()
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.accessibleName():
            names.append(widget.accessibleName())
        if len(names) == 2:
            break
    assert names == ["Picture with patch overlay", "Waveform and log-mel spectrogram with segment overlay"]


def test_going_on_and_coming_back(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    state = bench.state
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    first = state.attribution
    bench.actions.trigger("sample.next")
    assert state.row == 1
    qtbot.waitUntil(explained(state, "s1"), timeout=LONG)
    bench.actions.trigger("sample.previous")
    # decoded, predicted and explained before: all of it is there without an event loop in between
    assert state.sample is not None
    assert state.sample.sample.sample_id == "s0"
    assert state.attribution is not None
    assert first is not None
    assert np.array_equal(state.attribution.image(), first.image())


def test_neighbours_are_decoded_ahead(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(lambda: 1 in bench.look._views, timeout=LONG)
    bench.actions.trigger("sample.next")
    assert bench.state.sample is not None
    assert bench.state.sample.sample.sample_id == "s1"  # at once


def test_numbers_of_one_sample_are_never_shown_with_another(
    qtbot: QtBot, workbench: Open, dataset: Path
) -> None:
    bench = workbench(dataset)
    state = bench.state
    wrong: list[tuple[str, str]] = []

    def compare(value: Any) -> None:
        if value is not None and state.sample is not None:
            pair = (value.sample_id, state.sample.sample.sample_id)
            if pair[0] != pair[1]:
                wrong.append(pair)

    state.prediction_changed.connect(compare)
    state.attribution_changed.connect(compare)
    qtbot.waitUntil(lambda: state.prediction is not None, timeout=LONG)
    for _ in range(5):
        row = state.row + 1
        bench.actions.trigger("sample.next")
        # go on as soon as the picture is there, while its explanation has hardly begun
        qtbot.waitUntil(lambda row=row: state.sample.sample.row == row, timeout=LONG)  # type: ignore[misc, union-attr]
    qtbot.waitUntil(explained(state, "s5"), timeout=LONG)
    assert wrong == []


def test_options_explain_anew_and_are_remembered(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    state = bench.state
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    state.change_explain_options(grid=2, absence="mean")

    def anew() -> bool:
        found = state.attribution
        return found is not None and found.complete and found.absence == "mean"

    qtbot.waitUntil(anew, timeout=LONG)
    assert state.attribution is not None
    assert state.attribution.image().shape == (2, 2)
    assert bench.settings.get("explain")["absence"] == "mean"


def test_another_class_costs_no_work(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    state = bench.state
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    qtbot.waitUntil(lambda: not bench.computer.busy("explain"), timeout=LONG)
    kept, shown = state.attribution, set()
    for _ in CLASSES:
        bench.actions.trigger("explain.next_class")
        shown.add(state.target)
    assert shown == set(CLASSES)
    assert state.attribution is kept
    assert not bench.computer.busy("explain")


def test_cancel_is_told_and_can_be_taken_back(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    state = bench.state
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    state.change_explain_options(grid=16, segments=32)
    assert bench.computer.busy("explain")
    bench.actions.trigger("explain.cancel")
    qtbot.waitUntil(lambda: bool(bench.messages.history), timeout=LONG)
    assert "was cancelled" in last_words(bench)
    assert bench.messages.history[-1].action == "explain.run"
    assert not bench.computer.busy("explain")


def test_the_next_sample_gets_the_thread_within_a_tenth_of_a_second(
    qtbot: QtBot, workbench: Open, dataset: Path
) -> None:
    bench = workbench(dataset)
    state = bench.state
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    state.change_explain_options(grid=16, segments=32)
    assert bench.computer.busy("explain")
    begun = time.perf_counter()
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(lambda: state.prediction is not None, timeout=LONG)
    assert state.prediction is not None
    assert state.prediction.sample_id == "s1"
    # the benchmark times it; here only that it does not wait for the whole explanation
    assert time.perf_counter() - begun < 2


def test_closing_while_explaining_ends_within_a_second(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    bench.state.change_explain_options(grid=16, segments=32)
    begun = time.perf_counter()
    bench.window.close()
    assert time.perf_counter() - begun < 1
    assert not [t for t in threading.enumerate() if t.name.startswith("sier-gui")]


# ---------------------------------------------------------------- what goes wrong


def test_a_broken_table_is_told_and_the_window_goes_on(
    qtbot: QtBot, workbench: Open, tmp_path: Path, dataset: Path
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text('sample_id,image\n"open quote,1\n', encoding="utf-8")
    bench = workbench(broken)
    qtbot.waitUntil(lambda: bool(bench.messages.history), timeout=LONG)
    message = bench.messages.history[-1]
    assert message.error
    assert "broken.csv" in message.text
    assert message.hint
    assert bench.window.message_bar.isVisible()
    bench.open.open_path(str(dataset))
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    assert not bench.window.message_bar.isVisible()


def test_a_missing_folder_leaves_the_recent_list(qtbot: QtBot, workbench: Open, tmp_path: Path) -> None:
    bench = workbench()
    gone = str(tmp_path / "gone")
    bench.settings.push_recent(gone)
    bench.open.open_path(gone)
    qtbot.waitUntil(lambda: bool(bench.messages.history), timeout=LONG)
    assert "nothing at" in last_words(bench)
    assert bench.settings.get("recent") == []


def test_a_broken_file_is_told_beside_what_can_be_read(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    (dataset / "0.wav").write_bytes(b"not a sound")
    bench = workbench(dataset)
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    view = bench.state.sample
    assert view is not None
    assert view.picture is not None
    assert view.speech is None
    assert "0.wav" in view.errors[0]
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(explained(bench.state, "s1"), timeout=LONG)


def test_without_a_fitting_release_one_can_still_look(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    table = dataset / "samples.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("anger", "calm"), encoding="utf-8")
    bench = workbench(dataset)
    qtbot.waitUntil(lambda: bool(bench.messages.history) and bench.state.sample is not None, timeout=LONG)
    assert "No release fits" in last_words(bench)
    assert bench.state.release is None
    assert bench.state.sample is not None
    assert bench.state.sample.picture is not None


def test_other_column_names_open_the_mapping(qtbot: QtBot, workbench: Open, tmp_path: Path) -> None:
    table = write_dataset(tmp_path / "odd", header=("nr", "a", "b", "c", "d"))
    bench = workbench(table)

    def dialogs() -> list[MappingDialog]:
        return bench.window.findChildren(MappingDialog)

    qtbot.waitUntil(lambda: bool(dialogs()), timeout=LONG)
    dialog = dialogs()[0]
    from PySide6.QtWidgets import QDialogButtonBox

    button = dialog._buttons.button(QDialogButtonBox.StandardButton.Open)
    assert not button.isEnabled()
    for field, column in (
        ("sample_id", "nr"),
        ("image", "a"),
        ("speech", "b"),
        ("text", "c"),
        ("label", "d"),
    ):
        dialog.boxes[field].setCurrentText(column)
    assert button.isEnabled()
    dialog.accept()
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    bench.window.close()
    again = workbench(table)  # remembered: no question this time
    qtbot.waitUntil(explained(again.state, "s0"), timeout=LONG)
    assert again.window.findChildren(MappingDialog) == []


def test_the_report_names_rows_and_leads_to_them(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    (dataset / "3.png").unlink()
    bench = workbench(dataset)
    qtbot.waitUntil(lambda: bench.state.sample is not None, timeout=LONG)
    bench.actions.trigger("file.validate")
    qtbot.waitUntil(lambda: bool(bench.window.findChildren(ReportDialog)), timeout=LONG)
    dialog = bench.window.findChildren(ReportDialog)[0]
    assert [(p.row, p.kind) for p in dialog.model.problems] == [(3, "missing")]
    dialog._on_activated(dialog.model.index(0, 0))
    assert bench.state.row == 3
    dialog.close()


# ---------------------------------------------------------------- stopped before its end


def test_a_cancelled_map_stays_hatched_where_it_is_coarse(
    qtbot: QtBot, workbench: Open, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sier_gui.core.explain import engine
    from sier_gui.gui import overlay

    real = engine.explain

    def endless(*arguments: Any, token: Any, **options: Any) -> Iterator[Any]:
        """The first picture, then batches without end."""
        yield next(real(*arguments, token=token, **options))
        while True:
            token.check()

    bench = workbench(dataset)
    state = bench.state
    qtbot.waitUntil(explained(state, "s0"), timeout=LONG)
    monkeypatch.setattr(engine, "explain", endless)
    state.change_explain_options(grid=8, segments=8)
    qtbot.waitUntil(lambda: state.attribution is not None and not state.attribution.complete, timeout=LONG)
    bench.actions.trigger("explain.cancel")
    qtbot.waitUntil(lambda: not bench.computer.busy("explain"), timeout=LONG)
    kept = state.attribution
    assert kept is not None
    assert not kept.complete
    layer = overlay.layer(kept, Modality.IMAGE, None, state.overlay)
    assert layer.hatched.all()
    (image,) = bench.window.findChildren(ImagePanel)
    assert image.key.hatching() == "unsettled"
    assert abs(kept.residual()) < 1e-5  # coarse, never wrong
    assert "The coarse values stay." in last_words(bench)
