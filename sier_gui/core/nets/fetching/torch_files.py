"""Tensors of a file that ``torch.save`` wrote, without torch and without running its pickle.

Both forms are read: the zip of torch 1.6 and later, and the row of pickles before it (torchvision's VGG and
older ResNet files). What is understood is a dictionary of tensors, nothing else.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.nets.fetching.pickles import ERRORS, OnlyThese

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of the older form
MOST_AXES = 8
TYPES: Mapping[str, type[np.generic]] = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


@dataclass(slots=True)
class _Storage:
    """A run of numbers; ``data`` comes after the pickle that speaks of it."""

    dtype: np.dtype[Any]
    count: int
    data: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Maker:
    """One of torch's two functions that make tensors; an object of each file's own, so nothing can leak."""

    __slots__ = ()

    def __call__(self, *parts: Any) -> _Tensor:
        if len(parts) <= 4 and isinstance(parts[0], _Tensor):  # a parameter: the tensor it holds
            return parts[0]
        storage, offset, size, stride, *_ = parts
        numbers = (offset, *size, *stride)
        if not isinstance(storage, _Storage) or len(size) != len(stride) or len(size) > MOST_AXES:
            raise pickle.UnpicklingError("a tensor is not made as torch makes it")
        if any(type(n) is not int or n < 0 for n in numbers):
            raise pickle.UnpicklingError("a tensor has a shape that cannot be")
        return _Tensor(storage, offset, tuple(size), tuple(stride))


@dataclass(frozen=True, slots=True)
class _Kind:
    """Stands for a class of storages such as ``torch.FloatStorage``."""

    dtype: np.dtype[Any]


@dataclass
class _Reader:
    """The storages of one file, by key."""

    limit: int  # bytes of the file: no storage can be larger
    storages: dict[str, _Storage] = field(default_factory=dict)

    def unpickler(self, stream: io.BytesIO) -> pickle.Unpickler:
        allowed: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _Maker(),
            ("torch._utils", "_rebuild_parameter"): _Maker(),
            **{("torch", name): _Kind(np.dtype(kind)) for name, kind in TYPES.items()},
        }
        reader = self

        class Unpickler(OnlyThese):
            def persistent_load(self, reference: Any) -> _Storage:
                return reader.storage(reference)

        return Unpickler(stream, allowed)

    def storage(self, reference: Any) -> _Storage:
        """``("storage", kind, key, device, count[, view])``."""
        if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
            raise pickle.UnpicklingError("it refers to something other than a storage")
        _, kind, key, _, count, *view = reference
        if not isinstance(kind, _Kind) or not isinstance(key, str) or type(count) is not int or any(view):
            raise pickle.UnpicklingError("it refers to a storage of another form")
        if not 0 <= count * kind.dtype.itemsize <= self.limit:
            raise pickle.UnpicklingError(f"a storage of {count} numbers does not fit into the file")
        found = self.storages.setdefault(key, _Storage(kind.dtype, count))
        if (found.dtype, found.count) != (kind.dtype, count):
            raise pickle.UnpicklingError(f"storage {key} is described in two ways")
        return found


def read(data: bytes) -> dict[str, NDArray[Any]]:
    """Name → array of the dictionary in ``data``.

    Raises
    ------
    SierError : the file is damaged, or is no plain dictionary of tensors.
    """
    reader = _Reader(len(data))
    try:
        table = _read_zip(data, reader) if data[:2] == b"PK" else _read_row(data, reader)
        if not isinstance(table, dict) or not all(isinstance(name, str) for name in table):
            raise pickle.UnpicklingError("it holds no dictionary of tensors")
        return {name: _array(value) for name, value in table.items()}
    except (*ERRORS, zipfile.BadZipFile, RuntimeError, struct.error) as error:
        raise SierError(
            f"The torch file cannot be read: {error or type(error).__name__}.",
            "Only plain state dicts are read; nothing in it was run.",
        ) from error


def _read_zip(data: bytes, reader: _Reader) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
            raise pickle.UnpicklingError("its parts are compressed, which torch never does")
        (pickled,) = (name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1)
        folder = pickled.removesuffix("data.pkl")
        order = archive.read(f"{folder}byteorder") if f"{folder}byteorder" in entries else b"little"
        if order != b"little":
            raise pickle.UnpicklingError("it was written on a big-endian machine")
        table = reader.unpickler(io.BytesIO(archive.read(pickled))).load()
        for key, storage in reader.storages.items():
            storage.data = _numbers(archive.read(f"{folder}data/{key}"), storage)
    return table


def _read_row(data: bytes, reader: _Reader) -> Any:
    """Magic number, protocol, about the system, the table, keys in order; then count and numbers of each."""
    stream = io.BytesIO(data)
    magic, protocol, about = (reader.unpickler(stream).load() for _ in range(3))
    if magic != MAGIC or protocol != PROTOCOL or about.get("little_endian") is not True:
        raise pickle.UnpicklingError("it does not begin as torch begins a file")
    table = reader.unpickler(stream).load()
    for key in reader.unpickler(stream).load():
        storage = reader.storages[key]
        count = int.from_bytes(stream.read(8), "little", signed=True)
        if count != storage.count:
            raise pickle.UnpicklingError(f"storage {key} has {count} numbers, not {storage.count}")
        storage.data = _numbers(stream.read(count * storage.dtype.itemsize), storage)
    return table


def _numbers(raw: bytes, storage: _Storage) -> NDArray[Any]:
    if len(raw) != storage.count * storage.dtype.itemsize:
        raise pickle.UnpicklingError("it ends in the middle of a tensor")
    return np.frombuffer(raw, storage.dtype.newbyteorder("<"))


def _array(tensor: Any) -> NDArray[Any]:
    """A copy of the tensor's part of its storage."""
    if not isinstance(tensor, _Tensor):
        raise pickle.UnpicklingError(f"it holds a {type(tensor).__name__} among its tensors")
    data = tensor.storage.data
    if data is None:
        raise pickle.UnpicklingError("the numbers of a tensor are missing")
    count = math.prod(tensor.size)
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.size, tensor.stride, strict=True))
    # repeated numbers (stride 0) would let a small file ask for any amount of memory
    if count > len(data) or (count and last >= len(data)):
        raise pickle.UnpicklingError("a tensor reaches past its numbers")
    if not count:
        return np.empty(tensor.size, data.dtype)
    steps = [step * data.itemsize for step in tensor.stride]
    view = np.lib.stride_tricks.as_strided(data[tensor.offset :], tensor.size, steps, writeable=False)
    return np.array(view, order="C")
