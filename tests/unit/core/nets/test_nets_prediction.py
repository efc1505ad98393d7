"""A predictor's answers: in order, repeatable, cancellable, unhurt by broken files."""

import numpy as np
import pytest
import torch

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.errors import SierError
from sier_gui.core.nets.prediction import Predictor, resolve_device, set_threads, softmax
from sier_gui.core.tasks import Cancelled, CancelToken


@pytest.fixture
def predictor(tmp_path, make_release):
    return Predictor(make_release(tmp_path / "small"), device="cpu")


@pytest.fixture
def inputs(catalogue, predictor):
    return [load_inputs(catalogue.sample(row), predictor.front) for row in range(7)]


def test_probabilities_are_the_softmax_of_the_networks_logits(predictor, inputs):
    predictions = list(predictor.predict(inputs, labels=["sad"] * 7, batch=3))
    assert [p.sample_id for p in predictions] == [f"s{i}" for i in range(7)]
    images = torch.from_numpy(np.stack([i.tensors["image"] for i in inputs]))
    mels = torch.from_numpy(np.stack([i.tensors["speech"] for i in inputs]))
    with torch.inference_mode():
        logits = predictor.network.forward(images, mels).double()
    assert np.allclose([p.logits for p in predictions], logits, atol=1e-5)
    assert np.allclose([p.probabilities for p in predictions], logits.softmax(1), atol=1e-6)
    assert predictions[0].probabilities.dtype == np.float64
    assert predictions[0].loss == pytest.approx(-np.log(predictions[0].probabilities[2]))


def test_the_same_call_gives_the_same_bits(predictor, inputs):
    first, second = (list(predictor.predict(iter(inputs), batch=4)) for _ in range(2))
    assert all((a.logits == b.logits).all() for a, b in zip(first, second, strict=True))


def test_any_number_of_inputs(predictor, inputs):
    assert list(predictor.predict([])) == []
    assert len(list(predictor.predict(inputs[:1]))) == 1
    assert len(list(predictor.predict(iter(inputs), batch=7))) == 7


def test_cancel_between_batches_keeps_what_is_there(predictor, inputs):
    token = CancelToken()
    seen = []
    predictions = predictor.predict(inputs, batch=2, report=seen.append, token=token)
    got = [next(predictions) for _ in range(3)]
    token.cancel()
    got.append(next(predictions))  # of the batch that was under way
    with pytest.raises(Cancelled):
        next(predictions)
    assert [p.sample_id for p in got] == ["s0", "s1", "s2", "s3"]
    assert [(p.done, p.total) for p in seen] == [(2, 7), (4, 7)]


def test_broken_files_do_not_stop_the_others(tmp_path, predictor, new_dataset):
    folder = new_dataset(tmp_path / "data", count=6)
    (folder / "2.wav").write_bytes(b"no sound")
    (folder / "3.png").unlink()
    reports = []
    rows = [5, 2, 0, 3, 1]
    answers = list(predictor.predict_rows(open_dataset(folder), rows, batch=2, report=reports.append))
    assert [row for row, _ in answers] == rows
    assert [isinstance(answer, SierError) for _, answer in answers] == [False, True, False, True, False]
    assert "2.wav" in str(answers[1][1])
    assert answers[0][1].label == "sad"
    assert (reports[-1].done, reports[-1].total) == (5, 5)


def test_devices(tmp_path, make_release):
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(SierError, match="tpu"):
        resolve_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_that_is_not_there_is_said(tmp_path, make_release):
    with pytest.raises(SierError, match="CUDA"):
        Predictor(make_release(tmp_path / "small"), device="cuda")


def test_softmax_survives_large_logits():
    values = softmax(np.array([[1000.0, 1000.0, -1000.0], [0.0, 0.0, 0.0]]))
    assert np.allclose(values, [[0.5, 0.5, 0], [1 / 3] * 3])


def test_threads_can_be_limited():
    before = torch.get_num_threads()
    set_threads(0)
    assert torch.get_num_threads() == 1
    set_threads(before)
