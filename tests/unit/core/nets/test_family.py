"""Every network of Table 2 and §4.4.2 is a configuration of one kind, wired as its formulas say."""

from __future__ import annotations

import pytest
import torch
from family_networks import ALONE, EARLY, PLAIN, inputs, settled, small
from torch import nn

from sier_gui.core.domain import Modality
from sier_gui.core.explain.prefix import HasPrefix
from sier_gui.core.nets.family import FAMILY, TABLE_2, member_config
from sier_gui.core.nets.networks import FusesGrids, NetworkConfig, build

IMAGE, SPEECH = Modality.IMAGE, Modality.SPEECH


# ---------------------------------------------------------------- the protocol


@pytest.mark.parametrize("name", FAMILY)
def test_each_says_what_it_can_do(name):
    network = small(name)
    assert network.separable == (name not in EARLY)
    assert isinstance(network, FusesGrids) == (name not in EARLY)
    assert isinstance(network, HasPrefix) == (name in PLAIN)
    assert NetworkConfig.from_table(network.config.to_table()) == network.config


@pytest.mark.parametrize("name", FAMILY)
def test_forward_is_fuse_of_the_embeddings(name):
    network = settled(small(name, 5))
    images, mels = inputs(3)
    with torch.inference_mode():
        embeddings = {IMAGE: network.embed(IMAGE, images), SPEECH: network.embed(SPEECH, mels)}
        logits = network.forward(images, mels)
        assert logits.shape == (3, 5)
        torch.testing.assert_close(network.fuse(embeddings), logits, atol=1e-12, rtol=1e-12)
        if name in EARLY:
            return
        grid = network.fuse_grid(embeddings[IMAGE], embeddings[SPEECH][:2])
        assert grid.shape == (3, 2, 5)
        for k, row in enumerate(grid):
            pairs = network.forward(images[[k, k]], mels[:2])
            torch.testing.assert_close(row, pairs, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("classes", range(3, 9))
@pytest.mark.parametrize("name", TABLE_2)
def test_three_to_eight_classes(name, classes):
    network = small(name, classes)
    with torch.inference_mode():
        assert network.forward(*inputs(dtype=torch.float32)).shape == (2, classes)
    assert len(network.classes) == classes


@pytest.mark.parametrize("name", FAMILY)
def test_gradient_reaches_every_parameter(name):
    # GoogLeNet has no batch-norm: of its narrowest branch's one channel nothing may be left
    network = small(name, width=1 / 4 if name.startswith("inception") else 1 / 16)
    network.module.train()
    logits = network.forward(*inputs(6, torch.float32))
    (logits * torch.randn_like(logits)).sum().backward()
    still = [n for n, p in network.module.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


@pytest.mark.parametrize("name", FAMILY)
def test_the_seed_decides_the_weights(name):
    one, two = small(name).module.state_dict(), small(name).module.state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    torch.manual_seed(2)
    other = build(member_config(name, "abcd", 1 / 16)).module.state_dict()
    assert not all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_what_begins_alike_can_be_looked_up(name):
    network = settled(small(name))
    for m, x in zip((IMAGE, SPEECH), inputs(), strict=True):
        with torch.inference_mode():
            parts = zip(network.columns(m), network.prefix(m, x), strict=True)
            joined = network.join(m, [column(part) for column, part in parts])
            torch.testing.assert_close(joined, network.embed(m, x), atol=1e-12, rtol=1e-12)


# ---------------------------------------------------------------- one modality


@pytest.mark.parametrize(("name", "own"), ALONE.items())
def test_a_network_of_one_modality_does_not_look_at_the_other(name, own):
    network = settled(small(name))
    (images, mels), (other_images, other_mels) = inputs(), inputs(seed=1)
    with torch.inference_mode():
        logits = network.forward(images, mels)
        by_image = network.forward(other_images, mels)
        by_speech = network.forward(images, other_mels)
    ignored, seen = (by_image, by_speech) if own is SPEECH else (by_speech, by_image)
    assert torch.equal(ignored, logits)
    assert not torch.allclose(seen, logits, atol=1e-3)
    other = IMAGE if own is SPEECH else SPEECH
    assert not [
        key for key in network.module.state_dict() if key.startswith((f"{other}_trunk", f"{other}_conv"))
    ]


def test_one_modality_is_its_head_on_trunk_and_convolution_network():
    network = settled(small("speech-only"))
    part = network.module
    images, mels = inputs()
    x = (mels - 0.5) / 0.25
    expected = part["head_speech"](part["speech_trunk"](x) + part["speech_conv"](x))
    torch.testing.assert_close(network.forward(images, mels), expected, atol=1e-12, rtol=1e-12)


# ---------------------------------------------------------------- where modalities cross


@pytest.mark.parametrize("trunk", ["efficientnet_b0", "vgg16"])
@pytest.mark.parametrize("cross_at", ["before", "both"])
def test_networks_that_cross_early_do_what_the_record_says(cross_at, trunk):
    """docs/adr/0004-family.md, written out with the network's own layers."""
    network = settled(small("baseline-1", cross_at=cross_at, speech_trunk=trunk, image_trunk=trunk))
    part = network.module
    images, mels = inputs()
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 1, 3, 1, 1)
    x_i, x_s = (images - mean) / std, (mels - 0.5) / 0.25
    first = {m: list(part[f"{m}_conv"])[:4] for m in Modality}
    second = {m: list(part[f"{m}_conv"])[4:] for m in Modality}
    assert [type(layer) for layer in second[IMAGE][:1]] == [nn.MaxPool2d]
    maps_i, maps_s = nn.Sequential(*first[IMAGE])(x_i), nn.Sequential(*first[SPEECH])(x_s)
    conv_i, conv_s = nn.Sequential(*second[IMAGE])(maps_i), nn.Sequential(*second[SPEECH])(maps_s)
    trunk_i = part["image_trunk"](x_i + part["speech_cross"](maps_s))
    trunk_s = part["speech_trunk"][1](part["speech_trunk"][0](x_s) + part["image_cross"](maps_i))
    f_i = trunk_i + (conv_s if cross_at == "both" else conv_i)
    f_s = trunk_s + (conv_i if cross_at == "both" else conv_s)
    heads = [part[f"head_{name}"] for name in ("speech", "image", "product")]
    expected = sum(head(f) for head, f in zip(heads, (f_s, f_i, f_i * f_s), strict=True)) / 3
    torch.testing.assert_close(network.forward(images, mels), expected, atol=1e-6, rtol=1e-6)


def test_only_early_crossing_brings_speech_into_the_image_trunk():
    def seen_by_image_trunk(name):
        network = settled(small(name))
        found = []
        network.module["image_trunk"].register_forward_hook(lambda *given: found.append(given[2]))
        (images, mels), (_, other) = inputs(), inputs(seed=1)
        with torch.inference_mode():
            for speech in (mels, other):
                network.forward(images, speech)
        return found

    for name in ("baseline-1", "baseline-2", "baseline-3"):
        one, two = seen_by_image_trunk(name)
        assert torch.equal(one, two) == (name == "baseline-3")
