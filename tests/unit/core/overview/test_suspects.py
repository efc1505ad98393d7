"""Likely label errors against the published rule and planted errors; in-sample answers do not count."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.query import PredictionTable
from sier_gui.core.errors import SierError
from sier_gui.core.nets.releases import Release, open_release
from sier_gui.core.overview import suspects as module
from sier_gui.core.overview.held_out import HeldOut, Source, held_out, in_sample
from sier_gui.core.overview.suspects import find_suspects, suspects, write_suspects

CLASSES = ("anger", "happy", "sad")


def planted(n: int = 600, seed: int = 3) -> tuple[HeldOut, np.ndarray, np.ndarray]:
    """Answers that know the truth with some doubt; labels of which one in ten was changed."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    logits = rng.normal(0, 1, (n, 3))
    logits[np.arange(n), truth] += 3.5
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels, wrong = truth.copy(), rng.random(n) < 0.1
    labels[wrong] = (labels[wrong] + rng.integers(1, 3, wrong.sum())) % 3
    return HeldOut(np.arange(n) + 7, shares, Source.OTHER, "words"), labels, wrong


def by_the_paper(labels: np.ndarray, shares: np.ndarray) -> set[int]:
    """Northcutt, Jiang and Chuang (2021), §3: confident joint, then prune by noise rate."""
    k = shares.shape[1]
    thresholds = np.array([shares[labels == j, j].mean() for j in range(k)])
    joint = np.zeros((k, k))
    for label, p in zip(labels, shares, strict=True):
        above = [j for j in range(k) if p[j] >= thresholds[j] - 1e-6]
        if above:
            joint[label, max(above, key=lambda j: p[j])] += 1
    counts = np.bincount(labels, minlength=k)
    joint = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1) * counts[:, None]
    found: set[int] = set()
    for i in range(k):
        for j in range(k):
            of_label = np.flatnonzero(labels == i)
            margin = shares[of_label, j] - shares[of_label, i]
            if i != j:
                found |= set(of_label[np.argsort(-margin)[: round(joint[i, j])]].tolist())
    return {i for i in found if shares[i].argmax() != labels[i]}


def test_planted_errors_are_found_as_the_paper_says():
    answers, labels, wrong = planted()
    found = suspects(answers, labels, CLASSES)
    at = found.rows - 7
    theirs = by_the_paper(labels, answers.probabilities)
    both = len(theirs & set(at.tolist()))
    assert both >= 0.9 * max(len(theirs), len(at))  # the library rounds the joint's rows otherwise
    assert wrong[at].mean() > 0.75
    assert wrong[at].sum() > 0.75 * wrong.sum()
    assert (np.diff(found.quality) >= 0).all()
    np.testing.assert_allclose(found.quality, answers.probabilities[at, labels[at]])
    np.testing.assert_array_equal(found.given, labels[at])
    np.testing.assert_array_equal(found.suggested, answers.probabilities[at].argmax(axis=1))
    assert found.judged == 600


def test_samples_without_a_label_are_not_judged():
    answers, labels, _ = planted(120)
    labels[:40] = -1
    found = suspects(answers, labels, CLASSES)
    assert found.judged == 80
    assert not set(found.rows.tolist()) & set(range(7, 47))


def test_one_class_alone_cannot_be_judged():
    answers, labels, _ = planted(30)
    found = suspects(answers, np.zeros_like(labels), CLASSES)
    assert (len(found), found.judged) == (0, 0)
    assert "Too few labelled samples" in found.words


def test_without_the_library_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    answers, labels, _ = planted(60)
    with pytest.raises(SierError, match=r"sier-gui\[labels\]"):
        suspects(answers, labels, CLASSES)


# ---------------------------------------------------------------- in-sample or not


@pytest.fixture(scope="module")
def demo():
    catalogue = open_dataset(paths.resources() / "demo")
    return catalogue, open_release(paths.models() / "demo" / "1")


@pytest.fixture
def full(demo):
    catalogue, release = demo
    table = PredictionTable(catalogue, release.classes)
    rng = np.random.default_rng(0)
    table.fill(np.arange(len(catalogue)), rng.dirichlet(np.ones(4), len(catalogue)))
    return table


def changed(release: Release, **training: object) -> Release:
    return replace(release, config={**release.config, "training": {**release.config["training"], **training}})


def test_of_its_own_dataset_only_the_test_part_is_out_of_sample(demo, full):
    catalogue, release = demo
    found = held_out(catalogue, release, full)
    assert found.source is Source.PART
    splits = catalogue.column("split").tolist()  # what the split kept together, as it happens
    assert found.rows.tolist() == [row for row, name in enumerate(splits) if name == "test"]
    np.testing.assert_array_equal(found.probabilities, full.probabilities[found.rows].astype(float))
    assert "in-sample" in found.words


def test_how_many_samples_were_learnt_from_is_known(demo):
    catalogue, release = demo
    assert in_sample(catalogue, release) == catalogue.column("split").tolist().count("train")
    run = {**release.config["training"]["run"], "fit": "all"}
    assert in_sample(catalogue, replace(changed(release, run=run), weights_hash="x")) == len(catalogue)
    assert in_sample(catalogue, changed(release, dataset_hash="0" * 64)) == 0


def test_a_network_fitted_to_everything_has_nothing_to_say(demo, full):
    catalogue, release = demo
    run = {**release.config["training"]["run"], "fit": "all"}
    found = held_out(catalogue, changed(release, run=run), full)
    assert (found.source, len(found.rows)) == (Source.NONE, 0)
    assert "in-sample" in found.words
    assert len(find_suspects(catalogue, changed(release, run=run), full)) == 0


def test_another_state_of_the_same_dataset_is_not_trusted(demo, full):
    catalogue, release = demo
    assert held_out(catalogue, changed(release, dataset_hash="0" * 64), full).source is Source.NONE
    other = held_out(catalogue, changed(release, dataset_hash="0" * 64, dataset="faces"), full)
    assert (other.source, len(other.rows)) == (Source.OTHER, len(catalogue))
    unknown = held_out(catalogue, replace(release, config={**release.config, "training": {}}), full)
    assert unknown.source is Source.NONE


def test_a_split_of_other_sizes_is_not_the_one_that_was_trained_on(demo, full, tmp_path):
    catalogue, release = demo
    folder = shutil.copytree(release.folder, tmp_path / "release")
    metrics = json.loads((folder / "metrics.json").read_bytes())
    metrics["split"]["parts"] = [[100, 44]]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    assert held_out(catalogue, replace(release, folder=folder), full).source is Source.NONE


def test_kept_answers_of_cross_validation_come_first(demo, full, tmp_path):
    catalogue, release = demo
    folder = shutil.copytree(release.folder, tmp_path / "release")
    ids = catalogue.column("sample_id").tolist()
    order = ("sad", "happy", "hate", "anger")
    with (folder / "predictions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("network", "seed", "sample_id", "label", *(f"p_{name}" for name in order)))
        for seed, share in ((0, 0.7), (1, 0.5)):
            for sample_id in (ids[5], ids[0], "gone"):
                writer.writerow(("fused", seed, sample_id, "sad", share, 1 - share, 0, 0))
        writer.writerow(("image alone", 0, ids[1], "sad", 1, 0, 0, 0))
    found = held_out(catalogue, replace(release, folder=folder), full)
    assert found.source is Source.KEPT
    assert found.rows.tolist() == [0, 5]
    np.testing.assert_allclose(found.probabilities, [[0, 0.4, 0, 0.6]] * 2)


def test_the_file_names_rows_as_people_count(demo, tmp_path):
    catalogue, _ = demo
    answers, labels, _ = planted(60)
    found = suspects(answers, labels, CLASSES)
    write_suspects(tmp_path / "s.csv", found, catalogue)
    with (tmp_path / "s.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == len(found) > 0
    assert int(lines[0]["row"]) == found.rows[0] + 1
    assert lines[0]["sample_id"] == catalogue.cell(int(found.rows[0]), "sample_id")
    assert lines[0]["label"] != lines[0]["suggested"]


def test_a_file_that_cannot_be_written_is_an_error_for_people(demo, tmp_path: Path):
    catalogue, _ = demo
    answers, labels, _ = planted(60)
    (tmp_path / "file").write_text("")
    with pytest.raises(SierError, match="Cannot write"):
        write_suspects(tmp_path / "file" / "s.csv", suspects(answers, labels, CLASSES), catalogue)
