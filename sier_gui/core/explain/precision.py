"""How a GPU multiplies float32 numbers while explanations are computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sier_gui.core.explain.attribution import FLOAT32, TF32

if TYPE_CHECKING:
    import torch

_TORCH_CALLS_IT = {FLOAT32: "ieee", TF32: "tf32"}


def used(precision: str, device: str | torch.device) -> str:
    """What ``precision`` comes to on ``device``: TF32 is a way of CUDA's; elsewhere it is float32."""
    return precision if str(device).partition(":")[0] == "cuda" else FLOAT32


@contextmanager
def products(precision: str, device: str | torch.device) -> Iterator[None]:
    """Products of float32 numbers in "float32" (24 bits of mantissa) or "tf32" (11 bits, faster).

    Torch by itself takes TF32 for convolutions and float32 for the rest. Its settings belong to the process:
    they are put back. Where there is only float32 nothing is touched.
    """
    if str(device).partition(":")[0] != "cuda":
        yield
        return
    import torch

    backends: Any = torch.backends  # its stubs lack conv
    settings = (backends.cuda.matmul, backends.cudnn.conv)
    before = [one.fp32_precision for one in settings]
    try:
        for one in settings:
            one.fp32_precision = _TORCH_CALLS_IT[precision]
        yield
    finally:
        for one, was in zip(settings, before, strict=True):
            one.fp32_precision = was
