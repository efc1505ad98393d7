"""Weights that came from Keras and JAX: pickled arrays, HDF5, and TensorFlow.js's shards."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError
from sier_gui.core.nets.fetching.names import RESNETS, Tensors, resnet_units, restandardised, vgg_places
from sier_gui.core.nets.fetching.pickles import ERRORS, OnlyThese
from sier_gui.core.nets.trunks.vgg import VGG16, VGG19, Blocks

KERAS_MEAN_RGB = (123.68, 116.779, 103.939)  # its networks take BGR from 0 to 255, less this
KERAS_EPSILON, TORCH_EPSILON = 1e-3, 1e-5  # added to variances: by this Keras file, by our trunks
AGAIN = "Fetch it again."

# older and newer numpy call the same things by these names
ARRAYS: Mapping[tuple[str, str], Any] = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    # what an array's own __reduce__ names: the function that makes an empty array to be filled
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}


def read_flax_vgg16(parts: Sequence[bytes]) -> Tensors:
    """Pickled ``VGG16_0/Conv_0..12/{kernel (3, 3, in, out), bias}``, for standardised RGB.

    Raises
    ------
    SierError : anything but arrays is in the pickle, or one is missing.
    """
    try:
        table = OnlyThese(io.BytesIO(parts[0]), ARRAYS).load()["VGG16_0"]
        layers = [table[f"Conv_{number}"] for number in range(13)]
        return _vgg(VGG16, [(_out_in(layer["kernel"]), _floats(layer["bias"])) for layer in layers])
    except ERRORS as error:
        raise SierError(f"The VGG16 file cannot be read: {error}.", AGAIN) from error


def read_keras_vgg19(parts: Sequence[bytes]) -> Tensors:
    """HDF5 ``block{b}_conv{k}``, for BGR 0–255 minus a mean; the first layer is turned to standardised RGB.

    Raises
    ------
    SierError : h5py is not installed, or a layer is missing.
    """
    try:
        import h5py
    except ImportError as error:
        raise SierError("VGG19's weights are in HDF5.", "pip install h5py, then try again.") from error
    names = [f"block{b}_conv{k}" for b, block in enumerate(VGG19, 1) for k in range(1, len(block) + 1)]
    try:
        with h5py.File(io.BytesIO(parts[0]), "r") as file:
            layers = [
                (_out_in(file[f"{name}/{name}_W_1:0"][()]), _floats(file[f"{name}/{name}_b_1:0"][()]))
                for name in names
            ]
        tensors = _vgg(VGG19, layers)
        _from_keras(tensors, "0")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SierError(f"The VGG19 file cannot be read: {error}.", AGAIN) from error
    return tensors


def read_tfjs_resnet50(parts: Sequence[bytes]) -> Tensors:
    """``model.json`` and its shards of float32: Keras's ResNet-50, for BGR 0–255 minus a mean.

    Its convolutions have biases: each is taken off the mean of the batch-norm behind it. Its batch-norms add
    1e-3 to the variance and ours 1e-5: the difference is added to the variance. Both are exact.

    Raises
    ------
    SierError : a layer is missing, has another form, or the shards are too short.
    """
    try:
        raw = _tfjs(parts)
        tensors: Tensors = {}
        _put(tensors, raw, "conv1", "bn_conv1", "0.conv")
        for stage, unit, ours in resnet_units(RESNETS["resnet50"][0]):
            place = f"{stage + 1}{chr(ord('a') + unit)}_branch"
            for n, part in enumerate("abc", 1):
                _put(tensors, raw, f"res{place}2{part}", f"bn{place}2{part}", f"{ours}.body.conv{n}")
            if unit == 0:
                _put(tensors, raw, f"res{place}1", f"bn{place}1", f"{ours}.identity_conv")
        _from_keras(tensors, "0.conv")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise SierError(f"The ResNet-50 files cannot be read: {error}.", AGAIN) from error
    return tensors


def _tfjs(parts: Sequence[bytes]) -> dict[str, FloatArray]:
    """TensorFlow.js's manifest: names and shapes in the order in which the shards have the numbers."""
    (group,) = json.loads(parts[0])["weightsManifest"]
    numbers = [int(re.findall(r"shard(\d+)of", path)[0]) for path in group["paths"]]
    if numbers != list(range(1, len(parts))):
        raise ValueError("its shards are in another order")
    data = b"".join(parts[1:])
    found, place = {}, 0
    for entry in group["weights"]:
        if entry["dtype"] != "float32" or "quantization" in entry:
            raise ValueError(f"{entry['name']} is not float32")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        found[entry["name"]] = np.frombuffer(data, "<f4", count, place).reshape(entry["shape"])
        place += 4 * count
    return found


def _put(tensors: Tensors, raw: Mapping[str, FloatArray], convolution: str, norm: str, ours: str) -> None:
    tensors[f"{ours}.conv.weight"] = _out_in(raw[f"{convolution}/kernel"])
    tensors[f"{ours}.bn.weight"] = _floats(raw[f"{norm}/gamma"])
    tensors[f"{ours}.bn.bias"] = _floats(raw[f"{norm}/beta"])
    tensors[f"{ours}.bn.running_mean"] = _floats(raw[f"{norm}/moving_mean"] - raw[f"{convolution}/bias"])
    variance = raw[f"{norm}/moving_variance"].astype(np.float64) + (KERAS_EPSILON - TORCH_EPSILON)
    tensors[f"{ours}.bn.running_var"] = _floats(variance)


def _from_keras(tensors: Tensors, first: str) -> None:
    """From BGR 0–255 less a mean to standardised RGB."""
    name = f"{first}.conv.weight" if f"{first}.conv.weight" in tensors else f"{first}.weight"
    tensors[name] = tensors[name][:, ::-1]
    restandardised(tensors, first, np.full(3, 255.0), -np.array(KERAS_MEAN_RGB))


def _vgg(blocks: Blocks, layers: Sequence[tuple[FloatArray, FloatArray]]) -> Tensors:
    flat = [array for layer in layers for array in layer]
    return dict(zip(vgg_places(blocks), flat, strict=True))


def _out_in(kernel: NDArray[Any]) -> FloatArray:
    """(height, width, in, out) → (out, in, height, width)."""
    return np.ascontiguousarray(np.transpose(np.asarray(kernel, np.float32), (3, 2, 0, 1)))


def _floats(values: NDArray[Any]) -> FloatArray:
    return np.array(values, np.float32)
