"""All checks of a sample and of a dataset, on networks whose maps are known to be true or not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from truth_games import CLASSES, IMAGE, SIDE, SPEECH, ToyNet, inputs_of, predictor_of

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.evidence import Evidence
from sier_gui.core.domain import FrontEnd
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.cache import AttributionCache
from sier_gui.core.explain.truth import report as report_module
from sier_gui.core.explain.truth.report import TruthReport, check_dataset, check_sample
from sier_gui.core.explain.truth.rivals import RIVALS
from sier_gui.core.nets import networks
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.tasks import Cancelled, CancelToken, Progress

PLACE = (slice(8, 16), slice(16, 24))  # patch (1, 2) of 4 × 4
BOX = (40.0, 15.0, 55.0, 30.0)  # the same in pixels of an 80 × 60 picture whose middle is seen
SPAN = (0.5, 0.75)  # segment 2 of 4
REQUEST = ExplainRequest(grid=4, segments=4, value="logit", target="b")


class Finder:
    """Class b is what is bright at PLACE and loud during SPAN; a fresh one has random weights."""

    options: ClassVar[dict[str, Any]] = {}

    def __call__(self, _config: NetworkConfig) -> ToyNet:
        def stream(channels: int) -> nn.Module:
            return nn.Sequential(nn.Flatten(), nn.Linear(channels * SIDE * SIDE, len(CLASSES)))

        return ToyNet(stream(3), stream(1))


def finder(config: NetworkConfig) -> ToyNet:
    network = Finder()(config)
    with torch.no_grad():
        for m, channels in ((IMAGE, 3), (SPEECH, 1)):
            weight = torch.zeros(len(CLASSES), channels, SIDE, SIDE, dtype=torch.double)
            weight[1, :, *(PLACE if m is IMAGE else (slice(None), slice(16, 24)))] = 0.01
            network.module[str(m)][1].weight.copy_(weight.flatten(1))
    return network


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(networks, "_factory", lambda _kind: Finder())
    config = NetworkConfig("finder", CLASSES)
    torch.manual_seed(0)
    return predictor_of(finder(config), config=config)


def hits(found: Any, name: str) -> list[float]:
    return [found[name][m].hit for m in (IMAGE, SPEECH)]


def test_true_maps_win_and_point_at_the_evidence(known: Any) -> None:
    found = check_sample(known, inputs_of(), REQUEST, evidence=Evidence(BOX, SPAN))
    assert found.ours == "owen"
    assert found.rivals == tuple(name for name in RIVALS if name != "gradcam")
    assert "convolution" in found.left_out["gradcam"]
    assert found.area_share == {IMAGE: 1 / 16, SPEECH: 1 / 4}
    for exact in ("owen", "gradients", "occlusion"):
        assert hits(found.pointing, exact) == [1.0, 1.0]
        both = found.curves[exact]["both"]
        assert both.faithfulness == pytest.approx(found.curves["owen"]["both"].faithfulness)
    assert found.curves["owen"]["both"].faithfulness > found.curves["random"]["both"].faithfulness + 0.1
    assert found.absence_rho["both"].shape == (4, 4)
    np.testing.assert_allclose(np.diag(found.absence_rho["image"]), 1)
    np.testing.assert_allclose(found.absence_rho["image"], found.absence_rho["image"].T)


def test_networks_drawn_anew_decorrelate_and_miss_the_evidence(known: Any) -> None:
    reports = [
        check_sample(known, inputs_of(seed=s), REQUEST, evidence=Evidence(BOX, SPAN)) for s in range(12)
    ]
    assert {tuple(r.randomised) for r in reports} == {("head", "upper half", "whole")}
    for r in reports:  # this network has no head: the first step changes nothing
        assert r.randomised["head"]["both"] == pytest.approx(1)
    rho = [r.randomised["whole"]["both"] for r in reports]
    assert abs(np.mean(rho)) < 4 / np.sqrt(12 * 19)  # independent ranks of 20: ρ has variance 1/19
    draws = {r.maps["random"][IMAGE].tobytes() for r in reports}
    assert len(draws) == len(reports)  # every sample has draws of its own
    image = [r.randomised_pointing["whole"][IMAGE].hit for r in reports]
    assert np.mean(image) < 0.4  # chance: 1/16
    assert np.mean([r.pointing["owen"][IMAGE].hit for r in reports]) == 1


def test_evidence_for_another_class_does_not_count(known: Any) -> None:
    spoken = Evidence(BOX, SPAN, label="a")
    assert check_sample(known, inputs_of(), REQUEST, evidence=spoken).pointing == {}
    ours = check_sample(known, inputs_of(), REQUEST, evidence=replace(spoken, label="b"))
    assert set(ours.pointing["owen"]) == {IMAGE, SPEECH}


def test_a_map_is_not_a_split(known: Any) -> None:
    with pytest.raises(SierError, match="no map"):
        check_sample(known, inputs_of(), replace(REQUEST, method="modality"))


def test_no_class_and_another_absence(known: Any) -> None:
    request = ExplainRequest(grid=2, segments=2, absence="blur:3", method="shapley")
    found = check_sample(known, inputs_of(), request)
    assert found.target in CLASSES
    assert found.ours == "shapley"
    assert found.absences == ("blur:3", "zeros", "mean", "blur", "noise")
    assert found.pointing == found.randomised_pointing == found.area_share == {}


def test_bands_are_players_of_their_own_and_evidence_is_met_in_time(known: Any) -> None:
    found = check_sample(known, inputs_of(), replace(REQUEST, bands=2), evidence=Evidence(BOX, SPAN))
    assert found.maps["gradients"][SPEECH].shape == found.maps["owen"][SPEECH].shape == (2, 4)
    assert len(found.curves["owen"]["speech"].deletion) == 2 * 4 + 1
    assert hits(found.pointing, "owen") == [1.0, 1.0]
    assert found.area_share[SPEECH] == 1 / 4


# ---------------------------------------------------------------- on a real network


@pytest.fixture(scope="module")
def real() -> Any:
    """A small ParallelNet with seeded weights."""
    config = NetworkConfig("parallelnet", CLASSES, 1 / 32)
    torch.manual_seed(0)
    network = build(config)
    network.module.eval()
    return predictor_of(network, FrontEnd(), config)


SMALL = ExplainRequest(grid=2, segments=2, absence="noise")


def equal(one: Any, other: Any) -> bool:
    return json.dumps(one.to_json(), sort_keys=True) == json.dumps(other.to_json(), sort_keys=True)


@pytest.fixture(scope="module")
def found(real: Any) -> TruthReport:
    return check_sample(real, inputs_of(front=FrontEnd()), SMALL, evidence=Evidence(BOX, SPAN))


def test_equal_seeds_give_equal_reports_and_the_network_is_not_changed(real: Any, found: TruthReport) -> None:
    before = {name: value.clone() for name, value in real.network.module.state_dict().items()}
    told: list[Progress] = []
    inputs, evidence = inputs_of(front=FrontEnd()), Evidence(BOX, SPAN)
    assert equal(found, check_sample(real, inputs, SMALL, evidence=evidence, report=told.append))
    assert all(value.equal(before[name]) for name, value in real.network.module.state_dict().items())
    assert set(found.maps) == {"owen", *RIVALS}
    assert found.left_out == {}
    # progress rises to its end
    assert all(p.total == 1000 and 0 <= p.done <= 1000 for p in told)
    assert [p.done for p in told] == sorted(p.done for p in told)
    assert told[-1].done == 1000
    assert len({p.text for p in told}) >= 8


def test_other_seeds_give_other_reports(real: Any, found: TruthReport) -> None:
    other = check_sample(real, inputs_of(front=FrontEnd()), replace(SMALL, seed=1))
    assert (
        other.curves["random"]["both"].deletion.tolist() != found.curves["random"]["both"].deletion.tolist()
    )
    assert other.randomised != found.randomised
    assert not np.array_equal(other.maps["owen"][IMAGE], found.maps["owen"][IMAGE])  # other noise for absent


@pytest.mark.parametrize("at", ["explaining", "other methods", "deletion", "absence mean", "weights"])
def test_cancel_is_answered_in_every_part(real: Any, at: str) -> None:
    token = CancelToken()
    after: list[Progress] = []

    def tell(progress: Progress) -> None:
        if token.cancelled:
            after.append(progress)
        elif at in progress.text:
            token.cancel()

    with pytest.raises(Cancelled):
        check_sample(real, inputs_of(front=FrontEnd()), SMALL, report=tell, token=token)
    assert len(after) <= 1


def test_what_was_explained_before_is_not_explained_again(
    real: Any, found: TruthReport, tmp_path: Path
) -> None:
    inputs, cache = inputs_of(front=FrontEnd()), AttributionCache(tmp_path)
    one = check_sample(real, inputs, SMALL, cache=cache)
    assert len(list(tmp_path.glob("*.npz"))) == 4  # one for each absence, none of a randomised network
    assert one.randomised == found.randomised  # not taken for maps of the release itself
    assert equal(one, check_sample(real, inputs, SMALL, cache=cache))


def test_reports_are_json_without_nan(found: TruthReport) -> None:
    constant = replace(found, randomised={"whole": {"both": float("nan")}})
    as_json = json.loads(json.dumps(constant.to_json(), allow_nan=False))
    assert as_json["randomised"]["whole"]["both"] is None
    curve = as_json["curves"]["owen"]["speech"]
    assert len(curve["deletion"]) == 3
    assert curve["faithfulness"] == pytest.approx(curve["insertion_area"] - curve["deletion_area"])
    assert as_json["pointing"]["random"]["image"].keys() == {"hit", "iou"}


def test_a_dataset_row_by_row(real: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = paths.resources() / "demo"
    for name in ("samples.csv", "evidence.csv", "images/anger-train-01.webp", "speech/anger-train-01.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(demo / name, tmp_path / name)
    catalogue = open_dataset(tmp_path)
    seen: list[Any] = []

    def check(*_arguments: Any, evidence: Any, **_more: Any) -> str:
        seen.append(evidence)
        return "report"

    monkeypatch.setattr(report_module, "check_sample", check)
    told: list[Progress] = []
    first, second = check_dataset(real, catalogue, [0, 1], SMALL, report=told.append)
    assert first == (0, "report")
    assert second[0] == 1
    assert isinstance(second[1], SierError)  # its files are not there
    assert seen == [Evidence((104, 153, 197, 246), (0.05, 0.7745), "anger")]


def test_words_of_the_dataset_s_text_can_be_the_players(known: Any) -> None:
    catalogue = open_dataset(paths.resources() / "demo")
    request = replace(REQUEST, segments="words", grid=2)
    ((_, found),) = check_dataset(known, catalogue, [0], request)
    assert catalogue.sample(0).text == "This has to stop! He moved the table."
    assert isinstance(found, TruthReport), found
    assert found.maps["occlusion"][SPEECH].shape == (8,)


def test_reports_say_what_they_are_about(known: Any) -> None:
    found = check_sample(known, inputs_of(seed=3), REQUEST)
    assert found.sample_id == "sample-3"
    assert found.target == "b"
    about = {"grid": 4, "segments": 4, "release": "toy/1", "absence": "zeros", "value": "logit", "seed": 0}
    assert about.items() <= found.provenance.items()
