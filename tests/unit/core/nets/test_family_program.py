"""The family in the rest of the program: releases, training, explanations."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from family_networks import ALONE, EARLY, inputs, settled, small

from sier_gui.core.dataset.inputs import inputs_from
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.prefix import PrefixTables
from sier_gui.core.nets import releases
from sier_gui.core.nets.family import FAMILY
from sier_gui.core.nets.parallelnet import ParallelNet
from sier_gui.core.nets.releases import write_release
from sier_gui.core.nets.training import TrainingConfig, train

IMAGE, SPEECH = Modality.IMAGE, Modality.SPEECH


# ---------------------------------------------------------------- explanations


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    return inputs_from("noise", picture, rng.normal(size=16_000).astype(np.float32) / 4, FrontEnd())


def explained(network, sample, **request):
    release = SimpleNamespace(weights_hash="0123abcd", label="member/1")
    predictor = SimpleNamespace(
        network=network, front=FrontEnd(), classes=network.classes, device="cpu", release=release
    )
    *_, last = explain(predictor, sample, ExplainRequest(**request))
    assert last.complete
    return last


@pytest.mark.parametrize("name", FAMILY)
def test_an_explanation_adds_up_whether_factorised_or_not(name, sample):
    network = settled(small(name, 3))
    found = explained(network, sample, grid=2, segments=2)
    given = (torch.from_numpy(sample.tensors[m])[None].double() for m in (IMAGE, SPEECH))
    with torch.inference_mode():
        expected = network.forward(*given).softmax(1)[0].numpy()
    np.testing.assert_allclose(found.f_all, expected, atol=1e-9)
    assert max(abs(found.residual(c)) for c in network.classes) < 1e-9
    network.separable = False
    joint = explained(network, sample, grid=2, segments=2)
    for m in Modality:
        np.testing.assert_allclose(found.values[m], joint.values[m], atol=1e-9)
        assert found.values[m].any() == (ALONE.get(name, m) is m)


@pytest.mark.parametrize("name", [*ALONE, "vgg16"])
def test_tables_of_first_layers_change_nothing(name, sample, monkeypatch):
    built = []

    def build(tables, batch, original=PrefixTables.build):
        built.append(tables)
        return original(tables, batch)

    monkeypatch.setattr(PrefixTables, "build", build)
    network = settled(small(name, 3, 1 / 32))
    without = ParallelNet(network.config, network.streams)
    without.module.double().load_state_dict(network.module.state_dict())
    without.module.eval()
    looked_up = explained(network, sample, grid=4, segments=4, value="logit")
    assert len(built) == len(Modality)  # also for what the network does not look at
    direct = explained(without, sample, grid=4, segments=4, value="logit")
    assert len(built) == len(Modality)
    assert looked_up.provenance["passes"] == direct.provenance["passes"]
    for m in Modality:
        np.testing.assert_allclose(looked_up.values[m], direct.values[m], atol=1e-9)


# ---------------------------------------------------------------- releases and training


@pytest.mark.parametrize("name", ["image-only", "baseline-1", "resnet34", "densenet121", "efficientnet_b0"])
def test_a_release_loads_as_it_was_written(name, tmp_path):
    network = small("baseline-3" if name == "efficientnet_b0" else name, 3, 1 / 32)
    tables = {
        "release": {"schema": 1, "name": "member", "version": "1"},
        "network": network.config.to_table(),
        "front": {},
        "training": {},
    }
    release = write_release(tmp_path / "member" / "1", network, tables, "# A card\n")
    assert releases.verify(release) == []
    again = releases.load(releases.open_release(release.folder), "cpu")
    given = inputs(dtype=torch.float32)
    with torch.inference_mode():
        assert torch.equal(again.forward(*given), network.forward(*given))


@pytest.mark.parametrize("name", ["speech-only", "baseline-2"])
def test_each_trains(name, catalogue, tmp_path):
    tables = {
        "preset": "small",
        "network": {"width": 1 / 64, **FAMILY[name].options},
        "optimiser": {"epochs": 2, "batch": 8, "early_stopping": 0},
        "run": {"seeds": [0], "alone": False},
        "release": {"half": False},
    }
    release = train(catalogue, TrainingConfig.from_tables(tables), tmp_path / "out")
    assert releases.verify(release) == []
    assert releases.load(release, "cpu").separable == (name not in EARLY)
