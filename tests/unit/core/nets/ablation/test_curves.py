"""F1 and κ over epochs, as training writes them."""

import json

import numpy as np
import pytest

from sier_gui.cli import main
from sier_gui.core.errors import SierError
from sier_gui.core.nets.ablation.curves import curves, draw_curves


def history(accuracy, f1, kappa):
    keys = ("validation_accuracy", "validation_macro_f1", "validation_kappa")
    return [dict(zip(keys, values, strict=True)) for values in zip(accuracy, f1, kappa, strict=True)]


def test_parts_are_averaged_as_far_as_all_of_them_go():
    found = curves(
        [history([0.2, 0.4, 0.9], [0.2, 0.2, 0.9], [0, 0.1, 0.8]), history([0.4, 0.6], [0.0, 0.2], [0, 0.3])]
    )
    assert found["accuracy"] == pytest.approx([0.3, 0.5])
    assert found["macro_f1"] == pytest.approx([0.1, 0.2])
    assert found["gap"] == pytest.approx(0.25)
    assert found["end"] == pytest.approx(0.1)


def test_a_network_that_says_one_class_shows_by_its_gap():
    """Always the class of six in ten: accuracy .6, F1 .75/4 = .19, κ 0."""
    one_class = curves([history([0.6] * 9, [0.19] * 9, [0.0] * 9)])
    real = curves([history([0.6] * 9, [0.59] * 9, [0.45] * 9)])
    assert one_class["gap"] > 0.4 > 0.02 > real["gap"]
    assert (one_class["end"], real["end"]) == (0, pytest.approx(0.45))


def test_the_figure_has_a_panel_for_each_network():
    found = {
        name: curves([history(*np.random.default_rng(0).random((3, 6)))])
        for name in ("image-only", "speech-only")
    }
    figure = draw_curves(found)
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title().splitlines()[0] for axes in shown] == ["image-only", "speech-only"]
    figure.canvas.draw()
    left, right = (axes.title.get_window_extent() for axes in shown)
    assert left.x1 < right.x0  # the titles do not run into each other
    assert right.x1 < figure.bbox.x1
    for axes, one in zip(shown, found.values(), strict=True):
        lines = {line.get_label(): line for line in axes.get_lines()}
        assert lines["κ"].get_ydata().tolist() == one["kappa"]
        assert lines["macro F1"].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]


def test_without_validation_there_are_no_curves():
    with pytest.raises(SierError, match="no validation part"):
        curves([[{"epoch": 0, "train_loss": 1.0}]])


def test_the_program_reads_histories(tmp_path, capsys):
    for name in ("image-only", "speech-only"):
        for part in range(2):
            folder = tmp_path / name / f"seed0-part{part}"
            folder.mkdir(parents=True)
            lines = history([0.5 + part / 10], [0.4], [0.3])
            (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    of_a_training = tmp_path / "units" / "fused-seed0-part0"
    of_a_training.mkdir(parents=True)
    (of_a_training / "history.jsonl").write_text(json.dumps(history([0.9], [0.8], [0.7])[0]) + "\n")
    given = [str(file) for file in sorted(tmp_path.glob("*/*/history.jsonl"))]
    assert main(["metrics", "--history", *given, "--out", str(tmp_path / "out"), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)["curves"]
    assert set(found) == {"image-only", "speech-only", "fused"}
    assert found["image-only"]["accuracy"] == pytest.approx([0.55])
    assert (tmp_path / "out" / "curves.svg").stat().st_size > 1000
