"""The fused layer is what the heads see, and showing it changes no answer."""

import numpy as np
import pytest
import torch
from family_networks import ALONE, inputs, small

from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import HasFused, NetworkConfig, build
from sier_gui.core.nets.prediction import Predictor

NETWORKS = ("parallelnet", "speech-only", "image-only", "baseline-1", "baseline-2", "baseline-3")


def embedded(network, batch=3):
    return {m: network.embed(m, x) for m, x in zip(Modality, inputs(batch, torch.float32), strict=True)}


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_come_from_the_fused_layer_alone(name):
    network = small(name)
    assert isinstance(network, HasFused)
    with torch.no_grad():
        parts = embedded(network)
        fused, logits = network.fused(parts), network.fuse(parts)
        if name in ALONE:
            again = network.module.get_submodule(f"head_{ALONE[name]}")(fused)
        else:
            speech, image, product = fused.chunk(3, dim=1)
            if name not in ("baseline-1", "baseline-2"):
                assert torch.equal(product, speech * image)
            w = network.module.get_parameter("late_weights").softmax(0)
            heads = [network.module.get_submodule(f"head_{part}") for part in ("speech", "image", "product")]
            again = w[0] * heads[0](speech) + w[1] * heads[1](image) + w[2] * heads[2](product)
    assert torch.equal(again, logits)


@pytest.mark.parametrize("streams", [["image", "speech"], ["speech"]])
def test_of_the_transfer_network_too(streams):
    torch.manual_seed(2)
    network = build(NetworkConfig("transfer", ("a", "b"), 1 / 16, {"streams": streams, "dense": 8}))
    network.module.eval()
    for layer in network.module.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight)
    with torch.no_grad():
        parts = embedded(network)
        fused, logits = network.fused(parts), network.fuse(parts)
    head = network.module.get_submodule
    if len(streams) == 1:
        assert torch.equal(head("speech_head")(fused), logits)
        return
    speech, image, product = fused.chunk(3, dim=1)
    w = network.module.get_parameter("late_weights").softmax(0)
    again = w[0] * head("speech_head")(speech) + w[1] * head("image_head")(image)
    assert torch.allclose(again + w[2] * head("product_head")(product), logits, atol=1e-6)


def test_a_predictor_hands_the_layer_over_and_answers_as_ever(tmp_path, catalogue, make_release):
    predictor = Predictor(make_release(tmp_path / "small"), device="cpu")
    rows = [4, 0, 9, 2, 7]
    plain = list(predictor.predict_rows(catalogue, rows, batch=2))
    seen = {}

    def keep(places, vectors):
        assert len(places) == len(vectors) <= 2
        seen.update(zip(places, vectors, strict=True))

    shown = list(predictor.predict_rows(catalogue, rows, batch=2, fused=keep))
    assert [row for row, _ in shown] == rows
    for (_, a), (_, b) in zip(plain, shown, strict=True):
        np.testing.assert_array_equal(a.logits, b.logits)
    assert sorted(seen) == sorted(rows)
    one = load_inputs(catalogue.sample(9), predictor.front)
    batch = {m: torch.from_numpy(one.tensors[m][None]) for m in Modality}
    with torch.inference_mode():
        expected = predictor.network.fused({m: predictor.network.embed(m, batch[m]) for m in Modality})
    np.testing.assert_allclose(seen[9], expected[0].numpy(), atol=1e-5)


def test_a_broken_file_leaves_no_layer_behind(tmp_path, new_dataset, make_release):
    from sier_gui.core.dataset.catalogue import open_dataset

    folder = new_dataset(tmp_path / "some", count=6)
    (folder / "2.png").write_bytes(b"no picture")
    predictor = Predictor(make_release(tmp_path / "small"), device="cpu")
    seen = []
    answers = dict(
        predictor.predict_rows(open_dataset(folder), range(6), fused=lambda rows, _: seen.extend(rows))
    )
    assert isinstance(answers[2], SierError)
    assert seen == [0, 1, 3, 4, 5]


def test_of_a_network_that_shows_nothing_the_embeddings_are_taken(tmp_path, catalogue, make_release):
    predictor = Predictor(make_release(tmp_path / "small"), device="cpu")

    class Plain:
        def __init__(self, network):
            self.embed, self.fuse = network.embed, network.fuse

    predictor.network = Plain(predictor.network)
    seen = []
    list(predictor.predict_rows(catalogue, [1], fused=lambda _rows, vectors: seen.append(vectors)))
    one = load_inputs(catalogue.sample(1), predictor.front)
    with torch.inference_mode():
        parts = [predictor.network.embed(m, torch.from_numpy(one.tensors[m][None])) for m in Modality]
    np.testing.assert_allclose(seen[0], torch.cat(parts, dim=1).numpy(), atol=1e-6)
