"""Small generated datasets and an untrained release: the path is tested, not the answer."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from sier_gui.app import Workbench
from sier_gui.gui.state import AppState

CLASSES = ("anger", "happy", "hate", "sad")
LONG = 60_000  # ms; the first prediction imports torch on a busy machine
Open = Callable[..., Workbench]


def write_dataset(folder: Path, count: int = 6, header: tuple[str, ...] | None = None) -> Path:
    """``count`` pictures of 40×32 and sounds of half a second, with samples.csv; returns its path."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    rows = []
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (32, 40, 3), dtype=np.uint8)).save(folder / f"{i}.png")
        t = np.arange(8000) / 16_000
        soundfile.write(folder / f"{i}.wav", 0.3 * np.sin(2 * np.pi * (200 + 50 * i) * t), 16_000)
        rows.append((f"s{i}", f"{i}.png", f"{i}.wav", f"word {i}", CLASSES[i % 4]))
    table = folder / "samples.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header or ("sample_id", "image", "speech", "text", "label"))
        writer.writerows(rows)
    return table


def write_table(file: Path, count: int) -> Path:
    """A table of ``count`` rows whose files do not exist: enough to look at the table."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    rng = np.random.default_rng(3)
    numbers = np.arange(count)
    table = pa.table(
        {
            "sample_id": [f"s{i:06d}" for i in numbers],
            "image": [f"{i}.png" for i in numbers],
            "speech": [f"{i}.wav" for i in numbers],
            "text": [f"sentence {i % 977}" for i in numbers],
            "label": [CLASSES[i] for i in rng.integers(0, 4, count)],
        }
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    arrow_csv.write_csv(table, file)
    return file


def write_untrained_release(home: Path) -> None:
    """Into the user's own releases, for the four classes."""
    import torch

    from sier_gui.core.nets.networks import NetworkConfig, build
    from sier_gui.core.nets.releases import write_release

    torch.manual_seed(0)
    config = NetworkConfig("parallelnet", CLASSES, width=0.0625)
    tables = {
        "release": {"schema": 1, "name": "untrained", "version": "1"},
        "network": config.to_table(),
        "front": {},
        "training": {},
    }
    write_release(home / "data" / "models" / "untrained" / "1", build(config), tables, "# untrained\n")


def explained(state: AppState, sample_id: str) -> Callable[[], bool]:
    def check() -> bool:
        found = state.attribution
        return found is not None and found.complete and found.sample_id == sample_id

    return check


def last_words(bench: Workbench) -> str:
    message = bench.messages.history[-1]
    return f"{message.text} {message.hint}"
