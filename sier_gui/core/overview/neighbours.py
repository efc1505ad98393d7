"""Maps that keep neighbours together, UMAP and t-SNE, in a process of their own: minutes of one core.

The process can be ended at any moment, holds none of the window's locks, and yields to everything else.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.overview.projection import Floats, Layout, fitted, projected
from sier_gui.core.overview.store import FusedStore
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

METHODS = ("UMAP", "t-SNE")
COMPONENTS = 50  # principal components that distances are measured in
NEIGHBOURS = 15
PERPLEXITY = 30.0
EXTRA = 'pip install "sier-gui[maps]"'
POLL_S = 0.1
COMMAND = (sys.executable, "-m", "sier_gui.core.overview.neighbours")


def available(method: str) -> bool:
    """t-SNE is scikit-learn's and always there; UMAP is an extra."""
    return method != "UMAP" or find_spec("umap") is not None


def check(method: str) -> None:
    """Raises `SierError` where ``method`` cannot be had, with what to do."""
    if method not in METHODS:
        raise SierError(f"There is no map {method!r}.", f"Choose PCA, {' or '.join(METHODS)}.")
    if not available(method):
        raise SierError("UMAP needs the package umap-learn.", f"Run {EXTRA}, or choose t-SNE.")


def layout_file(dataset_hash: str, weights_hash: str, method: str) -> Path:
    """Where a finished map is kept."""
    name = f"{dataset_hash[:24]}-{weights_hash[:24]}-{method.lower()}.npz"
    return paths.user_folder("cache") / "maps" / name


def save_layout(file: Path, layout: Layout) -> None:
    with paths.atomic_file(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, rows=layout.rows, positions=layout.positions)


def load_layout(file: Path, method: str, count: int) -> Layout | None:
    """The map kept in ``file``, of a dataset of ``count`` rows; None where there is none that is whole."""
    from zipfile import BadZipFile

    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            rows, positions = stored["rows"], stored["positions"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    fits = positions.shape == (len(rows), 2) and rows.dtype == np.int64
    if not fits or not len(rows) or rows.min() < 0 or rows.max() >= count:
        return None
    return Layout(rows, positions.astype(np.float32), method)


def neighbours(
    store: FusedStore,
    method: str,
    *,
    seed: int = 0,
    report: Report = silent,
    token: CancelToken | None = None,
) -> Layout:
    """The map of all samples that ``store`` knows, by ``method`` of `METHODS`; equal seeds, equal maps.

    Distances are those of the first `COMPONENTS` principal components of the standardised layer.

    Raises
    ------
    SierError : too few samples, the method is not installed, or its process failed.
    Cancelled : ``token`` was cancelled.
    """
    check(method)
    token = token or CancelToken()
    rows = np.flatnonzero(store.known)
    by = fitted(store, rows, min(COMPONENTS, max(store.size, 2), max(len(rows) - 1, 2)))
    with tempfile.TemporaryDirectory(prefix="sier-gui-") as folder:
        given, found = Path(folder) / "given.npy", Path(folder) / "found.npy"
        np.save(given, projected(store, rows, by), allow_pickle=False)
        _run([*COMMAND, method, str(given), str(found), str(seed)], report, token)
        positions = np.load(found, allow_pickle=False)
    return Layout(rows, positions.astype(np.float32), method)


def _run(command: list[str], report: Report, token: CancelToken) -> None:
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open a console
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, creationflags=flags
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        errors: list[str] = []
        threads = [
            threading.Thread(target=_listen, args=(child.stdout, said.put), daemon=True),
            threading.Thread(target=_listen, args=(child.stderr, errors.append), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            while (line := _next(said, token)) is not None:
                done, total, text = line.split(" ", 2)
                report(Progress(int(done), int(total), text.strip()))
        finally:
            child.kill()
            for thread in threads:
                thread.join()
    if child.returncode:
        last = next(
            (line.strip() for line in reversed([e for e in errors if e]) if line.strip()), "no reason"
        )
        raise SierError(f"The map could not be computed: {last}.", "Choose another method.")


def _listen(stream: IO[str], put: Callable[[Any], None]) -> None:
    for line in stream:
        put(line)
    put(None)


def _next(said: queue.SimpleQueue[str | None], token: CancelToken) -> str | None:
    """The next line, None at the end; raises `Cancelled` where nobody wants more."""
    while True:
        token.check()
        try:
            return said.get(timeout=POLL_S)
        except queue.Empty:
            continue


# ---------------------------------------------------------------- in the process


def umap(vectors: Floats, seed: int, tell: Callable[[int, int, str], None]) -> NDArray[Any]:
    """(n, k) → (n, 2)."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tensorflow is absent, and that a seed means one thread
        from umap import UMAP

        tell(0, 0, "finding neighbours")
        fit = UMAP(
            n_neighbors=min(NEIGHBOURS, len(vectors) - 1),
            init="pca",  # spectral: minutes, or fails, on a graph in many parts
            random_state=seed,
            verbose=True,
            tqdm_kwds={"file": _Told(tell), "bar_format": "{n_fmt} {total_fmt}", "mininterval": 0.2},
        )
        return np.asarray(fit.fit_transform(vectors))


class _Told:
    """What tqdm writes its bar to: lines "done total"."""

    def __init__(self, tell: Callable[[int, int, str], None]) -> None:
        self._tell = tell

    def write(self, text: str) -> None:
        words = text.split()
        if len(words) == 2 and all(word.isdigit() for word in words):
            self._tell(int(words[0]), int(words[1]), "UMAP")

    def flush(self) -> None:
        """tqdm asks for it; each line is told as it comes."""


def tsne(vectors: Floats, seed: int, tell: Callable[[int, int, str], None]) -> NDArray[Any]:
    """(n, k) → (n, 2)."""
    from sklearn.manifold import TSNE

    tell(0, 0, "finding neighbours")
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    fit = TSNE(init="pca", perplexity=perplexity, random_state=seed, n_jobs=1, verbose=2)
    return np.asarray(fit.fit_transform(vectors))


def main(words: list[str]) -> int:
    """``METHOD GIVEN FOUND SEED``: read, map, write; each line of output says how far it is."""
    import re

    method, given, found, seed = words
    if hasattr(os, "nice"):
        os.nice(10)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)

    def tell(done: int, total: int, text: str) -> None:
        out.write(f"{done} {total} {text}\n")

    class Heard:
        """What scikit-learn prints: "[t-SNE] Iteration 50: …" of a thousand."""

        def write(self, text: str) -> None:
            for step in re.findall(r"Iteration (\d+)", text):
                tell(int(step), 1000, "t-SNE")

        def flush(self) -> None:
            out.flush()

    sys.stdout = Heard()
    vectors = np.load(given, allow_pickle=False)
    positions = (umap if method == "UMAP" else tsne)(vectors, int(seed), tell)
    np.save(found, positions.astype(np.float32), allow_pickle=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
