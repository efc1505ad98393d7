"""Networks and releases of one stream: the other one changes nothing, and everything that asks works."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.prefix import HasPrefix
from sier_gui.core.nets.networks import SHAPES, CachesFeatures, NetworkConfig, build, parameter_count
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.nets.releases import choose_release, list_releases, verify
from sier_gui.core.nets.training import load_config
from sier_gui.core.nets.transfer import TransferNet

IMG, SP = Modality.IMAGE, Modality.SPEECH
SHIPPED = {"ser_emodb/1": SP, "ier_fer/1": IMG}
alone = pytest.mark.parametrize("stream", [IMG, SP])
shipped = pytest.mark.parametrize("label", SHIPPED)


def transfer(*streams: Modality, **options: object) -> TransferNet:
    torch.manual_seed(0)
    table = {"dense": 8, "streams": [str(m) for m in streams], **options}
    network = build(NetworkConfig("transfer", ("a", "b", "c"), 1 / 16, table))
    assert isinstance(network, TransferNet)
    for m in streams:
        linear = network.module.get_submodule(f"{m}_dense.1")
        torch.nn.init.normal_(linear.get_parameter("weight"), std=0.1)
        torch.nn.init.normal_(linear.get_parameter("bias"))
    network.module.eval()
    return network


def pair(seed: int = 0, count: int = 3) -> dict[Modality, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return {m: torch.from_numpy(rng.random((count, *shape), np.float32)) for m, shape in SHAPES.items()}


# ---------------------------------------------------------------- the network


@alone
def test_the_other_stream_changes_nothing(stream: Modality) -> None:
    network, one, other = transfer(stream), pair(0), pair(1)
    swapped = {**one, stream: other[stream]}
    mixed = {**other, stream: one[stream]}
    logits = network.forward(one[IMG], one[SP])
    torch.testing.assert_close(network.forward(mixed[IMG], mixed[SP]), logits)
    assert (network.forward(swapped[IMG], swapped[SP]) - logits).abs().max() > 1e-3
    own = network.stream_logits(stream, network.embed(stream, one[stream]))
    torch.testing.assert_close(logits, own)


@alone
def test_it_is_the_network_of_both_without_the_rest(stream: Modality) -> None:
    """The same weights in the network of both give its stream's logits."""
    both, one = transfer(IMG, SP), transfer(stream)
    state = {name: both.module.state_dict()[name] for name in one.module.state_dict()}
    one.module.load_state_dict(state)
    given = pair()
    wanted = both.stream_logits(stream, both.embed(stream, given[stream]))
    torch.testing.assert_close(one.forward(given[IMG], given[SP]), wanted)
    left_out = set(both.module.state_dict()) - set(state)
    assert not any(name.startswith(str(stream)) for name in left_out)
    features = {IMG: 16 * 9, SP: 16 * 16}[stream]
    trunk = sum(p.numel() for p in both.module.get_submodule("trunk").parameters())
    assert parameter_count(one) == trunk + features * 8 + 8 + 8 * 3 + 3


@alone
def test_all_ways_through_it_agree(stream: Modality) -> None:
    network, given = transfer(stream), pair()
    assert isinstance(network, CachesFeatures)
    assert isinstance(network, HasPrefix)
    embedded = {m: network.embed(m, x) for m, x in given.items()}
    for m, x in given.items():
        torch.testing.assert_close(network.embed_features(m, network.features(m, x)), embedded[m])
        outputs = [c(p) for c, p in zip(network.columns(m), network.prefix(m, x), strict=True)]
        torch.testing.assert_close(network.join(m, outputs), embedded[m])
    grid = network.fuse_grid(embedded[IMG][:2], embedded[SP])
    assert grid.shape == (2, 3, 3)
    for i in range(2):
        for j in range(3):
            one = network.fuse({IMG: embedded[IMG][i : i + 1], SP: embedded[SP][j : j + 1]})
            torch.testing.assert_close(grid[i, j], one[0])


@pytest.mark.parametrize(
    "options",
    [
        {"streams": []},
        {"streams": ["image", "image"]},
        {"streams": ["text"]},
        {"streams": "image"},
        {"streams": ["speech"], "late": [0.5, 0.3, 0.2]},
    ],
)
def test_streams_that_cannot_be_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SierError) as caught:
        build(NetworkConfig("transfer", ("a", "b"), 1 / 16, options))
    assert caught.value.hint


# ---------------------------------------------------------------- what ships


@shipped
def test_shipped_releases_are_small_whole_and_say_what_they_are(label: str) -> None:
    release = choose_release((), name=label)
    assert release.streams == (SHIPPED[label],)
    assert verify(release) == []
    assert sum(file.stat().st_size for file in release.folder.iterdir()) <= 8e6
    assert f"Emotion from {'speech' if SHIPPED[label] is SP else 'image'}:" in release.card
    assert "VGG16" in release.card


@shipped
def test_shipped_releases_hold_their_floors(label: str) -> None:
    """models.md §1, by the figures that came with them: mean of three seeds, speakers left out."""
    folder = choose_release((), name=label).folder
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    ((name, figures),) = metrics["networks"].items()
    assert name == f"{SHIPPED[label]} alone"
    assert metrics["split"]["kind"] == "loso"
    assert len(metrics["seeds"]) == 3
    assert figures["balanced_accuracy"] >= (0.733 if SHIPPED[label] is SP else 0.43)


@shipped
def test_shipped_releases_are_what_their_recipes_say(label: str) -> None:
    release = choose_release((), name=label)
    recipe = load_config(paths.models().parent / "benchmarks" / f"{release.name}_release.toml")
    trained = release.config["training"]
    assert recipe.network["streams"] == [str(SHIPPED[label])] == list(trained["run"]["streams"])
    for part in ("optimiser", "loss", "augment"):
        known = recipe.to_tables()[part]  # the trainer may have learnt further keys since
        assert {key: known[key] for key in trained[part]} == trained[part]
    for line in recipe.release.notes:
        assert line in release.card


def test_a_release_of_both_streams_is_chosen_before_one_of_one() -> None:
    assert choose_release(("anger", "happy", "hate", "sad")).name == "emodb_fer"
    sier_mini = choose_release((), name="ser_emodb").dataset_hash
    assert sier_mini
    assert choose_release(("anger", "happy", "hate", "sad"), sier_mini).name == "emodb_fer"
    assert {r.label for r in list_releases()} >= set(SHIPPED)


@shipped
@pytest.mark.parametrize("method", ["modality", "owen", "shapley"])
def test_explanations_give_the_other_stream_nothing(label: str, method: str) -> None:
    catalogue = open_dataset(paths.resources() / "demo")
    predictor = Predictor(choose_release((), name=label), "cpu")
    (answer,) = predictor.predict_rows(catalogue, [3])
    assert not isinstance(answer[1], SierError)
    from sier_gui.core.dataset.inputs import load_inputs

    request = ExplainRequest(method=method, grid=4, segments=8, budget=300)
    *_, found = explain(predictor, load_inputs(catalogue.sample(3), predictor.front), request)
    own = SHIPPED[label]
    (other,) = {IMG, SP} - {own}
    assert found.degree()[own] == pytest.approx(1)
    nothing = pytest.approx(0, abs=1e-9)  # the estimator weighs sums, which leaves rounding
    assert found.degree()[other] == nothing
    assert np.abs(found.split[other]).max() == nothing
    if method != "modality":
        assert np.abs(found.values[other]).max() == nothing
        assert np.abs(found.values[own]).max() > 1e-4
    assert abs(found.residual()) < 1e-6


@pytest.mark.shared
@shipped
def test_sier_mini_is_predicted(label: str, tmp_path: Path) -> None:
    """Most of it rightly, since it was trained on it; and as the program prints it."""
    from sier_gui.cli import main

    folder = Path(__file__).resolve().parents[5] / "shared" / "data" / "sier_mini"
    if not folder.is_dir():
        pytest.skip("the project-internal test material is not beside this checkout")
    rows = open_dataset(folder)
    out = tmp_path / "p.json"
    assert main(["predict", str(folder), "--release", label, "--device", "cpu", "--json", str(out)]) == 0
    answers = json.loads(out.read_text())
    assert len(answers) == len(rows)
    assert np.mean([a["predicted"] == a["label"] for a in answers]) > 0.75
    assert all(abs(sum(a["probabilities"].values()) - 1) < 1e-6 for a in answers)
