"""Training in a process of its own, which the window watches and which outlives it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Slot

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.nets.training.standing import Standing
    from sier_gui.gui.dialogs.training import TrainingDialog

KIND = "training"
SAVED = "training"  # settings: the last choice, and the folder being trained in
LOOK_MS = 500


class TrainingWorkflow(QObject):
    """One training at a time is begun here; its folder says how far it is, whoever began it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._dialog: TrainingDialog | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._phase = ""
        self._reminded = False
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        context.actions.bind("tools.train", self.show)
        context.state.dataset_changed.connect(self._on_dataset)

    # ---------------------------------------------------------------- asking

    @Slot()
    def show(self) -> None:
        if self._dialog is None:
            self._dialog = self._made()
        self._on_dataset()
        self._dialog.show()
        self._dialog.activateWindow()
        self._look()

    def _made(self) -> TrainingDialog:
        from sier_gui.gui.dialogs.training import TrainingChoice, TrainingDialog, suggested

        dialog = TrainingDialog(self._context.window)
        saved, dataset = self._context.settings.get(SAVED, {}), self._context.state.dataset
        saved = saved if isinstance(saved, dict) else {}
        out = str(saved.get("running") or "")
        if not out and dataset is not None:
            out = suggested(paths.user_folder("data") / "models", dataset.name)
        workers = saved.get("workers")
        workers = workers if isinstance(workers, int) else 1
        dialog.set_choice(TrainingChoice(str(saved.get("config") or "small"), out, workers))
        dialog.start_wished.connect(self.start)
        dialog.stop_wished.connect(self.stop)
        dialog.folder_changed.connect(self._on_folder)
        dialog.finished.connect(self._on_closed)
        return dialog

    @Slot()
    def _on_dataset(self) -> None:
        dataset = self._context.state.dataset
        if self._dialog is not None:
            self._dialog.set_dataset(dataset.name if dataset else "", len(dataset) if dataset else 0)
        elif dataset is not None and not self._reminded:
            self._reminded = True
            self._remind()

    def _remind(self) -> None:
        """Of what was begun before the window was closed last."""
        saved = self._context.settings.get(SAVED, {})
        running = str(saved.get("running") or "") if isinstance(saved, dict) else ""
        if not running:
            return

        def work(_report: Report, _token: CancelToken) -> Standing:
            from sier_gui.core.nets.training.standing import look

            return look(Path(running))

        job = self._context.clerk.start(KIND, work, Priority.BACKGROUND)
        job.succeeded.connect(self._on_reminded)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_reminded(self, standing: Standing) -> None:
        said = {
            "running": "A training that was begun here goes on.",
            "unfinished": "A training that was begun here was broken off; it can go on where it stood.",
            "finished": "The training that was begun here has ended: its release is in the menu Explain.",
        }.get(standing.phase)
        if said is not None:
            self._context.messages.info(said, "", "tools.train", "Show It")
        if standing.phase not in ("running", "unfinished"):
            self._remember({"running": ""})

    @Slot(str)
    def _on_folder(self, _folder: str) -> None:
        self._phase = ""
        self._look()

    # ---------------------------------------------------------------- the process

    @Slot()
    def start(self) -> None:
        """Begin, or go on with what the folder holds."""
        dataset, dialog = self._context.state.dataset, self._dialog
        if dataset is None or dialog is None or self._process is not None:
            return
        choice = dialog.choice()
        command = [sys.executable, "-m", "sier_gui", "train", str(dataset.source), "--resume"]
        command += ["--config", choice.config, "--out", choice.out, "--workers", str(choice.workers)]
        if dataset.adapter == "native":
            columns = dataset.mapping.as_dict().items()
            command += [word for field, name in columns if name for word in ("--column", f"{field}={name}")]
        command += ["--allow-outside"] if dataset.allow_outside else []
        try:
            self._log().parent.mkdir(parents=True, exist_ok=True)
            with self._log().open("wb") as log:
                # a session of its own: Ctrl+C in the window's terminal, or its end, is not the training's;
                # and one core is left to the window
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) - 1))},
                    start_new_session=True,
                )
        except OSError as error:
            self._context.messages.error(
                SierError(f"The training cannot be started: {error.strerror or error}.", "Try again.")
            )
            return
        self._remember(
            {"config": choice.config, "workers": choice.workers, "running": os.path.abspath(choice.out)}
        )
        dialog.show_starting()
        self._timer.start()

    @Slot()
    def stop(self) -> None:
        """Ask it to keep its best and to end."""
        from sier_gui.core.nets.training.signals import request_stop

        if self._dialog is None:
            return
        try:
            request_stop(self._out())
        except SierError as error:
            self._context.messages.error(error)
            return
        self._dialog.show_stopping()

    def _out(self) -> Path:
        assert self._dialog is not None
        return Path(self._dialog.choice().out)

    @staticmethod
    def _log() -> Path:
        return paths.user_folder("cache") / "training.log"

    def _remember(self, values: dict[str, Any]) -> None:
        saved = self._context.settings.get(SAVED, {})
        self._context.settings.set(SAVED, {**(saved if isinstance(saved, dict) else {}), **values})

    # ---------------------------------------------------------------- watching

    @Slot()
    def _look(self) -> None:
        """Read the folder in the background; what is read comes to `_on_standing`."""
        if self._dialog is None or self._context.clerk.busy(KIND):
            return
        text = self._dialog.choice().out
        if not text:
            self._dialog.show_standing(None)
            return
        out = Path(text)

        def work(_report: Report, _token: CancelToken) -> Standing:
            from sier_gui.core.nets.training.standing import look

            return look(out)

        job = self._context.clerk.start(KIND, work, Priority.BACKGROUND)
        job.succeeded.connect(self._on_standing)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_standing(self, standing: Standing) -> None:
        from sier_gui.core.nets.training.standing import RUNNING

        dialog, process = self._dialog, self._process
        if dialog is None:
            return
        ended = process is not None and process.poll() is not None
        if process is not None and not ended and standing.phase != RUNNING:
            return  # it has not begun to write, or is about to end
        before, self._phase = self._phase, standing.phase
        dialog.show_standing(standing)
        if standing.phase == RUNNING:
            self._timer.start()
            return
        self._timer.stop()
        if ended:
            self._process = None
        if ended or before == RUNNING:
            self._on_end(standing)

    def _on_end(self, standing: Standing) -> None:
        """It has just ended: well, or the log says why not."""
        from sier_gui.core.nets.training.standing import FINISHED, UNFINISHED

        self._remember({"running": ""})
        if standing.phase == FINISHED:
            self._context.messages.info(
                f"The release in {self._out()} is trained.", "It is in the menu Explain, Release."
            )
        elif self._dialog is not None:
            reason = _last_line(self._log())
            hint = " What is done is kept." if standing.phase == UNFINISHED else ""
            self._dialog.show_problem(f"The training ended: {reason}{hint}")

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._timer.stop()
        self._context.messages.error(error)

    @Slot()
    def _on_closed(self) -> None:
        if self._process is None:
            self._timer.stop()

    def leave(self) -> None:
        """The window closes: the training goes on, and is found again by its folder."""
        self._timer.stop()


def _last_line(log: Path) -> str:
    """What the process said last."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    said = [line for line in lines if line.strip()]
    return said[-1].removeprefix("sier-gui: ") if said else "it said nothing."
