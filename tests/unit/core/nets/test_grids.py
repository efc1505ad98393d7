"""All pairs of embeddings at once give what one pair at a time gives; so do products in blocks."""

from __future__ import annotations

import pytest

from sier_gui.core.domain import Modality
from sier_gui.core.nets.networks import FusesGrids, NetworkConfig, build
from sier_gui.core.nets.rows import product


@pytest.mark.parametrize("n", [1, 63, 64, 65, 200])
def test_products_in_blocks(n):
    import torch

    torch.manual_seed(n)
    rows, weight, bias = torch.randn(n, 24), torch.randn(7, 24), torch.randn(7)
    for b in (bias, None):
        expected = torch.nn.functional.linear(
            rows.double(), weight.double(), None if b is None else b.double()
        )
        torch.testing.assert_close(product(rows, weight, b).double(), expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("parallelnet", {}),
        ("parallelnet", {"fusion": "printed"}),
        ("parallelnet", {"fusion_op": "sum"}),
        ("parallelnet", {"fusion": "printed", "fusion_op": "sum"}),
        ("transfer", {"dense": 16}),
    ],
)
@pytest.mark.parametrize("classes", [3, 8])
def test_a_grid_is_its_pairs(kind, options, classes):
    import torch

    torch.manual_seed(0)
    network = build(NetworkConfig(kind, tuple("abcdefgh"[:classes]), 1 / 16, options))
    network.module.eval().double()
    for parameter in network.module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    assert isinstance(network, FusesGrids)
    size = network.dense * 2 if kind == "parallelnet" else 16
    images, speech = torch.randn(70, size).double(), torch.randn(5, size).double()
    with torch.inference_mode():
        grid = network.fuse_grid(images, speech)
        pairs = network.fuse(
            {Modality.IMAGE: images.repeat_interleave(5, 0), Modality.SPEECH: speech.repeat(70, 1)}
        )
    assert grid.shape == (70, 5, classes)
    torch.testing.assert_close(grid.flatten(0, 1), pairs, atol=1e-9, rtol=1e-9)
    assert float(grid.std()) > 1e-3
