"""What 80,893 rows cost before anything is painted: open, search, filter, sort, validate, predictions.

    python benchmarks/catalogue.py [--rows 80893] [--repeat 7] [--json FILE]

Each opening runs in a fresh process, since that is what a person waits for; "first" includes importing
pyarrow and numpy. The rest are medians in one process; "first" there is a cold cache (`query.warm` fills it).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

_OPEN = """
import json, re, sys, time
begun = time.perf_counter()
from pathlib import Path
from sier_gui.core.dataset.catalogue import open_dataset
imported = time.perf_counter()
catalogue = open_dataset(Path(sys.argv[1]))
opened = time.perf_counter()
catalogue.sample(len(catalogue) // 2)
sampled = time.perf_counter()
catalogue.dataset_hash
hashed = time.perf_counter()
status = Path("/proc/self/status")  # getrusage would count the parent's memory before exec
peak = int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1]) / 1024 if status.exists() else float("nan")
print(json.dumps({"import": imported - begun, "open": opened - imported, "sample": sampled - opened,
                  "hash": hashed - sampled, "peak_mib": peak}))
"""


def in_fresh_processes(folder: Path, repeat: int) -> list[dict[str, Any]]:
    """Rows of the table for opening: seconds, and the process's peak memory in MiB."""
    runs = []
    for _ in range(repeat):
        run = subprocess.run(
            [sys.executable, "-c", _OPEN, str(folder)], cwd=ROOT, check=True, capture_output=True, text=True
        )
        runs.append(json.loads(run.stdout))
    names = {
        "import": "import catalogue (numpy)",
        "open": "open: pyarrow imported, CSV parsed",
        "sample": "first sample",
        "hash": "dataset hash",
    }
    rows = [line(name, [run[key] for run in runs]) for key, name in names.items()]
    return [
        *rows,
        {"what": "peak memory", "mib": round(statistics.median(run["peak_mib"] for run in runs), 1)},
    ]


def line(what: str, seconds: list[float]) -> dict[str, Any]:
    return {
        "what": what,
        "first_ms": round(seconds[0] * 1e3, 3),
        "median_ms": round(statistics.median(seconds) * 1e3, 3),
        "max_ms": round(max(seconds) * 1e3, 3),
    }


def timed(what: str, repeat: int, work: Callable[[], Any]) -> dict[str, Any]:
    seconds = []
    for _ in range(repeat):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return line(what, seconds)


def in_one_process(folder: Path, repeat: int) -> list[dict[str, Any]]:
    """Rows of the table for everything after opening."""
    import numpy as np

    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.dataset.query import PredictionTable, Query, select
    from sier_gui.core.dataset.validation import validate

    catalogue = open_dataset(folder)
    n, classes = len(catalogue), catalogue.classes
    random = np.random.default_rng(0)
    table = PredictionTable(catalogue, classes)
    answers = random.dirichlet(np.ones(len(classes)), n)
    rows = [timed("fill all predictions", repeat, lambda: table.fill(np.arange(n), answers))]
    table.image_share[:] = random.random(n)
    table.disagree[:] = random.random(n) < 0.2
    queries = {
        "search text": Query(search="black bags"),
        "filter label": Query(label="anger"),
        "filter wrong": Query(wrong_only=True),
        "filter disagree + confidence": Query(disagree_only=True, confidence=(0.4, 0.8)),
        "sort text": Query(sort="text"),
        "sort speaker, descending": Query(sort="speaker", descending=True),
        "sort loss: most wrong first": Query(sort="loss", descending=True),
        "sort image share": Query(sort="image_share"),
        "search + filter + sort": Query(search="the", wrong_only=True, sort="loss", descending=True),
    }
    for name, query in queries.items():
        rows.append(timed(name, repeat, lambda query=query: select(catalogue, query, table)))
    some = random.integers(n, size=1000).tolist()
    rows.append(timed("1,000 samples", repeat, lambda: [catalogue.sample(row) for row in some]))
    file = folder / "predictions.npz"
    rows.append(timed("save predictions", repeat, lambda: table.save(file)))
    rows.append(timed("load predictions", repeat, lambda: PredictionTable.load(file, catalogue, classes)))
    rows.append(timed("validate (16 files named by all rows)", 1, lambda: validate(catalogue)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=80_893)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    from fixtures.datasets import make_large_table

    with tempfile.TemporaryDirectory() as temporary:
        folder = make_large_table(Path(temporary), rows=arguments.rows)
        figures = in_fresh_processes(folder, arguments.repeat) + in_one_process(folder, arguments.repeat)
    print(f"| {arguments.rows:,} rows | first ms | median ms | max ms |\n|---|--:|--:|--:|")
    for row in figures:
        if "mib" in row:
            print(f"| {row['what']} | | {row['mib']} MiB | |")
        else:
            print(f"| {row['what']} | {row['first_ms']:.2f} | {row['median_ms']:.2f} | {row['max_ms']:.2f} |")
    if arguments.json:
        result = {"schema": 1, "rows": arguments.rows, "figures": figures}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
