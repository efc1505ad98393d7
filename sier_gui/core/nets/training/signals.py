"""Words to a training from outside its process: files in its folder, which every process of it looks for."""

from __future__ import annotations

import contextlib
from pathlib import Path

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import Cancelled, CancelToken

WORK = "training"  # folder inside the release's, gone when the release is written
_STOP, _CANCEL = "stop", "cancel"


class Stopped(Exception):
    """The user asked for an end: what is best so far is kept."""


def never() -> bool:
    return False


def request_stop(out: Path) -> None:
    """The training in ``out`` is to end, keep the best it has and write the release.

    Raises
    ------
    SierError : nothing is being trained there.
    """
    work = out / WORK
    if not work.is_dir():
        raise SierError(f"Nothing is being trained in {out}.")
    (work / _STOP).touch()


class Signals(CancelToken):
    """A token that is cancelled with ``token``, or by a word left in the folder ``work``."""

    def __init__(self, work: Path, token: CancelToken) -> None:
        super().__init__()
        self._work = work
        self._token = token

    @property
    def cancelled(self) -> bool:
        return self._token.cancelled or (self._work / _CANCEL).exists()

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled

    @property
    def stopped(self) -> bool:
        """Whether somebody asked to keep what there is."""
        return (self._work / _STOP).exists()

    def tell_all(self) -> None:
        """Every process of this training is to be cancelled."""
        with contextlib.suppress(FileNotFoundError):  # the folder is gone: nobody is left
            (self._work / _CANCEL).touch()

    def clear(self) -> None:
        """What was said to an earlier run."""
        for name in (_STOP, _CANCEL):
            (self._work / name).unlink(missing_ok=True)
