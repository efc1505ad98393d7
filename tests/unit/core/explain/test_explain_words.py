"""Players beyond equal segments: words, and time × band."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from explain_games import IMAGE, SMALL_FRONT, SPEECH, TinyNet, generated_inputs, predictor_of
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import FrontEnd, WordSpan
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.cache import AttributionCache, cache_key
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.players import players_for, speech_columns

WORDS = ExplainRequest(segments="words", grid=2)


def spoken(inputs, *spans, by="energy"):
    words = tuple(WordSpan(f"w{i}", start, end) for i, (start, end) in enumerate(spans))
    return replace(inputs, words=words, words_by=by)


def final(predictor, inputs, request, **options):
    *_, last = explain(predictor, inputs, request, **options)
    return last


# ---------------------------------------------------------------- words


def test_pauses_are_divided_at_their_middle():
    inputs = spoken(generated_inputs(2.0, front=FrontEnd()), (0.3, 0.6), (0.6, 1.0), (1.4, 1.7))
    players = players_for(inputs, FrontEnd(), WORDS)
    assert players.words == ("w0", "w1", "w2")
    np.testing.assert_allclose(players.segment_edges_s, [0, 0.6, 1.2, 2.0])
    owners, times = players.maps[SPEECH], inputs.times
    assert owners.shape == (1, 128)
    for column, owner in enumerate(owners[0]):
        assert owner == np.searchsorted([0.6, 1.2], times.seconds(column + 0.5))


@given(
    st.floats(0.05, 60),
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0, 1)), min_size=1, max_size=128),
    st.sampled_from(["stretch", "window"]),
    st.integers(1, 8),
)
@settings(max_examples=80, deadline=None)
def test_words_share_out_all_that_is_heard_and_each_has_a_part(seconds, lengths, time, bands):
    """``lengths``: each word's, and that of the pause after it."""
    front = FrontEnd(time=time)
    bare = generated_inputs(seconds, front=front)
    ends = np.cumsum(np.array(lengths).ravel()) / np.sum(lengths) * bare.times.duration_s
    spans = np.concatenate([[0], ends[:-1]]).reshape(-1, 2)
    inputs = spoken(bare, *map(tuple, spans.tolist()))
    heard = speech_columns(inputs.times, front.hop / front.sample_rate)
    if len(lengths) > heard[1] - heard[0]:
        return
    players = players_for(inputs, front, replace(WORDS, bands=bands))
    edges, count = players.segment_edges_s, len(players.words)
    assert len(edges) == count + 1 <= len(lengths) + 1
    assert (np.diff(edges) > 0).all()
    assert edges[0] >= 0
    assert edges[-1] <= bare.times.duration_s + 1e-9
    owners = players.maps[SPEECH]
    assert owners.shape == ((128, 128) if bands > 1 else (1, 128))
    assert set(owners.ravel()) == set(range(bands * count))  # all cells, nobody empty
    assert (np.diff(owners[0]) >= 0).all()
    if time == "stretch" or seconds < 1.2:  # all of it heard
        assert players.words == tuple(word.word for word in inputs.words)
        assert (edges[0], edges[-1]) == pytest.approx((0, bare.times.duration_s))
        equal = players_for(inputs, front, ExplainRequest(segments=1)).segment_edges_s
        np.testing.assert_allclose(edges[[0, -1]], equal)


def test_words_outside_the_window_are_no_players():
    """Loud noise in the middle of 4 s: the window of 1.28 s hears two words, and a bit of a third."""
    from sier_gui.core.dataset.inputs import inputs_from

    front = FrontEnd(time="window")
    rng = np.random.default_rng(1)
    gain = np.full(64_000, 0.001)
    gain[24_000:44_000] = 0.3
    picture = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    bare = inputs_from("window", picture, (gain * rng.normal(size=64_000)).astype(np.float32), front)
    start, stop = players_for(bare, front, ExplainRequest(segments=1)).segment_edges_s
    assert 1.3 < start < 1.6
    assert stop - start == pytest.approx(1.28)
    inputs = spoken(
        bare, (0.1, 0.9), (0.9, start + 0.003), (start + 0.003, 2.0), (2.0, stop - 0.2), (stop - 0.2, 4.0)
    )
    players = players_for(inputs, front, WORDS)
    assert players.words == ("w2", "w3", "w4")
    np.testing.assert_allclose(players.segment_edges_s, [start, 2.0, stop - 0.2, stop])
    assert (players.maps[SPEECH][0] == 2).sum() == 20


def test_more_words_than_columns_are_refused():
    inputs = generated_inputs(60.0, front=FrontEnd())
    many = np.linspace(0, 60, 131)
    with pytest.raises(SierError, match="130 words"):
        players_for(spoken(inputs, *pairwise(many)), FrontEnd(), WORDS)


def test_without_words_the_error_says_what_to_do():
    inputs = generated_inputs()
    with pytest.raises(SierError, match=r"no words.*text"):
        players_for(inputs, SMALL_FRONT, WORDS)
    assert players_for(inputs, SMALL_FRONT, replace(WORDS, method="modality")).counts == {IMAGE: 1, SPEECH: 1}


def test_the_cache_tells_words_apart(tmp_path):
    """Other times, other words, another aligner, other bands: another explanation."""
    bare = generated_inputs()
    variants = [
        (spoken(bare, (0.1, 0.4), (0.5, 0.9)), WORDS),
        (spoken(bare, (0.1, 0.4), (0.52, 0.9)), WORDS),
        (spoken(bare, (0.1, 0.4), (0.5, 0.9), by="pocketsphinx"), WORDS),
        (replace(bare, words=(WordSpan("x", 0.1, 0.4), WordSpan("w1", 0.5, 0.9))), WORDS),
        (spoken(bare, (0.1, 0.4), (0.5, 0.9)), replace(WORDS, bands=2)),
        (bare, replace(WORDS, segments=2)),
        (bare, replace(WORDS, segments=2, bands=2)),
        (bare, replace(WORDS, segments=4)),
    ]
    keys = [
        cache_key("r", bare.content_hash, players_for(inputs, SMALL_FRONT, request), request)
        for inputs, request in variants
    ]
    assert len(set(keys)) == len(variants)
    assert {inputs.content_hash for inputs, _ in variants} == {bare.content_hash}
    for inputs, request in variants:
        json.dumps(players_for(inputs, SMALL_FRONT, request).describe())
    # words that nobody asks to explain by change nothing
    plain = players_for(bare, SMALL_FRONT, ExplainRequest())
    assert players_for(variants[0][0], SMALL_FRONT, ExplainRequest()).describe() == plain.describe()
    cache, predictor = AttributionCache(tmp_path), predictor_of(TinyNet())
    first = final(predictor, variants[0][0], variants[0][1], cache=cache)
    again = final(predictor, variants[0][0], variants[0][1], cache=cache)
    assert again.seconds == first.seconds
    assert again.provenance["words"] == ["w0", "w1"]
    assert again.provenance["words_by"] == "energy"
    np.testing.assert_array_equal(again.segment_edges_s, first.segment_edges_s)


# ---------------------------------------------------------------- time × band


@pytest.mark.parametrize(("bands", "segments"), [(2, 3), (4, 8), (5, 16), (16, 1)])
def test_a_band_and_a_segment_own_the_cells_whose_centre_lies_in_both(bands, segments):
    inputs = generated_inputs(front=FrontEnd())
    players = players_for(inputs, FrontEnd(), ExplainRequest(bands=bands, segments=segments))
    assert players.shapes[SPEECH] == (bands, segments)
    owners = players.maps[SPEECH]
    assert owners.shape == (128, 128)
    assert owners.dtype == np.intp
    for row, column in [(0, 0), (127, 127), (31, 32), (64, 5), (100, 90)]:
        band, segment = int((row + 0.5) / 128 * bands), int((column + 0.5) / 128 * segments)
        assert owners[row, column] == band * segments + segment
    equal = players_for(inputs, FrontEnd(), ExplainRequest(segments=segments))
    np.testing.assert_array_equal(players.segment_edges_s, equal.segment_edges_s)


def test_one_band_is_what_it_was():
    """Layout, map and description of plain segments, told without the code under test."""
    inputs = generated_inputs(front=FrontEnd())
    players = players_for(inputs, FrontEnd(), ExplainRequest(grid=4, segments=16, bands=1))
    assert players.describe() == {"image": [4, 4], "speech": [16]}
    assert players.shapes[SPEECH] == (16,)
    np.testing.assert_array_equal(players.maps[SPEECH], np.repeat(np.arange(16), 8)[None])
    np.testing.assert_allclose(players.segment_edges_s, np.arange(17) / 16)
    assert players.words == ()


def test_one_segment_in_one_band_of_two_plays_alone():
    """A network that hears only the lowest quarter of the frequencies gives the upper band nothing."""
    network = TinyNet()
    whole = network.embed

    def embed(modality, batch):
        if modality is SPEECH:
            batch = batch.clone()
            batch[..., 8:, :] = 0.5
        return whole(modality, batch)

    network.embed = embed
    found = final(predictor_of(network), generated_inputs(), ExplainRequest(grid=1, segments=3, bands=2))
    assert found.values[SPEECH].shape == (3, 2, 3)
    np.testing.assert_allclose(found.values[SPEECH][:, 1], 0, atol=1e-7)
    assert np.abs(found.values[SPEECH][:, 0]).max() > 1e-3
    np.testing.assert_allclose(found.speech(), found.values[SPEECH][found.index()].sum(axis=0))


@pytest.mark.parametrize("method", ["owen", "shapley"])
def test_bands_of_one_segment_are_exact_in_a_small_game(method):
    """The picture and two bands: three players, for Owen values enumerated by hand."""
    network, inputs = TinyNet(double=True), generated_inputs()
    found = final(
        predictor_of(network), inputs, ExplainRequest(method, grid=1, segments=1, bands=2, budget=5000)
    )
    assert abs(found.residual()) <= 1e-9
    assert found.complete
    if method == "owen":  # the upper band, and the image, come before the lower band or after it
        import torch

        def value(image, low, high):
            x = torch.from_numpy(inputs.tensors[IMAGE][None].astype(float)) * image
            s = torch.from_numpy(inputs.tensors[SPEECH][None].astype(float)).clone()
            s[..., :16, :] *= low
            s[..., 16:, :] *= high
            with torch.inference_mode():
                return network.forward(x, s).softmax(1)[0].numpy()

        expected = np.mean([value(i, 1, h) - value(i, 0, h) for i in (0, 1) for h in (0, 1)], axis=0)
        np.testing.assert_allclose(found.values[SPEECH][:, 0, 0], expected, atol=1e-6)


def test_modality_and_paper_take_bands_and_words():
    inputs = spoken(generated_inputs(), (0.1, 0.4), (0.5, 0.9))
    whole = final(predictor_of(TinyNet()), inputs, ExplainRequest("modality", segments="words", bands=4))
    assert whole.values[SPEECH].shape == (3, 1)
    printed = final(predictor_of(TinyNet()), inputs, replace(WORDS, method="paper", bands=2))
    assert printed.values[SPEECH].shape == (3, 2, 2)


# ---------------------------------------------------------------- the demo's own release


@pytest.fixture(scope="module")
def demo():
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import choose_release

    catalogue = open_dataset(paths.resources() / "demo")
    return catalogue, Predictor(choose_release(catalogue.classes, catalogue.dataset_hash), "cpu")


def test_words_of_a_demo_sample_add_up(demo):
    catalogue, predictor = demo
    sample = catalogue.sample(catalogue.row_of("hate-test-05"))
    inputs = load_inputs(sample, predictor.front, words=True)
    assert inputs.words_by == "pocketsphinx"
    assert inputs.content_hash == load_inputs(sample, predictor.front).content_hash
    found = final(predictor, inputs, replace(WORDS, grid=4))
    assert found.provenance["words"] == sample.text.split()
    assert found.values[SPEECH].shape == (4, 9)
    for name in found.classes:
        assert abs(found.residual(name)) <= 1e-5
    split = found.split[SPEECH]
    np.testing.assert_allclose(found.values[SPEECH].sum(axis=1), split, atol=1e-5)


def test_four_bands_of_eight_segments_add_up_on_a_demo_sample(demo):
    catalogue, predictor = demo
    inputs = load_inputs(catalogue.sample(catalogue.row_of("hate-test-05")), predictor.front)
    found = final(predictor, inputs, ExplainRequest(grid=4, segments=8, bands=4))
    assert found.values[SPEECH].shape == (4, 4, 8)
    for name in found.classes:
        assert abs(found.residual(name)) <= 1e-5
    np.testing.assert_allclose(found.values[SPEECH].sum(axis=(1, 2)), found.split[SPEECH], atol=1e-5)
    plain = final(predictor, inputs, ExplainRequest(grid=4, segments=8))
    np.testing.assert_allclose(found.values[IMAGE], plain.values[IMAGE], atol=1e-5)
