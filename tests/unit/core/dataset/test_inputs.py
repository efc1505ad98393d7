"""Files become tensors with a hash that changes when, and only when, what the network sees changes."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from PIL import Image

from sier_gui.core.dataset.inputs import inputs_from, load_inputs, load_view
from sier_gui.core.domain import FrontEnd, Modality, Sample
from sier_gui.core.errors import SierError


@pytest.fixture
def sample(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (90, 120, 3), np.uint8)).save(tmp_path / "a.png")
    soundfile.write(tmp_path / "a.wav", rng.standard_normal((22_050, 2)) * 0.1, 22_050)
    return Sample("a", 0, {Modality.IMAGE: tmp_path / "a.png", Modality.SPEECH: tmp_path / "a.wav"})


def test_tensors_maps_and_what_was_decoded(sample):
    view = load_view(sample, FrontEnd())
    assert view.inputs.tensors[Modality.IMAGE].shape == (3, 128, 128)
    assert view.inputs.tensors[Modality.SPEECH].shape == (1, 128, 128)
    assert view.picture.shape == (90, 120, 3)
    assert (len(view.speech), view.rate) == (16_000, 16_000)
    assert view.inputs.times.duration_s == pytest.approx(1.0)
    assert (view.inputs.pixels.left, view.inputs.pixels.width) == (15, 120)
    assert view.inputs.sample_id == "a"


def test_hash_is_stable_and_notices_the_smallest_change(sample):
    view = load_view(sample, FrontEnd())
    first = load_inputs(sample, FrontEnd()).content_hash
    assert len(first) == 64
    assert first == view.inputs.content_hash
    # another name, same content: same hash, so that a moved dataset keeps its cache
    assert inputs_from("b", view.picture, view.speech, FrontEnd()).content_hash == first
    brighter = view.picture.copy()
    brighter[40:44, 60:64] ^= 128
    assert inputs_from("a", brighter, view.speech, FrontEnd()).content_hash != first
    assert inputs_from("a", view.picture, view.speech * 1.01, FrontEnd()).content_hash != first
    assert load_inputs(sample, replace(FrontEnd(), image_fit="pad")).content_hash != first


def test_a_missing_modality_or_file_is_named(sample):
    lacking = replace(sample, paths={Modality.IMAGE: sample.paths[Modality.IMAGE]})
    with pytest.raises(SierError, match="no speech file"):
        load_inputs(lacking, FrontEnd())
    nothing = replace(sample, paths={})
    with pytest.raises(SierError, match="no image file"):
        load_inputs(nothing, FrontEnd(), absent=True)
    sample.paths[Modality.SPEECH].unlink()
    with pytest.raises(SierError, match=r"a\.wav"):
        load_inputs(sample, FrontEnd())


@pytest.mark.parametrize("gone", list(Modality))
@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_zeros_stand_for_what_a_sample_does_not_have(sample, gone, fit):
    front = FrontEnd(image_fit=fit, time="window" if fit == "pad" else "stretch")
    whole = load_inputs(sample, front)
    lacking = replace(sample, paths={m: path for m, path in sample.paths.items() if m != gone})
    inputs = load_inputs(lacking, front, absent=True, words=True)
    assert (inputs.absent, whole.absent) == ({gone}, frozenset())
    assert inputs.words == ()
    for modality, tensor in whole.tensors.items():
        assert inputs.tensors[modality].shape == tensor.shape
        expected = np.zeros_like(tensor) if modality == gone else tensor
        np.testing.assert_array_equal(inputs.tensors[modality], expected)
    assert inputs.content_hash != whole.content_hash
    assert load_inputs(sample, front, absent=True).absent == frozenset()
