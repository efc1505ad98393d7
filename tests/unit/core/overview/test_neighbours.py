"""Maps of neighbours in a process of their own: repeatable, kept, cancelled, and honest when it fails."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sier_gui.core.errors import SierError
from sier_gui.core.overview import neighbours as module
from sier_gui.core.overview.neighbours import layout_file, load_layout, neighbours, save_layout
from sier_gui.core.overview.projection import Layout
from sier_gui.core.overview.store import FusedStore
from sier_gui.core.tasks import Cancelled, CancelToken, Progress


def filled(folder: Path, n: int, clusters: int = 3) -> FusedStore:
    rng = np.random.default_rng(0)
    store = FusedStore(folder / "one.npy", n + 5)
    centres = rng.normal(0, 8, (clusters, 12))
    store.put(
        list(range(n)), (centres[np.arange(n) % clusters] + rng.normal(size=(n, 12))).astype(np.float32)
    )
    return store


def apart(layout: Layout, clusters: int = 3) -> float:
    """Share of samples whose nearest neighbour is of their own cluster."""
    distance = np.linalg.norm(layout.positions[:, None] - layout.positions, axis=-1)
    np.fill_diagonal(distance, np.inf)
    return float((distance.argmin(axis=1) % clusters == np.arange(len(layout.rows)) % clusters).mean())


def test_tsne_keeps_neighbours_and_tells_how_far_it_is(tmp_path):
    seen: list[Progress] = []
    found = neighbours(filled(tmp_path, 90), "t-SNE", report=seen.append)
    assert found.rows.tolist() == list(range(90))
    assert found.positions.dtype == np.float32
    assert apart(found) > 0.95
    assert seen[0].text == "finding neighbours"
    assert (seen[-1].done, seen[-1].total) == (1000, 1000)


@pytest.mark.slow
def test_umap_keeps_neighbours_and_repeats(tmp_path):
    store = filled(tmp_path, 120)
    first, again = (neighbours(store, "UMAP", seed=1) for _ in range(2))
    assert apart(first) > 0.95
    np.testing.assert_array_equal(first.positions, again.positions)


def child(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", code))


def test_a_cancel_ends_the_process_at_once(tmp_path, monkeypatch):
    pid = tmp_path / "pid"
    child(monkeypatch, f"import os,signal;open({str(pid)!r},'w').write(str(os.getpid()));signal.pause()")
    token = CancelToken()

    class Impatient(CancelToken):
        def check(self) -> None:
            if pid.exists() and pid.read_text():
                token.cancel()
            token.check()

    begun = time.monotonic()
    with pytest.raises(Cancelled):
        neighbours(filled(tmp_path, 10), "t-SNE", token=Impatient())
    assert time.monotonic() - begun < 30
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_process_that_fails_says_why(tmp_path, monkeypatch):
    child(monkeypatch, "import sys;print('1 2 half way');sys.exit('no memory left')")
    seen: list[Progress] = []
    with pytest.raises(SierError, match="no memory left"):
        neighbours(filled(tmp_path, 10), "t-SNE", report=seen.append)
    assert [(one.done, one.total, one.text) for one in seen] == [(1, 2, "half way")]


def test_what_cannot_be_had_is_said_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    store = filled(tmp_path, 10)
    with pytest.raises(SierError, match=r"sier-gui\[maps\]"):
        neighbours(store, "UMAP")
    with pytest.raises(SierError, match="no map 'MDS'"):
        neighbours(store, "MDS")
    with pytest.raises(SierError, match="at least 3"):
        neighbours(FusedStore(tmp_path / "none.npy", 4), "t-SNE")


def test_a_finished_map_is_kept_and_a_damaged_one_is_not_shown(tmp_path):
    file = layout_file("a" * 64, "b" * 64, "t-SNE")
    assert load_layout(file, "t-SNE", 9) is None
    save_layout(file, Layout(np.array([1, 8]), np.array([[0, 1], [2, 3]], np.float32), "t-SNE"))
    found = load_layout(file, "t-SNE", 9)
    assert found is not None
    assert (found.rows.tolist(), found.positions.tolist()) == ([1, 8], [[0, 1], [2, 3]])
    assert load_layout(file, "t-SNE", 8) is None  # of a larger dataset
    file.write_bytes(file.read_bytes()[:-20])
    assert load_layout(file, "t-SNE", 9) is None
