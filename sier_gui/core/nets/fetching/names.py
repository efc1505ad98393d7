"""Published names and conventions → those of our trunks, as numpy arrays.

A converted file holds a trunk's tensors under the names of ``nn.Sequential(*trunk.layers)``, for inputs that
are RGB in [0, 1] standardised with ImageNet's mean and deviation, whatever the published network was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.nets.inputs import IMAGENET_MEAN, IMAGENET_STD
from sier_gui.core.nets.trunks.library import LITE
from sier_gui.core.nets.trunks.vgg import VGG16, VGG19, Blocks

Tensors = dict[str, NDArray[Any]]
LITE_NAME = "efficientnet_lite"
NORM = ("weight", "bias", "running_mean", "running_var")
VGGS: Mapping[str, Blocks] = {"vgg16": VGG16, "vgg19": VGG19}
RESNETS: Mapping[str, tuple[Sequence[int], bool]] = {
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet101": ((3, 4, 23, 3), True),
}


def by_torch_names(tensors: Mapping[str, NDArray[Any]]) -> tuple[str, Tensors]:
    """A state dict as torchvision or EfficientNet-lite's PyTorch package writes it → (architecture, tensors).

    The architecture is the one whose names these are, each exactly once; the classifier is left out.

    Raises
    ------
    SierError : the names are those of no trunk of ours.
    """
    own = {name for name in tensors if not name.startswith(_LEFT_OUT) and not name.endswith("_tracked")}
    for architecture, pairs in _known():
        names = dict(pairs)
        if set(names) != own or not _as_wide(architecture, tensors):
            continue
        found = {ours: np.asarray(tensors[theirs], np.float32) for theirs, ours in names.items()}
        if architecture.startswith(LITE_NAME):
            # TensorFlow's EfficientNet-lite is given (pixel − 127) / 128, pixels from 0 to 255
            restandardised(found, "0.conv", np.full(3, 255 / 128), np.full(3, -127 / 128))
        return architecture, found
    some = ", ".join(sorted(tensors)[:3]) or "no tensors"
    raise SierError(
        f"The file's tensors ({some}, …) are those of no trunk.",
        f"Weights of torchvision's {', '.join([*VGGS, *RESNETS])} and of EfficientNet-lite fit.",
    )


_LEFT_OUT = ("classifier.", "fc.", "_fc.")


def _known() -> Iterator[tuple[str, Iterable[tuple[str, str]]]]:
    for name, blocks in VGGS.items():
        yield name, ((f"features.{place}", place) for place in vgg_places(blocks))
    for name, (units, bottleneck) in RESNETS.items():
        yield name, _torchvision_resnet(units, bottleneck)
    for number in range(len(LITE)):
        yield f"{LITE_NAME}{number}", _torch_lite(number)


# ---------------------------------------------------------------- VGG


def vgg_places(blocks: Blocks) -> Iterator[str]:
    """``0.weight``, ``0.bias``, ``2.weight``, …: a ReLU follows each convolution, a pool each block."""
    place = 0
    for block in blocks:
        for _ in block:
            yield from (f"{place}.weight", f"{place}.bias")
            place += 2
        place += 1


# ---------------------------------------------------------------- ResNet


def resnet_units(units: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """(stage from 1, unit from 0, our name of the unit)."""
    for stage, count in enumerate(units, 1):
        for unit in range(count):
            yield stage, unit, f"{stage}.unit{unit + 1}"


def _torchvision_resnet(units: Sequence[int], bottleneck: bool) -> Iterator[tuple[str, str]]:
    yield from _convolution("conv1", "bn1", "0.conv")
    for stage, unit, ours in resnet_units(units):
        theirs = f"layer{stage}.{unit}"
        for n in range(1, 4 if bottleneck else 3):
            yield from _convolution(f"{theirs}.conv{n}", f"{theirs}.bn{n}", f"{ours}.body.conv{n}")
        if unit == 0 and (bottleneck or stage > 1):
            yield from _convolution(
                f"{theirs}.downsample.0", f"{theirs}.downsample.1", f"{ours}.identity_conv"
            )


# ---------------------------------------------------------------- EfficientNet-lite


def _torch_lite(number: int) -> Iterator[tuple[str, str]]:
    yield from _convolution("_conv_stem", "_bn0", "0.conv")
    yield from _convolution("_blocks.0._depthwise_conv", "_blocks.0._bn1", "1.dw_conv")
    yield from _convolution("_blocks.0._project_conv", "_blocks.0._bn2", "1.pw_conv")
    count = sum(LITE[number][1])
    for block in range(1, count):
        for n, part in enumerate(("expand", "depthwise", "project")):
            theirs = f"_blocks.{block}"
            yield from _convolution(f"{theirs}._{part}_conv", f"{theirs}._bn{n}", f"{block + 1}.conv{n + 1}")
    yield from _convolution("_conv_head", "_bn1", str(count + 1))


def _as_wide(architecture: str, tensors: Mapping[str, NDArray[Any]]) -> bool:
    """1 and 2 have the same names: they differ by what comes before the last convolution, beside the stem."""
    if not architecture.startswith(LITE_NAME):
        return True
    stem, last = tensors["_conv_stem.weight"].shape, tensors["_conv_head.weight"].shape
    if len(stem) != 4 or len(last) != 4:
        return False
    return round(last[1] / stem[0], 2) == LITE[int(architecture.removeprefix(LITE_NAME))][0][-1] / 32


def _convolution(theirs: str, norm: str, ours: str) -> Iterator[tuple[str, str]]:
    """A convolution without bias and its batch-norm; pytorchcv calls them ``conv`` and ``bn``."""
    yield f"{theirs}.weight", f"{ours}.conv.weight"
    for part in NORM:
        yield f"{norm}.{part}", f"{ours}.bn.{part}"


# ---------------------------------------------------------------- other statistics of the input


def restandardised(
    tensors: Tensors, first: str, scale: NDArray[np.float64], offset: NDArray[np.float64]
) -> None:
    """Make the layer ``first``, which was given scale · x + offset of RGB x in [0, 1], take x standardised.

    With x = σ z + μ: W (s x + o) = (s σ W) z + W (s μ + o): a scale of the kernel, and a constant that goes
    into the bias, or is taken off the mean of the batch-norm behind it. Exact but at the border, where zero
    padding now means the colour μ.
    """
    kernel_name = f"{first}.conv.weight" if f"{first}.conv.weight" in tensors else f"{first}.weight"
    kernel = tensors[kernel_name].astype(np.float64)
    mean, deviation = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
    constant = kernel.sum((2, 3)) @ (scale * mean + offset)
    tensors[kernel_name] = (kernel * (scale * deviation)[None, :, None, None]).astype(np.float32)
    if f"{first}.bias" in tensors:
        tensors[f"{first}.bias"] = (tensors[f"{first}.bias"] + constant).astype(np.float32)
    else:
        shifted = tensors[f"{first}.bn.running_mean"] - constant
        tensors[f"{first}.bn.running_mean"] = shifted.astype(np.float32)
