"""Order, batches, optimisers and learning rates of an epoch; who is tested on whom."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sier_gui.core.errors import SierError
from sier_gui.core.nets.training.config import (
    Grid,
    Loss,
    Optimiser,
    Split,
    Stage,
    TrainingConfig,
    load_config,
)
from sier_gui.core.nets.training.grid import points
from sier_gui.core.nets.training.parts import Parts
from sier_gui.core.nets.training.steps import Schedule, make_optimiser, only_stage, sampled, stepped


@settings(max_examples=80, deadline=None)
@given(counts=st.lists(st.integers(1, 40), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_balanced_sampling_shows_every_class_as_often(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    train = np.arange(len(labels))
    order = sampled(labels, train, "balanced", np.random.default_rng(seed))
    shown = np.bincount(labels[order], minlength=len(counts))
    assert len(order) == len(train)
    assert shown.max() - shown.min() <= 1
    times = np.bincount(order, minlength=len(train))
    for c in range(len(counts)):  # nobody comes twice before all of the class came once
        assert times[labels == c].max() - times[labels == c].min() <= 1


def test_shuffling_shows_every_sample_once():
    train = np.array([3, 5, 8, 9])
    assert sorted(sampled(np.zeros(10, int), train, "shuffle", np.random.default_rng(0))) == [3, 5, 8, 9]


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(2, 300), batch=st.integers(2, 64), accumulate=st.integers(1, 4), devices=st.integers(1, 3)
)
def test_steps_take_every_sample_once_and_no_device_a_single_one(n, batch, accumulate, devices):
    steps = stepped(np.arange(n), Optimiser(batch=batch, accumulate=accumulate), devices)
    batches = [b for step in steps for b in step]
    assert np.concatenate(batches).tolist() == list(range(n))
    assert all(len(step) <= accumulate for step in steps)
    assert all(len(b) <= max(batch, 4 * devices) for b in batches)
    if n >= 2 * devices:
        assert all(len(b[rank::devices]) >= 2 for b in batches for rank in range(devices))


def layer():
    torch.manual_seed(0)
    return nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})


@pytest.mark.parametrize(("name", "kind"), [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")])
def test_optimisers(name, kind):
    config = Optimiser(name=name, learning_rate=0.1, weight_decay=0.01, momentum=0.8)
    optimiser = make_optimiser(layer(), Stage(train=("a.",)), config)
    (group,) = optimiser.param_groups
    assert type(optimiser).__name__ == kind
    assert (group["lr"], group["weight_decay"], len(group["params"])) == (0.1, 0.01, 2)
    assert name != "sgd" or group["momentum"] == 0.8


def test_only_the_stages_parameters_get_gradients():
    module = layer()
    module["a"].bias.requires_grad_(False)  # frozen for good
    with only_stage(module, Stage(train=("a.",))):
        assert [p.requires_grad for p in module.parameters()] == [True, False, False, False]
    assert [p.requires_grad for p in module.parameters()] == [True, False, True, True]


def rates(config, losses):
    plain = torch.optim.SGD(layer().parameters(), lr=config.learning_rate)
    schedule, found = Schedule(plain, config, len(losses)), []
    for epoch, loss in enumerate(losses):
        found.append(schedule.rate)
        schedule.step(epoch, loss)
    return found


def test_cosine_falls_from_the_first_rate_to_none():
    found = rates(Optimiser(learning_rate=2.0, schedule="cosine"), [None] * 8)
    assert found == pytest.approx([1 + math.cos(math.pi * epoch / 8) for epoch in range(8)])


def test_a_plateau_lowers_the_rate_after_its_patience():
    config = Optimiser(learning_rate=1.0, plateau=2, plateau_factor=0.1)
    assert rates(config, [3, 2, 2, 2, 2, 2, 2]) == pytest.approx([1, 1, 1, 1, 1, 0.1, 0.1])
    assert rates(replace(config, schedule="none"), [3, 2, 2, 2, 2, 2, 2]) == [1.0] * 7
    assert rates(replace(config, plateau=0), [3, 2, 2, 2, 2, 2, 2]) == [1.0] * 7


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_a_schedule_goes_on_as_if_it_had_not_stopped(schedule):
    config = Optimiser(learning_rate=1.0, plateau=1, plateau_factor=0.5, schedule=schedule)
    losses = [5, 4, 4, 4, 4, 4, 3, 3, 3]
    plain = torch.optim.SGD(layer().parameters(), lr=1.0)
    first = Schedule(plain, config, 9)
    for epoch in range(4):
        first.step(epoch, losses[epoch])
    second = Schedule(torch.optim.SGD(layer().parameters(), lr=1.0), config, 9)
    second.restore(first.state(), first.rate)
    for epoch in range(4, 9):
        for one in (first, second):
            one.step(epoch, losses[epoch])
        assert first.rate == second.rate


# ---------------------------------------------------------------- grid


def test_the_papers_grid():
    paper = load_config("paper")
    assert [p.name for p in points(paper)] == [""]
    searching = replace(paper, grid=replace(paper.grid, search=True))
    found = points(searching)
    assert len(found) == 36
    assert len({p.name for p in found}) == 36
    settings = {
        (p.config.optimiser.learning_rate, p.config.loss.cross_entropy, p.config.loss.focal) for p in found
    }
    assert settings == {(r, c, f) for r in (1e-5, 4e-6, 8e-6, 1e-6) for c in (0.5, 1, 2) for f in (0.5, 1, 2)}
    assert all(p.config.optimiser.batch == 64 for p in found)


def test_an_empty_list_keeps_what_stands_elsewhere():
    config = replace(TrainingConfig(), loss=Loss(focal=3.0), grid=Grid(True, cross_entropy=(1, 2)))
    assert [(p.config.loss.cross_entropy, p.config.loss.focal) for p in points(config)] == [(1, 3), (2, 3)]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"grid": {"search": True}}, "needs a list"),
        ({"grid": {"search": True, "focal": [1]}, "split": {"validation": 0}}, "needs split.validation"),
        ({"grid": {"learning_rate": [0]}}, "learning rates"),
        ({"grid": {"focal": [True]}}, "learning rates"),
        ({"grid": {"search": True, "learning_rate": [1]}, "stages": [{"learning_rate": 0.1}]}, "no effect"),
        ({"optimiser": {"schedule": "linear"}}, "schedule"),
        ({"optimiser": {"name": "lamb"}}, "adam, adamw, sgd"),
        ({"loss": {"sampling": "often"}}, "sampling"),
        ({"loss": {"sampling": "balanced", "class_weights": "balanced"}}, "once"),
        ({"run": {"devices": 0}}, "devices"),
        ({"run": {"devices": 8}, "optimiser": {"batch": 8}}, "devices"),
        ({"run": {"cache_gb": -1}}, "cache_gb"),
    ],
)
def test_what_cannot_be_is_explained(tables, message):
    with pytest.raises(SierError, match=message):
        TrainingConfig.from_tables(tables)


# ---------------------------------------------------------------- the dataset's own split


class Dataset(SimpleNamespace):
    def __len__(self):
        return len(self.labels)


def own_split(words, groups=()):
    data = Dataset(
        labels=np.arange(len(words)) % 2, groups=np.array(groups, object), splits=np.array(words, object)
    )
    return Parts(data, Split(kind="column"))


def test_a_dataset_says_itself_who_trains_stops_and_tests():
    parts = own_split(["train", "Test ", "dev", "", "training", "eval", "TRAIN", "other"])
    ((train, test),) = parts.pairs
    assert (train.tolist(), test.tolist()) == ([0, 2, 4, 6], [1, 5])
    fit, stop = parts.validation(train)
    assert (fit.tolist(), stop.tolist()) == ([0, 4, 6], [2])
    assert parts.everything.tolist() == [0, 1, 2, 4, 5, 6]


def test_without_rows_for_validation_a_share_is_taken():
    parts = own_split(["train"] * 20 + ["test"] * 4)
    ((train, _),) = parts.pairs
    fit, stop = parts.validation(train)
    assert 2 <= len(stop) <= 4
    assert set(fit.tolist()).isdisjoint(stop.tolist())
    assert sorted([*fit, *stop]) == list(range(20))


def test_speakers_on_both_sides_are_counted():
    assert own_split(["train", "test", "train", "test"], ["a", "a", "b", "c"]).straddling() == 1
    assert own_split(["train", "test", "train", "test"]).straddling() == 0


def test_a_split_column_without_one_side_is_explained():
    with pytest.raises(SierError, match="no sample for test"):
        own_split(["train", "dev"])
    with pytest.raises(SierError, match="has no column 'split'"):
        own_split([])
