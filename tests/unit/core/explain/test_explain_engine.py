"""explain(): refining, cancelled, kept; and the JSON that comes out."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError
from itertools import pairwise

import numpy as np
import pytest
from explain_games import IMAGE, SPEECH, TinyNet, generated_inputs, predictor_of

from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.cache import AttributionCache
from sier_gui.core.explain.engine import explain
from sier_gui.core.tasks import Cancelled, CancelToken

REQUEST = ExplainRequest(grid=4, segments=8)


def final(predictor, inputs, request=REQUEST, **more):
    *_, last = explain(predictor, inputs, request, **more)
    return last


class Unasked(TinyNet):
    """A network that must not be asked."""

    def embed(self, modality, batch):
        raise AssertionError("the network was asked")


# ---------------------------------------------------------------- refining and cancelling


def test_estimates_refine_and_only_the_last_is_complete():
    reports = []
    shown = list(explain(predictor_of(TinyNet()), generated_inputs(), REQUEST, report=reports.append))
    assert [a.complete for a in shown] == [False] * (len(shown) - 1) + [True]
    assert len(shown) >= 8
    for a in shown:
        assert a.values[IMAGE].shape == (3, 4, 4)
        assert a.values[SPEECH].shape == (3, 8)
        assert abs(a.residual()) < 1e-12
        for m, total in a.sums().items():
            assert total == pytest.approx(a.split[m][a.index()], abs=1e-12)
    assert [a.evaluations for a in shown] == sorted({a.evaluations for a in shown})
    assert shown[0].evaluations == 4
    assert reports[-1].done == reports[-1].total == shown[-1].provenance["passes"]
    assert all(a.done <= b.done for a, b in pairwise(reports))


def test_cancel_keeps_what_was_there():
    token, network = CancelToken(), TinyNet()
    attributions = explain(predictor_of(network), generated_inputs(), REQUEST, token=token)
    shown = [next(attributions) for _ in range(3)]
    token.cancel()
    calls = network.calls
    with pytest.raises(Cancelled):
        next(attributions)
    assert network.calls <= calls + 1  # asked between batches
    assert abs(shown[-1].residual()) < 1e-12
    with pytest.raises(Cancelled):
        next(explain(predictor_of(Unasked()), generated_inputs(), REQUEST, token=token))


def test_cancel_is_seen_between_batches_not_only_between_estimates():
    token = CancelToken()
    request = ExplainRequest(method="shapley", grid=2, segments=8, batch=2)

    def cancel_late(progress):
        if progress.done > 20:
            token.cancel()

    network = TinyNet()
    with pytest.raises(Cancelled):
        final(predictor_of(network), generated_inputs(), request, report=cancel_late, token=token)
    assert network.calls < 20


def test_the_class_can_be_chosen_and_switched():
    inputs, predictor = generated_inputs(), predictor_of(TinyNet())
    chosen = final(predictor, inputs, ExplainRequest(grid=2, segments=2, target="b"))
    default = final(predictor, inputs, ExplainRequest(grid=2, segments=2))
    assert chosen.target == "b"
    assert default.target == "abc"[int(default.f_all.argmax())]
    assert np.array_equal(default.with_target("b").image(), chosen.image())
    assert np.array_equal(default.image("b"), chosen.image())
    with pytest.raises(SierError, match="angry"):
        final(predictor, inputs, ExplainRequest(target="angry"))
    with pytest.raises(SierError, match="angry"):
        default.image("angry")
    with pytest.raises(FrozenInstanceError):
        default.target = "a"


# ---------------------------------------------------------------- numbers out


def test_json_is_what_the_command_line_promises():
    inputs, predictor = generated_inputs(), predictor_of(TinyNet())
    found = final(predictor, inputs, dataset_hash="dada")
    value = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert set(value) == {
        *("schema", "sample_id", "class", "image", "speech", "modality", "f_none", "f_all"),
        *("residual", "stderr", "evaluations", "seconds", "provenance"),
    }
    assert value["schema"] == 1
    assert value["class"] == found.target
    assert np.shape(value["image"]) == (4, 4)
    assert np.shape(value["speech"]) == (8,)
    assert value["stderr"] is None
    for part in ("split", "sum", "degree"):
        assert set(value["modality"][part]) == {"image", "speech"}
    assert sum(value["modality"]["degree"].values()) == pytest.approx(1)
    total = np.sum(value["image"]) + np.sum(value["speech"])
    assert value["f_all"] - value["f_none"] - total == pytest.approx(value["residual"], abs=1e-12)
    provenance = value["provenance"]
    assert provenance["release"] == "tiny/1"
    assert provenance["release_hash"] == "0123abcd"
    assert provenance["sample_hash"] == inputs.content_hash
    assert provenance["dataset_hash"] == "dada"
    assert (provenance["grid"], provenance["segments"]) == (4, 8)
    assert {"version", "seed", "budget", "absence", "method", "value", "device", "torch"} <= set(provenance)


def test_sampled_values_bring_their_errors():
    found = final(
        predictor_of(TinyNet()), generated_inputs(), ExplainRequest("shapley", grid=4, segments=8, budget=400)
    )
    value = found.to_json()
    assert np.shape(value["stderr"]["image"]) == (4, 4)
    assert min(value["stderr"]["speech"]) > 0
    assert abs(found.residual()) < 1e-9


def test_degree_is_the_share_of_magnitudes():
    found = final(predictor_of(TinyNet()), generated_inputs())
    image, speech = np.abs(found.image()).sum(), np.abs(found.speech()).sum()
    assert found.degree()[IMAGE] == pytest.approx(image / (image + speech))
    assert found.degree()[SPEECH] == pytest.approx(speech / (image + speech))


def test_the_printed_formula_is_labelled_and_never_the_default():
    found = final(predictor_of(TinyNet()), generated_inputs(), ExplainRequest("paper", grid=4, segments=4))
    assert found.to_json()["provenance"]["method"] == "paper"
    assert abs(found.residual()) > 1e-2
    assert ExplainRequest().method == "owen"


# ---------------------------------------------------------------- the cache


def same(first, second):
    assert first.to_json() == second.to_json()
    assert first.classes == second.classes
    for m in (IMAGE, SPEECH):
        assert np.array_equal(first.values[m], second.values[m])
        assert first.values[m].dtype == second.values[m].dtype


def test_what_was_explained_reopens_without_the_network(tmp_path):
    inputs = generated_inputs()
    computed = final(predictor_of(TinyNet()), inputs, cache=AttributionCache(tmp_path))
    (again,) = explain(predictor_of(Unasked()), inputs, REQUEST, cache=AttributionCache(tmp_path))
    same(again, computed)
    other = ExplainRequest(grid=4, segments=8, target="c", batch=3)
    assert final(predictor_of(Unasked()), inputs, other, cache=AttributionCache(tmp_path)).target == "c"
    sampled = ExplainRequest("shapley", grid=4, segments=8, budget=200)
    computed = final(predictor_of(TinyNet()), inputs, sampled, cache=AttributionCache(tmp_path))
    same(final(predictor_of(Unasked()), inputs, sampled, cache=AttributionCache(tmp_path)), computed)


@pytest.mark.parametrize(
    "other",
    [
        {"grid": 2},
        {"segments": 4},
        {"absence": "mean"},
        {"value": "logit"},
        {"method": "modality"},
        {"seed": 1},
        {"budget": 9},
    ],
)
def test_another_question_is_another_entry(tmp_path, other):
    inputs, cache = generated_inputs(), AttributionCache(tmp_path)
    final(predictor_of(TinyNet()), inputs, cache=cache)
    request = ExplainRequest(**{"grid": 4, "segments": 8, **other})
    with pytest.raises(AssertionError, match="asked"):
        final(predictor_of(Unasked()), inputs, request, cache=cache)
    with pytest.raises(AssertionError, match="asked"):
        final(predictor_of(Unasked()), generated_inputs(seed=1), cache=cache)


def test_a_cancelled_explanation_is_not_kept(tmp_path):
    iterator = explain(predictor_of(TinyNet()), generated_inputs(), REQUEST, cache=AttributionCache(tmp_path))
    next(iterator)
    iterator.close()
    assert list(tmp_path.iterdir()) == []


def test_damaged_entries_are_reported_and_computed_again(tmp_path, caplog):
    inputs, cache = generated_inputs(), AttributionCache(tmp_path)
    computed = final(predictor_of(TinyNet()), inputs, cache=cache)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(b"PK\x01\x02") - 20] ^= 255  # inside the last member
    for damage in (b"", whole[: len(whole) // 2], b"not an archive", bytes(flipped)):
        file.write_bytes(damage)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            again = final(predictor_of(TinyNet()), inputs, cache=cache)
        assert np.array_equal(again.values[IMAGE], computed.values[IMAGE])
        assert [r.levelname for r in caplog.records] == ["WARNING"]
        assert str(file) in caplog.text
        final(predictor_of(Unasked()), inputs, cache=cache)  # rewritten


def test_a_pickle_in_the_cache_is_never_run(tmp_path, caplog):
    inputs, cache = generated_inputs(), AttributionCache(tmp_path)
    final(predictor_of(TinyNet()), inputs, cache=cache)
    (file,) = tmp_path.iterdir()

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    np.savez(file, facts=np.array([Trap()], object), allow_pickle=True)
    with caplog.at_level(logging.WARNING):
        assert cache.get(file.stem) is None
    assert not (tmp_path / "trapped").exists()
    assert "damaged" in caplog.text


def test_the_least_recently_used_go_first(tmp_path):
    predictor, cache = predictor_of(TinyNet()), AttributionCache(tmp_path)
    inputs = [generated_inputs(seed=seed) for seed in range(4)]
    final(predictor, inputs[0], cache=cache)
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    cache = AttributionCache(tmp_path, limit_bytes=int(3.5 * size))
    for sample in inputs[1:3]:
        final(predictor, sample, cache=cache)
    for age, file in enumerate(sorted(tmp_path.iterdir(), key=lambda f: -f.stat().st_mtime_ns)):
        os.utime(file, ns=(10**18 - age, 10**18 - age))  # however coarse the clock
    final(predictor_of(Unasked()), inputs[0], cache=cache)  # used just now
    final(predictor, inputs[3], cache=cache)
    assert len(list(tmp_path.iterdir())) == 3
    for kept in (0, 2, 3):
        final(predictor_of(Unasked()), inputs[kept], cache=cache)
    with pytest.raises(AssertionError, match="asked"):
        final(predictor_of(Unasked()), inputs[1], cache=cache)


def test_what_nobody_looked_at_goes_first_and_the_folder_is_rarely_looked_through(tmp_path, monkeypatch):
    predictor = predictor_of(TinyNet())
    inputs = [generated_inputs(seed=seed) for seed in range(12)]
    found = [final(predictor, one) for one in inputs]
    keys = [f"{number:064d}" for number in range(12)]
    probe = AttributionCache(tmp_path / "probe")
    probe.put(keys[0], found[0])
    size = sum(file.stat().st_size for file in probe.folder.iterdir())
    cache = AttributionCache(tmp_path / "kept", limit_bytes=int(5.5 * size))
    for key, one in zip(keys[:3], found[:3], strict=True):
        cache.put(key, one)
    for key, one in zip(keys[3:], found[3:], strict=True):
        cache.put(key, one, asked_for=False)
    assert len(list(cache.folder.iterdir())) == 5
    assert all(cache.get(key) is not None for key in keys[:3])
    left = [key for key in keys[3:] if (cache.folder / f"{key}.npz").is_file()]
    assert cache.get(left[0]) is not None  # looked at: now it is one of the others
    cache.put(keys[3], found[3], asked_for=False)
    cache.put(keys[4], found[4], asked_for=False)
    assert cache.get(left[0]) is not None
    looked = []
    large = AttributionCache(tmp_path / "large", limit_bytes=64 * 10 * size)
    monkeypatch.setattr(large, "_evict", lambda: looked.append(1))
    for key, one in zip(keys, found, strict=True):
        large.put(key, one, asked_for=False)
    assert len(looked) == 2  # first of all, and after a 64th of the limit


def test_a_cache_that_cannot_be_written_costs_nothing_but_a_line(tmp_path, caplog):
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    with caplog.at_level(logging.WARNING):
        found = final(predictor_of(TinyNet()), generated_inputs(), cache=AttributionCache(blocked))
    assert found.complete
    assert "not kept" in caplog.text


def test_two_processes_write_the_same_folder(tmp_path):
    script = (
        "import sys\n"
        "from test_explain_engine import *\n"
        "from pathlib import Path\n"
        "cache = AttributionCache(Path(sys.argv[1]), limit_bytes=20_000)\n"
        "for turn in range(3):\n"
        "    for seed in range(6):\n"
        "        assert final(predictor_of(TinyNet()), generated_inputs(seed=seed), cache=cache).complete\n"
    )
    command = [sys.executable, "-W", "error", "-c", script, str(tmp_path)]
    same_modules = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=same_modules) for _ in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert "damaged" not in errors
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 20_000 + 8_000
