"""Words are found where they are said: by pocketsphinx, else by energy; the error has stated bounds."""

from __future__ import annotations

import importlib.util
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.audio import alignment
from sier_gui.core.audio.alignment import ENERGY, POCKETSPHINX, align, rough_pronunciation, split_words

ROOT = Path(__file__).resolve().parents[4]
RATE = 16_000


@pytest.fixture(scope="module")
def bench():
    specification = importlib.util.spec_from_file_location(
        "alignment_bench", ROOT / "benchmarks/alignment.py"
    )
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def phrases(bench):
    """Every fourth utterance of the demo set; the onset of one phrase in each is known."""
    return list(bench.phrases())[::4]


def bursts(*spans, seconds=2.0):
    """Noise within ``spans``, a whisper elsewhere."""
    rng = np.random.default_rng(0)
    gain = np.full(round(seconds * RATE), 1e-4)
    for start, end in spans:
        gain[round(start * RATE) : round(end * RATE)] = 0.3
    return (gain * rng.normal(size=len(gain))).astype(np.float32)


def in_order(words, seconds):
    """Ascending, none empty, none overlapping, all within the speech."""
    edges = [edge for word in words for edge in (word.start_s, word.end_s)]
    return (
        all(word.start_s < word.end_s for word in words)
        and all(a <= b + 1e-9 for a, b in pairwise(edges))
        and edges[0] >= 0
        and edges[-1] <= seconds + 1e-9
    )


# ---------------------------------------------------------------- pocketsphinx


def test_words_of_the_demo_are_found_by_pocketsphinx(bench, phrases):
    """Synthetic English: half of the onsets within 30 ms, four fifths within 80."""
    errors, trivial = [], []
    for spoken in phrases:
        found = align(spoken.speech, RATE, spoken.text)
        assert [w.word for w in found.words] == spoken.text.split()[: len(found.words)]
        assert in_order(found.words, len(spoken.speech) / RATE)
        if found.method == POCKETSPHINX:
            errors += list(np.abs(bench.errors(bench.forced, spoken)))
            trivial += list(np.abs(bench.errors(bench.equal, spoken)))
    assert len(errors) >= 0.9 * len(phrases)
    assert np.median(errors) <= 30
    assert np.percentile(errors, 80) <= 80
    assert np.median(errors) < np.median(trivial) / 2


def test_the_same_speech_gives_the_same_words_whatever_came_before(phrases):
    def starts():
        return [align(spoken.speech, RATE, spoken.text).words for spoken in few]

    few = phrases[:4]
    first = starts()
    few.reverse()
    assert starts()[::-1] == first


def test_speech_that_breaks_off_keeps_the_words_heard(phrases):
    """Cut inside the last words: what was said before stays where it was, what comes after is left out."""
    spoken = phrases[0]
    whole = align(spoken.speech, RATE, spoken.text).words
    cut = whole[-3].start_s + 0.05
    found = align(spoken.speech[: round(cut * RATE)], RATE, spoken.text)
    assert found.method == POCKETSPHINX
    assert len(whole) - 3 <= len(found.words) <= len(whole) - 2
    for before, after in zip(whole[:-4], found.words, strict=False):
        assert before.word == after.word
        assert before.start_s == pytest.approx(after.start_s, abs=0.04)


def test_text_that_is_not_said_falls_back_to_energy():
    noise = bursts((0.0, 2.0))
    found = align(noise, RATE, "hello there my friend how are you this morning")
    assert found.method == ENERGY
    assert len(found.words) == 9


def test_marks_stay_with_a_neighbour_and_odd_words_are_said(phrases):
    assert split_words(" – Well, stop ! now – please – ") == ["– Well,", "stop !", "now –", "please –"]
    assert split_words("–") == ["–"]
    spoken = phrases[0]
    first, *rest = spoken.text.split()
    # digits, hyphens, curly apostrophes, accents: none of them stops pocketsphinx
    odd = f"{first} well-known Zürich’s 42 " + " ".join(rest)
    with_odd = align(spoken.speech, RATE, odd)
    assert [w.word for w in with_odd.words][:4] == [first, "well-known", "Zürich’s", "42"]


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789'", min_size=1, max_size=20))
def test_every_word_has_a_pronunciation_of_known_phones(word):
    phones = rough_pronunciation(word).split()
    vowels = ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UW"]
    assert phones
    assert set(phones) <= {*vowels, *"BDFGKLMNPRSTVWZ", "CH", "HH", "JH", "NG", "SH", "TH"}


def test_rough_pronunciations_read_the_longest_spelling_first():
    assert rough_pronunciation("nation") == "N AE SH AH N"
    assert rough_pronunciation("schiff") == "SH IH F"
    assert rough_pronunciation("bett") == "B EH T"


# ---------------------------------------------------------------- energy


def test_words_lie_in_the_time_that_sounds_and_pauses_belong_to_none():
    found = align(bursts((0.3, 0.8), (1.2, 1.7)), RATE, "banana banana", language="fr")
    assert found.method == ENERGY
    first, second = found.words
    assert (first.start_s, first.end_s) == pytest.approx((0.3, 0.8), abs=0.03)
    assert (second.start_s, second.end_s) == pytest.approx((1.2, 1.7), abs=0.03)


def test_a_cut_moves_to_where_it_is_quiet():
    """Equal words over 0.2–1.8 s would be cut at 1.0 s; a dip of 60 ms at 0.9 s is no pause, but quieter."""
    found = align(bursts((0.2, 0.87), (0.93, 1.8)), RATE, "banana banana", language="fr")
    assert found.words[0].end_s == pytest.approx(0.9, abs=0.04)


def test_longer_words_last_longer():
    found = align(bursts((0.0, 2.0)), RATE, "a incomprehensibilities", language="fr")
    first, second = (word.end_s - word.start_s for word in found.words)
    assert second > 5 * first


@given(
    st.integers(1, 40_000),
    st.sampled_from([8_000, 11_025, 16_000, 44_100]),
    st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=60),
    st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_any_speech_and_text_give_words_in_order(samples, rate, words, seed):
    rng = np.random.default_rng(seed)
    envelope = np.repeat(rng.choice([0.0, 0.01, 1.0], size=20), -(-samples // 20))[:samples]
    speech = (envelope * rng.normal(size=samples)).astype(np.float32)
    text = " ".join(words)
    found = align(speech, rate, text, language="")
    assert [w.word for w in found.words] == split_words(text)
    if found.words:
        assert in_order(found.words, samples / rate)


# ---------------------------------------------------------------- which of the two


@pytest.mark.parametrize(
    ("language", "method"),
    [("en", POCKETSPHINX), ("en-GB", POCKETSPHINX), ("English", POCKETSPHINX), ("de_DE", POCKETSPHINX),
     ("fr", ENERGY), ("zh", ENERGY), ("", ENERGY)],
)  # fmt: skip
def test_other_languages_are_aligned_by_energy(phrases, language, method):
    assert align(phrases[1].speech, RATE, phrases[1].text, language).method == method


def test_without_the_package_words_are_aligned_by_energy(phrases, monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    alignment._decoder.cache_clear()
    try:
        found = align(phrases[0].speech, RATE, phrases[0].text)
    finally:
        alignment._decoder.cache_clear()
    assert found.method == ENERGY
    assert len(found.words) == len(phrases[0].text.split())


@pytest.mark.parametrize("text", ["", " \n ", "你好 世界", "– …"])
def test_text_without_latin_letters_or_any(text):
    found = align(bursts((0.5, 1.5)), RATE, text)
    assert found.method == ENERGY
    assert [word.word for word in found.words] == split_words(text)


def test_silence_is_shared_out():
    found = align(np.zeros(RATE, np.float32), RATE, "one two")
    assert found.method == ENERGY
    assert in_order(found.words, 1.0)
    assert align(np.zeros(0, np.float32), RATE, "one two").words == ()


# ---------------------------------------------------------------- the error where onsets are known


@pytest.mark.shared
@pytest.mark.skipif(
    not (ROOT.parent / "shared/data/sier_mini/syllables.csv").exists(), reason="no shared material here"
)
def test_onsets_of_hand_labelled_words_are_met(bench):
    """EMO-DB, every third whole recording. Bounds in ms: pocketsphinx 20 and 80, energy 90 and 260."""
    material = list(bench.labelled(bench.LABELLED, "speech_full"))[::3]
    assert len(material) >= 50
    errors = {
        name: np.concatenate([np.abs(bench.errors(way, spoken)) for spoken in material])
        for name, way in bench.WAYS.items()
    }
    middle = {name: np.median(e) for name, e in errors.items()}
    ninety = {name: np.percentile(e, 90) for name, e in errors.items()}
    assert len(errors["pocketsphinx"]) >= 0.98 * len(errors["equal division"])
    assert middle["pocketsphinx"] <= 20
    assert ninety["pocketsphinx"] <= 80
    assert middle["energy"] <= 90
    assert ninety["energy"] <= 260
    assert middle["energy"] < middle["equal division"] / 2
