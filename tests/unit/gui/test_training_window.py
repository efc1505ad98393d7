"""Training from the window: asked, watched, stopped, found again."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fixture_data import LONG, Open, explained, last_words, write_dataset
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from sier_gui.app import Workbench
from sier_gui.core.locks import FolderLock
from sier_gui.core.nets.training.history import write_history
from sier_gui.core.nets.training.standing import look, write_total
from sier_gui.gui.dialogs.training import TrainingChoice, TrainingDialog, suggested
from sier_gui.gui.workflows import training as workflow

CONFIG = """
preset = "small"
[network]
width = 0.015625
[optimiser]
epochs = 5000
early_stopping = 0
batch = 4
[split]
groups = ""
fraction = 0.5
validation = 0.4
"""


def entries(count: int, worse: float = 0.0) -> list[dict[str, Any]]:
    found = []
    for epoch in range(count):
        one: dict[str, Any] = {"stage": 0, "stream": "fused", "epoch": epoch, "learning_rate": 1e-3}
        one |= {"train_loss": 2 * math.exp(-epoch / 8), "validation_loss": 1.9 * math.exp(-epoch / 9) + worse}
        for view, share in (("validation", 0.9), ("image", 0.4), ("speech", 0.7)):
            for name in ("accuracy", "balanced_accuracy", "macro_f1"):
                one[f"{view}_{name}"] = share
            one[f"{view}_kappa"] = share - 0.5
        found.append(one | {"seconds": 1.0, "samples_per_second": 40.0})
    return found


def write_training(out: Path, units: dict[str, int], total: int = 3) -> None:
    for name, count in units.items():
        write_history(out / "training" / "units" / name, entries(count))
    write_total(out / "training", total)


@pytest.fixture
def dialog(qtbot: QtBot) -> TrainingDialog:
    widget = TrainingDialog()
    qtbot.addWidget(widget)
    widget.set_dataset("tones", 36)
    widget.show()
    return widget


# ---------------------------------------------------------------- what a folder says


def test_the_four_phases_of_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "r"
    assert look(out).phase == "nothing"
    write_training(out, {"a": 2, "b": 1})
    (out / "training" / "units" / "a" / "unit.json").write_text("{}")
    standing = look(out)
    assert (standing.phase, standing.finished, standing.total) == ("unfinished", 1, 3)
    assert {name: len(own) for name, own in standing.units.items()} == {"a": 2, "b": 1}
    lock = FolderLock(out / "training")
    assert look(out).phase == "running"
    lock.release()
    (out / "training").rename(out / "moved")
    (out / "moved" / "units").rename(out / "units")
    assert look(out).phase == "finished"
    assert set(look(out).units) == {"a", "b"}


# ---------------------------------------------------------------- the dialog


def test_the_curves_are_the_historys(dialog: TrainingDialog, tmp_path: Path) -> None:
    write_training(tmp_path, {"a": 3, "b": 5})
    dialog.show_standing(look(tmp_path))
    drawn = dialog.loss.values()
    assert drawn["training"] == pytest.approx([2 * math.exp(-e / 8) for e in range(5)])
    assert set(dialog.figure.values()) == {"both streams", "picture alone", "speech alone"}
    assert dialog.figure.values()["speech alone"] == pytest.approx([0.7] * 5)
    dialog.kind.setCurrentIndex(2)
    dialog.kind.activated.emit(2)
    assert dialog.figure.values()["picture alone"] == pytest.approx([-0.1] * 5)
    assert dialog.figure.viewRange()[1][0] < -0.9  # κ below 0 is seen
    dialog.unit.setCurrentIndex(dialog.unit.findData("a"))
    dialog.unit.activated.emit(1)
    assert len(dialog.loss.values()["training"]) == 3
    write_training(tmp_path, {"c": 1})
    dialog.show_standing(look(tmp_path))
    assert dialog.unit.currentData() == "a"  # what was chosen stays on show
    assert [dialog.unit.itemData(i) for i in range(4)] == ["", "a", "b", "c"]


def test_only_the_last_stage_is_drawn(dialog: TrainingDialog, tmp_path: Path) -> None:
    staged = [{**entry, "stage": int(i > 1)} for i, entry in enumerate(entries(5))]
    write_history(tmp_path / "training" / "units" / "a", staged)
    dialog.show_standing(look(tmp_path))
    assert len(dialog.loss.values()["validation"]) == 3


def test_buttons_say_what_can_be_done(dialog: TrainingDialog, tmp_path: Path) -> None:
    out = tmp_path / "r"
    assert not dialog.start.isEnabled()  # no folder yet
    dialog.set_choice(TrainingChoice("small", str(out), 1))
    assert dialog.start.isEnabled()
    assert not dialog.stop.isEnabled()
    dialog.show_starting()
    assert not dialog.start.isEnabled()
    assert not dialog.form.isEnabled()
    write_training(out, {"a": 1})
    dialog.show_standing(look(out))
    assert (dialog.start.text(), dialog.start.isEnabled()) == ("Go On", True)
    assert "can go on where it stood" in dialog.status.text()
    lock = FolderLock(out / "training")
    dialog.show_standing(look(out))
    lock.release()
    assert dialog.stop.isEnabled()
    assert not dialog.start.isEnabled()
    assert "goes on too when this window is closed" in dialog.status.text()
    dialog.set_choice(TrainingChoice("/mine/own.toml", str(out), 2))
    assert dialog.choice() == TrainingChoice("/mine/own.toml", str(out), 2)
    assert dialog.file_row.isVisible()


def test_nothing_is_cut_in_the_smallest_dialog(dialog: TrainingDialog, tmp_path: Path) -> None:
    write_training(tmp_path, {"a": 30})
    dialog.resize(dialog.minimumSize())
    dialog.show_standing(look(tmp_path))
    picture: QImage = dialog.grab().toImage()
    assert (picture.width(), picture.height()) == (720, 520)
    for widget in (dialog.title, dialog.status, dialog.stop, dialog.start, dialog.kind):
        assert widget.width() >= widget.minimumSizeHint().width()
        assert dialog.rect().contains(widget.geometry())


def test_the_next_version_is_suggested(tmp_path: Path) -> None:
    assert suggested(tmp_path, "demo") == str(tmp_path / "demo" / "1")
    (tmp_path / "demo" / "1").mkdir(parents=True)
    assert suggested(tmp_path, "demo") == str(tmp_path / "demo" / "2")


# ---------------------------------------------------------------- the process


@pytest.fixture
def opened(workbench: Open, tmp_path: Path, qtbot: QtBot) -> Workbench:
    write_dataset(tmp_path / "set", count=12)
    bench = workbench(tmp_path / "set")
    settled(bench, qtbot)
    return bench


def settled(bench: Workbench, qtbot: QtBot) -> None:
    """Torch is imported and the first sample explained: the window can be closed at any moment."""
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    qtbot.waitUntil(lambda: not bench.computer.busy("dataset"), timeout=LONG)


def shown(bench: Workbench, config: str, out: Path) -> TrainingDialog:
    bench.actions.trigger("tools.train")
    dialog = bench.training._dialog
    assert dialog is not None
    dialog.set_choice(TrainingChoice(config, str(out), 1))
    return dialog


def test_trained_watched_and_stopped(opened: Workbench, tmp_path: Path, qtbot: QtBot) -> None:
    file, out = tmp_path / "c.toml", tmp_path / "made" / "1"
    file.write_text(CONFIG)
    dialog = shown(opened, str(file), out)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert "Starting" in dialog.status.text()
    qtbot.waitUntil(lambda: len(dialog.loss.values().get("training", [])) >= 2, timeout=LONG)
    assert "Training goes on" in dialog.status.text()
    qtbot.mouseClick(dialog.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "finished release" in dialog.status.text(), timeout=LONG)
    assert "is trained" in last_words(opened)
    assert json.loads((out / "metrics.json").read_text())["stopped"] is True
    assert opened.settings.get("training")["running"] == ""
    assert not dialog.start.isEnabled()
    dialog.close()


def test_what_went_wrong_is_told_where_one_looks(opened: Workbench, tmp_path: Path, qtbot: QtBot) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[optimizer]\n")
    dialog = shown(opened, str(file), tmp_path / "r")
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "unknown key optimizer" in dialog.status.text(), timeout=LONG)
    assert dialog.start.isEnabled()
    dialog.close()


def test_a_closed_window_leaves_the_training_and_the_next_one_finds_it(
    opened: Workbench, workbench: Open, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, begun = tmp_path / "r", []
    holder = (
        "import sys\nfrom pathlib import Path\nfrom sier_gui.core.locks import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()"
    )
    popen = subprocess.Popen

    def pretend(command: list[str], **_options: Any) -> subprocess.Popen[bytes]:
        """A process that holds the folder as a training does."""
        write_training(out, {"a": 1})
        process = popen(
            [sys.executable, "-c", holder, str(out / "training")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        begun.append((command, process))
        return process

    monkeypatch.setattr(workflow.subprocess, "Popen", pretend)
    dialog = shown(opened, "small", out)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.stop.isEnabled(), timeout=LONG)
    ((command, process),) = begun
    assert command[1:5] == ["-m", "sier_gui", "train", str(tmp_path / "set")]
    opened.window.close()
    assert process.poll() is None
    second = workbench(tmp_path / "set")
    qtbot.waitUntil(lambda: any("goes on" in m.text for m in second.messages.history), timeout=LONG)
    settled(second, qtbot)
    dialog = shown(second, "small", out)
    qtbot.waitUntil(lambda: dialog.stop.isEnabled(), timeout=LONG)
    process.kill()
    process.communicate()
    qtbot.waitUntil(lambda: "What is done is kept" in dialog.status.text(), timeout=LONG)
    assert dialog.start.text() == "Go On"
    dialog.close()
