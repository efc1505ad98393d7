"""``sier-gui train``: figures by the split, then the network that ships, then its release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.core import paths
from sier_gui.core.dataset.answered import is_built
from sier_gui.core.errors import SierError
from sier_gui.core.locks import FolderLock
from sier_gui.core.nets import toml
from sier_gui.core.nets.networks import NetworkConfig, parameter_count
from sier_gui.core.nets.prediction import resolve_device
from sier_gui.core.nets.release_files import CONFIG
from sier_gui.core.nets.releases import Release, open_release, write_release
from sier_gui.core.nets.training.card import make_card
from sier_gui.core.nets.training.card_charts import card_charts
from sier_gui.core.nets.training.config import ReleaseTable, TrainingConfig
from sier_gui.core.nets.training.history import UNITS, check_tensorboard
from sier_gui.core.nets.training.predictions import PREDICTIONS, to_csv
from sier_gui.core.nets.training.session import Session, threads
from sier_gui.core.nets.training.signals import WORK, Signals
from sier_gui.core.nets.training.standing import write_total
from sier_gui.core.nets.training.units import CHECKPOINT
from sier_gui.core.tasks import CancelToken, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue

MARKER, THREADS = "config.toml", "threads.json"
BUSY = (
    "{folder} is being trained by {owner}.",
    "Wait until it has ended; --join takes part in it.",
)
STOPPED = "The training was stopped before its end: this is the best network it had until then."


def train(
    catalogue: Catalogue,
    config: TrainingConfig,
    out: Path,
    *,
    resume: bool = False,
    device: str = "auto",
    workers: int = 1,
    report: Report = silent,
    token: CancelToken | None = None,
) -> Release:
    """Train on ``catalogue`` as ``config`` says and write a verified release into the folder ``out``.

    A killed or cancelled run loses at most an epoch: ``resume`` goes on where it stood. While it runs,
    ``out/training`` holds checkpoints and, for each network, a folder ``units/<name>`` with history.jsonl and
    predictions.csv; the last two stay in ``out/units``. ``out/metrics.json`` has all figures,
    ``out/predictions.csv`` the predictions that they come from. `signals.request_stop` ends it early: then
    the best network so far ships.

    Parameters
    ----------
    workers : processes; each takes whole networks (`units`).

    Raises
    ------
    SierError : ``out`` is in use, the config does not fit the data, or the loss diverges.
    Cancelled : ``token`` was cancelled.
    """
    config = _completed(config, catalogue, out)
    if (out / CONFIG).is_file() and not (out / WORK).exists():
        if resume:
            return open_release(out)
        raise SierError(f"{out} already holds a release.", "Choose another folder; nothing is overwritten.")
    device = resolve_device(device)
    _check(config, workers, device)
    lock = FolderLock(out / WORK, BUSY)
    try:
        work = _work_folder(out, config, catalogue.dataset_hash, resume)
        token = Signals(work, token or CancelToken())
        token.clear()
        count = _threads(work, workers)
        with threads(count if workers == 1 else count * workers), _telling(token):
            session = Session(catalogue, config, work, device, report, token)
            write_total(work, session.plan.count()[1])
            _train_all(session, workers, count)
            release = _written(session, catalogue, out)
            session.close()
    finally:
        lock.release()
    shutil.rmtree(work)
    return release


def join(
    catalogue: Catalogue,
    out: Path,
    *,
    device: str = "auto",
    report: Report = silent,
    token: CancelToken | None = None,
) -> None:
    """Take part in the training of ``out``, which another process or machine has begun, until nothing is left
    to take; the process that began it writes the release.

    Raises
    ------
    SierError : nothing is being trained there, or on another dataset.
    Cancelled : ``token`` was cancelled.
    """
    work = out / WORK
    marker = work / MARKER
    if not marker.is_file():
        raise SierError(f"Nothing is being trained in {out}.", "Begin with sier-gui train.")
    tables = toml.read(marker)
    if tables.pop("dataset_hash") != catalogue.dataset_hash:
        raise SierError(f"The training in {out} is on another dataset.", "Give the same one.")
    config = replace(TrainingConfig.from_tables({**tables, "preset": ""}), preset=tables["preset"])
    with threads(_threads(work, 1)):
        session = Session(catalogue, config, work, resolve_device(device), report, token or CancelToken())
        session.work_off(going_on=marker.is_file)
        session.close()


def _check(config: TrainingConfig, workers: int, device: str) -> None:
    """What would come to light only after hours."""
    if workers < 1:
        raise SierError(f"{workers} workers.", "Use 1 or more.")
    if workers > 1 and config.run.devices > 1:
        raise SierError(
            "Several workers and several devices for each network at once are not possible.",
            "With run.devices = 1 each worker has a GPU of its own.",
        )
    if config.optimiser.precision == "16-mixed" and device == "cpu":
        raise SierError("16-mixed precision needs a GPU.", "Use bf16-mixed or 32-true.")
    if config.run.tensorboard:
        check_tensorboard()


def _train_all(session: Session, workers: int, count: int) -> None:
    if workers == 1:
        session.work_off()
    else:
        from sier_gui.core.nets.training.team import work_in_processes

        work_in_processes(session, workers, count)


@contextmanager
def _telling(token: Signals) -> Iterator[None]:
    """Whatever ends this process's work ends that of the others."""
    try:
        yield
    except BaseException:
        token.tell_all()
        raise


def _written(session: Session, catalogue: Catalogue, out: Path) -> Release:
    """The release; what the figures come from lies beside it."""
    plan, stopped = session.plan, session.token.stopped
    unit = plan.best_so_far() if stopped and plan.open() else plan.shipping()
    if unit is None:
        raise SierError(
            "The training was stopped before the first epoch was complete: there is nothing to keep.",
            "Go on with --resume.",
        )
    answers = session.predictions()
    origin: dict[str, Any] = {"dataset": catalogue.name, "dataset_hash": catalogue.dataset_hash}
    if is_built(catalogue.columns):
        origin["labels_from_networks"] = True
    metrics = session.metrics(answers) | origin
    network, metrics["history"] = session.shipped(unit)
    config = unit.point.config
    if stopped:
        metrics["stopped"] = True
        config = replace(config, release=replace(config.release, notes=(*config.release.notes, STOPPED)))
    charts = card_charts(metrics, {"samples": metrics["samples"]})
    card = make_card(config, metrics, catalogue.name, parameter_count(network), list(charts))
    extra = {
        **charts,
        "metrics.json": (json.dumps(metrics, indent=1, ensure_ascii=False) + "\n").encode(),
        PREDICTIONS: to_csv(answers).encode(),
    }
    _keep_units(session, out)
    tables = _release_tables(config, {**origin, "samples": len(session.data)})
    return write_release(out, network, tables, card, half=config.release.half, extra=extra)


def _keep_units(session: Session, out: Path) -> None:
    """Histories and predictions of all networks, without their weights."""
    for folder in sorted(session.plan.folder.iterdir()):
        for file in sorted(folder.iterdir()):
            if file.name not in (CHECKPOINT, "_lock") and not file.name.startswith("."):
                paths.write_bytes(out / UNITS / folder.name / file.name, file.read_bytes())


def _completed(config: TrainingConfig, catalogue: Catalogue, out: Path) -> TrainingConfig:
    """``config`` with the dataset's classes and the folder's name where it leaves them open."""
    table = {"classes": list(catalogue.classes), **config.network}
    return replace(
        config,
        network=NetworkConfig.from_table(table).to_table(),
        release=_named(config.release, out.resolve()),
    )


def _named(table: ReleaseTable, out: Path) -> ReleaseTable:
    """``table`` with a name: its own, else by ``<name>/<version>``, where a version starts with a digit."""
    if table.name:
        return table
    if out.name[:1].isdigit() and out.parent.name:
        return replace(table, name=out.parent.name, version=out.name)
    return replace(table, name=out.name)


def _release_tables(config: TrainingConfig, origin: dict[str, Any]) -> dict[str, Any]:
    """The release's config.toml: [training] has everything that is not in the other tables."""
    tables = config.to_tables()
    network, front, release = (tables.pop(name) for name in ("network", "front", "release"))
    return {
        "release": {"schema": 1, "name": release["name"], "version": release["version"]},
        "network": network,
        "front": front,
        "training": {**origin, **tables},
    }


def _work_folder(out: Path, config: TrainingConfig, dataset_hash: str, resume: bool) -> Path:
    """``out/training``, holding the config it belongs to."""
    work = out / WORK
    text = toml.dumps({"dataset_hash": dataset_hash, **config.to_tables()})
    marker = work / MARKER
    if marker.is_file():
        if not resume:
            raise SierError(
                f"{out} holds a training that was not finished.", "Go on with --resume, or delete the folder."
            )
        if marker.read_text(encoding="utf-8") != text:
            raise SierError(
                f"The training in {out} was started with another config or dataset.",
                "Choose another folder, or use the config it was started with.",
            )
    paths.write_bytes(marker, text.encode())
    return work


def _threads(work: Path, workers: int) -> int:
    """torch's threads for each network: kept with the training, since a sum's last bits depend on them."""
    import torch

    file = work / THREADS
    if not file.is_file():
        paths.write_json(file, max(1, torch.get_num_threads() // workers))
    return int(json.loads(file.read_text(encoding="utf-8")))
