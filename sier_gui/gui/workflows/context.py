"""What every workflow is given."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from sier_gui.core.settings import Settings
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.messages import Messages
from sier_gui.gui.state import AppState
from sier_gui.gui.workflows.words import WordAligner

if TYPE_CHECKING:
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import Release


class Predictors:
    """The loaded network, made at first need. Only used on the computing thread, so it needs no lock."""

    def __init__(self, device: str = "auto") -> None:
        self.device = device
        self._loaded: Predictor | None = None

    def get(self, release: Release) -> Predictor:
        """Loading imports torch and takes seconds; the network of another release is let go first."""
        from sier_gui.core.nets.prediction import set_threads

        if self._loaded is None or self._loaded.release != release:
            self._loaded = None
            self._loaded = self.beside(release)
        else:
            set_threads(_threads())  # a survey, within which this may be called, uses one for itself
        return self._loaded

    def beside(self, release: Release) -> Predictor:
        """Another network, which whoever asked lets go; the one of `get` stays."""
        _open_libraries()
        from sier_gui.core.nets.prediction import Predictor, set_threads

        with lasting():
            set_threads(_threads())
            with with_gradients():
                return Predictor(release, device=self.device)


def _threads() -> int:
    return (os.cpu_count() or 2) - 1  # the window keeps one core


@contextmanager
def lasting() -> Iterator[None]:
    """What is made within stays as long as the program: nobody need ever look through it for garbage.

    Torch brings half a million objects, Captum with matplotlib another fifty thousand. Looking through them,
    while they are made and ever after, would hold Python's lock for 100 and 50 ms each time.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@contextmanager
def with_gradients() -> Iterator[None]:
    """Torch as it starts: work may run within another job's check, which may have switched gradients off."""
    import torch

    with torch.inference_mode(False), torch.enable_grad():
        yield


def _open_libraries() -> None:
    """Let the linker work on torch's 460 MB without Python's lock.

    An import keeps the lock while it loads a library, so that the window stood still for 215 ms; a foreign
    call gives it back. The import then finds the libraries loaded (longest wait measured: 70 ms).
    """
    import ctypes
    import importlib.util
    import sys
    from pathlib import Path

    found = importlib.util.find_spec("torch") if "torch" not in sys.modules else None
    if not sys.platform.startswith("linux") or found is None or found.origin is None:
        return
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    for name in ("libtorch_cpu.so", "libtorch_python.so"):
        # one that is not there is the import's business
        dlopen(os.fsencode(Path(found.origin).with_name("lib") / name), os.RTLD_NOW | os.RTLD_LOCAL)


@dataclass(frozen=True, slots=True)
class Context:
    """State to write to, tables to bind to, threads to work on."""

    state: AppState
    actions: ActionTable
    settings: Settings
    messages: Messages
    reader: JobRunner  # files: decoding never waits for the network
    computer: JobRunner  # networks and figures
    clerk: JobRunner  # tables over a whole dataset: neither decoding nor computing waits for their sums
    window: QWidget  # parent of dialogs
    predictors: Predictors = field(default_factory=Predictors)
    aligner: WordAligner = field(default_factory=WordAligner)
