"""Published weights in our trunks: what is converted answers what the published network answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from reference_trunks import (
    TensorflowLite,
    TorchvisionResNet,
    keras_forward,
    keras_resnet50,
    shaken,
    standardised,
    tfjs,
    vgg,
)
from torch import nn

from sier_gui.core.errors import SierError
from sier_gui.core.nets.fetching import keras_files
from sier_gui.core.nets.fetching.names import RESNETS
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.nets.trunks import TRUNKS
from sier_gui.core.nets.trunks.library import LITE
from sier_gui.core.nets.trunks.vgg import VGG16, VGG19
from sier_gui.core.nets.weights import copy_trunk

NARROW = 1 / 8


def picture(seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((2, 3, 128, 128), np.float32))


def trunk(name: str, width: float = NARROW) -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(*TRUNKS[name](width).layers).eval()


def scaled(blocks: Any) -> Any:
    return [[max(1, round(size * NARROW)) for size in block] for block in blocks]


def agree(found: torch.Tensor, wanted: torch.Tensor) -> None:
    assert wanted.std() > 0.01  # a network that answers nothing would agree with anything
    torch.testing.assert_close(found, wanted.float(), rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize(("name", "blocks"), [("vgg16", VGG16), ("vgg19", VGG19)])
def test_torchvisions_vgg(name: str, blocks: Any, old: bool, tmp_path: Path) -> None:
    theirs = vgg(scaled(blocks))
    torch.save(theirs.state_dict(), tmp_path / "own.pth", _use_new_zipfile_serialization=not old)
    ours = trunk(name)
    copy_trunk(str(tmp_path / "own.pth"), name, ours)
    with torch.inference_mode():
        agree(ours(standardised(picture())), theirs["features"](standardised(picture())))


@pytest.mark.parametrize("name", RESNETS)
def test_torchvisions_resnet(name: str, tmp_path: Path) -> None:
    theirs = shaken(TorchvisionResNet(*RESNETS[name], NARROW))
    torch.save(theirs.state_dict(), tmp_path / "own.pth")
    ours = trunk(name)
    copy_trunk(str(tmp_path / "own.pth"), name, ours)
    with torch.inference_mode():
        agree(ours(standardised(picture())), theirs(picture()))


@pytest.mark.parametrize("number", range(3))
def test_efficientnet_lite(number: int, tmp_path: Path) -> None:
    theirs = shaken(TensorflowLite(*LITE[number], NARROW))
    torch.save(theirs.state_dict(), tmp_path / "own.pth", _use_new_zipfile_serialization=False)
    ours = trunk(f"efficientnet_lite{number}")
    copy_trunk(str(tmp_path / "own.pth"), f"efficientnet_lite{number}", ours)
    with torch.inference_mode():
        agree(ours(standardised(picture())), theirs(picture()))


def test_keras_resnet50() -> None:
    units = RESNETS["resnet50"][0]
    raw = keras_resnet50(units, NARROW)
    tensors = keras_files.read_tfjs_resnet50(tfjs(raw))
    ours = trunk("resnet50_v1")
    missing, surplus = ours.load_state_dict({n: torch.from_numpy(v) for n, v in tensors.items()}, False)
    assert not surplus
    assert all(name.endswith("num_batches_tracked") for name in missing)
    with torch.inference_mode():
        agree(ours(standardised(picture())), keras_forward(raw, units, picture()))


def test_the_two_resnet50_differ_by_their_strides_alone(tmp_path: Path) -> None:
    """The same weights give other answers: so they are two architectures, and neither takes the other's."""
    theirs = shaken(TorchvisionResNet(*RESNETS["resnet50"], NARROW))
    torch.save(theirs.state_dict(), tmp_path / "own.pth")
    ours = trunk("resnet50")
    copy_trunk(str(tmp_path / "own.pth"), "resnet50", ours)
    other = trunk("resnet50_v1")
    other.load_state_dict(ours.state_dict())
    with torch.inference_mode():
        assert (other(picture()) - ours(picture())).abs().max() > 0.1
    with pytest.raises(SierError, match="holds weights of resnet50, the trunk is resnet50_v1"):
        copy_trunk(str(tmp_path / "own.pth"), "resnet50_v1", other)


# ---------------------------------------------------------------- into networks


def saved(theirs: nn.Module, folder: Path) -> str:
    torch.save(theirs.state_dict(), folder / "own.pth")
    return str(folder / "own.pth")


def test_the_first_blocks_of_vgg16_go_into_the_transfer_network(tmp_path: Path) -> None:
    theirs = vgg(scaled(VGG16))
    network = build(NetworkConfig("transfer", ("a", "b"), NARROW))
    network.load_pretrained({"trunk": saved(theirs, tmp_path)})  # type: ignore[attr-defined]
    given = theirs["features"].state_dict()
    own = network.module.get_submodule("trunk").state_dict()
    assert len(own) == 14
    assert all(torch.equal(values, given[name]) for name, values in own.items())


def test_trunks_of_the_family_start_from_them(tmp_path: Path) -> None:
    theirs = shaken(TorchvisionResNet(*RESNETS["resnet34"], NARROW))
    options = {"speech_trunk": "resnet34", "image_trunk": "resnet34"}
    network = build(NetworkConfig("parallelnet", ("a", "b"), NARROW, options))
    network.module.eval()
    source = saved(theirs, tmp_path)
    network.load_pretrained({"speech_trunk": source, "image_trunk": source})  # type: ignore[attr-defined]
    image, speech = network.module.get_submodule("image_trunk"), network.module.get_submodule("speech_trunk")
    with torch.inference_mode():
        for column in (image, speech.get_submodule("1")):
            layers = nn.Sequential(*list(column.children())[:5])
            agree(layers(standardised(picture())), theirs(picture()))


def test_another_architecture_and_another_width_are_refused(tmp_path: Path) -> None:
    source = saved(vgg(scaled(VGG16)), tmp_path)
    with pytest.raises(SierError, match="holds weights of vgg16, the trunk is vgg19") as caught:
        copy_trunk(source, "vgg19", trunk("vgg19"))
    assert "vgg19" in caught.value.hint
    with pytest.raises(SierError, match=r"0\.weight of .*\(8, 3, 3, 3\), the network's is \(4, 3, 3, 3\)"):
        copy_trunk(source, "vgg16", trunk("vgg16", NARROW / 2))
