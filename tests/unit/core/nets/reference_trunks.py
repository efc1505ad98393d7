"""Networks as their publishers wrote them, narrow: torchvision's names and layers, Keras's and TensorFlow's.

Independent of our trunks: what is converted must answer what these answer. Each takes RGB in [0, 1]. A first
layer pads with ImageNet's mean colour, as ours does, whatever the published network was given.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def standardised(rgb: Tensor) -> Tensor:
    return (rgb - MEAN) / STD


def padded(rgb: Tensor, *sides: int) -> Tensor:
    """By ImageNet's mean colour: left, right, top, bottom."""
    return F.pad(rgb - MEAN, sides) + MEAN


def shaken(module: nn.Module) -> nn.Module:
    """Batch-norms with statistics of their own, so that a wrong place shows."""
    generator = torch.Generator().manual_seed(1)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for name in ("weight", "running_var"):
                getattr(layer, name).data.uniform_(0.5, 1.5, generator=generator)
            for name in ("bias", "running_mean"):
                getattr(layer, name).data.normal_(std=0.3, generator=generator)
    return module.eval()


# ---------------------------------------------------------------- torchvision


def vgg(blocks: Any) -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for block in blocks:
        for size in block:
            layers += [nn.Conv2d(channels, size, 3, padding=1), nn.ReLU()]
            channels = size
        layers.append(nn.MaxPool2d(2))
    return nn.ModuleDict({"features": nn.Sequential(*layers), "classifier": nn.Sequential(nn.Linear(2, 2))})


class Block(nn.Module):
    def __init__(self, channels: int, size: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        out = size * 4 if bottleneck else size
        shapes = [(channels, size, 1, 1), (size, size, 3, stride), (size, out, 1, 1)]
        if not bottleneck:
            shapes = [(channels, size, 3, stride), (size, size, 3, 1)]
        for n, (a, b, kernel, step) in enumerate(shapes, 1):
            self.add_module(f"conv{n}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            self.add_module(f"bn{n}", nn.BatchNorm2d(b))
        self.count = len(shapes)
        self.downsample = None
        if stride > 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for n in range(1, self.count + 1):
            y = getattr(self, f"bn{n}")(getattr(self, f"conv{n}")(y))
            y = torch.relu(y) if n < self.count else y
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class TorchvisionResNet(nn.Module):
    def __init__(self, units: Any, bottleneck: bool, width: float) -> None:
        super().__init__()
        sizes = [round(size * width) for size in (64, 128, 256, 512)]
        self.conv1, self.bn1 = nn.Conv2d(3, sizes[0], 7, 2, 3, bias=False), nn.BatchNorm2d(sizes[0])
        channels = sizes[0]
        for n, (size, count) in enumerate(zip(sizes, units, strict=True), 1):
            blocks = []
            for unit in range(count):
                blocks.append(Block(channels, size, 2 if n > 1 and not unit else 1, bottleneck))
                channels = size * 4 if bottleneck else size
            self.add_module(f"layer{n}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, 5)

    def forward(self, rgb: Tensor) -> Tensor:
        x = F.max_pool2d(torch.relu(self.bn1(self.conv1(standardised(rgb)))), 3, 2, 1)
        for n in range(1, 5):
            x = getattr(self, f"layer{n}")(x)
        return x


# ---------------------------------------------------------------- EfficientNet-lite, TensorFlow's padding


def same(x: Tensor, kernel: int, stride: int) -> Tensor:
    short = max((-(-x.shape[-1] // stride) - 1) * stride + kernel - x.shape[-1], 0)
    return F.pad(x, (short // 2, short - short // 2) * 2)


class MBConv(nn.Module):
    def __init__(self, channels: int, size: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        middle = channels * expand
        self.kernel, self.stride, self.residual = kernel, stride, stride == 1 and channels == size
        if expand > 1:
            self._expand_conv = nn.Conv2d(channels, middle, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(middle, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(middle, middle, kernel, stride, groups=middle, bias=False)
        self._bn1 = nn.BatchNorm2d(middle, eps=1e-3)
        self._project_conv = nn.Conv2d(middle, size, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(size, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        y = F.relu6(self._bn1(self._depthwise_conv(same(y, self.kernel, self.stride))))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class TensorflowLite(nn.Module):
    def __init__(self, sizes: Any, units: Any, width: float) -> None:
        super().__init__()
        channels = round(32 * width)
        self._conv_stem = nn.Conv2d(3, channels, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(channels, eps=1e-3)
        blocks = []
        settings = zip(sizes, units, (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 2, 1, 2, 1), strict=True)
        for place, (size, count, kernel, stride) in enumerate(settings):
            for unit in range(count):
                step = 1 if unit else stride
                blocks.append(MBConv(channels, round(size * width), kernel, step, 6 if place else 1))
                channels = round(size * width)
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(channels, round(1280 * width), 1, bias=False)
        self._bn1 = nn.BatchNorm2d(round(1280 * width), eps=1e-3)
        self._fc = nn.Linear(4, 4)

    def forward(self, rgb: Tensor) -> Tensor:
        x = (padded(rgb, 0, 1, 0, 1) * 255 - 127) / 128
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x)))


# ---------------------------------------------------------------- Keras's ResNet-50, as TensorFlow.js has it

LETTERS = "abcdef"


def keras_resnet50(units: Any, width: float, seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights by Keras's names: kernels (height, width, in, out), biases, batch-norms."""
    rng = np.random.default_rng(seed)
    raw: dict[str, np.ndarray] = {}

    def add(convolution: str, norm: str, channels: int, out: int, kernel: int) -> None:
        scale = (kernel**2 * channels) ** -0.5
        raw[f"{convolution}/kernel"] = rng.normal(size=(kernel, kernel, channels, out)) * scale
        raw[f"{convolution}/bias"] = rng.normal(size=out) * 0.1
        for part, low, high in (("gamma", 0.5, 1.5), ("beta", -0.3, 0.3), ("moving_mean", -0.3, 0.3)):
            raw[f"{norm}/{part}"] = rng.uniform(low, high, out)
        raw[f"{norm}/moving_variance"] = rng.uniform(0.01, 1, out)

    sizes = [round(size * width) for size in (64, 128, 256, 512)]
    add("conv1", "bn_conv1", 3, sizes[0], 7)
    raw["conv1/kernel"] /= 50  # its inputs go to 150
    channels = sizes[0]
    for stage, (size, count) in enumerate(zip(sizes, units, strict=True), 2):
        for unit in range(count):
            place = f"{stage}{LETTERS[unit]}_branch"
            for part, (a, b, kernel) in zip(
                "abc", ((channels, size, 1), (size, size, 3), (size, 4 * size, 1)), strict=True
            ):
                add(f"res{place}2{part}", f"bn{place}2{part}", a, b, kernel)
            if not unit:
                add(f"res{place}1", f"bn{place}1", channels, 4 * size, 1)
            channels = 4 * size
    return {name: values.astype(np.float32) for name, values in raw.items()}


def tfjs(raw: dict[str, np.ndarray], shards: int = 25) -> list[bytes]:
    """model.json and shards, the numbers cut wherever a shard is full."""
    data = b"".join(values.astype("<f4").tobytes() for values in raw.values())
    size = -(-len(data) // shards)
    manifest = [
        {
            "paths": [f"group1-shard{n}of{shards}.bin" for n in range(1, shards + 1)],
            "weights": [{"name": n, "shape": list(v.shape), "dtype": "float32"} for n, v in raw.items()],
        }
    ]
    table = json.dumps({"modelTopology": {}, "weightsManifest": manifest}).encode()
    return [table, *(data[i * size : (i + 1) * size] for i in range(shards))]


def keras_forward(raw: dict[str, np.ndarray], units: Any, rgb: Tensor) -> Tensor:
    """BGR 0–255 less its mean; the stride in the first 1×1 convolution; 1e-3 added to variances."""

    def apply(x: Tensor, convolution: str, norm: str, stride: int = 1) -> Tensor:
        kernel = torch.from_numpy(raw[f"{convolution}/kernel"]).double().permute(3, 2, 0, 1)
        side = 0 if convolution == "conv1" else kernel.shape[-1] // 2
        bias = torch.from_numpy(raw[f"{convolution}/bias"]).double()
        y = F.conv2d(x, kernel, bias, stride, side)
        g, b, m, v = (
            torch.from_numpy(raw[f"{norm}/{part}"]).double().view(1, -1, 1, 1)
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (y - m) / (v + 1e-3).sqrt() * g + b

    bgr = padded(rgb, 3, 3, 3, 3).double().flip(1) * 255
    x = bgr - torch.tensor([103.939, 116.779, 123.68]).double().view(1, 3, 1, 1)
    x = F.max_pool2d(F.pad(torch.relu(apply(x, "conv1", "bn_conv1", 2)), (1, 1, 1, 1)), 3, 2)
    for stage, count in enumerate(units, 2):
        for unit in range(count):
            place, stride = f"{stage}{LETTERS[unit]}_branch", 2 if stage > 2 and not unit else 1
            y = torch.relu(apply(x, f"res{place}2a", f"bn{place}2a", stride))
            y = torch.relu(apply(y, f"res{place}2b", f"bn{place}2b"))
            y = apply(y, f"res{place}2c", f"bn{place}2c")
            x = torch.relu(y + (x if unit else apply(x, f"res{place}1", f"bn{place}1", stride)))
    return x
