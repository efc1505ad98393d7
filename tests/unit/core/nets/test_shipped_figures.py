"""What the cards of the shipped releases say comes from the predictions beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sklearn.metrics import balanced_accuracy_score

from sier_gui.core import paths
from sier_gui.core.nets.releases import Release, choose_release
from sier_gui.core.nets.training.config import load_config
from sier_gui.core.nets.training.predictions import by_network, read

WITH_PREDICTIONS = ("emodb_fer", "ser_emodb", "ier_fer")


def figures(release: Release) -> dict[str, Any]:
    networks: dict[str, Any] = json.loads((release.folder / "metrics.json").read_text(encoding="utf-8"))[
        "networks"
    ]
    return networks


@pytest.mark.parametrize("name", WITH_PREDICTIONS)
def test_the_figures_are_those_of_the_predictions(name: str) -> None:
    release = choose_release((), name=name)
    known, found = figures(release), by_network(read(release.folder))
    assert set(found) == set(known)
    for network, runs in found.items():
        assert [one.seed for one in runs] == [0, 1, 2]
        scores = [balanced_accuracy_score(one.labels, one.probabilities.argmax(1)) for one in runs]
        assert sum(scores) / 3 == pytest.approx(known[network]["balanced_accuracy"], abs=1e-12)
        assert f"| {network} | {sum(scores) / 3:.3f} ±" in release.card
        assert all(len(set(one.sample_ids)) == len(one) == known[network]["n"] for one in runs)


def test_emodb_fer_holds_its_floors_with_every_seed() -> None:
    """models.md §1: speech at least .73 and the best SVM's .703 + .03, image .43, fused .77 and the best."""
    release = choose_release((), name="emodb_fer")
    runs = {
        name: [run["balanced_accuracy"] for run in found["runs"]] for name, found in figures(release).items()
    }
    for name in ("speech alone", "fused network, image absent"):
        assert min(runs[name]) >= 0.733
        assert all(fused >= one for fused, one in zip(runs["fused"], runs[name], strict=True))
    for name in ("image alone", "fused network, speech absent"):
        assert min(runs[name]) >= 0.43
    assert min(runs["fused"]) >= 0.77
    for fold, speakers in _speakers(release).items():
        assert len(speakers) == 1, f"part {fold} tests {speakers}"


def _speakers(release: Release) -> dict[int, set[str]]:
    one = read(release.folder)[0]
    found: dict[int, set[str]] = {}
    for fold, group in zip(one.folds.tolist(), one.groups.tolist(), strict=True):
        found.setdefault(fold, set()).add(group)
    assert len(found) == 6
    return found


def test_emodb_fer_is_what_its_recipe_says() -> None:
    release = choose_release((), name="emodb_fer")
    recipe = load_config(paths.models().parent / "benchmarks" / "emodb_fer_release.toml")
    assert (recipe.release.name, recipe.release.version) == (release.name, release.version)
    trained = release.config["training"]
    for part in ("optimiser", "loss", "augment"):
        known = recipe.to_tables()[part]
        assert {key: known[key] for key in trained[part]} == trained[part]
    for line in recipe.release.notes:
        assert line in release.card
