"""Players lie where they say: maps over the inputs, edges in seconds; and what stands in for them."""

from __future__ import annotations

import numpy as np
import pytest
from explain_games import IMAGE, SPEECH, generated_inputs
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.domain import FrontEnd
from sier_gui.core.errors import SierError
from sier_gui.core.explain.absence import parse, stand_ins
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.players import players_for, speech_columns
from sier_gui.core.images.patches import patch_at, patch_rectangles


@pytest.mark.parametrize("grid", [1, 3, 4, 5, 8, 16])
def test_patches_are_those_the_picture_shows(grid):
    inputs = generated_inputs(front=FrontEnd())
    owners = players_for(inputs, FrontEnd(), ExplainRequest(grid=grid)).maps[IMAGE]
    assert owners.shape == (128, 128)
    assert set(owners.ravel()) == set(range(grid * grid))
    rectangles = patch_rectangles(grid, grid, inputs.pixels).reshape(-1, 4)
    for y, x in [(0, 0), (5, 100), (64, 64), (127, 127), (42, 17)]:
        centre = inputs.pixels.to_picture(x + 0.5, y + 0.5)
        row, column = patch_at(*centre, grid, grid, inputs.pixels)
        assert owners[y, x] == row * grid + column
        left, top, right, bottom = rectangles[owners[y, x]]
        assert left <= centre[0] <= right
        assert top <= centre[1] <= bottom


@given(st.floats(0.2, 60), st.sampled_from([1, 5, 8, 16, 32]), st.sampled_from(["stretch", "window"]))
@settings(max_examples=30, deadline=None)
def test_segments_cover_the_speech_in_equal_parts(seconds, segments, time):
    front = FrontEnd(time=time)
    times = generated_inputs(seconds, front=front).times
    players = players_for(generated_inputs(seconds, front=front), front, ExplainRequest(segments=segments))
    owners, edges = players.maps[SPEECH][0], players.segment_edges_s
    assert players.maps[SPEECH].shape == (1, 128)
    np.testing.assert_allclose(np.diff(edges), (edges[-1] - edges[0]) / segments)
    assert (np.diff(owners) >= 0).all()
    first, last = speech_columns(times, front.hop / front.sample_rate)
    middles = np.array([times.seconds(c + 0.5) for c in range(first, last)])
    inside = edges[owners[first:last]], edges[owners[first:last] + 1]
    slack = 0.5 * times.column_s + 0.5 * front.hop / front.sample_rate + 1e-9
    assert (middles >= inside[0] - slack).all()
    assert (middles <= inside[1] + slack).all()
    if time == "stretch":
        assert edges[0] == 0
        assert edges[-1] == pytest.approx(times.duration_s)
        assert (first, last) == (0, 128)
    elif seconds < 1.2:  # centred in silence: all of it heard
        assert edges[0] == 0
        assert edges[-1] == pytest.approx(times.duration_s)
        frames = 1 + round(seconds * 16000) // 160
        assert last - first == min(frames, 128)


def test_seconds_spread_the_remainder():
    """32,050 samples at 16 kHz in half seconds: four segments of 8,012.5 samples (004, below eq. 3.5)."""
    inputs = generated_inputs(32050 / 16000, front=FrontEnd())
    players = players_for(inputs, FrontEnd(), ExplainRequest(segments="0.5s"))
    assert players.shapes[SPEECH] == (4,)
    np.testing.assert_allclose(np.diff(players.segment_edges_s) * 16000, 8012.5)
    short = players_for(generated_inputs(0.3, front=FrontEnd()), FrontEnd(), ExplainRequest(segments="0.5s"))
    assert short.shapes[SPEECH] == (1,)


def test_the_modality_game_has_one_player_each():
    players = players_for(generated_inputs(), FrontEnd(), ExplainRequest("modality"))
    assert players.counts == {IMAGE: 1, SPEECH: 1}


MEANS = {IMAGE: np.full((3, 1, 1), 0.25, np.float32), SPEECH: np.full((1, 32, 1), 0.75, np.float32)}


def test_absences():
    tensors = generated_inputs().tensors
    assert all(not v.any() for v in stand_ins("zeros", tensors, MEANS, 0).values())
    assert np.unique(stand_ins("mean", tensors, MEANS, 0)[SPEECH]).tolist() == [0.75]
    blurred = stand_ins("blur:3", tensors, MEANS, 0)[IMAGE]
    np.testing.assert_allclose(blurred.mean(), tensors[IMAGE].mean(), atol=0.01)
    assert blurred.std() < 0.3 * tensors[IMAGE].std()
    first, second = (stand_ins("noise", tensors, MEANS, seed) for seed in (1, 2))
    again = stand_ins("noise", tensors, MEANS, 1)
    for m in (IMAGE, SPEECH):
        assert np.array_equal(first[m], again[m])
        assert not np.array_equal(first[m], second[m])
        assert first[m].min() >= 0
        assert first[m].max() < 1
    assert all(v.dtype == np.float32 and v.shape == tensors[m].shape for m, v in again.items())


def test_blur_is_a_gaussian():
    from scipy.ndimage import gaussian_filter1d

    tensors = generated_inputs().tensors
    expected = tensors[SPEECH].astype(float)
    for axis in (-2, -1):
        expected = gaussian_filter1d(expected, 2, axis=axis, mode="mirror", radius=6)
    np.testing.assert_allclose(stand_ins("blur:2", tensors, MEANS, 0)[SPEECH], expected, atol=1e-6)


@pytest.mark.parametrize(
    "absence", ["black", "blur:x", "", "blur:0", "blur:-1", "blur:nan", "blur:inf", "blur:-inf"]
)
def test_an_unknown_absence_is_refused(absence):
    with pytest.raises(SierError):
        stand_ins(absence, generated_inputs().tensors, MEANS, 0)


def test_policies_are_a_registry(monkeypatch):
    from sier_gui.core.explain import absence

    monkeypatch.setitem(absence.POLICIES, "white", lambda given: np.ones_like(given.tensor))
    assert stand_ins("white", generated_inputs().tensors, MEANS, 0)[IMAGE].min() == 1
    assert parse("blur:2.5")[1] == 2.5


PACKAGE = """
import numpy as np

def median(given):
    middle = np.median(given.tensor, axis=(-2, -1), keepdims=True)
    return np.broadcast_to(middle, given.tensor.shape).astype(np.float32)
"""


def test_an_installed_package_brings_an_absence(tmp_path, monkeypatch):
    """The example of docs/explain.md, installed as pip would leave it."""
    (tmp_path / "median_absence.py").write_text(PACKAGE)
    facts = tmp_path / "median_absence-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: median-absence\nVersion: 1\n")
    (facts / "entry_points.txt").write_text(
        "[sier_gui.absences]\nmedian = median_absence:median\nbroken = median_absence:nothing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    tensors = generated_inputs().tensors
    found = stand_ins("median", tensors, MEANS, 0)[SPEECH]
    assert np.unique(found) == pytest.approx([np.median(tensors[SPEECH])])
    with pytest.raises(SierError, match="does not load"):
        stand_ins("broken", tensors, MEANS, 0)
    with pytest.raises(SierError, match="median"):
        stand_ins("other", tensors, MEANS, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "lime"},
        {"value": "loss"},
        {"grid": 0},
        {"grid": 64},
        {"segments": 0},
        {"segments": "letters"},
        {"bands": 0},
        {"bands": 17},
        {"segments": "0s"},
        {"segments": 1000},
        {"budget": 0},
        {"batch": 0},
        {"seed": -1},
    ],
)
def test_requests_that_cannot_be_are_refused(wrong):
    with pytest.raises(SierError):
        ExplainRequest(**wrong)


def test_a_request_reads_the_command_line():
    assert ExplainRequest(segments="32").segments == 32
    assert ExplainRequest(segments="0.25s").segment_seconds == 0.25
    assert ExplainRequest(segments="words").segments == "words"
