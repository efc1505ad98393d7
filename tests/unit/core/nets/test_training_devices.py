"""Mixed precision, and processes that share each batch: the same training, further apart or rounder."""

import json
import random
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sier_gui.core.errors import SierError
from sier_gui.core.nets.training import TrainingConfig, train
from sier_gui.core.nets.training.devices import Team
from sier_gui.core.nets.training.history import EpochProgress

OFF = ("shift", "zoom", "brightness", "contrast", "time_shift", "gain", "frequency_mask", "time_mask")
NOTHING = dict.fromkeys((*OFF, "drop_image", "drop_speech"), 0.0) | {"flip": False}


def plain(epochs=4, **tables):
    """Without anything random but the order."""
    base = {
        "network": {"kind": "tiny", "dropout": 0.0},
        "optimiser": {"learning_rate": 0.01, "batch": 8, "epochs": epochs, "early_stopping": 0},
        "augment": NOTHING,
        "release": {"name": "tiny", "half": False},
    }
    for name, table in tables.items():
        base[name] = {**base.get(name, {}), **table}
    return TrainingConfig.from_tables(base)


def weights(release):
    return load_file(release.folder / "weights.safetensors")


def history(release):
    return json.loads((release.folder / "metrics.json").read_text())["history"]


class Killed(Exception):
    """Stands for the process's end."""


def killer(after):
    def report(progress):
        if isinstance(progress, EpochProgress) and progress.done == after:
            raise Killed

    return report


@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_every_kind_of_training_resumes_to_the_same_weights(
    catalogue, tmp_path, tiny_networks, name, precision, schedule
):
    config = plain(
        optimiser={"name": name, "precision": precision, "schedule": schedule, "plateau": 1, "clip": 0.5},
        loss={"sampling": "balanced"},
    )
    whole = train(catalogue, config, tmp_path / "whole" / "r")
    with pytest.raises(Killed):
        train(catalogue, config, tmp_path / "killed" / "r", report=killer(2))
    resumed = train(catalogue, config, tmp_path / "killed" / "r", resume=True)
    assert whole.weights_hash == resumed.weights_hash


def test_mixed_precision_is_near_to_full(catalogue, tmp_path, tiny_networks):
    found = {
        precision: history(train(catalogue, plain(optimiser={"precision": precision}), tmp_path / precision))
        for precision in ("32-true", "bf16-mixed")
    }
    exact = [e["train_loss"] for e in found["32-true"]]
    rounded = [e["train_loss"] for e in found["bf16-mixed"]]
    assert rounded == pytest.approx(exact, rel=0.02)
    assert rounded != exact


def test_half_precision_needs_a_gpu(catalogue, tmp_path, tiny_networks):
    with pytest.raises(SierError, match="needs a GPU"):
        train(catalogue, plain(optimiser={"precision": "16-mixed"}), tmp_path / "r", device="cpu")


def test_the_loss_scale_of_half_precision_comes_back():
    """Fabric refuses it on a CPU, where its parts work all the same."""
    from lightning_fabric import Fabric
    from lightning_fabric.plugins import MixedPrecision

    def team():
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        return Team(Fabric(accelerator="cpu", devices=1, plugins=MixedPrecision("16-mixed", "cpu", scaler)))

    one, two = team(), team()
    state = one.scaler()
    assert state["scale"] == 1024.0
    two.restore_scaler(json.loads(json.dumps({**state, "scale": 256.0})))
    assert two.scaler() == {**state, "scale": 256.0}


def test_accumulating_is_a_larger_batch(catalogue, tmp_path, tiny_networks):
    """Weighted by class too: what is summed up must be divided by the weights of the whole step."""
    weighted = {"class_weights": "balanced"}
    one = train(catalogue, plain(optimiser={"batch": 24}, loss=weighted), tmp_path / "a" / "r")
    two = train(
        catalogue, plain(optimiser={"batch": 6, "accumulate": 4}, loss=weighted), tmp_path / "b" / "r"
    )
    assert len(history(one)) == 4
    a, b = weights(one), weights(two)
    assert all(torch.allclose(a[name], b[name], atol=1e-5) for name in a)


def test_two_processes_that_share_batches_do_what_one_does(catalogue, tmp_path, tiny_networks):
    tables = {"optimiser": {"accumulate": 2, "clip": 1.0}, "loss": {"class_weights": "balanced"}}
    one = train(catalogue, plain(epochs=3, **tables), tmp_path / "one" / "r")
    told = []
    config = plain(epochs=3, run={"devices": 2}, **tables)
    two = train(catalogue, config, tmp_path / "two" / "r", report=told.append)
    a, b = weights(one), weights(two)
    assert all(torch.allclose(a[name], b[name], atol=1e-5) for name in a)
    for first, second in zip(history(one), history(two), strict=True):
        assert second["train_loss"] == pytest.approx(first["train_loss"], rel=1e-4)
        assert second["validation_loss"] == pytest.approx(first["validation_loss"], rel=1e-4)
    assert [p.entry["epoch"] for p in told if isinstance(p, EpochProgress)] == [0, 1, 2]


# ---------------------------------------------------------------- killed, again and again


CONFIG = """
preset = "small"
[network]
width = 0.015625
[optimiser]
epochs = 6
[split]
kind = "folds"
k = 3
[run]
fit = "all"
[release]
name = "killed"
half = false
"""


def start(dataset, out, file):
    command = [sys.executable, "-m", "sier_gui", "train", str(dataset), "--out", str(out)]
    return subprocess.Popen(
        [*command, "--config", str(file), "--resume", "--device", "cpu"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def epochs_of(process, most):
    """Lines of the finished epochs that the process tells, at most so many."""
    found = []
    for line in process.stderr:
        if " epoch " in line:
            found.append(line.rpartition(",")[0])  # the rest is speed
        if len(found) == most:
            break
    return found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_ten_times_at_random_it_ends_as_if_it_had_not_been(dataset_folder, tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(CONFIG)
    with start(dataset_folder, tmp_path / "whole" / "r", file) as process:
        undisturbed = epochs_of(process, 10_000)
    assert process.returncode == 0
    assert len(undisturbed) == 4 * 6

    rng, out, told, kills = random.Random(7), tmp_path / "killed" / "r", [], 0
    while True:
        with start(dataset_folder, out, file) as process:
            if kills < 10:
                told += epochs_of(process, rng.choice([1, 2]))
                # anywhere within the next epoch, its checkpoint's writing and the units' seams
                threading.Event().wait(rng.uniform(0, 0.5))
                process.kill()
            told += epochs_of(process, 10_000)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
    assert kills == 10
    # what was told once is told again at most where the kill fell between checkpoint and line
    assert [line for line in undisturbed if line not in told] == []
    assert len(told) - len(set(told)) <= kills
    whole = tmp_path / "whole" / "r"
    for name in ("weights.safetensors", "metrics.json", "predictions.csv", "CARD.md", "config.toml"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_random_numbers_are_those_of_the_epoch(catalogue, tmp_path, tiny_networks):
    """What the process drew before a resumed epoch must not matter."""
    config = plain(network={"dropout": 0.5}, augment={"drop_image": 0.3, "flip": True})
    whole = train(catalogue, config, tmp_path / "whole" / "r")
    with pytest.raises(Killed):
        train(catalogue, config, tmp_path / "killed" / "r", report=killer(2))
    torch.rand(1000)
    np.random.rand(1000)
    assert train(catalogue, config, tmp_path / "killed" / "r", resume=True).weights_hash == whole.weights_hash
