"""float32 or TF32 on a GPU: which of torch's settings hold while an explanation is computed, and after it."""

from __future__ import annotations

import pytest
import torch
from explain_games import TinyNet, generated_inputs, predictor_of

from sier_gui.core.errors import SierError
from sier_gui.core.explain import game
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.cache import AttributionCache
from sier_gui.core.explain.engine import explain, kept
from sier_gui.core.explain.precision import products, used


def settings() -> tuple[str, str]:
    return torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.conv.fp32_precision


@pytest.mark.parametrize(("precision", "means"), [("float32", "ieee"), ("tf32", "tf32")])
def test_torchs_settings_hold_within_and_are_put_back(precision, means):
    before = settings()
    with products(precision, "cuda:0"):
        assert settings() == (means, means)
        with products("float32", torch.device("cuda")):  # something more urgent, between two batches
            assert settings() == ("ieee", "ieee")
        assert settings() == (means, means)
    assert settings() == before
    with pytest.raises(ValueError, match="it failed"), products(precision, "cuda"):
        raise ValueError("it failed")
    assert settings() == before


def test_a_cpu_has_only_float32():
    before = settings()
    with products("tf32", torch.device("cpu")):
        assert settings() == before
    assert [used(p, d) for p in ("float32", "tf32") for d in ("cpu", "cuda:1")] == [
        *("float32", "float32"),
        *("float32", "tf32"),
    ]


class Watched(TinyNet):
    """Notes torch's settings whenever it is asked."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def embed(self, modality, batch):
        self.seen.add(settings())
        return super().embed(modality, batch)

    def fuse(self, embeddings):
        self.seen.add(settings())
        return super().fuse(embeddings)


@pytest.mark.parametrize(("precision", "means"), [("float32", "ieee"), ("tf32", "tf32")])
@pytest.mark.parametrize("method", ["owen", "shapley", "modality"])
def test_every_pass_runs_at_the_precision_asked_for(monkeypatch, precision, means, method):
    """As on a GPU, which this machine need not have."""
    monkeypatch.setattr(game, "products", lambda precision, _device: products(precision, "cuda"))
    network, before = Watched(), settings()
    request = ExplainRequest(method, grid=2, segments=2, precision=precision)
    for _ in explain(predictor_of(network), generated_inputs(), request):
        assert settings() == before  # others use torch meanwhile
    assert network.seen == {(means, means)}


def test_it_is_another_entry_of_the_cache_and_said_in_the_result(tmp_path):
    cache, predictor, inputs = AttributionCache(tmp_path), predictor_of(TinyNet()), generated_inputs()
    request = ExplainRequest(grid=2, segments=2)
    *_, found = explain(predictor, inputs, request, cache=cache)
    assert found.provenance["precision"] == "float32"
    coarse = ExplainRequest(grid=2, segments=2, precision="tf32")
    asked = (predictor.release.weights_hash, predictor.front, inputs)
    assert kept(*asked, request, cache) is not None
    assert kept(*asked, coarse, cache) is None
    *_, on_cpu = explain(predictor, inputs, coarse)
    assert on_cpu.provenance["precision"] == "float32"
    with pytest.raises(SierError, match="There is no precision 'half'"):
        ExplainRequest(precision="half")
