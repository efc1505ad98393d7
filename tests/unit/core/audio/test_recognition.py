"""What a recogniser hears, of whole and of muted speech."""

from __future__ import annotations

import numpy as np
import pytest

from sier_gui.core import paths
from sier_gui.core.audio.alignment import POCKETSPHINX
from sier_gui.core.audio.files import load_speech
from sier_gui.core.audio.listening import without
from sier_gui.core.audio.recognition import MOONSHINE, agreeing, recognise, recognisers
from sier_gui.core.domain import Modality, Selection

RATE = 16_000
TEXT = "The shop is closed. Stop it right now!"
INSTALLED = [pytest.param(m, marks=pytest.mark.skipif(m not in recognisers(), reason=f"no {m}"), id=m)
             for m in (POCKETSPHINX, MOONSHINE)]  # fmt: skip


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    import csv

    folder = paths.resources() / "demo"
    with (folder / "samples.csv").open(encoding="utf-8", newline="") as file:
        row = next(r for r in csv.DictReader(file) if r["text"] == TEXT and r["speaker"] == "slt")
    return load_speech(folder / row["speech"], RATE)


@pytest.mark.parametrize("method", INSTALLED)
def test_most_words_of_clear_speech_are_understood(speech: np.ndarray, method: str) -> None:
    found = recognise(speech, RATE, "en-GB", method)
    assert found.method == method
    heard = [word.word for word in found.words]
    assert sum(agreeing(heard, TEXT)) >= 6  # of eight
    edges = [edge for word in found.words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(speech) / RATE
    assert recognise(speech, RATE, "en", method) == found


@pytest.mark.parametrize("method", INSTALLED)
def test_what_is_muted_is_not_understood(speech: np.ndarray, method: str) -> None:
    half = len(speech) / RATE / 2
    muted = without(speech, RATE, [Selection(Modality.SPEECH, half, 2 * half)])
    found = recognise(muted, RATE, method=method)
    agrees = agreeing([word.word for word in found.words], TEXT)
    assert 2 <= sum(agrees) <= 5
    assert all(word.start_s < half for word, said in zip(found.words, agrees, strict=True) if said)


def test_other_languages_and_silence_are_not_guessed(speech: np.ndarray) -> None:
    assert recognise(speech, RATE, "de").method == ""
    assert recognise(speech, RATE, "de").words == ()
    assert recognise(np.zeros(RATE, np.float32), RATE).words == ()


@pytest.mark.parametrize(
    ("heard", "text", "agrees"),
    [
        (["the", "shop", "a", "stop"], TEXT, [True, True, False, True]),
        (["Stop", "the", "shop"], TEXT, [False, True, True]),  # in the text's order
        (["i'm", "here"], "I’m not here.", [True, True]),
        ([], TEXT, []),
        (["…"], "…", [False]),
    ],
)
def test_words_that_are_in_the_text(heard: list[str], text: str, agrees: list[bool]) -> None:
    assert agreeing(heard, text) == agrees
