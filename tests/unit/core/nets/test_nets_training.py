"""Training learns, repeats, survives being killed, and says in its card what was measured."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets import releases
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.nets.training import TrainingConfig, load_config, train
from sier_gui.core.nets.training.config import Augment
from sier_gui.core.nets.training.data import RawSource, decode
from sier_gui.core.nets.training.loop import Fit, Task, probabilities
from sier_gui.core.nets.training.rows_cache import RowsCache
from sier_gui.core.tasks import Cancelled, CancelToken, silent

CLASSES = ("anger", "happy", "sad")
BOTH = frozenset(Modality)


def tiny(kind="tiny", epochs=5, **tables):
    """A config that trains in well under a second."""
    base = {
        "network": {"kind": kind},
        "optimiser": {"learning_rate": 0.01, "batch": 8, "epochs": epochs, "early_stopping": 0},
        "augment": {"copies": 2},
        "release": {"half": False},
    }
    for name, table in tables.items():
        base[name] = {**base.get(name, {}), **table} if isinstance(table, dict) else table
    return TrainingConfig.from_tables(base)


def weights(release):
    return load_file(release.folder / "weights.safetensors")


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Killed(Exception):
    """Stands for the process's end: nothing is cleaned up."""


def killer(after):
    """A report that ends the run at the ``after``-th finished epoch."""
    left = [after]

    def report(progress):
        if "epoch" in progress.text:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

    return report


# ---------------------------------------------------------------- learning


def test_parallelnet_overfits_a_tiny_dataset(catalogue, tmp_path):
    config = TrainingConfig.from_tables(
        {
            "preset": "small",
            "network": {"width": 1 / 32, "dropout": 0.0},
            "optimiser": {"epochs": 40, "batch": 6},
            "augment": {name: 0.0 for name in vars(Augment()) if name not in ("flip", "copies")}
            | {"flip": False},
        }
    )
    data = decode(
        catalogue, CLASSES, config.front, "", RowsCache(tmp_path), report=silent, token=CancelToken()
    )
    torch.manual_seed(0)
    network = build(NetworkConfig.from_table({**config.network, "classes": list(CLASSES)}))
    source, rows = RawSource(data, config.augment), np.arange(18)
    before = (probabilities(network, source, rows, BOTH, "cpu").argmax(1) == data.labels[rows]).mean()
    task = Task(source, data.labels, rows, rows[:0], BOTH, seed=0)
    Fit(network, task, config, "cpu").run(tmp_path / "state", report=silent, token=CancelToken())
    after = (probabilities(network, source, rows, BOTH, "cpu").argmax(1) == data.labels[rows]).mean()
    assert before < 0.95 <= after


def test_a_release_comes_out_that_knows_the_held_out_samples(catalogue, tmp_path, tiny_networks):
    config = tiny(epochs=60, network={"hidden": 16}, run={"alone": True, "seeds": [0, 1]})
    release = train(catalogue, config, tmp_path / "out")
    assert releases.verify(release) == []
    assert not (release.folder / "training").exists()
    metrics = json.loads((release.folder / "metrics.json").read_text())
    assert set(metrics["networks"]) == {
        "fused", "fused network, image absent", "fused network, speech absent", "image alone", "speech alone",
    }  # fmt: skip
    assert metrics["networks"]["fused"]["balanced_accuracy"] >= 0.9
    assert metrics["networks"]["image alone"]["balanced_accuracy"] >= 0.9
    assert metrics["networks"]["fused"]["seeds"] == 2
    # the figure is that of the release itself, on rows it has not seen
    sizes = metrics["split"]["parts"][0]
    assert sum(sizes) == metrics["samples"] == 36
    predictor = Predictor(release, "cpu")
    answers = [p for _, p in predictor.predict_rows(catalogue, range(36))]
    right = np.mean([p.predicted == p.label for p in answers])
    assert right >= 0.9
    for words in (
        "held out",
        "4 groups",
        "fused network, image absent",
        "± 0.0",
        "not seen the test part",
    ):
        assert words in release.card
    assert release.dataset_hash == catalogue.dataset_hash


def test_absence_means_are_those_of_the_training_part(catalogue, tmp_path, tiny_networks):
    release = train(catalogue, tiny(epochs=1, split={"validation": 0.0}), tmp_path / "out")
    network = releases.load(release, "cpu")
    data = decode(
        catalogue, CLASSES, release.front, "speaker", RowsCache(tmp_path), report=silent, token=CancelToken()
    )
    from sier_gui.core.dataset.splits import holdout

    train_rows, _ = holdout(data.labels.astype(str).tolist(), data.groups, 0.3, 0)
    pictures = data.arrays[Modality.IMAGE][data.places[train_rows]] / 255
    mels = data.arrays[Modality.SPEECH][data.places[train_rows]]
    assert np.allclose(network.absence_mean[Modality.IMAGE].ravel(), pictures.mean((0, 2, 3)), atol=1e-5)
    assert np.allclose(network.absence_mean[Modality.SPEECH][0, :, 0], mels.mean((0, 1, 3)), atol=1e-5)


# ---------------------------------------------------------------- repeating and resuming


def test_the_same_seed_gives_the_same_release(catalogue, tmp_path, tiny_networks):
    one = train(catalogue, tiny(), tmp_path / "a" / "r")
    torch.manual_seed(99)  # what the process did before must not matter
    np.random.seed(5)
    two = train(catalogue, tiny(), tmp_path / "b" / "r")
    other = train(catalogue, tiny(run={"seeds": [1]}), tmp_path / "c" / "r")
    assert same(weights(one), weights(two))
    assert one.weights_hash == two.weights_hash
    assert not same(weights(one), weights(other))
    assert (one.folder / "metrics.json").read_bytes() == (two.folder / "metrics.json").read_bytes()


@pytest.mark.parametrize("after", [1, 3, 5, 7, 10])
def test_a_killed_run_resumes_to_the_same_weights(catalogue, tmp_path, tiny_networks, after):
    """Two folds of four epochs, then the shipped network: kills fall into and between all of them."""
    config = tiny(
        epochs=4,
        split={"kind": "folds", "k": 2, "validation": 0.2},
        run={"fit": "all"},
        optimiser={"early_stopping": 3, "plateau": 1, "accumulate": 2, "clip": 1.0},
    )
    whole = train(catalogue, config, tmp_path / "whole" / "r")
    out = tmp_path / "killed" / "r"
    with pytest.raises(Killed):
        train(catalogue, config, out, report=killer(after))
    resumed = train(catalogue, config, out, resume=True)
    assert same(weights(whole), weights(resumed))
    assert (whole.folder / "metrics.json").read_bytes() == (resumed.folder / "metrics.json").read_bytes()


def test_parallelnet_resumes_to_the_same_weights_too(catalogue, tmp_path):
    """Its batch-norm, dropout and channels-last memory all have to come back."""
    tables = {
        "preset": "small",
        "network": {"width": 1 / 64},
        "optimiser": {"epochs": 3},
        "split": {"fraction": 0.5},
        "release": {"half": False},
    }
    config = TrainingConfig.from_tables(tables)
    whole = train(catalogue, config, tmp_path / "whole" / "r")
    out = tmp_path / "killed" / "r"
    with pytest.raises(Killed):
        train(catalogue, config, out, report=killer(2))
    assert same(weights(whole), weights(train(catalogue, config, out, resume=True)))


def test_a_write_that_breaks_off_leaves_the_last_checkpoint(catalogue, tmp_path, tiny_networks, monkeypatch):
    import os

    whole = train(catalogue, tiny(), tmp_path / "whole" / "r")
    replace, calls = os.replace, []

    def break_off(source, target):
        if str(target).endswith(".safetensors"):
            calls.append(target)
            if len(calls) == 3:
                raise Killed
        replace(source, target)

    out = tmp_path / "killed" / "r"
    monkeypatch.setattr(os, "replace", break_off)
    with pytest.raises(Killed):
        train(catalogue, tiny(), out)
    monkeypatch.undo()
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert same(weights(whole), weights(train(catalogue, tiny(), out, resume=True)))


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.nets.training import load_config, train

def report(progress):
    if "epoch 2" in progress.text:
        os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(1)
train(open_dataset(Path(sys.argv[1])), load_config(sys.argv[2]), Path(sys.argv[3]), report=report)
"""


def test_a_process_that_is_killed_leaves_a_training_that_resumes(dataset_folder, catalogue, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('preset = "small"\n[network]\nwidth = 0.015625\n[optimiser]\nepochs = 3\n')
    out = tmp_path / "killed" / "r"
    command = [sys.executable, "-c", KILLED, str(dataset_folder), str(file), str(out)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
    resumed = train(catalogue, load_config(file), out, resume=True)
    assert resumed.weights_hash == train(catalogue, load_config(file), tmp_path / "whole" / "r").weights_hash


def test_cancel_stops_at_a_batch_and_can_be_resumed(catalogue, tmp_path, tiny_networks):
    token = CancelToken()

    def report(progress):
        if "epoch 2" in progress.text:
            token.cancel()

    with pytest.raises(Cancelled):
        train(catalogue, tiny(), tmp_path / "r", report=report, token=token)
    assert releases.verify(train(catalogue, tiny(), tmp_path / "r", resume=True)) == []


def test_nothing_is_overwritten(catalogue, tmp_path, tiny_networks):
    out = tmp_path / "r"
    with pytest.raises(Killed):
        train(catalogue, tiny(), out, report=killer(1))
    with pytest.raises(SierError, match="not finished"):
        train(catalogue, tiny(), out)
    with pytest.raises(SierError, match="another config"):
        train(catalogue, tiny(epochs=6), out, resume=True)
    release = train(catalogue, tiny(), out, resume=True)
    with pytest.raises(SierError, match="already holds a release"):
        train(catalogue, tiny(), out)
    assert train(catalogue, tiny(), out, resume=True).weights_hash == release.weights_hash


# ---------------------------------------------------------------- splits, streams, stages


def test_leave_one_speaker_out_pools_all_samples(catalogue, tmp_path, tiny_networks):
    config = tiny(epochs=2, split={"kind": "loso", "validation": 0.0}, run={"fit": "all"})
    release = train(catalogue, config, tmp_path / "r")
    metrics = json.loads((release.folder / "metrics.json").read_text())
    assert metrics["networks"]["fused"]["n"] == 36
    assert metrics["split"]["parts"] == [[27, 9]] * 4
    assert "leave one group out" in release.card
    assert "trained again" in release.card


def test_groups_come_from_the_column_that_is_named(catalogue, tmp_path, tiny_networks):
    """By speaker, no voice is on both sides; by row, a holdout takes parts of every voice."""
    sides = {}
    for column in ("speaker", ""):
        config = tiny(epochs=1, split={"groups": column})
        data = decode(
            catalogue, CLASSES, config.front, column, RowsCache(tmp_path), report=silent, token=CancelToken()
        )
        sides[column] = data.groups
    assert sorted(set(sides["speaker"])) == ["voice0", "voice1", "voice2", "voice3"]
    assert len(sides[""]) == 0
    release = train(catalogue, tiny(epochs=1, split={"groups": "nothing"}), tmp_path / "r")
    assert "names no groups" in release.card


def test_leaving_groups_out_without_groups_is_explained(catalogue, tmp_path, tiny_networks):
    config = tiny(split={"kind": "loso", "groups": "nothing"}, run={"fit": "all"})
    with pytest.raises(SierError, match="at least two groups"):
        train(catalogue, config, tmp_path / "r")


def test_a_network_of_one_stream_does_not_hear_the_other(catalogue, tmp_path, tiny_networks):
    release = train(catalogue, tiny(epochs=30, run={"streams": ["image"]}), tmp_path / "r")
    metrics = json.loads((release.folder / "metrics.json").read_text())
    assert set(metrics["networks"]) == {"image alone"}
    assert metrics["networks"]["image alone"]["balanced_accuracy"] >= 0.9


def test_a_frozen_part_is_computed_once(catalogue, tmp_path, tiny_networks):
    import tiny_network

    tiny_network.TinyCached.calls = 0
    config = tiny(
        "tiny_cached", epochs=40, split={"kind": "folds", "k": 3}, run={"fit": "all", "seeds": [0, 1]}
    )
    release = train(catalogue, config, tmp_path / "r")
    # 36 samples, clean and two copies, two streams, and one absence for each stream
    assert tiny_network.TinyCached.calls == 36 * 3 * 2 + 2
    assert releases.verify(release) == []
    metrics = json.loads((release.folder / "metrics.json").read_text())
    assert metrics["networks"]["fused"]["balanced_accuracy"] >= 0.9


def test_stages_train_their_own_parameters(catalogue, tmp_path, tiny_networks):
    stages = [
        {"stream": "image", "train": ["dense_image", "head_image"], "epochs": 2},
        {"stream": "fused", "train": ["fusion"], "epochs": 1, "learning_rate": 0.1},
    ]
    config = tiny("tiny_cached", stages=stages)
    release = train(catalogue, config, tmp_path / "a" / "r")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fresh = build(NetworkConfig("tiny_cached", CLASSES)).module.state_dict()
    trained = weights(release)
    moved = {name.partition(".")[0] for name in fresh if not torch.equal(fresh[name], trained[name])}
    assert moved == {"dense_image", "head_image", "fusion", "absence_image", "absence_speech"}
    history = json.loads((release.folder / "metrics.json").read_text())["history"]
    assert [(h["stage"], h["epoch"], h["learning_rate"]) for h in history] == [
        (0, 0, 0.01), (0, 1, 0.01), (1, 0, 0.1),
    ]  # fmt: skip
    for after in (1, 2):
        out = tmp_path / f"killed{after}" / "r"
        with pytest.raises(Killed):
            train(catalogue, config, out, report=killer(after))
        assert same(trained, weights(train(catalogue, config, out, resume=True)))
    with pytest.raises(SierError, match="No parameter starts with nothing"):
        train(catalogue, tiny(stages=[{"train": ["nothing"]}]), tmp_path / "c" / "r")


def test_early_stopping_keeps_the_best(catalogue, tmp_path, tiny_networks):
    config = tiny(epochs=200, optimiser={"learning_rate": 0.3, "early_stopping": 4, "plateau": 0})
    data = decode(
        catalogue, CLASSES, config.front, "", RowsCache(tmp_path), report=silent, token=CancelToken()
    )
    torch.manual_seed(0)
    network = build(NetworkConfig("tiny", CLASSES))
    rows = np.arange(36)
    task = Task(RawSource(data, config.augment), data.labels, rows[:24], rows[24:], BOTH, seed=0)
    fit = Fit(network, task, config, "cpu")
    history = fit.run(tmp_path / "state", report=silent, token=CancelToken()).history
    losses = [h["validation_loss"] for h in history]
    assert len(losses) < 200
    assert int(np.argmin(losses)) == len(losses) - 5
    own = probabilities(network, task.source, task.validation, BOTH, "cpu")
    p = own[np.arange(12), data.labels[24:]]
    assert np.mean(-np.log(p) * (1 + 0.5 * (1 - p) ** 2)) == pytest.approx(min(losses), rel=1e-4)


def test_the_plateau_lowers_the_learning_rate(catalogue, tmp_path, tiny_networks):
    config = tiny(epochs=40, optimiser={"learning_rate": 1.0, "plateau": 1, "plateau_factor": 0.5})
    release = train(catalogue, config, tmp_path / "r")
    rates = [h["learning_rate"] for h in json.loads((release.folder / "metrics.json").read_text())["history"]]
    assert rates[0] == 1.0
    assert min(rates) < 0.5
    assert rates == sorted(rates, reverse=True)


# ---------------------------------------------------------------- what goes wrong


def test_unreadable_samples_are_left_out_and_counted(new_dataset, tmp_path, tiny_networks):
    folder = new_dataset(tmp_path / "data", count=12)
    (folder / "4.wav").write_bytes(b"x")
    release = train(open_dataset(folder), tiny(epochs=1), tmp_path / "r")
    metrics = json.loads((release.folder / "metrics.json").read_text())
    assert metrics["samples"] == 11
    assert "4.wav" in metrics["skipped"][0]
    assert "1 unreadable" in release.card


def test_a_loss_that_explodes_is_explained(catalogue, tmp_path, tiny_networks):
    config = tiny(epochs=30, optimiser={"learning_rate": 1e37})
    with pytest.raises(SierError, match="not a number") as caught:
        train(catalogue, config, tmp_path / "r")
    assert "learning_rate" in caught.value.hint


def test_classes_without_samples_are_explained(catalogue, tmp_path, tiny_networks):
    config = tiny(network={"classes": ["joy", "fear"]})
    with pytest.raises(SierError, match="no readable sample with a label of joy, fear"):
        train(catalogue, config, tmp_path / "r")


def test_pretrained_weights_for_a_network_that_takes_none(catalogue, tmp_path, tiny_networks):
    with pytest.raises(SierError, match="takes no pretrained"):
        train(catalogue, tiny(init={"trunk": "vgg16"}), tmp_path / "r")


def test_a_release_is_called_as_its_folder_is(catalogue, tmp_path, tiny_networks):
    for folder, label in (("mine/2", "mine/2"), ("other", "other/1")):
        assert train(catalogue, tiny(epochs=1), tmp_path / folder).label == label
