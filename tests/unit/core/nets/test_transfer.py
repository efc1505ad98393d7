"""The transfer network: what each part may see, and what blank inputs do to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import (
    SHAPES,
    CachesFeatures,
    HasStreamLogits,
    NetworkConfig,
    Pretrained,
    build,
    parameter_count,
)
from sier_gui.core.nets.releases import choose_release, load
from sier_gui.core.nets.transfer import LARGEST, SETTLING, TransferNet

IMG, SP = Modality.IMAGE, Modality.SPEECH
CLASSES = ("a", "b", "c")


def make(width: float = 1 / 16, classes: tuple[str, ...] = CLASSES, **options: object) -> TransferNet:
    torch.manual_seed(0)
    network = build(NetworkConfig("transfer", classes, width, {"dense": 8, **options}))
    assert isinstance(network, TransferNet)
    for m in SHAPES:  # it starts from zero; these tests want one that answers
        torch.nn.init.normal_(network.module.get_submodule(f"{m}_dense.1").get_parameter("weight"), std=0.1)
        torch.nn.init.normal_(network.module.get_submodule(f"{m}_dense.1").get_parameter("bias"))
    network.module.eval()
    return network


def pairs(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    images = rng.random((count, 3, 128, 128), np.float32)
    return torch.from_numpy(images), torch.from_numpy(rng.random((count, 1, 128, 128), np.float32))


def settle(network: TransferNet, batches: int = 3) -> None:
    network.module.train()
    for seed in range(batches):
        images, speech = pairs(6, seed)
        network.embed(IMG, images * 0.5 + 0.25)
        network.embed(SP, speech)
    network.module.eval()


def test_its_trunk_has_the_size_of_vgg16s_first_three_blocks() -> None:
    trunk = make(width=1.0).module.get_submodule("trunk")
    assert sum(p.numel() for p in trunk.parameters()) == 1_735_488
    assert not any(p.requires_grad for p in trunk.parameters())


def test_all_of_it_but_the_trunk_is_counted_by_hand() -> None:
    # 16 channels at width 1/16: image 3·3·16, speech 16·16 features; dense 8; heads for 3 classes
    network = make()
    trunk = sum(p.numel() for p in network.module.get_submodule("trunk").parameters())
    assert parameter_count(network) - trunk == (144 * 8 + 8) + (256 * 8 + 8) + 3 * (8 * 3 + 3) + 3


def test_it_offers_what_the_trainer_asks_for() -> None:
    network = make()
    for protocol in (CachesFeatures, HasStreamLogits, Pretrained):
        assert isinstance(network, protocol)


@pytest.mark.parametrize("classes", [("a", "b"), tuple("abcdefgh")])
def test_forward_is_fuse_of_embeds_and_embed_goes_through_the_features(classes: tuple[str, ...]) -> None:
    network = make(classes=classes)
    settle(network)
    images, speech = pairs(3)
    embedded = {IMG: network.embed(IMG, images), SP: network.embed_features(SP, network.features(SP, speech))}
    assert embedded[IMG].shape == embedded[SP].shape == (3, 8)
    logits = network.forward(images, speech)
    assert logits.shape == (3, len(classes))
    torch.testing.assert_close(network.fuse(embedded), logits)


def test_late_fusion_is_equation_2_with_shares_as_configured() -> None:
    network = make(late=[3.0, 1.0, 1.0])
    settle(network)
    images, speech = pairs(2)
    e = {IMG: network.embed(IMG, images), SP: network.embed(SP, speech)}
    product = network.module.get_submodule("product_head")(e[IMG] * e[SP])
    expected = (
        0.6 * network.stream_logits(SP, e[SP]) + 0.2 * network.stream_logits(IMG, e[IMG]) + 0.2 * product
    )
    torch.testing.assert_close(network.fuse(e), expected)


def test_each_stream_sees_only_itself() -> None:
    network = make()
    settle(network)
    images, speech = (t.requires_grad_() for t in pairs(1))
    network.stream_logits(IMG, network.embed(IMG, images)).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert speech.grad is None
    network.stream_logits(SP, network.embed(SP, speech)).sum().backward()
    assert speech.grad is not None
    assert speech.grad.abs().sum() > 0


def test_moments_of_speech_count_alike_wherever_they_lie() -> None:
    network = make()
    speech = torch.zeros(1, 1, 128, 128)
    # a cell of the trunk's output sees 22 columns to each side: here none sees both the burst and a border
    speech[..., 48:64] = pairs(1)[1][..., 48:64]
    torch.testing.assert_close(
        network.features(SP, speech.roll(16, -1)), network.features(SP, speech), atol=1e-5, rtol=1e-4
    )


def test_a_quarter_of_the_picture_moves_its_own_cells_only() -> None:
    network = make(image_grid=2, image_side=128)
    images, _ = pairs(1)
    changed = images.clone()
    changed[..., :40, :40] = 0  # 24 pixels from the next cell, 22 of which the trunk sees
    before, after = (network.features(IMG, x).view(1, 16, 2, 2) for x in (images, changed))
    moved = (before - after).abs().sum(1)[0]
    assert moved[0, 0] > 0.01
    assert moved[1, 1] < 1e-4


def test_untrained_it_gives_every_input_the_same_answer() -> None:
    network = build(NetworkConfig("transfer", CLASSES, 1 / 16))
    logits = network.forward(*pairs(3))
    torch.testing.assert_close(logits, logits[:1].expand(3, -1))


def test_statistics_settle_and_stay() -> None:
    network = make()
    statistics = network.module.get_submodule("image_statistics")
    features = network.features(IMG, pairs(4)[0])
    network.embed_features(IMG, features)
    assert int(statistics.get_buffer("num_batches_tracked")) == 0  # evaluation leaves no trace
    network.module.train()
    for _ in range(SETTLING):
        network.embed_features(IMG, features)
    torch.testing.assert_close(statistics.get_buffer("running_mean"), features.mean(0))
    torch.testing.assert_close(statistics.get_buffer("running_var"), features.var(0))
    network.embed_features(IMG, features * 100)
    torch.testing.assert_close(statistics.get_buffer("running_mean"), features.mean(0))


def test_an_absent_stream_says_nothing() -> None:
    """Zeros, and the training set's mean, have the embedding of no evidence: the dense layer's bias."""
    network = make()
    network.absence_mean[IMG].copy_(torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1))
    network.absence_mean[SP].copy_(torch.linspace(0.8, 0.2, 128).view(1, 128, 1))
    settle(network)
    for m, shape in SHAPES.items():
        bias = network.module.get_submodule(f"{m}_dense.1").get_parameter("bias")
        for absent in (torch.zeros(1, *shape), network.absence_mean[m].expand(1, *shape)):
            torch.testing.assert_close(network.embed(m, absent)[0], bias, atol=1e-3, rtol=0)
        present = pairs(1)[0 if m is IMG else 1]
        assert (network.embed(m, present)[0] - bias).abs().max() > 0.05


def test_absent_moments_shrink_the_embedding_and_do_not_turn_it() -> None:
    """Sounds of different spectra, half of the time taken away: what is left is about half as much."""
    network = make()
    rng = np.random.default_rng(5)
    spectra = rng.random((24, 1, 16, 1), np.float32).repeat(8, axis=2)
    speech = torch.from_numpy(spectra * rng.uniform(0.8, 1.2, (24, 1, 128, 128)).astype(np.float32)).clamp(
        0, 1
    )
    network.module.train()
    network.embed(SP, speech)
    network.module.eval()
    halved = speech.clone()
    halved[..., 64:] = 0
    bias = network.module.get_submodule("speech_dense.1").get_parameter("bias")
    whole, half = (network.embed(SP, x) - bias for x in (speech, halved))
    alike = torch.cosine_similarity(whole, half, dim=1)
    share = half.norm(dim=1) / whole.norm(dim=1)
    assert alike.median() > 0.8
    assert 0.35 < share.median() < 0.65


def test_no_input_runs_away() -> None:
    """Standardised features are clipped, so an embedding is at most its weights' absolute sum."""
    network = make()
    settle(network)
    linear = network.module.get_submodule("image_dense.1")
    bound = LARGEST * linear.get_parameter("weight").abs().sum(1) + linear.get_parameter("bias").abs()
    for blank in (torch.zeros(1, 3, 128, 128), torch.ones(1, 3, 128, 128)):
        assert (network.embed(IMG, blank)[0].abs() <= bound + 1e-4).all()
    assert (network.embed_features(IMG, torch.full((1, 144), 1e9))[0].abs() <= bound + 1e-4).all()


@pytest.mark.parametrize(
    "options",
    [
        {"image_side": 129},
        {"image_side": 4},
        {"image_side": 96},
        {"image_side": 64.0},
        {"image_grid": 9},
        {"speech_bands": 0},
        {"dense": True},
        {"late": [1.0, 1.0]},
        {"late": [1.0, 0.0, 1.0]},
        {"late": 0.5},
        {"late": ["a", "b", "c"]},
    ],
)
def test_options_that_cannot_be_are_refused_by_name(options: dict[str, object]) -> None:
    with pytest.raises(SierError, match=next(iter(options))):
        make(**options)


def test_only_the_trunk_can_be_pretrained() -> None:
    with pytest.raises(SierError, match="speech_trunk"):
        make().load_pretrained({"speech_trunk": "vgg16"})


def test_the_shipped_release_knows_nothing_of_nothing() -> None:
    network = load(choose_release((), name="emodb_fer"), "cpu")
    zeros = [torch.zeros(1, *SHAPES[m]) for m in (IMG, SP)]
    means = [network.absence_mean[m].expand(1, *SHAPES[m]) for m in (IMG, SP)]
    for absent in (zeros, means):
        answer = network.forward(*absent).softmax(1)[0]
        assert 0.15 < answer.min() < answer.max() < 0.4
    assert network.forward(*pairs(1)).softmax(1).max() > 0.4
