"""Samples of which a dataset has only a picture, only speech, or neither: said calmly, and predicted."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixture_data import LONG, Open, explained, write_dataset
from pytestqt.qtbot import QtBot

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.gui.panels.image import ImagePanel
from sier_gui.gui.panels.result import ExplanationPanel, ProbabilityPanel
from sier_gui.gui.panels.speech import SpeechPanel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """s0 whole, s1 without picture, s2 without speech, s3 with neither, s4 without speech and broken."""
    table = write_dataset(tmp_path / "set")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    for row, name in ((1, "image"), (2, "speech"), (3, "image"), (3, "speech"), (4, "speech")):
        rows[row][name] = ""
    (table.parent / rows[4]["image"]).write_bytes(b"no picture")
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return table.parent


def go(qtbot: QtBot, bench: Any, row: int) -> Any:
    bench.state.set_row(row)
    qtbot.waitUntil(
        lambda: bench.state.sample is not None and bench.state.sample.sample.row == row, timeout=LONG
    )
    return bench.state.sample


def panel(bench: Any, kind: type) -> Any:
    (found,) = bench.window.findChildren(kind)
    return found


def test_what_is_not_there_is_said_and_the_rest_predicted(
    qtbot: QtBot, workbench: Open, folder: Path
) -> None:
    bench = workbench(folder)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    verdict = panel(bench, ProbabilityPanel).verdict
    canvas, plots = panel(bench, ImagePanel).canvas, panel(bench, SpeechPanel).plots
    assert "No " not in canvas.accessibleDescription()
    for row, gone in ((1, "image"), (2, "speech")):
        view = go(qtbot, bench, row)
        assert view.errors == ()
        assert view.inputs.absent == {Modality(gone)}
        qtbot.waitUntil(lambda row=row: bench.state.prediction is not None
                        and bench.state.prediction.sample_id == f"s{row}", timeout=LONG)  # fmt: skip
        assert verdict.text().endswith(f", without {gone}")
        notice = (canvas if gone == "image" else plots).accessibleDescription()
        what, instead = ("picture", "a black one") if gone == "image" else ("speech", "silence")
        assert notice == (
            f"No {what} The dataset has no {what} for s{row}. A network that takes both is given {instead}."
        )
        assert bench.state.attribution is None
        assert f"the dataset has no {gone} here" in panel(bench, ExplanationPanel)._waiting_text()
        assert not bench.computer.busy("explain")
    assert view.speech is None
    view = go(qtbot, bench, 3)
    assert (view.inputs, view.errors) == (None, ())
    assert "cannot be predicted: no image and no speech" in verdict.text()
    view = go(qtbot, bench, 4)
    assert view.inputs is None
    assert len(view.errors) == 1
    assert "cannot be predicted: a file is broken" in verdict.text()
    assert not any(message.error for message in bench.messages.history)


def test_the_whole_dataset_is_predicted_with_what_there_is(
    qtbot: QtBot, workbench: Open, folder: Path
) -> None:
    bench = workbench(folder)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    table = bench.state.predictions
    qtbot.waitUntil(lambda: not np.isnan(table.confidence[[0, 1, 2, 5]]).any(), timeout=LONG)
    assert np.isnan(table.confidence[[3, 4]]).all()


def test_a_network_of_the_stream_that_is_missing_says_so(
    qtbot: QtBot, workbench: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sier_gui.core.nets.releases import Release

    monkeypatch.setattr(Release, "streams", (Modality.SPEECH,))
    bench = workbench(folder)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    predictor = bench.context.predictors._loaded
    lacking = go(qtbot, bench, 2).inputs
    with pytest.raises(SierError, match="Sample s2 has no speech, and untrained/1 takes nothing else"):
        predictor.check(lacking)
    qtbot.waitUntil(lambda: any("has no speech" in m.text for m in bench.messages.history), timeout=LONG)
    view = go(qtbot, bench, 1)
    predictor.check(view.inputs)  # the picture is not looked at: it need not be there
