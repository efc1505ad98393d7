"""Several processes at one training: those that share the batches of a unit, and those that take units."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.errors import SierError
from sier_gui.core.nets.training.config import TrainingConfig
from sier_gui.core.nets.training.devices import make_fabric
from sier_gui.core.nets.training.history import UNITS, EpochProgress, Follower, epoch_line
from sier_gui.core.nets.training.session import Session, threads
from sier_gui.core.nets.training.signals import Stopped
from sier_gui.core.nets.training.units import Unit
from sier_gui.core.spreading import follow_parent, processes
from sier_gui.core.tasks import Cancelled, CancelToken, Pause, Report, silent

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from sier_gui.core.dataset.catalogue import Catalogue

LOOK_S = 0.5


@dataclass(frozen=True)
class Errand:
    """What another process needs to take part."""

    catalogue: Catalogue
    config: TrainingConfig
    work: Path
    device: str
    threads: int


# ---------------------------------------------------------------- a unit on several devices


def train_on_several(session: Session, unit: Unit) -> None:
    """Train ``unit`` by a process for each device.

    Raises
    ------
    Stopped, Cancelled, SierError : as `Session.train`.
    """
    import torch

    errand = Errand(session.catalogue, session.config, session.work, session.device, torch.get_num_threads())
    fabric = make_fabric(unit.point.config, session.device)
    follower = Follower(session.plan.folder)
    follower.new()  # what is there already is no news
    with ThreadPoolExecutor(1, "sier-gui devices") as pool:
        launched: Future[str] = pool.submit(fabric.launch, OneDevice(errand, unit.name))
        _watch(launched.done, follower, session.report)
        outcome = launched.result()
    if outcome:
        _raise(outcome)


class OneDevice:
    """What the process of one device does. (Not a function with arguments: Fabric would look into these.)"""

    def __init__(self, errand: Errand, name: str) -> None:
        self._errand = errand
        self._name = name

    def __call__(self, fabric: Fabric) -> str:
        """How it ended travels as text: an exception would end the others in the middle of a step."""
        follow_parent()
        try:
            self._train(fabric)
        except Stopped:
            return "stopped"
        except Cancelled:
            return "cancelled"
        except SierError as error:
            return f"error\0{error.message}\0{error.hint}"
        return ""

    def _train(self, fabric: Fabric) -> None:
        errand = self._errand
        with threads(max(1, errand.threads // fabric.world_size)):
            session = Session(
                errand.catalogue, errand.config, errand.work, str(fabric.device), silent, CancelToken()
            )
            (unit,) = [unit for unit in session.plan.open() if unit.name == self._name]
            session.train(unit, fabric)


def _raise(outcome: str) -> None:
    word, *rest = outcome.split("\0")
    if word == "stopped":
        raise Stopped
    if word == "cancelled":
        raise Cancelled
    raise SierError(*rest)


# ---------------------------------------------------------------- units in several processes


def work_in_processes(session: Session, workers: int, count: int) -> None:
    """As `Session.work_off`, by ``workers`` processes of ``count`` threads each.

    Raises
    ------
    Cancelled, SierError : as `Session.work_off`; the other processes are told to end.
    """
    errands = [
        Errand(session.catalogue, session.config, session.work, _own(session.device, i), count)
        for i in range(workers)
    ]
    follower = Follower(session.work / UNITS)
    follower.new()
    done, total = session.plan.count()
    for _ in processes(take_units, iter(errands), workers, session.token, Pause()):
        for unit, entry in follower.new():
            done, total = session.plan.count()
            session.report(EpochProgress(done, total, epoch_line(unit, entry), unit, entry))


def take_units(errand: Errand, token: CancelToken) -> None:
    """One process's share: units until none is left."""
    with threads(errand.threads):
        session = Session(errand.catalogue, errand.config, errand.work, errand.device, silent, token)
        session.work_off()
        session.close()


def _own(device: str, worker: int) -> str:
    """With several GPUs each process has its own."""
    import torch

    if device != "cuda":
        return device
    return f"cuda:{worker % torch.cuda.device_count()}"


def _watch(ended: Callable[[], bool], follower: Follower, report: Report) -> None:
    """Report epochs as other processes write them, until these have ended."""
    pause = threading.Event()
    while True:
        last = ended()
        for unit, entry in follower.new():
            report(EpochProgress(0, 0, epoch_line(unit, entry), unit, entry))
        if last:
            return
        pause.wait(LOOK_S)
