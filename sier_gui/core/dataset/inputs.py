"""From a sample's files to what a network is given."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from sier_gui.core.audio.alignment import align
from sier_gui.core.audio.features import log_mel
from sier_gui.core.audio.files import load_speech
from sier_gui.core.domain import FloatArray, FrontEnd, Modality, Sample, SampleInputs
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import Picture, read_image
from sier_gui.core.images.tensors import image_tensor


@dataclass(frozen=True, slots=True)
class DecodedSample:
    """Both files decoded: ``picture`` uint8 (h, w, 3), ``speech`` float32 (n,) mono at ``rate`` Hz."""

    picture: Picture
    speech: FloatArray
    rate: int
    inputs: SampleInputs


def load_view(sample: Sample, front: FrontEnd, *, words: bool = False) -> DecodedSample:
    """Decode both files of ``sample`` and prepare them as ``front`` says, keeping what was decoded.

    ``words`` True also finds when each word of its text is said (`with_words`).

    Raises
    ------
    SierError : a file is missing or cannot be decoded.
    """
    for modality in (Modality.IMAGE, Modality.SPEECH):
        if modality not in sample.paths:
            raise SierError(f"Sample {sample.sample_id} has no {modality} file.", "Add one to its row.")
    picture = read_image(sample.paths[Modality.IMAGE])
    speech = load_speech(sample.paths[Modality.SPEECH], front.sample_rate)
    inputs = inputs_from(sample.sample_id, picture, speech, front)
    if words:
        inputs = with_words(inputs, speech, front.sample_rate, sample.text, language_of(sample))
    return DecodedSample(picture, speech, front.sample_rate, inputs)


def load_inputs(sample: Sample, front: FrontEnd, *, words: bool = False) -> SampleInputs:
    """As `load_view`, where only the tensors are wanted."""
    return load_view(sample, front, words=words).inputs


def inputs_from(sample_id: str, picture: Picture, speech: FloatArray, front: FrontEnd) -> SampleInputs:
    """Prepare a decoded picture, uint8 (h, w, 3), and mono speech, float32 (n,) at ``front.sample_rate``."""
    image, pixels = image_tensor(picture, front)
    mel, times = log_mel(speech, front)
    digest = hashlib.sha256()
    for tensor in (image, mel):
        digest.update(str(tensor.shape).encode())
        digest.update(tensor.tobytes())
    tensors = {Modality.IMAGE: image, Modality.SPEECH: mel}
    return SampleInputs(sample_id, tensors, pixels, times, digest.hexdigest())


def with_words(
    inputs: SampleInputs, speech: FloatArray, rate: int, text: str, language: str = "en"
) -> SampleInputs:
    """``inputs`` that know when each word of ``text`` is said (`align`): 20 ms per second of speech."""
    found = align(speech, rate, text, language)
    return replace(inputs, words=found.words, words_by=found.method)


def language_of(sample: Sample) -> str:
    """What the sample's row names as its language ("language" or "lang"); "en" where it names none."""
    for name, value in sample.extra.items():
        if name.lower() in ("language", "lang") and value:
            return str(value)
    return "en"
