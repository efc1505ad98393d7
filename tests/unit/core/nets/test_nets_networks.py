"""ParallelNet has the papers' exact size and fuses as its formulas say; other packages can bring networks."""

import pytest
import torch

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import NetworkConfig, build, kinds, parameter_count

FOUR = ("anger", "happy", "hate", "sad")


def net(width=1 / 32, classes=FOUR, **options):
    torch.manual_seed(1)
    network = build(NetworkConfig("parallelnet", classes, width, options))
    network.module.eval()
    return network


def test_full_width_has_the_printed_number_of_parameters():
    with torch.device("meta"):  # counts need no memory
        network = build(NetworkConfig("parallelnet", FOUR))
    assert parameter_count(network) == 117_268_373
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.module.items()}
    assert parts == {
        "speech_trunk": 18_910_534,
        "image_trunk": 24_220_224,
        "speech_conv": 34_699_712,
        "image_conv": 34_700_864,
        "head_speech": 1_579_012,
        "head_image": 1_579_012,
        "head_product": 1_579_012,
    }


@pytest.mark.parametrize(("width", "count"), [(1 / 8, 1_836_805), (1 / 4, 7_336_949)])
def test_width_scales_channels_and_dense_sizes(width, count):
    assert parameter_count(net(width)) == count


@pytest.mark.parametrize("classes", [3, 4, 8])
def test_forward_is_fuse_of_the_embeddings(classes):
    network = net(classes=tuple(f"c{i}" for i in range(classes)))
    images, mels = torch.rand(2, 3, 128, 128), torch.rand(2, 1, 128, 128)
    embeddings = {
        Modality.IMAGE: network.embed(Modality.IMAGE, images),
        Modality.SPEECH: network.embed(Modality.SPEECH, mels),
    }
    assert embeddings[Modality.IMAGE].shape == (2, 2 * 512 // 32)
    logits = network.forward(images, mels)
    assert logits.shape == (2, classes)
    assert torch.equal(logits, network.fuse(embeddings))


@pytest.mark.parametrize("fusion", ["crisscross", "printed"])
@pytest.mark.parametrize("fusion_op", ["product", "sum"])
def test_fusion_follows_the_formulas(fusion, fusion_op):
    network = net(fusion=fusion, fusion_op=fusion_op)
    with torch.no_grad():
        network.module.late_weights.copy_(torch.tensor([0.3, -1.0, 2.0]))
    n1_i, n2_i, n1_s, n2_s = torch.rand(4, 5, 16)
    logits = network.fuse(
        {Modality.IMAGE: torch.cat([n1_i, n2_i], 1), Modality.SPEECH: torch.cat([n1_s, n2_s], 1)}
    )
    f_i = n1_i + n2_s
    f_s = n1_s + (n2_i if fusion == "crisscross" else n1_i)
    f_mul = f_i * f_s if fusion_op == "product" else f_i + f_s
    w = torch.tensor([0.3, -1.0, 2.0]).exp()
    w = w / w.sum()
    heads = network.module
    expected = (
        w[0] * heads["head_speech"](f_s)
        + w[1] * heads["head_image"](f_i)
        + w[2] * heads["head_product"](f_mul)
    )
    assert torch.allclose(logits, expected, atol=1e-6)


def test_each_stream_reaches_the_logits_and_a_fresh_network_guesses_quietly():
    network = net(1 / 8)
    a, b = torch.rand(2, 3, 128, 128), torch.rand(2, 1, 128, 128)
    logits = network.forward(a, b)
    assert not torch.allclose(logits, network.forward(torch.zeros_like(a), b), atol=1e-4)
    assert not torch.allclose(logits, network.forward(a, torch.zeros_like(b)), atol=1e-4)
    network.module.train()  # batch-norm by the batch, as training starts
    assert network.forward(torch.rand(8, 3, 128, 128), torch.rand(8, 1, 128, 128)).abs().max() < 5


def test_the_seed_decides_the_weights():
    one, two = net(), net()
    assert all(
        torch.equal(a, b) for a, b in zip(one.module.parameters(), two.module.parameters(), strict=True)
    )


def test_config_survives_its_table():
    config = NetworkConfig("parallelnet", FOUR, 0.25, {"fusion": "printed"})
    assert NetworkConfig.from_table(config.to_table()) == config


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"classes": ["a", "b"]}, "no kind"),
        ({"kind": "parallelnet"}, "not a list"),
        ({"kind": "parallelnet", "classes": ["a"]}, "two different"),
        ({"kind": "parallelnet", "classes": ["a", "a"]}, "two different"),
        ({"kind": "parallelnet", "classes": ["a", "b"], "width": 0}, "width"),
        ({"kind": "parallelnet", "classes": ["a", "b"], "width": "wide"}, "not a number"),
        ({"kind": "parallelnet", "classes": ["a", "b"], "fusionn": "sum"}, "no option fusionn"),
        ({"kind": "parallelnet", "classes": ["a", "b"], "fusion": "both"}, "not an option"),
        ({"kind": "perceptron", "classes": ["a", "b"]}, "no network 'perceptron'"),
    ],
)
def test_a_wrong_config_is_explained(table, message):
    with pytest.raises(SierError, match=message) as caught:
        build(NetworkConfig.from_table(table))
    assert caught.value.hint


def test_an_installed_package_brings_networks(tiny_networks):
    assert {"parallelnet", "tiny", "tiny_cached"} <= set(kinds())
    network = build(NetworkConfig("tiny", FOUR, options={"hidden": 5}))
    assert network.forward(torch.rand(2, 3, 128, 128), torch.rand(2, 1, 128, 128)).shape == (2, 4)
    with pytest.raises(SierError, match="no option depth"):
        build(NetworkConfig("tiny", FOUR, options={"depth": 5}))
    with pytest.raises(SierError, match="'gone' does not load"):
        build(NetworkConfig("gone", FOUR))


def test_trunks_start_from_the_weights_they_are_given(tmp_path):
    from safetensors.torch import save_file

    network = net(1 / 64)
    trunk = network.module["speech_trunk"]
    shapes = [p.shape for name, p in trunk[1].named_parameters() if p.ndim == 4]
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # torchvision's: pools and ReLUs count
    given = {f"features.{i}.weight": torch.randn(shape) for i, shape in zip(places, shapes, strict=True)}
    given |= {f"features.{i}.bias": torch.randn(shape[0]) for i, shape in zip(places, shapes, strict=True)}
    save_file(given, tmp_path / "vgg.safetensors")
    first, image = trunk[0].weight.clone(), network.module["image_trunk"][0].weight.clone()
    network.load_pretrained({"speech_trunk": str(tmp_path / "vgg.safetensors")})
    kernels = [p for p in trunk[1].parameters() if p.ndim == 4]
    assert len(kernels) == 13
    pairs = zip(kernels, places, strict=True)
    assert all(torch.equal(p, given[f"features.{i}.weight"]) for p, i in pairs)
    assert torch.equal(trunk[0].weight, first)  # the 1×1 convolution is the network's own
    assert torch.equal(network.module["image_trunk"][0].weight, image)
    with pytest.raises(SierError, match="holds weights of vgg16, the trunk is vgg19"):
        network.load_pretrained({"image_trunk": str(tmp_path / "vgg.safetensors")})
    with pytest.raises(SierError, match="names speech_conv"):
        network.load_pretrained({"speech_conv": "vgg16"})
