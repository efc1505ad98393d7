"""Exporting from the window: a preview of what is written, all samples shown, cancelled and gone on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from fixture_data import LONG, Open, explained, last_words
from PIL import Image
from pytestqt.qtbot import QtBot

from sier_gui.app import Workbench
from sier_gui.core.export.ledger import MANIFEST
from sier_gui.core.export.templates import list_templates
from sier_gui.gui.dialogs.export import ExportChoice, ExportDialog, Offer


def dialog_of(bench: Workbench) -> ExportDialog:
    bench.actions.trigger("file.export")
    dialog = bench.export._dialog
    assert dialog is not None
    return dialog


def shown(dialog: ExportDialog) -> np.ndarray:
    """The preview's pixels, (height, width, 3)."""
    picture = dialog.preview.picture.pixmap().toImage()
    picture = picture.convertToFormat(picture.Format.Format_RGB888)
    rows = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.bytesPerLine())
    return rows[:, : 3 * picture.width()].reshape(picture.height(), picture.width(), 3).copy()


def test_the_preview_is_what_is_written(qtbot: QtBot, workbench: Open, dataset: Path, tmp_path: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    dialog = dialog_of(bench)
    assert dialog.template.count() == len(list_templates())
    qtbot.waitUntil(lambda: "mm" in dialog.preview.told.text(), timeout=LONG)
    first = dialog.preview.told.text()
    assert first.startswith("140 ×")
    for box, value in ((dialog.template, "one-column"), (dialog.signs, True), (dialog.caption, "own")):
        box.show_value(value)
        box.chosen.emit(box.option, value)
    dialog.own_caption.setText("My own words.")
    qtbot.waitUntil(lambda: dialog.preview.told.text().startswith("85 ×"), timeout=LONG)
    pixels, dpi = shown(dialog), dialog.preview.dpi()
    assert pixels.shape[1] == pytest.approx(85 / 25.4 * dpi, abs=1)
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.boxes["npz"].setChecked(False)
    dialog.write.click()
    qtbot.waitUntil(lambda: any("Wrote" in m.text for m in bench.messages.history), timeout=LONG)
    facts = json.loads((tmp_path / "out" / "s0.json").read_text())
    assert (facts["figure"]["width_mm"], facts["figure"]["signed"]) == (85.0, True)
    assert facts["figure"]["caption"] == "My own words."
    with Image.open(tmp_path / "out" / "s0.png") as image:
        written = np.asarray(image.convert("RGB").resize(pixels.shape[1::-1], Image.Resampling.BOX), float)
    assert np.abs(written - pixels).mean() < 8  # the same page, whatever the resolution


def test_all_shown_are_written_on_one_scale_and_a_cancel_keeps_what_is_there(
    qtbot: QtBot, workbench: Open, dataset: Path, tmp_path: Path
) -> None:
    bench, out = workbench(dataset), tmp_path / "out"
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    dialog = dialog_of(bench)
    dialog.samples.show_value(True)
    dialog.samples.chosen.emit("samples", True)
    assert dialog.write.text() == "Write All"
    dialog.boxes["pdf"].setChecked(True)  # half a second each: there is time to cancel
    dialog.folder.setText(str(out))
    choice = dialog.choice()
    dialog.write.click()
    qtbot.waitUntil(lambda: bench.export._state is not None and bench.export._state.made > 0, timeout=LONG)
    assert "export" in bench.state.busy
    bench.actions.trigger("file.export")  # not a second one at once
    assert bench.export._dialog is None
    assert "An export is being written." in last_words(bench)
    bench.actions.trigger("export.cancel")
    qtbot.waitUntil(
        lambda: "cancelled" in last_words(bench) or "are written" in last_words(bench), timeout=LONG
    )
    cancelled = re.search(r"was cancelled; (\d) samples are written", last_words(bench))
    assert cancelled is not None
    bench.export.export_all(choice)
    qtbot.waitUntil(lambda: MANIFEST in last_words(bench), timeout=LONG)
    assert f"6 samples are written, {cancelled[1]} of them before" in last_words(bench)
    scales = {str(json.loads(file.read_text())["figure"]["scale"]) for file in out.glob("s?.json")}
    assert len(scales) == 1
    assert scales != {"None"}
    assert len(json.loads((out / MANIFEST).read_text())["samples"]) == 6


def test_closing_the_window_with_the_dialog_open(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    dialog_of(bench)
    bench.window.close()
    assert bench.export._dialog is None


@pytest.fixture
def dialog(qtbot: QtBot) -> ExportDialog:
    made = ExportDialog(ExportChoice(folder="/out"), Offer(list_templates(), ("a", "b"), "s1", 3))
    qtbot.addWidget(made)
    return made


def test_controls_that_do_nothing_now_are_off(dialog: ExportDialog) -> None:
    assert not dialog.scale.isEnabled()
    assert dialog.own_caption.isHidden()
    for box in dialog.boxes.values():
        box.setChecked(False)
    assert not dialog.write.isEnabled()
    dialog.boxes["pdf"].setChecked(True)
    assert dialog.write.isEnabled()
    for template, signs, caption, write in (
        ("figure7", True, True, True),
        ("thesis-words", False, True, True),
        ("shap-bar", False, False, True),
        ("shap-beeswarm", False, False, False),  # of several samples, and one is chosen
    ):
        dialog.template.show_value(template)
        dialog.template.chosen.emit("template", template)
        enabled = (dialog.signs.isEnabled(), dialog.caption.isEnabled(), dialog.write.isEnabled())
        assert enabled == (signs, caption, write)
    dialog.samples.show_value(True)
    dialog.samples.chosen.emit("samples", True)
    assert dialog.write.isEnabled()
    dialog.folder.setText("  ")
    assert not dialog.write.isEnabled()


def test_changes_are_drawn_after_a_rest_only(qtbot: QtBot, dialog: ExportDialog) -> None:
    wishes: list[int] = []
    dialog.preview_wished.connect(lambda: wishes.append(1))
    for width in range(90, 120):
        dialog.width_box.setValue(width)
    assert not wishes
    qtbot.waitUntil(lambda: len(wishes) == 1, timeout=5000)
    dialog.preview.step(1)
    assert len(wishes) == 2  # a zoom at once
    assert dialog.preview.zoom.currentData() == 1.5


@pytest.mark.parametrize(
    "choice",
    [ExportChoice(), ExportChoice(("svg",), 85.0, "/a", "curves", True, False, "own")],
)
def test_choices_are_kept(choice: ExportChoice) -> None:
    assert ExportChoice.from_saved(json.loads(json.dumps(choice.to_saved()))) == choice


@pytest.mark.parametrize(
    "saved", [None, {}, {"formats": 3}, {"formats": [], "width_mm": "x", "folder": ""}, []]
)
def test_damaged_settings_give_the_default(saved: object) -> None:
    assert ExportChoice.from_saved(saved) == ExportChoice()
