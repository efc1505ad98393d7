"""Files that are distrusted: torch's two forms, pickled arrays, HDF5, archives."""

from __future__ import annotations

import collections
import functools
import io
import itertools
import operator
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sier_gui.core.errors import SierError
from sier_gui.core.nets.fetching import archives, keras_files, torch_files
from sier_gui.core.nets.fetching.names import by_torch_names, vgg_places
from sier_gui.core.nets.inputs import IMAGENET_MEAN, IMAGENET_STD
from sier_gui.core.nets.trunks.vgg import VGG16, VGG19

FORMS = pytest.mark.parametrize("new", [True, False], ids=["zip", "row"])


def torch_file(table: Any, new: bool) -> bytes:
    stream = io.BytesIO()
    torch.save(table, stream, _use_new_zipfile_serialization=new)
    return stream.getvalue()


# ---------------------------------------------------------------- what torch writes


@FORMS
def test_tensors_of_every_form_are_read_as_torch_reads_them(new: bool) -> None:
    base = torch.arange(24, dtype=torch.float32).view(4, 6)
    table = collections.OrderedDict(
        whole=base,
        transposed=base.t(),
        part=base[1:3, ::2],
        scalar=torch.tensor(2.5),
        empty=torch.empty(0, 3),
        half=base.half(),
        double=base.double(),
        count=torch.tensor(7),
        truth=base > 3,
        parameter=nn.Parameter(base[0]),
        not_tracked=base[2].clone().requires_grad_(),
    )
    data = torch_file(table, new)
    wanted = torch.load(io.BytesIO(data), weights_only=True)
    found = torch_files.read(data)
    assert list(found) == list(table)
    for name, values in found.items():
        np.testing.assert_array_equal(values, wanted[name].detach().numpy())
        assert values.dtype == wanted[name].detach().numpy().dtype
        assert values.flags.writeable


@FORMS
def test_a_modules_state_dict_with_its_metadata_is_read(new: bool) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    found = torch_files.read(torch_file(module.state_dict(), new))
    assert set(found) == set(module.state_dict())
    np.testing.assert_array_equal(found["0.weight"], module[0].weight.detach().numpy())


# ---------------------------------------------------------------- what somebody else wrote

RAN: list[str] = []


def ran(text: str) -> None:
    RAN.append(text)


class Calls:
    """Pickled, it is a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


HOSTILE = {
    "a function": Calls(ran, "x"),
    "eval": Calls(eval, "RAN.append('eval')"),
    "a getter": Calls(operator.attrgetter("real"), 1),
    "a partial": functools.partial(ran, "x"),
    "a module": nn.Linear(2, 2),
    "an array": np.zeros(3),
    "an object's type": np.float64,
    "torch's own loader": Calls(torch.load, "x"),
}


@FORMS
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("deep", [False, True])
def test_nothing_but_tensors_is_made(name: str, deep: bool, new: bool) -> None:
    inner = {"w": HOSTILE[name]}
    data = torch_file({"layer": inner} if deep else inner, new)
    before = list(RAN)
    with pytest.raises(SierError, match="torch file cannot be read"):
        torch_files.read(data)
    assert before == RAN


def row(*objects: bytes) -> bytes:
    """torch's older form, by hand."""
    about = {"little_endian": True, "protocol_version": 1001, "type_sizes": {}}
    parts = [pickle.dumps(part, 2) for part in (torch_files.MAGIC, torch_files.PROTOCOL, about)]
    return b"".join([*parts, *objects])


class Pickled(pickle.Pickler):
    """Writes what stands for storages as torch does."""

    def persistent_id(self, thing: Any) -> Any:
        return thing[1] if isinstance(thing, tuple) and thing[:1] == ("#",) else None


def pickled(thing: Any) -> bytes:
    stream = io.BytesIO()
    Pickled(stream, 2).dump(thing)
    return stream.getvalue()


def rebuilt(storage: Any, offset: Any, size: Any, stride: Any) -> Calls:
    rebuild = torch._utils._rebuild_tensor_v2
    return Calls(rebuild, ("#", storage), offset, size, stride, False, collections.OrderedDict())


def one_tensor(offset: Any, size: Any, stride: Any, count: Any = 4, kind: Any = torch.FloatStorage) -> bytes:
    storage = ("storage", kind, "0", "cpu", count, None)
    there = count if isinstance(count, int) and 0 <= count < 100 else 0
    numbers = struct.pack("<q", there) + bytes(4 * there)
    return row(pickled({"w": rebuilt(storage, offset, size, stride)}), pickle.dumps(["0"], 2), numbers)


def test_the_form_written_by_hand_is_read() -> None:
    """Else the refusals below could have other reasons."""
    assert torch_files.read(one_tensor(1, (3,), (1,)))["w"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "parts",
    [
        (1, (4,), (1,)),  # one past the end
        (0, (2, 2), (4, 1)),
        (-1, (2,), (1,)),
        (0, (-2,), (1,)),
        (0, (2,), (-1,)),
        (0, (1 << 40,), (0,)),  # a number repeated: a terabyte from four bytes
        (0, (5,), (0,)),
        (0, (1,) * 9, (1,) * 9),
        (0, (2, 2), (1,)),
        (0.0, (2,), (1,)),
        (0, (2.0,), (1,)),
        (True, (2,), (1,)),
        (0, 2, 1),
        (0, (2,), (1,), -1),
        (0, (2,), (1,), 1 << 60),
        (0, (2,), (1,), "4"),
        (0, (2,), (1,), 4, dict),
        (0, (2,), (1,), 4, "FloatStorage"),
    ],
)
def test_shapes_that_cannot_be_are_refused(parts: Any) -> None:
    with pytest.raises(SierError, match="torch file cannot be read"):
        torch_files.read(one_tensor(*parts))


@functools.cache
def undamaged(new: bool) -> bytes:
    """Made once: torch's older form has addresses in it, so that two files differ in length."""
    return torch_file({"a": torch.arange(6.0), "b": torch.ones(2, 2).half()}, new)


@FORMS
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damage_is_told_and_nothing_else_happens(new: bool, data: Any) -> None:
    """Bytes changed, cut out or put in: an error of ours, or arrays of the size that fits the file."""
    whole = bytearray(undamaged(new))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        how = data.draw(st.sampled_from(["change", "cut", "insert"]))
        new_bytes = b"" if how == "cut" else data.draw(st.binary(min_size=1, max_size=4))
        whole[place : place + (0 if how == "insert" else max(1, len(new_bytes)))] = new_bytes
        if not whole:
            return
    try:
        found = torch_files.read(bytes(whole))
    except SierError:
        return
    assert sum(values.nbytes for values in found.values()) <= 2 * len(whole)


def test_compressed_parts_are_refused() -> None:
    """They could grow to any size."""
    stream = io.BytesIO()
    good = zipfile.ZipFile(io.BytesIO(torch_file({"a": torch.zeros(3)}, True)))
    with good, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name))
    with pytest.raises(SierError, match="compressed"):
        torch_files.read(stream.getvalue())


@pytest.mark.parametrize("table", [[1], {"a": 1}, {"a": {"b": torch.zeros(1)}}, {1: torch.zeros(1)}])
def test_only_a_plain_dictionary_of_tensors_is_understood(table: Any) -> None:
    with pytest.raises(SierError, match="torch file cannot be read"):
        torch_files.read(torch_file(table, True))


def test_names_of_no_trunk_are_told() -> None:
    with pytest.raises(SierError, match=r"fc1\.weight.* are those of no trunk"):
        by_torch_names({"fc1.weight": np.zeros(3)})
    eleven = {f"features.{i}.{part}": np.zeros(1) for i in (0, 3) for part in ("weight", "bias")}
    with pytest.raises(SierError, match="no trunk"):
        by_torch_names(eleven)


# ---------------------------------------------------------------- pickled arrays, HDF5

TINY16 = tuple(tuple(1 + i for i, _ in enumerate(block)) for block in VGG16)
TINY19 = tuple(tuple(1 + i for i, _ in enumerate(block)) for block in VGG19)


def layers(blocks: Any) -> list[tuple[Any, Any]]:
    """Random (3, 3, in, out) kernels and biases of a narrow VGG."""
    rng = np.random.default_rng(0)
    sizes = [3, *(size for block in blocks for size in block)]
    return [
        (rng.normal(size=(3, 3, a, b)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in itertools.pairwise(sizes)
    ]


def flax_file() -> bytes:
    table = {f"Conv_{n}": {"kernel": k, "bias": b} for n, (k, b) in enumerate(layers(TINY16))}
    return pickle.dumps({"VGG16_0": table, "NetLinLayer_0": {}}, protocol=3)


def test_flax_vgg16_is_put_in_order() -> None:
    found = keras_files.read_flax_vgg16([flax_file()])
    assert list(found) == list(vgg_places(VGG16))
    for n, place in enumerate((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)):
        kernel, bias = layers(TINY16)[n]
        np.testing.assert_array_equal(found[f"{place}.weight"], kernel.transpose(3, 2, 0, 1))
        np.testing.assert_array_equal(found[f"{place}.bias"], bias)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({"VGG16_0": Calls(ran, "flax")}),
        pickle.dumps({"VGG16_0": Calls(eval, "1/0")}),
        pickle.dumps({"VGG16_0": {"Conv_0": {"kernel": np.float64}}}),
        pickle.dumps({"other": 1}),
        pickle.dumps([1]),
        b"",
        b"\x80\x04.",
        flax_file()[:-200],
    ],
)
def test_a_pickle_of_anything_but_arrays_is_refused(data: bytes) -> None:
    with pytest.raises(SierError, match="VGG16 file cannot be read"):
        keras_files.read_flax_vgg16([data])
    assert "flax" not in RAN


def keras_file() -> bytes:
    buffer = io.BytesIO()
    names = [f"block{b}_conv{k}" for b, block in enumerate(VGG19, 1) for k in range(1, len(block) + 1)]
    with h5py.File(buffer, "w") as file:
        for name, (kernel, bias) in zip(names, layers(TINY19), strict=True):
            file[f"{name}/{name}_W_1:0"] = kernel
            file[f"{name}/{name}_b_1:0"] = bias
    return buffer.getvalue()


def test_keras_vgg19_answers_the_same_to_standardised_rgb() -> None:
    """Its first layer on BGR 0–255 minus the mean, against the converted one on what our networks give."""
    found = keras_files.read_keras_vgg19([keras_file()])
    theirs, their_bias = layers(TINY19)[0]
    rgb = torch.from_numpy(np.random.default_rng(1).random((1, 3, 9, 9)))
    bgr = rgb.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    weight = torch.from_numpy(theirs.transpose(3, 2, 0, 1).astype(np.float64))
    expected = nn.functional.conv2d(bgr, weight, torch.from_numpy(their_bias.astype(np.float64)))
    ours = (rgb - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
    kernel, bias = (torch.from_numpy(found[f"0.{part}"].astype(np.float64)) for part in ("weight", "bias"))
    torch.testing.assert_close(nn.functional.conv2d(ours, kernel, bias), expected, rtol=1e-5, atol=1e-3)
    assert len(found) == 32
    np.testing.assert_array_equal(found["2.weight"], layers(TINY19)[1][0].transpose(3, 2, 0, 1))


@pytest.mark.parametrize("data", [b"", b"HDF", keras_file()[:1000]])
def test_a_damaged_hdf5_file_is_refused(data: bytes) -> None:
    with pytest.raises(SierError, match="VGG19 file cannot be read"):
        keras_files.read_keras_vgg19([data])


# ---------------------------------------------------------------- archives


def archive(folder: Path, *entries: Any) -> Path:
    file = folder / "package-1.0.tar.gz"
    with tarfile.open(file, "w:gz") as opened:
        for name, data, kind in entries:
            info = tarfile.TarInfo(name)
            info.size, info.type = len(data) if kind == tarfile.REGTYPE else 0, kind
            info.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
            opened.addfile(info, io.BytesIO(data))
    return file


def test_files_come_in_the_order_asked_for_and_nothing_is_written(tmp_path: Path) -> None:
    entries = [(name, name.encode(), tarfile.REGTYPE) for name in ("p/b", "../../escaped", "/p/a", "p/a")]
    file = archive(tmp_path, *entries)
    assert archives.members(file, ["p/a", "p/b"], 6) == [b"p/a", b"p/b"]
    assert [item.name for item in tmp_path.iterdir()] == [file.name]
    assert not (tmp_path.parent / "escaped").exists()


@pytest.mark.parametrize(
    ("entries", "size", "said"),
    [
        ([("p/a", b"123", tarfile.SYMTYPE)], 99, "p/a is not the known file"),
        ([("p/a", b"123", tarfile.LNKTYPE)], 99, "p/a is not the known file"),
        ([("p/a", b"", tarfile.FIFOTYPE)], 99, "p/a is not the known file"),
        ([("p/a", b"1", tarfile.REGTYPE)] * 2, 99, "p/a is not the known file"),
        ([("p/a", b"123456789", tarfile.REGTYPE)], 8, "p/a is not the known file"),
        ([("p/b", b"1", tarfile.REGTYPE)], 9, "lacks p/a"),
        ([("./p/a", b"1", tarfile.REGTYPE)], 9, "lacks p/a"),
    ],
)
def test_members_that_are_not_what_is_known(entries: Any, size: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(SierError, match=said):
        archives.members(archive(tmp_path, *entries), ["p/a"], size)


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_a_broken_archive_is_told(keep: int, tmp_path: Path) -> None:
    file = archive(tmp_path, ("p/a", bytes(range(256)) * 9, tarfile.REGTYPE))
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(SierError, match="is damaged"):
        archives.members(file, ["p/a"], 9999)
