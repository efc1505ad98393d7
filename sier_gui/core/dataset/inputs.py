"""From a sample's files to what a network is given."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

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


def load_view(sample: Sample, front: FrontEnd, *, words: bool = False, absent: bool = False) -> DecodedSample:
    """Decode both files of ``sample`` and prepare them as ``front`` says, keeping what was decoded.

    ``words`` True also finds when each word of its text is said (`with_words`). ``absent`` True takes a
    sample that has one of the two only: see `inputs_from`.

    Raises
    ------
    SierError : a file is missing or cannot be decoded.
    """
    lacking = [m for m in (Modality.IMAGE, Modality.SPEECH) if m not in sample.paths]
    if len(lacking) > (1 if absent else 0):
        raise SierError(f"Sample {sample.sample_id} has no {lacking[0]} file.", "Add one to its row.")
    picture = None if Modality.IMAGE in lacking else read_image(sample.paths[Modality.IMAGE])
    speech = None
    if Modality.SPEECH not in lacking:
        speech = load_speech(sample.paths[Modality.SPEECH], front.sample_rate)
    inputs = inputs_from(sample.sample_id, picture, speech, front)
    picture = black(front) if picture is None else picture
    speech = silence(front) if speech is None else speech
    if words and not lacking:
        inputs = with_words(inputs, speech, front.sample_rate, sample.text, language_of(sample))
    return DecodedSample(picture, speech, front.sample_rate, inputs)


def load_inputs(
    sample: Sample, front: FrontEnd, *, words: bool = False, absent: bool = False
) -> SampleInputs:
    """As `load_view`, where only the tensors are wanted."""
    return load_view(sample, front, words=words, absent=absent).inputs


def inputs_from(
    sample_id: str, picture: Picture | None, speech: FloatArray | None, front: FrontEnd
) -> SampleInputs:
    """Prepare a decoded picture, uint8 (h, w, 3), and mono speech, float32 (n,) at ``front.sample_rate``.

    For what a dataset does not have (None) a black picture or silence stands, whose tensors are zeros.
    """
    image, pixels = image_tensor(black(front) if picture is None else picture, front)
    mel, times = log_mel(silence(front) if speech is None else speech, front)
    digest = hashlib.sha256()
    for tensor in (image, mel):
        digest.update(str(tensor.shape).encode())
        digest.update(tensor.tobytes())
    tensors = {Modality.IMAGE: image, Modality.SPEECH: mel}
    lacking = frozenset(
        m for m, there in ((Modality.IMAGE, picture), (Modality.SPEECH, speech)) if there is None
    )
    return SampleInputs(sample_id, tensors, pixels, times, digest.hexdigest(), absent=lacking)


def black(front: FrontEnd) -> Picture:
    """What stands for no picture."""
    return np.zeros((front.image_size, front.image_size, 3), np.uint8)


def silence(front: FrontEnd) -> FloatArray:
    """A second of it, which stands for no speech."""
    return np.zeros(front.sample_rate, np.float32)


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
