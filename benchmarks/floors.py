"""The floors of models.md §1 for a small real set: our networks beside SVMs, speakers left out in turn.

    python benchmarks/floors.py ../shared/data/sier_mini --json floors.json
    python benchmarks/floors.py ../shared/data/sier_mini --config benchmarks/ser_emodb_release.toml

Trains all the networks behind a release anew (some minutes on one core) and prints them with the baselines
of the same run. ``--recorded FOLDER`` takes the networks' answers from a release's predictions.csv instead.
Each network is compared with the best SVM on the same streams, sample by sample (`ablation.significance`).
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import Modality
from sier_gui.core.nets.ablation.recompute import groups_in
from sier_gui.core.nets.ablation.significance import Comparison, compare
from sier_gui.core.nets.training.config import TrainingConfig, load_config
from sier_gui.core.nets.training.metrics import figures_of
from sier_gui.core.nets.training.predictions import Predictions, by_network, grouped, read
from sier_gui.core.nets.training.train import train

CONFIG = Path(__file__).parent / "emodb_fer_release.toml"
SPEECH_FLOOR, SPEECH_MARGIN, IMAGE_FLOOR, FUSED_FLOOR = 0.73, 0.03, 0.43, 0.77
SPEECH_SVM = "SVM on log-mel statistics"
# what our networks are called → the SVMs beside them
OPPONENTS = {
    "fused": "SVM on both",
    "speech alone": SPEECH_SVM,
    "fused network, image absent": SPEECH_SVM,
    "image alone": "SVM on HOG",
    "fused network, speech absent": "SVM on HOG",
}
Features = NDArray[np.float64]
Runs = dict[str, list[Predictions]]


def baselines(catalogue: Catalogue, config: TrainingConfig) -> Runs:
    """SVMs on the networks' own inputs, predictions pooled over the speakers left out."""
    inputs = [load_inputs(catalogue.sample(row), config.front).tensors for row in range(len(catalogue))]
    classes = tuple(catalogue.classes)
    labels = np.array([classes.index(label) for label in catalogue.column("label")])
    groups = catalogue.column(config.split.groups)
    folds = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    speech = np.array([statistics(tensors[Modality.SPEECH][0]) for tensors in inputs])
    image = np.array([hog(tensors[Modality.IMAGE].mean(0)) for tensors in inputs])
    found: Runs = {}
    for name, (features, classifier) in trials(speech, image, set(config.run.streams)).items():
        predicted = cross_val_predict(classifier, features, labels, groups=groups, cv=LeaveOneGroupOut())
        shares = np.eye(len(classes))[predicted]  # SVMs give no probabilities
        ids = tuple(catalogue.column("sample_id").tolist())
        found[name] = [Predictions(name, 0, classes, ids, labels, shares, groups.astype(str), folds)]
    return found


def trials(speech: Features, image: Features, streams: set[str]) -> dict[str, tuple[Features, Any]]:
    """The SVMs on ``streams``: features and classifier.

    On both streams each feature is standardised; a stream then weighs as much as it has features (256 and
    1,764), as much as the other (``even``), or pictures weigh .3 (``speech first``).
    """
    rbf: dict[str, Any] = {"kernel": "rbf", "class_weight": "balanced"}
    linear: dict[str, Any] = {"kernel": "linear", "class_weight": "balanced"}
    found: dict[str, tuple[Features, Any]] = {}
    if "speech" in streams:
        found[SPEECH_SVM] = (speech, make_pipeline(StandardScaler(), SVC(C=1, gamma="scale", **rbf)))
    if "image" in streams:
        found["SVM on HOG, RBF, C = 10"] = (image, SVC(C=10, gamma="scale", **rbf))
        for c in (1, 0.1):
            found[f"SVM on HOG, linear, C = {c:g}"] = (image, SVC(C=c, **linear))
    if len(streams) == 2:
        both = np.hstack([speech, image])
        for name, classifier in (
            ("RBF, C = 1", SVC(C=1, gamma="scale", **rbf)),
            ("RBF, C = 10", SVC(C=10, gamma="scale", **rbf)),
            ("linear, C = 0.1", SVC(C=0.1, **linear)),
            ("linear, C = 1", SVC(C=1, **linear)),
        ):
            for words, weights in (("", None), ("even, ", (1.0, 1.0)), ("speech first, ", (1.0, 0.3))):
                block = [] if weights is None else [_Weighted(speech.shape[1], weights)]
                pipeline = make_pipeline(StandardScaler(), *block, classifier)
                found[f"SVM on both, {words}{name}"] = (both, pipeline)
    return found


class _Weighted(BaseEstimator, TransformerMixin):
    """Two blocks of standardised features, each scaled to a sum of variances of its weight squared."""

    def __init__(self, first: int, weights: tuple[float, float]) -> None:
        self.first, self.weights = first, weights

    def fit(self, features: Features, labels: Any = None) -> _Weighted:
        self.scales_ = [
            w / np.sqrt(b.shape[1]) for w, b in zip(self.weights, self._cut(features), strict=True)
        ]
        return self

    def transform(self, features: Features) -> Features:
        return np.hstack([b * s for b, s in zip(self._cut(features), self.scales_, strict=True)])

    def _cut(self, features: Features) -> list[Features]:
        return np.split(features, [self.first], axis=1)


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


def networks(catalogue: Catalogue, config: TrainingConfig, recorded: Path | None) -> Runs:
    """What the networks said: recorded with a release, or measured now."""
    if recorded is not None:
        tables = read(recorded)
    else:
        with tempfile.TemporaryDirectory() as folder:
            release = train(catalogue, config, Path(folder) / "release", device="cpu", report=_show)
            tables = read(release.folder)
    groups = groups_in(catalogue, config.split.groups)
    return by_network(grouped(tables, groups, "The dataset"))


def verdicts(figures: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Each floor with the figure held against it, for the networks that there are."""
    value = {name: float(found["balanced_accuracy"]) for name, found in figures.items()}
    speech_names = [n for n, svm in OPPONENTS.items() if svm == SPEECH_SVM and n in value]
    wanted: dict[str, float] = {}
    for name in speech_names:
        wanted[name] = max(value[SPEECH_SVM] + SPEECH_MARGIN, SPEECH_FLOOR)
    wanted |= {name: IMAGE_FLOOR for name, svm in OPPONENTS.items() if svm == "SVM on HOG"}
    wanted["fused"] = max(FUSED_FLOOR, *(value[name] for name in speech_names), 0)
    return [
        {"network": n, "floor": floor, "measured": value[n], "holds": value[n] >= floor}
        for n, floor in wanted.items()
        if n in value
    ]


def comparisons(runs: Runs, figures: dict[str, dict[str, Any]]) -> list[Comparison]:
    """Each network against the best of all SVMs on its streams: the choice favours the SVM."""
    found: list[Comparison] = []
    for name, start in OPPONENTS.items():
        others = [svm for svm in runs if svm.startswith(start)]
        if name in runs and others:
            best = max(others, key=lambda svm: figures[svm]["balanced_accuracy"])
            found += compare((name, runs[name]), [(best, runs[best])])
    return found


def _show(progress: Any) -> None:
    if progress.text.startswith("network"):
        print(f"\r{progress.text:60s}", end="", file=sys.stderr, flush=True)


def _print(
    figures: dict[str, dict[str, Any]], held: Sequence[dict[str, Any]], tests: Sequence[Comparison]
) -> None:
    print(f"\n{'':36s} balanced accuracy ± standard error   seeds")
    for name, f in figures.items():
        seeds = " ".join(f"{run['balanced_accuracy']:.3f}" for run in f["runs"] if len(f["runs"]) > 1)
        print(f"{name:36s} {f['balanced_accuracy']:.3f} ± {f['standard_error']:.3f}   {seeds}")
    print()
    for v in held:
        word = "holds" if v["holds"] else "MISSED"
        print(f"{v['network']:36s} {v['measured']:.3f} ≥ {v['floor']:.3f}  {word}")
    print()
    for test in tests:
        print(test.spoken())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--recorded", type=Path, metavar="FOLDER", help="a release's folder")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    started = time.perf_counter()
    config = load_config(arguments.config)
    catalogue = open_dataset(arguments.dataset)
    runs = baselines(catalogue, config) | networks(catalogue, config, arguments.recorded)
    figures = {name: figures_of(found) for name, found in runs.items()}
    held, tests = verdicts(figures), comparisons(runs, figures)
    _print(figures, held, tests)
    if arguments.json:
        report = {
            "schema": 1,
            "machine": platform.platform(),
            "python": platform.python_version(),
            "seconds": round(time.perf_counter() - started, 1),
            "recorded": arguments.recorded is not None,
            "figures": figures,
            "floors": held,
            "comparisons": [test.to_json() for test in tests],
        }
        arguments.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
