"""Members of ParallelNet's family, narrow enough for tests, and inputs for them."""

from __future__ import annotations

import torch
from torch import nn

from sier_gui.core.domain import Modality
from sier_gui.core.nets.family import member_config
from sier_gui.core.nets.networks import NetworkConfig, build

EARLY = {"baseline-1", "baseline-2"}  # modalities meet before the trunks
ALONE = {"speech-only": Modality.SPEECH, "image-only": Modality.IMAGE}
PLAIN = {"speech-only", "image-only", "parallelnet", "vgg16", "vgg19"}  # VGG's columns


def small(name, classes=4, width=1 / 16, **options):
    torch.manual_seed(1)
    config = member_config(name, [f"c{i}" for i in range(classes)], width)
    network = build(NetworkConfig("parallelnet", config.classes, width, {**config.options, **options}))
    network.module.eval()
    return network


def settled(network):
    """In float64, with batch-norm's statistics taken from a batch, as after training."""
    network.module.double().train()
    norms = [m for m in network.module.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    with torch.no_grad():
        network.forward(*inputs(6))
    network.module.eval()
    return network


def inputs(count=2, dtype=torch.float64, seed=0):
    g = torch.Generator().manual_seed(seed)
    return tuple(torch.rand(count, c, 128, 128, generator=g, dtype=dtype) for c in (3, 1))
