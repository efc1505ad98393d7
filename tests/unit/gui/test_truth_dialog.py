"""Is the map true? Reports in words and curves, and the check in the background."""

from __future__ import annotations

import gc
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reports
from fixture_data import LONG, Open, explained, last_words
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from sier_gui.core.errors import SierError
from sier_gui.core.explain.truth import case, rivals
from sier_gui.core.explain.truth import report as truth
from sier_gui.core.explain.truth.report import TruthReport
from sier_gui.core.tasks import Progress
from sier_gui.gui.dialogs import truth_words
from sier_gui.gui.dialogs.truth import TruthDialog
from sier_gui.gui.dialogs.truth_words import findings, number, table_rows
from sier_gui.gui.workflows.context import lasting


@pytest.fixture
def dialog(qtbot: QtBot) -> TruthDialog:
    widget = TruthDialog()
    qtbot.addWidget(widget)
    widget.show()
    return widget


def cells(table: QTableWidget) -> list[list[str]]:
    return [
        [item.text() if (item := table.item(i, j)) else "" for j in range(table.columnCount())]
        for i in range(table.rowCount())
    ]


def test_the_words_mean_the_reports_scopes() -> None:
    assert truth_words.BOTH == case.BOTH
    assert set(truth_words.RIVALS) == set(rivals.RIVALS)


def test_each_check_is_one_number_and_one_plain_meaning() -> None:
    report = reports.truth_report()
    order, randomised, absences, pointing = findings(report)
    ours, others = report.curves["owen"]["both"], report.curves["occlusion"]["both"]
    assert order.number == f"{ours.insertion_area - ours.deletion_area:.2f}"
    assert f"occlusion, has {others.faithfulness:.2f}" in order.meaning
    assert randomised.number == "ρ −0.04"
    assert "head 0.21, upper half 0.08, whole −0.04" in randomised.meaning
    assert absences.number == f"ρ {(0.71 + 0.62) / 2:.2f}"  # one of the three maps was constant
    assert "mean 0.71, blur 0.62, noise –" in absences.meaning
    assert pointing.number == "image 1.00, speech 0.00"
    assert "strongest patch lies in it" in pointing.meaning
    assert "strongest segment does not lie in it" in pointing.meaning
    assert "image 8 %, speech 31 %" in pointing.meaning


def test_without_evidence_it_says_what_would_give_some() -> None:
    (*_, pointing) = findings(reports.truth_report(evidence=False))
    assert pointing.number == "–"
    assert "evidence.csv" in pointing.meaning


def test_numbers_that_are_none_and_minus_zero() -> None:
    assert number(math.nan) == "–"
    assert number(-0.001) == "0.00"
    assert number(-0.25) == "−0.25"


def test_curves_and_areas_follow_the_scope(dialog: TruthDialog, qtbot: QtBot) -> None:
    report = reports.truth_report()
    dialog.show_report(report)
    named = ["Owen", "Grad-CAM", "integrated gradients", "occlusion", "random order"]
    for plot, which in ((dialog.deletion, "deletion"), (dialog.insertion, "insertion")):
        drawn = plot.plotItem.listDataItems()
        assert [line.name() for line in drawn] == named
        for line, method in zip(drawn, report.maps, strict=True):
            shares, values = line.getData()
            np.testing.assert_allclose(values, getattr(report.curves[method]["both"], which))
            assert (shares[0], shares[-1]) == (0.0, 1.0)
        assert [label.text for _, label in plot.legend.items] == named
    assert cells(dialog.table) == [list(row) for row in table_rows(report, "both")]
    only = report.curves["owen"]["image"]
    report.curves["owen"]["image"] = type(only)(only.deletion / 2, only.insertion)  # type: ignore[index]
    qtbot.keyClick(dialog.scope, Qt.Key.Key_Down)
    assert dialog.scope.currentData() == "image"
    halved = dialog.deletion.plotItem.listDataItems()[0].getData()[1]
    np.testing.assert_allclose(halved, only.deletion / 2)
    assert float(cells(dialog.table)[0][1]) == pytest.approx(only.deletion_area / 2, abs=0.005)


def test_a_missing_extra_is_one_line_in_place_of_the_rivals(dialog: TruthDialog) -> None:
    dialog.show_report(reports.truth_report(without=("gradcam", "gradients")))
    rows = cells(dialog.table)
    assert [row[0] for row in rows] == [
        "Owen",
        "occlusion",
        "random order",
        "Grad-CAM,\nintegrated gradients",
    ]
    assert "sier-gui[explainers]" in rows[-1][1]
    assert dialog.table.columnSpan(3, 1) == 3
    assert len(dialog.deletion.plotItem.listDataItems()) == 3


def test_progress_stands_where_the_report_will(dialog: TruthDialog) -> None:
    dialog.show_progress("s1 · hate")
    assert dialog.bar.isVisible()
    assert dialog.cancel.isVisible()
    assert not dialog.again.isVisible()
    assert not dialog.table.isVisible()
    dialog.on_progress(Progress(250, 1000, "absence blur"))
    assert dialog.bar.value() == 250
    assert dialog.status.text() == "Absence blur …"
    dialog.show_report(reports.truth_report())
    assert not dialog.bar.isVisible()
    assert dialog.table.isVisible()
    dialog.show_stopped("It was cancelled.")
    assert not dialog.table.isVisible()
    assert dialog.status.text() == "It was cancelled."
    assert dialog.again.isVisible()


def test_escape_cancels_what_nobody_looks_at(dialog: TruthDialog, qtbot: QtBot) -> None:
    dialog.show_progress("s1 · hate")
    with qtbot.waitSignal(dialog.cancel_wished, timeout=1000):
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)


def test_controls_have_names_and_the_keyboard(dialog: TruthDialog) -> None:
    dialog.show_report(reports.truth_report())
    for widget in dialog.findChildren(QWidget):
        if isinstance(widget, QAbstractButton | QComboBox | QTableWidget) and widget.isVisible():
            if widget.objectName().startswith("qt_") or isinstance(widget.parent(), QTableWidget):
                continue
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            assert widget.accessibleName() or text
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert "Owen 0." in dialog.deletion.accessibleDescription()


# ---------------------------------------------------------------- in the window


class FakeCheck:
    """Stands still between two batches until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.asked: list[tuple[Any, ...]] = []

    def __call__(
        self, predictor: Any, inputs: Any, request: Any, *, evidence: Any, cache: Any, report: Any, token: Any
    ) -> TruthReport:
        self.asked.append((inputs.sample_id, request, evidence))
        report(Progress(100, 1000, "explaining"))
        self.begun.set()
        while not self.go_on.wait(0.005):
            token.check()
        return reports.truth_report(sample_id=inputs.sample_id)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCheck:
    check = FakeCheck()
    monkeypatch.setattr(truth, "check_sample", check)
    return check


def shown(bench: Any) -> TruthDialog:
    (dialog,) = bench.window.findChildren(TruthDialog)
    return dialog


def test_the_sample_on_show_is_checked_as_it_is_explained(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeCheck
) -> None:
    (dataset / "evidence.csv").write_text("sample_id,left,top,right,bottom\ns0,1,2,11,12\n", encoding="utf-8")
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    bench.state.set_target("sad")
    bench.state.change_explain_options(method="shapley", absence="mean", error=0.5)
    fake.go_on.set()
    bench.actions.trigger("explain.truth")
    qtbot.waitUntil(lambda: shown(bench).table.rowCount() > 0, timeout=LONG)
    (sample_id, request, evidence) = fake.asked[0]
    assert sample_id == "s0"
    assert (request.method, request.absence, request.target, request.grid) == ("shapley", "mean", "sad", 4)
    assert evidence.box == (1.0, 2.0, 11.0, 12.0)
    assert evidence.label == "anger"  # what the dataset says it shows
    assert "s0 · sad · Shapley 4×4 + 4 · mean" in shown(bench).title.text()
    shown(bench).close()


def test_another_sample_is_explained_while_a_check_is_under_way(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeCheck
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    bench.actions.trigger("explain.truth")
    qtbot.waitUntil(fake.begun.is_set, timeout=LONG)
    bench.actions.trigger("sample.next")
    qtbot.waitUntil(explained(bench.state, "s1"), timeout=LONG)  # the check is still waiting for its end
    assert bench.computer.busy("truth")
    fake.go_on.set()
    qtbot.waitUntil(lambda: shown(bench).table.rowCount() > 0, timeout=LONG)
    assert "s0" in shown(bench).title.text()  # of the sample it was asked for
    shown(bench).close()


def test_a_check_can_be_cancelled_and_asked_again(
    qtbot: QtBot, workbench: Open, dataset: Path, fake: FakeCheck
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    bench.actions.trigger("explain.truth")
    qtbot.waitUntil(fake.begun.is_set, timeout=LONG)
    dialog = shown(bench)
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "cancelled" in dialog.status.text(), timeout=LONG)
    assert not bench.computer.busy("truth")
    fake.go_on.set()
    qtbot.mouseClick(dialog.again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.table.rowCount() > 0, timeout=LONG)
    dialog.close()


def test_what_cannot_be_checked_says_so_in_the_dialog(
    qtbot: QtBot, workbench: Open, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> TruthReport:
        raise SierError("A split of whole modalities is no map to check.", "Use method owen or shapley.")

    monkeypatch.setattr(truth, "check_sample", refuse)
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    bench.actions.trigger("explain.truth")
    qtbot.waitUntil(lambda: "no map to check" in shown(bench).status.text(), timeout=LONG)
    assert not bench.messages.history
    monkeypatch.setattr(truth, "check_sample", lambda *_a, **_o: 1 / 0)
    shown(bench).again.click()
    qtbot.waitUntil(lambda: bool(bench.messages.history), timeout=LONG)
    assert "ZeroDivisionError" in last_words(bench)
    assert shown(bench).again.isVisible()
    shown(bench).close()


def test_a_real_check_of_a_small_map(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    bench.state.change_explain_options(grid=2, segments=2)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    bench.actions.trigger("explain.truth")
    qtbot.waitUntil(lambda: shown(bench).again.isVisible(), timeout=LONG)
    assert shown(bench).status.text() == "", bench.messages.history
    report = shown(bench)._report
    assert report is not None
    assert report.sample_id == "s0"
    assert set(report.maps) == {"owen", "gradcam", "gradients", "occlusion", "random"}
    assert shown(bench).findings[0][0].text().startswith("Deletion and insertion   ")
    shown(bench).close()


def test_what_lasts_is_never_looked_through_for_garbage() -> None:
    """Looking through 50,000 objects holds Python's lock for 50 ms."""
    with lasting():
        assert not gc.isenabled()
        kept: list[list[object]] = [[] for _ in range(1000)]
    assert gc.isenabled()
    looked_through = {id(one) for one in gc.get_objects()}
    assert not looked_through & {id(one) for one in kept}
    other: list[object] = []
    assert id(other) in {id(one) for one in gc.get_objects()}
    with pytest.raises(SierError), lasting():
        raise SierError("It failed.")
    assert gc.isenabled()
