"""What each epoch gave: one JSON line per epoch and unit, readable while the training goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import Progress

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

HISTORY = "history.jsonl"
UNITS = "units"
MEASURED = ("seconds", "samples_per_second")  # differ from run to run, all else does not

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EpochProgress(Progress):
    """Progress that a finished epoch of ``unit`` makes; ``entry`` is its line."""

    unit: str = ""
    entry: Mapping[str, Any] | None = None


def write_history(folder: Path, entries: Sequence[Entry]) -> None:
    """All lines at once, atomically: what is there is always what the checkpoint knows."""
    lines = "".join(json.dumps(entry) + "\n" for entry in entries)
    paths.write_bytes(folder / HISTORY, lines.encode())


def read_history(file: Path) -> list[Entry]:
    """The lines of a `HISTORY` file; none where it is not there yet.

    Raises
    ------
    SierError : it is damaged.
    """
    try:
        text = file.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise SierError(
            f"Cannot read {file}: {error}.", "Train again with --resume: it is rewritten."
        ) from error


def timeless(entries: Sequence[Entry]) -> list[Entry]:
    """Entries without what is measured by the clock."""
    return [{key: value for key, value in entry.items() if key not in MEASURED} for entry in entries]


def epoch_line(unit: str, entry: Mapping[str, Any]) -> str:
    """One epoch for people."""
    stream = entry.get("stream", "fused")
    text = f"{unit}  {stream} epoch {int(entry['epoch']) + 1}: loss {entry['train_loss']:.3f}"
    if "validation_loss" in entry:
        text += f", validation {entry['validation_loss']:.3f}"
        for name, key in (("balanced", "balanced_accuracy"), ("F1", "macro_f1"), ("κ", "kappa")):
            text += f", {name} {entry[f'validation_{key}']:.3f}"
    return f"{text}, {entry['samples_per_second']:.0f} samples/s"


class Follower:
    """New epochs in a folder of units, whichever process writes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, int] = {}
        self._stamps: dict[str, tuple[int, int]] = {}

    def new(self) -> list[tuple[str, Entry]]:
        """(unit, entry) of epochs that the last call had not found, by unit."""
        found: list[tuple[str, Entry]] = []
        for file in sorted(self._folder.glob(f"*/{HISTORY}")):
            unit = file.parent.name
            try:
                status = file.stat()
            except FileNotFoundError:
                continue  # moved away: the training has ended
            stamp = (status.st_mtime_ns, status.st_size)
            if self._stamps.get(unit) == stamp:
                continue
            self._stamps[unit] = stamp
            entries = read_history(file)
            found += [(unit, entry) for entry in entries[self._seen.get(unit, 0) :]]
            self._seen[unit] = len(entries)
        return found


class Board:
    """TensorBoard logs of one unit, where they are wanted.

    Raises
    ------
    SierError : TensorBoard is not installed.
    """

    def __init__(self, folder: Path | None, first: int) -> None:
        """``first``: epochs known already; what a killed run had written after them is dropped."""
        self._writer: SummaryWriter | None = None
        if folder is not None:
            self._writer = _summary_writer()(str(folder), purge_step=first)

    def add(self, step: int, entry: Mapping[str, Any]) -> None:
        if self._writer is not None:
            for name, value in entry.items():
                if name not in ("stage", "epoch", "stream"):
                    self._writer.add_scalar(name, value, step)
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def check_tensorboard() -> None:
    """Told before a training starts, not after its first epoch."""
    _summary_writer()


def _summary_writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise SierError(
            "TensorBoard logs need the package tensorboard.",
            'pip install "sier-gui[tensorboard]", or set run.tensorboard = false.',
        ) from error
    return SummaryWriter
