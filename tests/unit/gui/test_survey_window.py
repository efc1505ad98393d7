"""A whole dataset explained in the background: paused, cancelled, gone on with, and summed up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reports
from fixture_data import LONG, Open, explained, last_words
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from sier_gui.app import Workbench
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.survey import run
from sier_gui.core.explain.survey.degree import Share
from sier_gui.core.explain.survey.run import SurveyResult
from sier_gui.core.tasks import CancelToken, Progress
from sier_gui.gui.dialogs.survey import SurveyDialog
from sier_gui.gui.dialogs.truth import TruthDialog
from sier_gui.gui.panels.overview.degree import BAR, DegreePanel, share_text
from sier_gui.gui.state import ExplainOptions
from sier_gui.gui.workflows import survey as workflow
from sier_gui.gui.workflows.survey import _OwnThreads


def ready(bench: Workbench) -> Any:
    """The first sample is explained and the dataset's own predictions are through."""

    def check() -> bool:
        table = bench.state.predictions
        known = table is not None and not np.isnan(table.image_share).any()
        return explained(bench.state, "s0")() and known and not bench.computer.busy("dataset")

    return check


def small() -> ExplainOptions:
    return ExplainOptions(grid=2, segments=2)


class FakeSurvey:
    """`surveying` that explains nothing: stands at each sample until it is let go."""

    def __init__(self) -> None:
        self.step = threading.Semaphore(0)
        self.asked: list[Any] = []
        self.closed = 0

    def __call__(
        self, catalogue: Any, release: Any, request: Any, out: Path, *, report: Any, token: Any, **_more: Any
    ) -> Iterator[SurveyResult]:
        self.asked.append(request)
        import torch

        total = len(catalogue)
        try:
            for done in range(total):
                yield SurveyResult(out, total, done, 0, done, 1.0)
                while not self.step.acquire(timeout=0.005):
                    report(Progress(done, total, "explaining · 2 min left"))
                    with torch.inference_mode():  # as the engine asks, between two batches
                        token.check()
            yield SurveyResult(out, total, total, 1, total, 2.0, complete=True)
        finally:
            self.closed += 1


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSurvey:
    made = FakeSurvey()
    monkeypatch.setattr(run, "surveying", made)
    monkeypatch.setattr(workflow, "TELL_S", 0.0)
    monkeypatch.setattr(workflow, "_read_rows", lambda *_arguments: iter(()))
    return made


# ---------------------------------------------------------------- with a survey that only pretends


def test_the_status_line_says_how_far_it_is_and_when_it_ends(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeSurvey
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    status = bench.window.status
    bench.survey.start(small())
    fake.step.release(2)
    wanted = "explained  2 of 6 in background  2 min left"
    qtbot.waitUntil(lambda: status.work.text() == wanted, timeout=LONG)
    assert status.pause.isVisible()
    assert status.bar.value() == round(1000 * 2 / 6)
    fake.step.release(10)
    qtbot.waitUntil(lambda: not bench.computer.busy("survey"), timeout=LONG)
    assert "5 of 6 samples are explained; 1 could not be" in last_words(bench)
    assert bench.messages.history[-1].action == "survey.degree"
    assert not status.pause.isVisible()
    assert (fake.asked[0].grid, fake.asked[0].error) == (2, None)


def test_pause_and_resume_from_the_status_line(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeSurvey
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    status = bench.window.status
    bench.survey.start(small())
    qtbot.waitUntil(status.pause.isVisible, timeout=LONG)
    fake.step.release(1)
    qtbot.waitUntil(lambda: "1 of 6" in status.work.text(), timeout=LONG)
    qtbot.mouseClick(status.pause, Qt.MouseButton.LeftButton)
    assert status.work.text().endswith("paused")
    assert status.pause.text() == "resume"
    assert status.pause.actions() == [bench.actions.action("survey.pause")]  # more would make it a menu
    fake.step.release(20)
    qtbot.waitUntil(lambda: bool(bench.computer._parked), timeout=LONG)
    assert bench.computer.busy("survey")
    qtbot.mouseClick(status.pause, Qt.MouseButton.LeftButton)
    assert status.pause.text() == "pause"
    qtbot.waitUntil(lambda: not bench.computer.busy("survey"), timeout=LONG)
    assert "are explained" in last_words(bench)


def test_what_is_looked_at_does_not_wait_for_the_survey(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeSurvey
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    bench.survey.start(small())
    qtbot.waitUntil(lambda: bool(fake.asked), timeout=LONG)
    bench.actions.trigger("sample.next")  # the survey stands within a sample and only asks its token
    qtbot.waitUntil(explained(bench.state, "s1"), timeout=LONG)
    assert bench.computer.busy("survey")
    assert fake.closed == 0
    bench.actions.trigger("survey.cancel")
    qtbot.waitUntil(lambda: not bench.computer.busy("survey"), timeout=LONG)
    assert fake.closed == 1
    assert "samples are kept" in last_words(bench)


def test_a_map_is_checked_within_a_survey_gradients_and_all(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeSurvey
) -> None:
    bench = workbench(dataset)
    bench.state.change_explain_options(grid=2, segments=2)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    bench.survey.start(small())
    qtbot.waitUntil(lambda: bool(fake.asked), timeout=LONG)
    bench.actions.trigger("explain.truth")
    (dialog,) = bench.window.findChildren(TruthDialog)
    qtbot.waitUntil(lambda: dialog.again.isVisible(), timeout=LONG)
    assert dialog.status.text() == "", bench.messages.history
    assert bench.computer.busy("survey")
    assert dialog._report is not None
    assert {"gradcam", "gradients"} <= set(dialog._report.maps)
    dialog.close()


def test_it_goes_on_after_a_restart_unless_it_was_cancelled(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeSurvey
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    bench.survey.start(replace(small(), absence="mean"))
    qtbot.waitUntil(lambda: bool(fake.asked), timeout=LONG)
    bench.window.close()
    again = workbench(dataset)
    qtbot.waitUntil(lambda: len(fake.asked) == 2, timeout=LONG)
    assert fake.asked[1] == fake.asked[0]
    again.actions.action("survey.pause").trigger()
    again.window.close()
    paused = workbench(dataset)
    qtbot.waitUntil(ready(paused), timeout=LONG)
    assert paused.computer.busy("survey")  # there, but it waits to be asked to go on
    assert paused.actions.action("survey.pause").isChecked()
    assert len(fake.asked) == 2
    paused.actions.trigger("survey.cancel")
    qtbot.waitUntil(lambda: not paused.computer.busy("survey"), timeout=LONG)
    paused.window.close()
    last = workbench(dataset)
    qtbot.waitUntil(ready(last), timeout=LONG)
    assert not last.computer.busy("survey")


def test_settings_that_hold_nonsense_start_nothing(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeSurvey
) -> None:
    bench = workbench()
    for saved in ({"options": {"grid": 0}}, {"options": {"magic": 1}}, {"options": 3}, {}):
        entry = {"release": "", "state": "running", **saved}
        bench.settings.set("surveys", {str(dataset / "samples.csv"): entry, str(dataset): entry})
        bench.open.open_path(str(dataset))
        qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
        assert bench.state.release is not None
        entry["release"] = bench.state.release.weights_hash
        bench.settings.set("surveys", {str(bench.state.dataset.source): entry})  # type: ignore[union-attr]
        bench.survey._on_prediction(bench.state.prediction)
        assert not fake.asked


def test_a_survey_that_fails_says_so_and_is_not_tried_again(
    qtbot: QtBot, workbench: Open, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_arguments: Any, **_options: Any) -> Iterator[SurveyResult]:
        raise SierError("The folder is being written by process 7.", "Wait until it has ended.")
        yield

    monkeypatch.setattr(run, "surveying", locked)
    bench = workbench(dataset)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    bench.survey.start(small())
    qtbot.waitUntil(lambda: bool(bench.messages.history), timeout=LONG)
    assert "process 7" in last_words(bench)
    bench.survey._on_prediction(bench.state.prediction)
    assert not bench.computer.busy("survey")


def test_the_dialog_offers_equal_numbers_of_parts_or_what_is_shown(qtbot: QtBot) -> None:
    shown = ExplainOptions(method="modality", absence="blur:6", bands=4)
    dialog = SurveyDialog("pairs", 512, shown)
    qtbot.addWidget(dialog)
    equal = dialog.options()
    assert (equal.method, equal.grid**2, equal.segments, equal.bands) == ("owen", 16, 16, 1)
    assert equal.absence == "blur:6"
    dialog.buttons[1].click()
    assert dialog.options() == shown
    assert all(button.accessibleName() for button in dialog.buttons)


def test_asking_begins_with_what_was_chosen(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeSurvey
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    assert not bench.actions.action("survey.cancel").isEnabled()
    bench.actions.trigger("survey.start")
    dialog = bench.survey._dialog
    assert dialog is not None
    dialog.accept()
    qtbot.waitUntil(lambda: bool(fake.asked), timeout=LONG)
    assert (fake.asked[0].grid, fake.asked[0].segments) == (4, 16)
    assert bench.actions.action("survey.cancel").isEnabled()
    bench.state.set_release(bench.state.release)  # another release would be another survey
    assert not bench.computer.busy("survey")


def test_torchs_threads_are_the_surveys_own_again_after_each_check() -> None:
    import torch

    before = torch.get_num_threads()

    class Meddling(CancelToken):
        def check(self) -> None:
            super().check()
            torch.set_num_threads(3)

    try:
        torch.set_num_threads(1)
        token = _OwnThreads(Meddling())
        token.check()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


# ---------------------------------------------------------------- a real one


def test_a_real_survey_feeds_the_table_and_the_degree(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    state = bench.state
    qtbot.waitUntil(ready(bench), timeout=LONG)
    table = state.predictions
    assert table is not None
    shares, probabilities = table.image_share.copy(), table.probabilities.copy()
    table.image_share[2:] = np.nan
    table.confidence[4] = np.nan
    bench.survey.start(small())
    qtbot.waitUntil(lambda: not bench.computer.busy("survey"), timeout=LONG)
    assert "6 of 6 samples are explained" in last_words(bench)
    qtbot.waitUntil(lambda: not np.isnan(table.image_share).any(), timeout=LONG)
    np.testing.assert_allclose(table.image_share, shares, atol=1e-4)  # one game, computed on two ways
    np.testing.assert_allclose(table.probabilities, probabilities, atol=1e-5)
    assert not np.isnan(table.confidence).any()
    bench.actions.trigger("survey.degree")
    (panel,) = bench.window.findChildren(DegreePanel)
    assert panel.isVisible()
    qtbot.waitUntil(lambda: "Owen 2×2 + 2" in panel.about.text(), timeout=LONG)
    assert "6 of 6 samples explained" in panel.about.text()
    assert panel.table.item(0, 1).text() == "6"


def test_what_a_survey_explained_opens_without_the_network(
    qtbot: QtBot, workbench: Open, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sier_gui.core.explain import engine

    bench = workbench(dataset)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    bench.survey.start(small())
    qtbot.waitUntil(lambda: not bench.computer.busy("survey"), timeout=LONG)
    monkeypatch.setattr(engine, "explain", lambda *_a, **_k: pytest.fail("explained again"))
    bench.state.change_explain_options(grid=2, segments=2)
    qtbot.waitUntil(lambda: _shown_grid(bench) == (2, 2), timeout=LONG)
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(explained(bench.state, "s1"), timeout=LONG)
    assert _shown_grid(bench) == (2, 2)


def _shown_grid(bench: Workbench) -> tuple[int, ...]:
    shown = bench.state.attribution
    return shown.image().shape if shown is not None else ()


def test_a_survey_by_words_aligns_in_another_process(
    qtbot: QtBot, workbench: Open, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pocketsphinx")
    from sier_gui.core.audio import alignment
    from sier_gui.core.dataset import inputs

    for module in (alignment, inputs):
        monkeypatch.setattr(module, "align", lambda *_a, **_k: pytest.fail("aligned in the window's process"))
    bench = workbench(dataset)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    bench.survey.start(replace(small(), segments="words"))
    qtbot.waitUntil(lambda: not bench.computer.busy("survey"), timeout=LONG)
    assert "6 of 6 samples are explained" in last_words(bench)


def test_without_a_survey_the_degree_says_how_to_get_one(
    qtbot: QtBot, workbench: Open, dataset: Path
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(ready(bench), timeout=LONG)
    bench.actions.trigger("survey.degree")
    (panel,) = bench.window.findChildren(DegreePanel)
    qtbot.waitUntil(panel.table.isVisible, timeout=LONG)  # the game of two players is known of every sample
    assert panel.table.isColumnHidden(BAR)
    assert "Explain Whole Dataset" in panel.about.text()
    panel.survey.click()
    assert bench.survey._dialog is not None
    bench.survey._dialog.reject()


# ---------------------------------------------------------------- the degree in a table


@pytest.fixture
def degree(qtbot: QtBot) -> DegreePanel:
    panel = DegreePanel()
    qtbot.addWidget(panel)
    panel.resize(900, 500)
    panel.show()
    return panel


def test_dataset_labels_right_and_wrong_with_intervals(degree: DegreePanel) -> None:
    degree.show_degrees(reports.degree_table(0.6))
    text = [[degree.table.item(i, j).text().strip() for j in (0, 1, 4)] for i in range(15)]
    assert [row[0] for row in text[:4]] == ["all samples", "predicted rightly", "predicted wrongly", "anger"]
    assert text[0][1] == "109"
    low, high = 100 * (0.6 - 0.2 / np.sqrt(109)), 100 * (0.6 + 0.2 / np.sqrt(109))
    assert text[0][2] == f"60.0 % [{low:.1f}–{high:.1f}]"
    assert text[2][2].startswith("50.0 %")
    assert text[13][1:3] == ["1", "60.0 %"]  # one sample has no interval
    assert text[14][1:3] == ["0", "–"]
    assert not degree.warning.isVisible()
    assert "2 could not be explained" in degree.about.text()


def test_a_collapse_to_one_modality_is_a_warning(degree: DegreePanel) -> None:
    collapsed = reports.degree_table(0.985, labels=("a", "b"))
    degree.show_degrees(collapsed)
    assert degree.warning.isVisible()
    assert "98.5%" in degree.warning.text()
    degree.show_degrees(reports.degree_table(0.6))
    assert not degree.warning.isVisible()


def test_the_bar_is_as_long_as_the_share(degree: DegreePanel) -> None:
    degree.show_degrees(reports.degree_table(0.6))
    rectangle = degree.table.visualItemRect(degree.table.item(0, BAR))
    image = degree.table.viewport().grab(rectangle).toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    shown = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)
    accent = degree.table.palette().accent().color()
    row = (np.abs(shown[10] - [accent.red(), accent.green(), accent.blue()]) < 8).all(axis=-1)
    width = image.width() - 16
    assert row.sum() == pytest.approx(0.6 * width, abs=6)  # the interval's ends lie over it
    assert np.flatnonzero(row)[0] == pytest.approx(8, abs=1)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "–"),
        (Share(float("nan"), 0.0, 0.0, 0.0), "–"),
        (Share(0.5, 0.1, float("nan"), float("nan")), "50.0 %"),
        (Share(0.5, 0.1, 0.25, 0.75), "50.0 % [25.0–75.0]"),
    ],
)
def test_shares_in_words(share: Share | None, text: str) -> None:
    assert share_text(share) == text


def test_rows_that_the_table_knows_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa

    from sier_gui.core.explain.survey import results

    rows = pa.array([0, 2, 3, 9], pa.int64())
    lists = pa.array([[float(i), 1.0] for i in range(4)], pa.list_(pa.float64()))
    columns = {"row": rows, "error": pa.array([None, None, "broken", None], pa.string()), "f_all": lists}
    stored = pa.table({**columns, **{f"split_{m}": lists for m in Modality}})
    monkeypatch.setattr(results, "read_survey", lambda _folder, names: stored.select(names))
    monkeypatch.setattr(workflow, "FEED_ROWS", 1)
    missing = np.array([True, True, True, True])
    found = list(workflow._read_rows(tmp_path, missing, 2))
    assert [piece.rows.tolist() for piece in found] == [[0], [2]]  # 3 has an error, 9 is no row of the table
    assert found[1].f_all.tolist() == [[1.0, 1.0]]
    missing[0] = False
    assert [piece.rows.tolist() for piece in workflow._read_rows(tmp_path, missing, 2)] == [[2]]
