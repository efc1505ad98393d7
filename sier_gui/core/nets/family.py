"""ParallelNet's family as the papers compare it: names for configurations of the one kind.

Table 2 of the journal version, then the trunks of its §4.4.2 under "Configuration 3" (crossed after the
trunks). Where the papers leave a choice open, docs/adr/0004-family.md says how they were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import NetworkConfig


@dataclass(frozen=True, slots=True)
class Member:
    """``title``: as the papers call it; ``options``: of kind ``parallelnet``, as a config writes them."""

    title: str
    options: Mapping[str, Any]


def _both(trunk: str, **options: Any) -> Mapping[str, Any]:
    return {"speech_trunk": trunk, "image_trunk": trunk, **options}


TABLE_2: Mapping[str, Member] = {
    "speech-only": Member("SER only", {"streams": ["speech"]}),
    "image-only": Member("IER only", {"streams": ["image"]}),
    "baseline-1": Member("Baseline 1", _both("efficientnet_b0", cross_at="both")),
    "baseline-2": Member("Baseline 2", _both("efficientnet_b0", cross_at="before")),
    "baseline-3": Member("Baseline 3 (EfficientNet)", _both("efficientnet_b0")),
    "parallelnet": Member("Proposed (ParallelNet)", {}),
}
FAMILY: Mapping[str, Member] = {
    **TABLE_2,
    "vgg16": Member("VGG-16", _both("vgg16")),
    "vgg19": Member("VGG-19", _both("vgg19")),
    "resnet34": Member("ResNet-34", _both("resnet34")),
    "resnet50": Member("ResNet-50", _both("resnet50")),
    "resnet101": Member("ResNet-101", _both("resnet101")),
    "inception3a": Member("Inception 3a", _both("inception3a")),
    "inception4a": Member("Inception 4a", _both("inception4a")),
    "mobilenet": Member("MobileNet", _both("mobilenet")),
    "densenet121": Member("DenseNet", _both("densenet121")),
}


def member_config(name: str, classes: Sequence[str], width: float = 1.0) -> NetworkConfig:
    """The config of a member of `FAMILY`.

    Raises
    ------
    SierError : there is no such member.
    """
    if name not in FAMILY:
        raise SierError(f"The family has no network {name!r}.", f"Known ones: {', '.join(FAMILY)}.")
    return NetworkConfig("parallelnet", tuple(classes), width, dict(FAMILY[name].options))
