"""The shipped demo release is whole, small, and as good as its card says; benchmarks/ has the full table."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.domain import Modality
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.nets.releases import choose_release, verify

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "demo_release.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    specification = importlib.util.spec_from_file_location("demo_release_benchmark", BENCHMARK)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    catalogue = open_dataset(paths.resources() / "demo")
    return Predictor(choose_release(catalogue.classes, catalogue.dataset_hash), "cpu")


@pytest.fixture(scope="module")
def held(bench: ModuleType, predictor: Predictor) -> list:
    return bench.held_out(open_dataset(paths.resources() / "demo"), predictor)


def test_the_demo_set_chooses_its_own_release_which_verifies(predictor: Predictor) -> None:
    assert predictor.release.label == "demo/1"
    assert predictor.release.dataset_hash == open_dataset(paths.resources() / "demo").dataset_hash
    assert verify(predictor.release) == []
    size = sum(file.stat().st_size for file in predictor.release.folder.iterdir())
    assert size <= 8_000_000


def test_accuracy_floors_hold_on_the_held_out_part(
    bench: ModuleType, predictor: Predictor, held: list
) -> None:
    assert len(held) == 48
    assert bench.accuracy(predictor, held, None) >= 0.90
    assert bench.accuracy(predictor, held, Modality.SPEECH) >= 0.60  # the picture alone
    assert bench.accuracy(predictor, held, Modality.IMAGE) >= 0.60  # the speech alone
    alone = bench.trained_alone(predictor)
    assert set(alone) == {"image", "speech"}
    assert min(alone.values()) >= 0.60


def test_with_nothing_present_no_class_is_certain(
    bench: ModuleType, predictor: Predictor, held: list
) -> None:
    nothing = bench.without(bench.without(held[0][1], Modality.IMAGE), Modality.SPEECH)
    assert next(predictor.predict([nothing])).probabilities.max() < 0.6


def test_the_card_says_what_was_measured(predictor: Predictor) -> None:
    metrics = json.loads((predictor.release.folder / "metrics.json").read_text(encoding="utf-8"))
    for figures in metrics["networks"].values():
        assert f"{figures['balanced_accuracy']:.3f}".lstrip("0") in predictor.release.card


@pytest.mark.slow
def test_explanations_point_at_the_emoji_and_shuffled_weights_do_not(
    bench: ModuleType, predictor: Predictor, held: list
) -> None:
    assert bench.pointing(predictor, held, 4)[Modality.IMAGE].ratio >= 3
    copy = Predictor(predictor.release, "cpu")
    bench.shuffle(copy, 0)
    assert bench.pointing(copy, held, 4)[Modality.IMAGE].ratio < 3
