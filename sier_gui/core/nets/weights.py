"""Published weights put into a network's trunk; `fetching` is where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sier_gui.core.errors import SierError
from sier_gui.core.nets.fetching import PUBLISHED, about, fetch
from sier_gui.core.nets.release_files import read_tensors

if TYPE_CHECKING:
    from torch import nn

COUNTERS = "num_batches_tracked"  # of batch-norms; no file has them, and nothing here reads them


def copy_trunk(source: str, architecture: str, into: nn.Sequential) -> None:
    """Put a source's weights into ``into``: the layers of a trunk at width 1, or the first ones of them.

    Parameters
    ----------
    source : a name of `fetching.PUBLISHED`, a file or an address, see `fetching.fetch`; fetched where needed.
    architecture : of the trunk, a name of `trunks.TRUNKS`; ``into`` takes RGB standardised with ImageNet's
        mean and deviation.

    Raises
    ------
    SierError : the source cannot be had, is another architecture's, or its shapes differ.
    """
    import torch

    file = fetch(source)
    given = about(file).get("architecture")
    if given != architecture:
        fitting = architecture if architecture in PUBLISHED else "a file of its weights"
        raise SierError(
            f"{source} holds weights of {given}, the trunk is {architecture}.",
            f"Use {fitting}, or another trunk.",
        )
    tensors = read_tensors(file)
    with torch.no_grad():
        for name, own in into.state_dict().items():
            if name.endswith(COUNTERS):
                continue
            if name not in tensors:
                raise SierError(f"{source} lacks {name}.", "Fetch it again.")
            if tensors[name].shape != own.shape:
                shapes = f"{tuple(tensors[name].shape)}, the network's is {tuple(own.shape)}"
                raise SierError(f"{name} of {source} is {shapes}.", "Published weights fit width = 1 only.")
            own.copy_(tensors[name])
