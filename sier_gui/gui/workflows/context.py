"""What every workflow is given."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from sier_gui.core.settings import Settings
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.messages import Messages
from sier_gui.gui.state import AppState

if TYPE_CHECKING:
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import Release


class Predictors:
    """The loaded network, made at first need. Only used on the computing thread, so it needs no lock."""

    def __init__(self, device: str = "auto") -> None:
        self._device = device
        self._loaded: Predictor | None = None

    def get(self, release: Release) -> Predictor:
        """Loading imports torch and takes seconds; the network of another release is let go first."""
        from sier_gui.core.nets.prediction import Predictor, set_threads

        if self._loaded is None or self._loaded.release != release:
            self._loaded = None
            set_threads((os.cpu_count() or 2) - 1)  # the window keeps one core
            self._loaded = Predictor(release, device=self._device)
        return self._loaded


@dataclass(frozen=True, slots=True)
class Context:
    """State to write to, tables to bind to, threads to work on."""

    state: AppState
    actions: ActionTable
    settings: Settings
    messages: Messages
    reader: JobRunner  # files: decoding never waits for the network
    computer: JobRunner  # networks and figures
    window: QWidget  # parent of dialogs
    predictors: Predictors = field(default_factory=Predictors)
