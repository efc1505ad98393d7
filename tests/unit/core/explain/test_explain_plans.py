"""Plans are made once, forgotten oldest first, and the same for every sample."""

import numpy as np
import pytest
from explain_games import generated_inputs

from sier_gui.core.domain import FrontEnd
from sier_gui.core.explain import prefix
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.owen import owen_values
from sier_gui.core.explain.plans import ColumnPlan, Plans
from sier_gui.core.explain.players import players_for
from sier_gui.core.nets.networks import NetworkConfig, build


def plan(size):
    return (ColumnPlan((np.zeros((size, 9), np.int32),), np.zeros((1, 1, 1), np.int32), 1),)


def test_the_least_recently_used_is_forgotten_first():
    plans = Plans(3 * plan(10)[0].nbytes)
    made = []

    def get(key):
        return plans.get(key, lambda: made.append(key) or plan(10))

    for key in (b"a", b"b", b"c", b"a", b"d", b"a", b"c", b"b"):
        get(key)
    assert made == [b"a", b"b", b"c", b"d", b"b"]
    assert (len(plans), plans.nbytes) == (3, 3 * plan(10)[0].nbytes)


def test_one_too_large_is_not_kept():
    plans = Plans(100)
    assert plans.get(b"a", lambda: plan(10))[0].done == 1
    assert (len(plans), plans.nbytes) == (0, 0)


@pytest.fixture
def plans(monkeypatch):
    fresh = Plans()
    monkeypatch.setattr(prefix, "PLANS", fresh)
    return fresh


def owen_of(width, seconds, seed):
    import torch

    torch.manual_seed(0)
    network = build(NetworkConfig("parallelnet", ("anger", "happy", "hate", "sad"), width))
    network.module.eval()
    inputs = generated_inputs(seconds, front=FrontEnd(), seed=seed)
    players = players_for(inputs, FrontEnd(), ExplainRequest(grid=4, segments=8))
    absent = {m: np.zeros_like(x) for m, x in inputs.tensors.items()}
    *_, last = owen_values(NetworkGame(network, inputs.tensors, absent, players))
    return last.values


def test_the_next_sample_finds_the_plans_of_the_first(plans):
    owen_of(1 / 16, 1.0, 1)
    after_one = len(plans)
    second = owen_of(1 / 16, 2.0, 2)
    assert len(plans) == after_one > 0
    plans.__init__()
    alone = owen_of(1 / 16, 2.0, 2)
    assert all((second[m] == alone[m]).all() for m in alone)


def test_a_network_with_other_layers_has_its_own(plans):
    owen_of(1 / 16, 1.0, 1)
    after_one = len(plans)
    owen_of(1 / 8, 1.0, 1)
    assert len(plans) == 2 * after_one
