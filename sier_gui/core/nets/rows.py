"""Products of many rows with one matrix, in the form in which the CPU library is fastest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 64  # rows that make a picture of 8×8


def product(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(n, D) times weight (H, D) transposed, plus bias → (n, H).

    On a CPU as a 1×1 convolution of pictures of 8×8 rows: oneDNN does 100–120 GMAC/s where torch's own
    product, MKL's, does 50 on a core that is not Intel's (`benchmarks/products.py`).
    """
    from torch.nn.functional import conv2d, linear, pad

    n, size = rows.shape
    if rows.device.type != "cpu" or n < BLOCK:
        return linear(rows, weight, bias)
    blocks = -(-n // BLOCK)
    if n % BLOCK:
        rows = pad(rows, (0, 0, 0, blocks * BLOCK - n))
    pictures = rows.view(blocks, 8, 8, size).permute(0, 3, 1, 2)
    result = conv2d(pictures, weight.view(len(weight), size, 1, 1), bias)
    return result.permute(0, 2, 3, 1).reshape(blocks * BLOCK, -1)[:n]
