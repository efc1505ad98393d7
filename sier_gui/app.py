"""Composition root: the only place where the window's parts are wired together."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication

from sier_gui import __version__
from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.settings import Settings
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.faults import Faults
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.main_window import MainWindow
from sier_gui.gui.messages import Messages
from sier_gui.gui.state import AppState
from sier_gui.gui.theme import Theme


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """What the command line says about the window. ``theme`` None takes the remembered one."""

    path: str | None = None
    demo: bool = False
    release: str | None = None
    sample: str | None = None
    device: str = "auto"
    theme: str | None = None
    mode: str = "explore"
    tour: bool = False  # of the first run


def display_available() -> bool:
    """Whether a window could appear: a display on Linux, or a platform asked for by name."""
    if os.environ.get("QT_QPA_PLATFORM"):
        return True
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class WindowSettings(Settings):
    """Settings that never stop the window: one that cannot be written is told once and kept in memory.

    With ``remember`` False nothing is written: a picture of the window must not change the user's window.
    """

    def __init__(self, messages: Messages, *, remember: bool) -> None:
        super().__init__()
        self._messages = messages
        self._remember = remember

    def set(self, key: str, value: Any) -> None:
        if not self._remember:
            self._values[key] = value
            return
        try:
            super().set(key, value)
        except SierError as error:
            self._remember = False
            self._messages.error(error)


class Workbench(QObject):
    """The window with everything behind it; show its window to begin, close it to end."""

    def __init__(self, application: QApplication, options: WindowOptions, *, remember: bool = True) -> None:
        super().__init__(application)
        self.options = options
        self.messages = Messages(self)
        self.settings = WindowSettings(self.messages, remember=remember)
        self._remember = remember
        self.theme = Theme(application, options.theme or self.settings.get("theme", "system"))
        self.state = AppState(self)
        self.actions = ActionTable(self.state, self.settings, self)
        self.window = MainWindow(self.state, self.actions, self.settings, self.messages)
        self.reader = JobRunner("reader", self)
        self.computer = JobRunner("computer", self)
        self.clerk = JobRunner("clerk", self)
        self.keeper = JobRunner("keeper", self)  # a study's project: nothing else makes it wait
        self.press = JobRunner("press", self)  # exports: it waits for processes that draw
        self.scribe = JobRunner("scribe", self)  # annotations: each waits for the disk, and for nothing else
        self._begun = False
        self.ended = False  # both threads have come to their end
        self.window.closing.connect(self.shut_down)
        self.window.shown.connect(self._on_shown)

    @Slot()
    def _on_shown(self) -> None:
        if self._begun:
            return
        self._begun = True
        self.theme.use_font()
        self.window.assemble()
        if self.settings.recovered_from is not None:
            self.messages.info(
                "The settings file was damaged and has been set aside.",
                f"It is {self.settings.recovered_from}.",
            )
        # a timer of 0 ms fires once the window has been painted: what is slow to import comes after that
        QTimer.singleShot(0, self, self.begin)

    @Slot()
    def begin(self) -> None:
        """Wire the workflows and open what the command line names."""
        self._make_workflows()
        self._wire()
        rating = self.options.mode == "study"
        if self.options.path is not None and paths.is_project(Path(self.options.path)):
            (self.study if rating else self.record).open_project(self.options.path)
        elif rating and self.options.path is not None and self.options.path.lower().endswith(".csv"):
            self.study.open_responses(self.options.path)
        elif self.options.demo and rating:
            self.study.open_demo()
        elif self.options.demo and self.options.mode == "record":
            self.record.open_demo()
        elif self.options.path is not None:
            self.open.open_path(self.options.path)
        elif self.options.demo:
            self.open.open_demo()
        else:
            self.window.start.show_recent()
        if self.options.mode == "record":
            self.record.enter()
        elif rating:
            self.study.enter()

    def _make_workflows(self) -> None:
        from sier_gui.gui.workflows.aligned import WordsWorkflow
        from sier_gui.gui.workflows.annotate import AnnotateWorkflow
        from sier_gui.gui.workflows.annotation_desk import AnnotationDesk
        from sier_gui.gui.workflows.annotation_file import AnnotationFile
        from sier_gui.gui.workflows.annotation_queue import AnnotationQueue
        from sier_gui.gui.workflows.browse import BrowseWorkflow
        from sier_gui.gui.workflows.check import CheckWorkflow
        from sier_gui.gui.workflows.context import Context, Predictors
        from sier_gui.gui.workflows.explain import ExplainWorkflow
        from sier_gui.gui.workflows.export import ExportWorkflow
        from sier_gui.gui.workflows.help import HelpWorkflow
        from sier_gui.gui.workflows.look import LookWorkflow
        from sier_gui.gui.workflows.open import OpenWorkflow
        from sier_gui.gui.workflows.overview import OverviewWorkflow
        from sier_gui.gui.workflows.pair import PairWorkflow
        from sier_gui.gui.workflows.people import PeopleWorkflow
        from sier_gui.gui.workflows.play import PlayWorkflow
        from sier_gui.gui.workflows.predict import PredictWorkflow
        from sier_gui.gui.workflows.provenance import ProvenanceWorkflow
        from sier_gui.gui.workflows.record import RecordWorkflow
        from sier_gui.gui.workflows.release import ReleaseWorkflow
        from sier_gui.gui.workflows.still_heard import StillHeardWorkflow
        from sier_gui.gui.workflows.study import StudyWorkflow
        from sier_gui.gui.workflows.survey import SurveyWorkflow
        from sier_gui.gui.workflows.training import TrainingWorkflow
        from sier_gui.gui.workflows.truth import TruthWorkflow
        from sier_gui.gui.workflows.upkeep import UpkeepWorkflow
        from sier_gui.gui.workflows.view import ViewWorkflow
        from sier_gui.gui.workflows.what_if import WhatIfWorkflow
        from sier_gui.gui.workflows.what_if_list import WhatIfListWorkflow

        self.context = context = Context(
            self.state,
            self.actions,
            self.settings,
            self.messages,
            self.reader,
            self.computer,
            self.clerk,
            self.window,
            Predictors(self.options.device),
        )
        # before look: a new row ends the old explanation, then a sample known already starts its own
        self.explain = ExplainWorkflow(context)
        self.words = WordsWorkflow(context)
        self.look = LookWorkflow(context)
        self.predict = PredictWorkflow(context)
        self.browse = BrowseWorkflow(context, self.options.sample)
        annotations = AnnotationFile(context, self.scribe)
        self.annotate = AnnotateWorkflow(context, annotations)
        self.annotation_queue = AnnotationQueue(context, self.annotate)
        self.annotation_desk = AnnotationDesk(context, self.annotate, annotations)
        self.truth = TruthWorkflow(context)
        self.people = PeopleWorkflow(context)
        self.survey = SurveyWorkflow(context, resume=self._remember)
        self.overview = OverviewWorkflow(context, self.window.dataset_page)
        self.provenance = ProvenanceWorkflow(context)
        self.training = TrainingWorkflow(context)
        self.play = PlayWorkflow(context)
        self.pair = PairWorkflow(context)
        self.still_heard = StillHeardWorkflow(context)
        self.what_if = WhatIfWorkflow(context)
        self.what_if_list = WhatIfListWorkflow(context)
        self.export = ExportWorkflow(context, self.press)
        self.check = CheckWorkflow(context)
        self.view = ViewWorkflow(context, self.theme)
        self.help = HelpWorkflow(context, first_run=self.options.tour)
        self.release = ReleaseWorkflow(context, self.window.release_menu)
        self.record = RecordWorkflow(context, self.keeper, self.window.record_page)
        self.study = StudyWorkflow(context, self.keeper, self.window.study_page, self.record)
        self.upkeep = UpkeepWorkflow(context, self.keeper, self.record)
        self.open = OpenWorkflow(context, self.options.release)

    def _wire(self) -> None:
        window = self.window
        self.actions.bind("file.quit", self.quit)
        window.build_explorer()
        window.annotation_built.connect(self.annotate.furnish)
        window.samples.query_wished.connect(self.browse.set_query)
        self.browse.query_changed.connect(window.samples.show_query)
        self.open.leaving.connect(self._on_leaving)
        self.open.opened.connect(self.browse.begin)
        self.pair.ready.connect(self.look.show_sample)
        self.what_if.pair_wished.connect(self.look.show_sample)
        self.pair.dataset_dropped.connect(self.open.open_path)
        window.dropped.connect(self.pair.take)
        window.recent_chosen.connect(self.open.open_path)
        self.predict.device_known.connect(window.status.show_device)
        self.provenance.open_wished.connect(self.open.open_path)
        self.survey.fed.connect(self.predict.take_surveyed)
        self.survey.grown.connect(self.overview.refresh_degree)
        self.overview.query_wished.connect(self.browse.show_only)
        self.browse.query_changed.connect(self.overview.show_query)
        window.samples.query_wished.connect(self.overview.show_query)
        for runner in (self.reader, self.computer, self.keeper, self.press):
            runner.activity.connect(window.status.show_activity)
            runner.ended.connect(window.status.show_end)
            runner.activity.connect(self._on_activity)
            runner.ended.connect(self._on_end)

    @Slot(str, object)
    def _on_activity(self, kind: str, progress: object) -> None:
        self.state.set_busy(kind, getattr(progress, "fraction", 0.0))

    @Slot(str)
    def _on_end(self, kind: str) -> None:
        self.state.set_busy(kind, -1.0)

    @Slot()
    def quit(self) -> None:
        self.window.close()

    @Slot()
    def _on_leaving(self) -> None:
        self.browse.remember()
        self.predict.save()

    @Slot()
    def shut_down(self) -> None:
        """Keep what is to be kept, and end both threads within a second."""
        if hasattr(self, "open"):
            self._on_leaving()
            self.view.save()
            self.annotate.stop()
            self.play.stop()
            self.pair.stop()
            self.words.stop()
            self.still_heard.stop()
            self.survey.stop()
            self.export.stop()
            self.overview.stop()
            self.training.leave()
            self.record.stop()
            self.study.stop()
        runners = (self.reader, self.computer, self.clerk, self.keeper, self.scribe, self.press)
        ends = [runner.shutdown(0.3) for runner in runners]
        if hasattr(self, "context"):
            self.context.aligner.stop()
            self.still_heard.end()
        self.ended = all(ends)


def make_application() -> QApplication:
    """The process's one application, named."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    application = QApplication([sys.argv[0] if sys.argv else "sier-gui"])
    application.setApplicationName("sier-gui")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("sier-gui")
    return application


def run_window(options: WindowOptions) -> int:
    """Show the window until it is closed; returns the process's exit status.

    Where a thread is still inside a library by then (an import of torch, a layer of the network), the process
    ends here and at once: Python's own way out would free what that thread works with, and abort.
    """
    # Arrow's allocator (mimalloc) else touches 16 MiB more than an opened table of 80,893 rows needs
    os.environ.setdefault("MIMALLOC_ARENA_EAGER_COMMIT", "0")
    if sys.stderr is not None:
        faulthandler.enable()
    # a computing thread hands Python's lock over after 1 ms instead of 5: half the wait for the next frame
    sys.setswitchinterval(0.001)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt's loop would not let Python see Ctrl+C in the terminal
    application = make_application()
    workbench = Workbench(application, options)
    faults = Faults(workbench.messages, workbench)
    workbench.window.show()
    status = int(application.exec())
    faults.release()
    if not workbench.ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status
