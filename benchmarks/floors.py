"""The floors of models.md §1 for a small real set: our networks beside SVMs, speakers left out in turn.

    python benchmarks/floors.py ../shared/data/sier_mini --json floors.json

Trains all the networks behind a release anew (some minutes on one core) and prints them with the baselines
of the same run. ``--recorded FOLDER`` takes the networks' figures from a release's metrics.json instead.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import Modality
from sier_gui.core.nets.training.config import TrainingConfig, load_config
from sier_gui.core.nets.training.metrics import evaluate
from sier_gui.core.nets.training.train import train

CONFIG = Path(__file__).parent / "emodb_fer_release.toml"
SPEECH_FLOOR, SPEECH_MARGIN, IMAGE_FLOOR, FUSED_FLOOR = 0.73, 0.03, 0.43, 0.77
Features = NDArray[np.float64]


def baselines(dataset: Path, config: TrainingConfig) -> dict[str, dict[str, Any]]:
    """SVMs on the networks' own inputs, predictions pooled over the speakers left out."""
    catalogue = open_dataset(dataset)
    inputs = [load_inputs(catalogue.sample(row), config.front).tensors for row in range(len(catalogue))]
    classes = list(catalogue.classes)
    labels = np.array([classes.index(label) for label in catalogue.column("label")])
    groups = catalogue.column(config.split.groups)
    speech = np.array([statistics(tensors[Modality.SPEECH][0]) for tensors in inputs])
    image = np.array([hog(tensors[Modality.IMAGE].mean(0)) for tensors in inputs])
    rbf = {"kernel": "rbf", "class_weight": "balanced"}
    trials = {
        "SVM on log-mel statistics": (
            speech,
            make_pipeline(StandardScaler(), SVC(C=1, gamma="scale", **rbf)),
        ),
        "SVM on HOG, RBF, C = 10": (image, SVC(C=10, gamma="scale", **rbf)),
        "SVM on HOG, linear, C = 1": (image, SVC(kernel="linear", C=1, class_weight="balanced")),
        "SVM on HOG, linear, C = 0.1": (image, SVC(kernel="linear", C=0.1, class_weight="balanced")),
    }
    figures = {}
    for name, (features, classifier) in trials.items():
        predicted = cross_val_predict(classifier, features, labels, groups=groups, cv=LeaveOneGroupOut())
        figures[name] = evaluate(labels, np.eye(len(classes))[predicted], classes)
    return figures


def statistics(log_mel: NDArray[np.float32]) -> Features:
    """(mels, frames) → mean and standard deviation of each band over time."""
    return np.concatenate([log_mel.mean(1), log_mel.std(1)]).astype(np.float64)


def hog(grey: NDArray[np.float32], cell: int = 16, bins: int = 9) -> Features:
    """Histograms of oriented gradients (Dalal and Triggs 2005): unsigned, blocks of 2×2 cells, L2-Hys."""
    down, right = np.gradient(grey.astype(np.float64))
    strength = np.hypot(right, down)
    bin_of = np.floor(np.mod(np.arctan2(down, right), np.pi) / np.pi * bins).astype(int) % bins
    count = grey.shape[0] // cell
    histograms = np.stack(
        [(strength * (bin_of == b)).reshape(count, cell, count, cell).sum((1, 3)) for b in range(bins)],
        axis=2,
    )
    corners = [histograms[i : count - 1 + i, j : count - 1 + j] for i in (0, 1) for j in (0, 1)]
    blocks = np.concatenate(corners, axis=2)
    for largest in (0.2, np.inf):
        blocks = blocks / np.sqrt((blocks**2).sum(2, keepdims=True) + 1e-10)
        blocks = np.minimum(blocks, largest)
    return blocks.ravel()


def networks(dataset: Path, config: TrainingConfig, recorded: Path | None) -> dict[str, Any]:
    """The ``networks`` of metrics.json: recorded with a release, or measured now."""
    if recorded is not None:
        return dict(json.loads((recorded / "metrics.json").read_text(encoding="utf-8"))["networks"])
    with tempfile.TemporaryDirectory() as folder:
        release = train(open_dataset(dataset), config, Path(folder) / "release", report=_show)
        return dict(json.loads((release.folder / "metrics.json").read_text(encoding="utf-8"))["networks"])


def verdicts(figures: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Each floor with the figure held against it."""

    def value(name: str) -> float:
        return float(figures[name]["balanced_accuracy"])

    speech = max(value("SVM on log-mel statistics") + SPEECH_MARGIN, SPEECH_FLOOR)
    speech_names = ("speech alone", "fused network, image absent")
    wanted = [(name, speech) for name in speech_names]
    wanted += [(name, IMAGE_FLOOR) for name in ("image alone", "fused network, speech absent")]
    wanted.append(("fused", max(FUSED_FLOOR, *(value(name) for name in speech_names))))
    return [
        {"network": n, "floor": floor, "measured": value(n), "holds": value(n) >= floor}
        for n, floor in wanted
    ]


def _show(progress: Any) -> None:
    if progress.text.startswith("network"):
        print(f"\r{progress.text:60s}", end="", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--recorded", type=Path, metavar="FOLDER", help="a release's folder")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    started = time.perf_counter()
    config = load_config(arguments.config)
    figures = baselines(arguments.dataset, config) | networks(arguments.dataset, config, arguments.recorded)
    print(f"\n{'':36s} balanced accuracy ± standard error   seeds")
    for name, f in figures.items():
        seeds = " ".join(f"{run['balanced_accuracy']:.3f}" for run in f.get("runs", []))
        print(f"{name:36s} {f['balanced_accuracy']:.3f} ± {f['standard_error']:.3f}   {seeds}")
    print()
    for v in verdicts(figures):
        word = "holds" if v["holds"] else "MISSED"
        print(f"{v['network']:36s} {v['measured']:.3f} ≥ {v['floor']:.3f}  {word}")
    if arguments.json:
        about = {"machine": platform.platform(), "python": platform.python_version()}
        report = {
            "schema": 1,
            **about,
            "seconds": round(time.perf_counter() - started, 1),
            "recorded": arguments.recorded is not None,
            "figures": figures,
            "floors": verdicts(figures),
        }
        arguments.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
