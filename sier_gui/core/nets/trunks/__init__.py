"""The trunks that a network of the family can have, by the name that its config gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sier_gui.core.nets.trunks import inception, library, vgg
from sier_gui.core.nets.trunks.base import Trunk

# each makes a trunk of a width, 1 being the published network
TRUNKS: Mapping[str, Callable[[float], Trunk]] = {
    "vgg16": vgg.vgg16,
    "vgg19": vgg.vgg19,
    "resnet34": library.resnet34,
    "resnet50": library.resnet50,
    "resnet50_v1": library.resnet50_v1,
    "resnet101": library.resnet101,
    "inception3a": inception.inception3a,
    "inception4a": inception.inception4a,
    "mobilenet": library.mobilenet,
    "densenet121": library.densenet121,
    "efficientnet_b0": library.efficientnet_b0,
    "efficientnet_lite0": library.efficientnet_lite0,
    "efficientnet_lite1": library.efficientnet_lite1,
    "efficientnet_lite2": library.efficientnet_lite2,
}
VGG = ("vgg16", "vgg19")  # plain columns: explanations can look their first layers up
