"""Trunks have the sizes that their papers' tables give, at any width, and end in a map of 1/32 or so."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sier_gui.core.explain.cost import counted
from sier_gui.core.nets.trunks import TRUNKS

# ---------------------------------------------------------------- counts, derived again from the tables


def conv(channels, out, kernel, groups=1):
    """Without bias, with batch-norm's two numbers for each channel."""
    return channels // groups * out * kernel**2 + 2 * out


def biased(channels, out, kernel):
    return channels * out * kernel**2 + out


def vgg(blocks):
    total, channels = 0, 3
    for size, count in blocks:
        for _ in range(count):
            total, channels = total + biased(channels, size, 3), size
    return total


def basic_resnet(units):
    total, channels = conv(3, 64, 7), 64
    for size, count in zip((64, 128, 256, 512), units, strict=True):
        for _ in range(count):
            total += conv(channels, size, 3) + conv(size, size, 3)
            total += conv(channels, size, 1) if channels != size else 0
            channels = size
    return total


def bottleneck_resnet(units):
    total, channels = conv(3, 64, 7), 64
    for size, count in zip((64, 128, 256, 512), units, strict=True):
        for unit in range(count):
            total += conv(channels, size, 1) + conv(size, size, 3) + conv(size, 4 * size, 1)
            total += conv(channels, 4 * size, 1) if unit == 0 else 0
            channels = 4 * size
    return total


def googlenet(*modules):
    total, channels = biased(3, 64, 7) + biased(64, 64, 1) + biased(64, 192, 3), 192
    for one, reduce3, three, reduce5, five, pooled in modules:
        total += biased(channels, one, 1) + biased(channels, pooled, 1)
        total += biased(channels, reduce3, 1) + biased(reduce3, three, 3)
        total += biased(channels, reduce5, 1) + biased(reduce5, five, 5)
        channels = one + three + five + pooled
    return total


def mobilenet():
    total, channels = conv(3, 32, 3), 32
    for size in (64, 128, 128, 256, 256, *[512] * 6, 1024, 1024):
        total += conv(channels, channels, 3, groups=channels) + conv(channels, size, 1)
        channels = size
    return total


def densenet():
    """Batch-norm comes before each convolution: two numbers for each of its *input* channels."""
    total, channels = conv(3, 64, 7), 64
    for block, units in enumerate((6, 12, 24, 16)):
        for _ in range(units):
            total += 2 * channels + channels * 128 + 2 * 128 + 128 * 32 * 9
            channels += 32
        if block < 3:
            total += 2 * channels + channels * channels // 2
            channels //= 2
    return total + 2 * channels


def efficientnet():
    total, channels = conv(3, 32, 3), 32
    for expand, size, count, kernel in (
        (1, 16, 1, 3), (6, 24, 2, 3), (6, 40, 2, 5), (6, 80, 3, 3),
        (6, 112, 3, 5), (6, 192, 4, 5), (6, 320, 1, 3),
    ):  # fmt: skip
        for _ in range(count):
            middle, squeezed = channels * expand, channels // 4
            total += conv(channels, middle, 1) if expand > 1 else 0
            total += conv(middle, middle, kernel, groups=middle) + conv(middle, size, 1)
            total += biased(middle, squeezed, 1) + biased(squeezed, middle, 1)
            channels = size
    return total + conv(channels, 1280, 1)


def efficientnet_lite(sizes, units):
    """Table 1 again, without squeeze-and-excitation; stem and last convolution as in B0."""
    total, channels = conv(3, 32, 3), 32
    for place, (size, count, kernel) in enumerate(zip(sizes, units, (3, 3, 5, 3, 5, 5, 3), strict=True)):
        for _ in range(count):
            middle = channels * (6 if place else 1)
            total += conv(channels, middle, 1) if place else 0
            total += conv(middle, middle, kernel, groups=middle) + conv(middle, size, 1)
            channels = size
    return total + conv(channels, 1280, 1)


A3, B3, A4 = (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), (192, 96, 208, 16, 48, 64)
# after 4a, table 1 of arXiv:1409.4842
REST = (
    (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128), (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
)  # fmt: skip
D, E = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))

B0, B2 = (16, 24, 40, 80, 112, 192, 320), (16, 24, 48, 88, 120, 208, 352)

# derived; known figure, less the classifier of 1,000 classes (of the cut GoogLeNet: added up by hand)
COUNTS = {
    "vgg16": (vgg(D), 14_714_688),
    "vgg19": (vgg(E), 20_024_384),
    "resnet34": (basic_resnet((3, 4, 6, 3)), 21_797_672 - 513_000),
    "resnet50": (bottleneck_resnet((3, 4, 6, 3)), 25_557_032 - 2_049_000),
    "resnet50_v1": (bottleneck_resnet((3, 4, 6, 3)), 25_557_032 - 2_049_000),
    "resnet101": (bottleneck_resnet((3, 4, 23, 3)), 44_549_160 - 2_049_000),
    "inception3a": (googlenet(A3), 124_416 + 163_696),
    "inception4a": (googlenet(A3, B3, A4), 124_416 + 163_696 + 388_736 + 376_176),
    "mobilenet": (mobilenet(), 4_231_976 - 1_025_000),
    "densenet121": (densenet(), 7_978_856 - 1_025_000),
    "efficientnet_b0": (efficientnet(), 5_288_548 - 1_281_000),
    # known: timm's tf_efficientnet_lite0, 1 and 2
    "efficientnet_lite0": (efficientnet_lite(B0, (1, 2, 2, 3, 3, 4, 1)), 4_652_008 - 1_281_000),
    "efficientnet_lite1": (efficientnet_lite(B0, (1, 3, 3, 4, 4, 5, 1)), 5_416_680 - 1_281_000),
    "efficientnet_lite2": (efficientnet_lite(B2, (1, 3, 3, 4, 4, 5, 1)), 6_092_072 - 1_281_000),
}


def on_meta(name, width=1.0):
    with torch.device("meta"):  # counts need no memory
        trunk = TRUNKS[name](width)
    return trunk, nn.Sequential(*trunk.layers)


@pytest.mark.parametrize("name", TRUNKS)
def test_full_width_has_the_published_number_of_parameters(name):
    derived, known = COUNTS[name]
    _, layers = on_meta(name)
    assert sum(p.numel() for p in layers.parameters()) == derived == known


def test_the_derivation_of_googlenet_gives_the_whole_published_network():
    assert googlenet(A3, B3, A4, *REST) + 1_025_000 == 6_998_552


@pytest.mark.parametrize("width", [1.0, 1 / 16])
@pytest.mark.parametrize("name", TRUNKS)
def test_a_trunk_ends_in_the_map_that_it_says(name, width):
    trunk, layers = on_meta(name, width)
    found = layers.eval()(torch.empty(1, 3, 128, 128, device="meta"))
    assert found.shape == (1, trunk.channels, trunk.side, trunk.side)
    assert trunk.side == {"inception3a": 16, "inception4a": 8}.get(name, 4)


@pytest.mark.parametrize("name", TRUNKS)
def test_width_scales_channels_and_leaves_the_depth(name):
    full, half = (on_meta(name, width)[1] for width in (1.0, 0.5))
    convolutions = [[m for m in x.modules() if isinstance(m, nn.Conv2d)] for x in (full, half)]
    assert len(convolutions[0]) == len(convolutions[1])
    for whole, part in zip(*convolutions, strict=True):
        assert abs(part.out_channels - whole.out_channels / 2) <= 1
        assert (part.kernel_size, part.stride) == (whole.kernel_size, whole.stride)


# ---------------------------------------------------------------- GoogLeNet, which is written here


def test_googlenet_multiplies_as_its_table_says():
    """Column "ops" of table 1, in millions, for pictures of 224×224 (its first row is a known misprint)."""
    _, layers = on_meta("inception4a")
    stages = {}
    x = torch.empty(1, 3, 224, 224, device="meta")
    for number, layer in enumerate(layers):
        x, cost = counted(layer, lambda layer=layer, x=x: layer(x))
        stages[number] = cost.macs / 1e6
    macs = [m for m in stages.values() if m]
    first, reduced, second, a3, b3, a4 = macs
    assert first == pytest.approx(118, abs=1)
    assert [int(m) for m in (reduced + second, a3, b3, a4)] == [359, 128, 304, 73]
    assert x.shape == (1, 512, 14, 14)


def test_googlenet_computes_what_its_paper_draws():
    torch.manual_seed(0)
    layers = nn.Sequential(*TRUNKS["inception3a"](1 / 8).layers).double().eval()
    x = torch.rand(2, 3, 128, 128, dtype=torch.float64)
    convolutions = iter([m for m in layers.modules() if isinstance(m, nn.Conv2d)])

    def step(x, stride=1):
        c = next(convolutions)
        return F.conv2d(x, c.weight, c.bias, stride, padding=c.weight.shape[-1] // 2).relu()

    def pool(x):  # 3×3, stride 2, over the border where the side is even
        return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, 2)

    def norm(x):
        squares = F.pad(x**2, (0, 0, 0, 0, 2, 2))
        around = sum(squares[:, i : i + x.shape[1]] for i in range(5))
        return x / (1 + 1e-4 / 5 * around) ** 0.75

    y = norm(pool(step(x, 2)))
    y = pool(norm(step(step(y))))
    branches = [step(y), step(step(y)), step(step(y)), step(F.max_pool2d(y, 3, 1, padding=1))]
    expected = torch.cat(branches, 1)
    assert expected.shape == (2, sum(max(1, n // 8) for n in (64, 128, 32, 32)), 16, 16)
    torch.testing.assert_close(layers(x), expected, atol=1e-12, rtol=1e-10)
