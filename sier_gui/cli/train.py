"""``sier-gui train``: begin, go on, take part, and end early."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from sier_gui.cli.verbs import emit, open_catalogue, say, terminal_report
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import Progress, Report

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue


def add_train(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--config", metavar="TOML", help="a file, or the preset paper or small")
    verb.add_argument("--out", required=True, metavar="DIR", help="the release's folder: <name>/<version>")
    verb.add_argument(
        "--column",
        type=named_column,
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="a column of the table: sample_id, image, speech, text or label (default: by their names)",
    )
    verb.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    verb.add_argument(
        "--join",
        action="store_true",
        help="take networks of the training that goes on in DIR, until none is left",
    )


def named_column(text: str) -> tuple[str, str]:
    field, sign, column = text.partition("=")
    if not (field and sign and column):
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=COLUMN")
    return field, column


def train(arguments: argparse.Namespace) -> int:
    from sier_gui.core.nets.training import join, load_config
    from sier_gui.core.nets.training import train as train_release

    catalogue, out = opened(arguments), Path(arguments.out)
    if arguments.join:
        join(catalogue, out, device=arguments.device, report=epoch_report())
        emit(arguments, {"schema": 1, "out": str(out)}, [f"nothing is left to take in {out}"])
        return 0
    with interrupts_stop(out):
        release = train_release(
            catalogue,
            load_config(arguments.config),
            out,
            resume=arguments.resume,
            device=arguments.device,
            workers=arguments.workers or 1,
            report=epoch_report(),
        )
    metrics = json.loads((release.folder / "metrics.json").read_text(encoding="utf-8"))
    emit(arguments, metrics, [f"{release.label} written to {release.folder}"])
    return 0


def opened(arguments: argparse.Namespace) -> Catalogue:
    if not arguments.column:
        return open_catalogue(arguments)
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.dataset.mapping import FIELDS, ColumnMapping

    named = dict(arguments.column)
    if unknown := sorted(set(named) - set(FIELDS)):
        raise SierError(f"--column: there is no field {unknown[0]}.", f"Known: {', '.join(FIELDS)}.")
    mapping = ColumnMapping(**{field: named.get(field, "") for field in FIELDS})
    return open_dataset(Path(arguments.dataset), mapping=mapping, allow_outside=arguments.allow_outside)


def epoch_report() -> Report:
    """A line for each finished epoch, piped or not; between them a progress bar on a terminal."""
    from sier_gui.core.nets.training.history import EpochProgress

    bar = terminal_report()

    def told(progress: Progress) -> None:
        if isinstance(progress, EpochProgress):
            print(f"{_clear()}{progress.text}", file=sys.stderr, flush=True)
        bar(progress)

    return told


def _clear() -> str:
    return "\r\x1b[K" if sys.stderr.isatty() else ""


@contextmanager
def interrupts_stop(out: Path) -> Iterator[None]:
    """The first Ctrl+C asks the training to keep its best and end; the second one breaks it off."""
    from sier_gui.core.nets.training.signals import request_stop

    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        try:
            request_stop(out)
        except SierError:  # it has not begun
            raise KeyboardInterrupt from None
        say(f"{_clear()}Stopping: the best so far is kept. Ctrl+C again breaks off (--resume goes on).")

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
