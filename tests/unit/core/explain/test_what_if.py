"""Parts taken away: which cells they are, and what the network says without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from explain_games import IMAGE, SMALL_FRONT, SPEECH, TinyNet, generated_inputs, predictor_of
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.domain import FrontEnd, Selection
from sier_gui.core.errors import SierError
from sier_gui.core.explain.absence import stand_ins
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.players import players_for
from sier_gui.core.explain.what_if import WhatIfBench, paired, removed_cells, removed_shares, what_if
from sier_gui.core.explain.what_if_list import WhatIf, read_list, write_list, write_table
from sier_gui.core.images.patches import patch_rectangles

ABSENCES = ("zeros", "mean", "blur:3", "noise")


def patch(inputs, row, column, grid=4):
    left, top, right, bottom = patch_rectangles(grid, grid, inputs.pixels)[row, column].tolist()
    return Selection(IMAGE, left=left, top=top, right=right, bottom=bottom)


def softmaxed(network, images, log_mels):
    """Straight through the network, without any of what is tested."""
    import torch

    with torch.inference_mode():
        given = [torch.from_numpy(np.ascontiguousarray(x)).double()[None] for x in (images, log_mels)]
        return network.forward(*given).softmax(-1)[0].numpy()


@pytest.mark.parametrize("absence", ABSENCES)
@pytest.mark.parametrize("separable", [True, False])
def test_patches_and_speech_taken_away_are_a_coalition_of_the_game(absence, separable):
    """The oracle is the game that explanations are played on."""
    network, inputs = TinyNet(double=True), generated_inputs()
    network.separable = separable
    predictor = predictor_of(network)
    players = players_for(inputs, SMALL_FRONT, ExplainRequest(grid=4, segments=2))
    means = {m: x.numpy() for m, x in network.absence_mean.items()}
    game = NetworkGame(network, inputs.tensors, stand_ins(absence, inputs.tensors, means, 7), players)
    masks = {IMAGE: np.ones((1, 16), bool), SPEECH: np.array([[True, False]])}
    masks[IMAGE][0, [5, 11]] = False
    expected = game.values(masks, {m: np.zeros(1, int) for m in masks})[0]
    half, end = players.segment_edges_s[1:]
    removals = [patch(inputs, 1, 1), patch(inputs, 2, 3), Selection(SPEECH, half, end)]
    cells = removed_cells(inputs, removals)
    owned = np.broadcast_to(players.maps[SPEECH] == 1, cells[SPEECH].shape)
    assert (cells[SPEECH] == owned).all()
    assert what_if(predictor, inputs, removals, absence, seed=7) == pytest.approx(expected, abs=1e-12)
    assert np.abs(expected - what_if(predictor, inputs, [])).max() > 1e-3  # they matter


def test_a_band_of_a_span_by_hand():
    network, inputs = TinyNet(double=True), generated_inputs()
    times = inputs.times
    removal = Selection(SPEECH, times.seconds(10.4), times.seconds(20.6), times.hz(8.0), times.hz(15.4))
    expected = inputs.tensors[SPEECH].copy()
    expected[:, 8:15, 10:21] = 0  # centres 10.5 … 20.5 and 8.5 … 14.5; 15.5 lies above the band
    found = what_if(predictor_of(network), inputs, [removal])
    assert found == pytest.approx(softmaxed(network, inputs.tensors[IMAGE], expected), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    fit=st.sampled_from(["crop", "stretch", "pad"]),
    size=st.tuples(st.integers(20, 90), st.integers(20, 90)),
    box=st.tuples(*[st.floats(-0.2, 1.2)] * 4),
)
def test_a_box_takes_the_cells_whose_centres_lie_in_it(fit, size, box):
    """The oracle goes the other way: each cell's centre to the picture."""
    inputs = generated_inputs(
        front=FrontEnd(image_size=32, mels=32, frames=32, n_fft=512, image_fit=fit), size=size
    )
    (left, right), (top, bottom) = sorted(box[:2]), sorted(box[2:])
    height, width = size
    removal = Selection(
        IMAGE, left=left * width, right=right * width, top=top * height, bottom=bottom * height
    )
    cells = removed_cells(inputs, [removal])[IMAGE]
    for row, column in np.random.default_rng(0).integers(0, 32, (40, 2)):
        x, y = inputs.pixels.to_picture(column + 0.5, row + 0.5)
        near = min(
            abs(x - removal.left), abs(x - removal.right), abs(y - removal.top), abs(y - removal.bottom)
        )
        if near > 1e-6:  # nothing hangs on rounding
            inside = removal.left < x < removal.right and removal.top < y < removal.bottom
            assert bool(cells[row, column]) == inside


@pytest.mark.parametrize("time", ["stretch", "window"])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 4.0])
def test_all_of_the_speech_takes_the_silence_around_it_along(time, seconds):
    front = FrontEnd(image_size=32, mels=32, frames=32, n_fft=512, time=time)
    inputs = generated_inputs(seconds, front=front)
    everything = Selection(SPEECH, 0.0, inputs.times.duration_s)
    assert removed_shares(inputs, [everything]) == {IMAGE: 0.0, SPEECH: 1.0}
    assert not removed_cells(inputs, [Selection(SPEECH)])[SPEECH].any()


def test_parts_that_overlap_are_taken_once():
    inputs, predictor = generated_inputs(), predictor_of(TinyNet(double=True))
    both = [patch(inputs, 0, 0, grid=2), patch(inputs, 1, 1, grid=4)]
    assert what_if(predictor, inputs, both) == pytest.approx(what_if(predictor, inputs, both[:1]), abs=0)


def test_only_the_trunk_of_what_changed_runs():
    network = TinyNet()
    bench, inputs = WhatIfBench(predictor_of(network)), generated_inputs()
    before = bench.probabilities(inputs, [])
    assert network.calls == 2
    bench.probabilities(inputs, [patch(inputs, 0, 0)])
    assert network.calls == 3
    bench.probabilities(inputs, [patch(inputs, 0, 0), Selection(SPEECH, 0, 0.4)])
    assert network.calls == 4
    assert (bench.probabilities(inputs, []) == before).all()
    assert network.calls == bench.passes == 4  # it was known


def test_one_picture_with_the_speech_of_another():
    network = TinyNet(double=True)
    first, second = generated_inputs(seed=1), generated_inputs(seed=2, size=(50, 40), seconds=2.0)
    both = paired(first, second)
    found = what_if(predictor_of(network), both, [patch(first, 2, 2)])
    picture = np.where(removed_cells(first, [patch(first, 2, 2)])[IMAGE], 0, first.tensors[IMAGE])
    assert found == pytest.approx(softmaxed(network, picture, second.tensors[SPEECH]), abs=1e-12)
    assert both.times is second.times
    assert both.content_hash not in (first.content_hash, second.content_hash)
    assert paired(first, first) is first


def test_an_absence_that_is_not_there_is_said():
    with pytest.raises(SierError, match="no absence 'fog'"):
        what_if(predictor_of(TinyNet()), generated_inputs(), [Selection(SPEECH, 0, 1)], "fog")


# ---------------------------------------------------------------- the list's files


ENTRY = WhatIf(
    sample_id="anger_0007",
    removals=(
        Selection(SPEECH, 0.25, 0.75, 500.0, 2000.0),
        Selection(IMAGE, left=1, top=2, right=30, bottom=40),
    ),
    absence="blur:6",
    classes=("anger", "hate"),
    before=(0.75, 0.25),
    after=(0.125, 0.875),
    removed={IMAGE: 0.1, SPEECH: 0.2},
    name="without “not”, and the face",
    label="anger",
    picture_of="anger_0007",
    speech_of="sad_0002",
    provenance={"release": "demo/1", "made": "2026-01-01T00:00:00+00:00"},
)


def test_what_is_exported_is_read_again(tmp_path: Path):
    write_list(tmp_path / "list.json", [ENTRY, ENTRY])
    assert read_list(tmp_path / "list.json") == [ENTRY, ENTRY]
    assert (ENTRY.flipped, ENTRY.mixed, ENTRY.predicted_before, ENTRY.predicted) == (
        True,
        True,
        "anger",
        "hate",
    )


def test_a_table_has_a_row_per_class(tmp_path: Path):
    import csv

    write_table(tmp_path / "list.csv", [ENTRY])
    with (tmp_path / "list.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["class"], r["before"], r["after"], r["change"]) for r in rows] == [
        ("anger", "0.750000", "0.125000", "-0.625000"),
        ("hate", "0.250000", "0.875000", "0.625000"),
    ]
    assert {r["removals"] for r in rows} == {"0.250–0.750 s · 500–2,000 Hz; x 1–30, y 2–40 px"}
    assert {r["name"] for r in rows} == {ENTRY.name}
    assert {(r["flipped"], r["release"], r["picture_of"], r["speech_of"]) for r in rows} == {
        ("1", "demo/1", "anger_0007", "sad_0002")
    }


@pytest.mark.parametrize(
    "damage", ["[]", "{", '{"format": "other"}', '{"format": "sier-gui what-if", "version": 1}']
)
def test_any_other_file_is_refused(tmp_path: Path, damage: str):
    (tmp_path / "list.json").write_text(damage)
    with pytest.raises(SierError, match="no what-if list"):
        read_list(tmp_path / "list.json")
