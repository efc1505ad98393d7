"""A dataset explained: resumed, paused, cancelled, with broken samples; compared with explain() by itself."""

from __future__ import annotations

import os
import threading
from itertools import pairwise

import numpy as np
import pytest

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.cache import AttributionCache
from sier_gui.core.explain.engine import explain, kept
from sier_gui.core.explain.survey import work
from sier_gui.core.explain.survey.facts import survey_folder
from sier_gui.core.explain.survey.results import part_files
from sier_gui.core.explain.survey.run import spoken, survey, surveying
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.tasks import Cancelled, CancelToken, Pause

REQUEST = ExplainRequest(grid=2, segments=2)


@pytest.fixture(scope="module")
def predictor(release):
    return Predictor(release, "cpu")


@pytest.fixture
def run(catalogue, release, predictor, tmp_path):
    """The survey of the ten samples into ``tmp_path/out``."""

    def start(request=REQUEST, function=survey, **more):
        more = {"device": "cpu", "predictor": predictor, **more}
        return function(catalogue, release, request, tmp_path / "out", **more)

    return start


def table(folder):
    import pandas

    return pandas.read_parquet(folder)


def same(one, other):
    """Equal in every bit, but for how long it took."""
    from pandas.testing import assert_frame_equal

    assert_frame_equal(one.drop(columns="seconds"), other.drop(columns="seconds"), check_exact=True)


# ---------------------------------------------------------------- the numbers


def test_rows_are_what_explain_gives(run, catalogue, predictor, tmp_path):
    result = run()
    assert (result.total, result.done, result.failed, result.computed) == (10, 10, 0, 10)
    assert result.complete
    found = table(result.folder)
    assert found.row.tolist() == list(range(10))
    for row in range(10):
        sample = catalogue.sample(row)
        *_, expected = explain(predictor, load_inputs(sample, predictor.front), REQUEST)
        got = found.iloc[row]
        assert (got.sample_id, got.label) == (sample.sample_id, sample.label)
        assert got.explained == got.predicted == expected.target
        assert got.sample_hash == expected.sample_hash
        for m in Modality:
            assert np.array_equal(got[m], expected.values[m].ravel())
            assert np.array_equal(got[f"split_{m}"], expected.split[m])
        assert np.array_equal(got.f_all, expected.f_all)
        total = got.image.reshape(3, -1).sum(1) + got.speech.reshape(3, -1).sum(1)
        assert total == pytest.approx(got.f_all - got.f_none, abs=1e-5)


def test_a_class_a_method_and_some_rows_can_be_chosen(run):
    request = ExplainRequest("shapley", grid=3, segments=4, budget=100, target="sad")
    result = run(request, rows=[7, 3, 3])
    found = table(result.folder)
    assert (result.total, found.row.tolist()) == (2, [3, 7])
    assert set(found.explained) == {"sad"}
    assert all(len(cell) == 27 and cell.min() > 0 for cell in found.stderr_image)
    assert found.degree_stderr_image.min() > 0
    more = run(request, rows=[7, 8])
    assert (more.done, more.computed) == (2, 1)
    assert table(result.folder).row.tolist() == [3, 7, 8]


def test_progress_counts_and_tells_the_time_left(run):
    reports = []
    run(report=reports.append)
    assert [r.done for r in reports] == [*range(11), 10]
    assert {r.total for r in reports} == {10}
    assert all(r.text.endswith(" left") for r in reports[1:-1])


def test_durations_as_people_say_them():
    said = [spoken(s) for s in (0, 40.2, 89, 91, 3600, 7_800, 200_000, 400_000)]
    assert said == ["1 s", "40 s", "89 s", "2 min", "60 min", "2 h 10 min", "2 d 7 h", "4 d 15 h"]


# ---------------------------------------------------------------- interrupted and resumed


def test_cancelled_and_resumed_is_the_same_table(run, catalogue, release, predictor, tmp_path):
    token = CancelToken()
    for stop_at in (3, 7):
        token = CancelToken()

        def cancel(progress, stop_at=stop_at, token=token):
            if progress.done == stop_at:
                token.cancel()

        with pytest.raises(Cancelled):
            run(report=cancel, token=token)
        assert table(tmp_path / "out").row.tolist() == list(range(stop_at))
    result = run()
    assert (result.done, result.computed) == (10, 3)
    fresh = survey(catalogue, release, REQUEST, tmp_path / "fresh", device="cpu", predictor=predictor)
    same(table(result.folder), table(fresh.folder))
    assert len(part_files(result.folder)) == 1
    again = run()
    assert (again.done, again.computed, again.complete) == (10, 0, True)


def test_a_cancel_is_answered_within_a_sample(run, monkeypatch):
    token, batches = CancelToken(), []
    whole = work.explain

    def watched(*args, **more):
        for attribution in whole(*args, **more):
            batches.append(attribution.evaluations)
            token.cancel()
            yield attribution

    monkeypatch.setattr(work, "explain", watched)
    with pytest.raises(Cancelled):
        run(token=token)
    assert len(batches) == 1


def test_steps_give_way_within_a_sample_and_closing_keeps_what_is_done(run, tmp_path):
    steps = run(function=surveying)
    states = []
    for state in steps:
        states.append(state)
        if state.done == 4:
            break
    assert len(states) > 8  # several steps each
    assert all(a.done <= b.done for a, b in pairwise(states))
    steps.close()
    assert table(tmp_path / "out").row.tolist() == [0, 1, 2, 3]
    *_, last = run(function=surveying)
    assert last.complete
    assert last.computed == 6


def test_paused_it_stands_still_until_resumed(run):
    pause, held, results, seen = Pause(), threading.Event(), [], []

    def hold(progress):
        seen.append(progress.done)
        if progress.done == 2 and not held.is_set():
            pause.pause()
            held.set()

    worker = threading.Thread(target=lambda: results.append(run(report=hold, pause=pause)))
    worker.start()
    assert held.wait(60)
    worker.join(0.5)
    assert worker.is_alive()
    assert seen[-1] == 2
    pause.resume()
    worker.join(60)
    assert results[0].complete


def test_a_pause_can_be_cancelled():
    pause, token = Pause(), CancelToken()
    pause.wait(token)
    pause.pause()
    assert pause.paused
    threading.Timer(0.05, token.cancel).start()
    with pytest.raises(Cancelled):
        pause.wait(token)


def test_two_surveys_of_one_folder_do_not_meet(run):
    steps = run(function=surveying)
    next(steps)
    with pytest.raises(SierError, match="is being written by process"):
        run()
    steps.close()
    assert run().complete


def test_what_cannot_be_is_said_before_anything_is_written(run, tmp_path):
    for request, more, said in (
        (ExplainRequest(target="joy"), {}, "no class 'joy'"),
        (ExplainRequest(absence="gone"), {}, "no absence 'gone'"),
        (REQUEST, {"workers": 0}, "0 workers"),
        (REQUEST, {"threads": 0}, "0 threads"),
        (REQUEST, {"engine": "ray"}, "no engine 'ray'"),
    ):
        with pytest.raises(SierError, match=said):
            run(request, **more)
    assert not (tmp_path / "out").exists()
    run(threads=1)
    with pytest.raises(SierError, match=r"another request \(seed 0, not 1\)"):
        run(ExplainRequest(grid=2, segments=2, seed=1))
    with pytest.raises(SierError, match="another number of threads"):
        run(threads=2)


# ---------------------------------------------------------------- samples that change or cannot be read


def test_broken_samples_are_rows_with_their_error(folder, run, release, predictor, tmp_path):
    (folder / "images" / "0003.png").write_bytes(b"no picture")
    (folder / "speech" / "0005.wav").unlink()
    lines = (folder / "samples.csv").read_text().splitlines()
    lines[8] = lines[8].replace("images/0008.png", "../outside.png")
    (folder / "samples.csv").write_text("\n".join(lines) + "\n")
    catalogue = open_dataset(folder)

    def start():
        return survey(catalogue, release, REQUEST, tmp_path / "out", device="cpu", predictor=predictor)

    result = start()
    assert (result.done, result.failed, result.complete) == (10, 3, True)
    found = table(result.folder)
    assert found.row[found.error.notna()].tolist() == [2, 4, 7]
    assert found.sample_id.tolist() == [f"{i:04d}" for i in range(1, 11)]
    for error, name in zip(found.error.dropna(), ("0003.png", "0005.wav", "outside"), strict=True):
        assert name in error
        assert "\n" not in error
    assert start().computed == 0  # nothing changed: not tried again
    (folder / "images" / "0003.png").write_bytes((folder / "images" / "0002.png").read_bytes())
    mended = start()
    assert (mended.computed, mended.failed) == (1, 2)
    assert table(mended.folder).error.isna().sum() == 8


def test_what_fails_alike_for_all_is_told_once(run):
    with pytest.raises(SierError, match="3 evaluations are too few"):
        run(ExplainRequest("shapley", grid=4, segments=4, budget=3))


def test_touched_files_are_read_but_not_explained_again(run, folder, monkeypatch):
    before = table(run().folder)
    os.utime(folder / "images" / "0004.png", (1e9, 1e9))
    with monkeypatch.context() as patch:
        patch.setattr(work, "explain", None)
        result = run()
    assert (result.done, result.computed) == (10, 0)
    same(before, table(result.folder))


def test_a_changed_file_is_explained_again(run, folder):
    before = table(run().folder)
    (folder / "images" / "0004.png").write_bytes((folder / "images" / "0001.png").read_bytes())
    result = run()
    assert (result.done, result.computed) == (10, 1)
    after = table(result.folder)
    changed = [a != b for a, b in zip(before.sample_hash, after.sample_hash, strict=True)]
    assert np.flatnonzero(changed).tolist() == [3]
    assert not np.array_equal(before.image[3], after.image[3])
    assert after.row.tolist() == list(range(10))


# ---------------------------------------------------------------- what was explained before


def test_the_cache_is_asked_where_it_was_computed_alike(run, catalogue, predictor, monkeypatch):
    cache = AttributionCache()
    for row in range(10):
        inputs = load_inputs(catalogue.sample(row), predictor.front)
        for _ in explain(predictor, inputs, REQUEST, cache=cache):
            pass
    called = []
    whole = work.explain
    monkeypatch.setattr(work, "explain", lambda *args, **more: called.append(1) or whole(*args, **more))
    assert run(rows=range(5)).done == 5
    assert not called
    run(use_cache=False, rows=range(5, 7))
    assert len(called) == 2


def test_what_it_computed_is_found_by_whoever_looks_at_a_sample(run, catalogue, predictor):
    cache, hashes = AttributionCache(), (predictor.release.weights_hash, predictor.front)
    first = load_inputs(catalogue.sample(0), predictor.front)
    *_, looked_at = explain(predictor, first, REQUEST, cache=cache)
    before = {file: file.read_bytes() for file in cache.folder.iterdir()}
    run(use_cache=False, rows=[1])
    assert len(list(cache.folder.iterdir())) == 1
    folder = run(threads=1).folder
    assert [file.read_bytes() for file in before] == list(before.values())  # what somebody looked at stays
    found = table(folder)
    for row in (0, *range(2, 10)):
        inputs = load_inputs(catalogue.sample(row), predictor.front)
        one = kept(*hashes, inputs, REQUEST, cache, catalogue.dataset_hash)
        assert one is not None
        assert one.complete
        assert (one.sample_id, one.provenance["dataset_hash"]) == (inputs.sample_id, catalogue.dataset_hash)
        for m in Modality:
            assert np.array_equal(found.iloc[row][m], one.values[m].ravel())
    unseen = load_inputs(catalogue.sample(1), predictor.front)
    assert kept(*hashes, unseen, REQUEST, cache) is None
    assert looked_at.complete


def test_words_may_be_found_elsewhere(run, catalogue, predictor, monkeypatch):
    """The window's process must not: it would stand still."""
    from sier_gui.core.dataset import inputs as module

    request = ExplainRequest(grid=2, segments="words")
    asked = []

    def read(sample, front, words):
        asked.append((sample.row, words))
        return load_inputs(sample, front, words=words)

    elsewhere = run(request, read=read, rows=[0, 1])
    assert asked == [(0, True), (1, True)]
    assert (elsewhere.done, elsewhere.failed) == (2, 0)
    edges = table(elsewhere.folder).segment_edges_s
    aligned = module.load_inputs(catalogue.sample(0), predictor.front, words=True)
    assert len(edges[0]) == len(aligned.words) + 1


def test_other_threads_are_another_computation(run, catalogue, predictor, monkeypatch):
    import torch

    inputs = load_inputs(catalogue.sample(0), predictor.front)
    for _ in explain(predictor, inputs, REQUEST, cache=AttributionCache()):
        pass
    seen = []
    whole = work.explain

    def watched(*args, **more):
        for attribution in whole(*args, **more):
            seen.append(torch.get_num_threads())
            yield attribution

    monkeypatch.setattr(work, "explain", watched)
    before = torch.get_num_threads()
    steps = run(function=surveying, threads=2, rows=[0])
    for _ in steps:
        assert torch.get_num_threads() == before  # others may use torch meanwhile
    assert set(seen) == {2}


def test_the_default_folder_depends_on_all_that_the_numbers_do(catalogue, release):
    folders = {
        survey_folder(catalogue, release, request)
        for request in (
            REQUEST,
            ExplainRequest(grid=2, segments=4),
            ExplainRequest(grid=2, segments=2, seed=1),
        )
    }
    assert len(folders) == 3
    assert survey_folder(catalogue, release, REQUEST) in folders
