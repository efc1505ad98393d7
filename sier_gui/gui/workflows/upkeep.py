"""The care of a project's recordings: imports, withdrawal, merging with a copy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.dialogs.deletion import ask_deletion
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.workflows.booth import Sitting
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.record import RecordWorkflow, sitting_of, view_of

if TYPE_CHECKING:
    from sier_gui.core.study.importing import Imported
    from sier_gui.core.study.project import MergeReport, Withdrawal
    from sier_gui.gui.modes.record.views import ProjectView

_SOUNDS = "Recordings (*.wav *.flac *.ogg *.opus *.mp3 *.aiff *.aif);;All files (*)"


class UpkeepWorkflow(QObject):
    """What is done to a project beside recording; all on the keeper's thread."""

    def __init__(self, context: Context, keeper: JobRunner, record: RecordWorkflow) -> None:
        super().__init__(context.window)
        self._context, self._keeper, self._record = context, keeper, record
        for action_id, handler in (
            ("record.merge", self.ask_merge),
            ("record.import", self.ask_import),
            ("record.accept_all", self.accept_imported),
            ("record.withdraw", self.ask_withdraw),
        ):
            context.actions.bind(action_id, handler)

    # ---------------------------------------------------------------- recordings made elsewhere

    @Slot()
    def ask_import(self) -> None:
        dialog = QFileDialog(self._context.window, "Import recordings named after their samples")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(_SOUNDS.split(";;"))
        dialog.filesSelected.connect(self.import_files)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(list)
    def import_files(self, files: list[str]) -> None:
        """As takes of the reader who sits here, with the same checks."""
        opened, sitting = self._record.opened, self._record.booth.sitting
        if opened is None or sitting is None:
            return

        def work(report: Report, token: CancelToken) -> tuple[Imported, Sitting]:
            from sier_gui.core.study.importing import import_recordings

            found = import_recordings(
                opened.project, sitting.reader, map(Path, files), opened.prompts, report=report, token=token
            )
            return found, sitting_of(opened, sitting.reader)

        job = self._keeper.start("record.import", work)
        job.succeeded.connect(self._on_imported)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_imported(self, outcome: tuple[Imported, Sitting]) -> None:
        imported, fresh = outcome
        self._record.booth.take_over(fresh)
        failed = sum(take.verdict == "fail" for take, _ in imported.takes)
        text = f"{len(imported.takes)} recordings imported, {failed} of them did not pass."
        parts = [f"{len(imported.known)} were here already."] if imported.known else []
        if imported.unmatched:
            names = ", ".join(path.name for path in imported.unmatched[:3])
            parts.append(f"{len(imported.unmatched)} are named after no sample ({names}…).")
        parts += [f"{path.name}: {why}" for path, why in imported.failed[:3]]
        self._context.messages.info(text, " ".join(parts), "record.accept_all", "Accept What Passed")

    @Slot()
    def accept_imported(self) -> None:
        """Imported takes that passed count, where nothing was decided about their prompt."""
        opened, sitting = self._record.opened, self._record.booth.sitting
        if opened is None or sitting is None:
            return

        def work(_report: Report, _token: CancelToken) -> Sitting:
            project, done = opened.project, set(opened.project.accepted_takes())
            for take in reversed(project.takes(sitting.reader)):
                if take.imported and take.verdict == "pass" and (take.reader, take.sample_id) not in done:
                    project.accept_take(take.reader, take.sample_id, take.number)
                    done.add((take.reader, take.sample_id))
            return sitting_of(opened, sitting.reader)

        job = self._keeper.start("record.accept-all", work)
        job.succeeded.connect(self._record.booth.take_over)
        job.failed.connect(self._context.messages.error)

    # ---------------------------------------------------------------- withdrawal and merging

    @Slot()
    def ask_withdraw(self) -> None:
        sitting = self._record.booth.sitting
        if sitting is None:
            return
        ask_deletion(
            self._context.window,
            "Withdraw a reader",
            f"Delete {sitting.reader} with all recordings, here and in the backups?",
            "This is the one thing that cannot be undone.",
            self.withdraw,
        )

    @Slot()
    def withdraw(self) -> None:
        """Delete what belongs to the reader who sits here, and say what that was."""
        opened, sitting = self._record.opened, self._record.booth.sitting
        if opened is None or sitting is None:
            return
        self._record.booth.leave()
        self._record.booth.sitting = None
        capture = self._record.microphone.capture

        def work(_report: Report, _token: CancelToken) -> tuple[Withdrawal, ProjectView]:
            if capture is not None:
                capture.finish()  # a take under way is withdrawn too
            return opened.project.withdraw_reader(sitting.reader), view_of(opened)

        job = self._keeper.start("record.withdraw", work)
        job.succeeded.connect(self._on_withdrawn)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_withdrawn(self, outcome: tuple[Withdrawal, ProjectView]) -> None:
        withdrawal, view = outcome
        self._record.show_people(replace(view, notices=()))
        self._context.messages.info(withdrawal.text())

    @Slot()
    def ask_merge(self) -> None:
        self._record.ask_folder("The folder of a copy of this project", self.merge)

    @Slot(str)
    def merge(self, folder: str) -> None:
        """Bring in what a copy has and this project lacks."""
        opened = self._record.opened
        if opened is None:
            return
        self._record.booth.leave()

        def work(_report: Report, _token: CancelToken) -> tuple[MergeReport, ProjectView]:
            from sier_gui.core.study.project import open_project

            with open_project(Path(folder), read_only=True) as other:
                report = opened.project.merge(other)
            notices = (*(conflict.text() for conflict in report.conflicts), *report.notes)
            return report, replace(view_of(opened), notices=notices)

        job = self._keeper.start("record.merge", work)
        job.succeeded.connect(self._on_merged)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_merged(self, outcome: tuple[MergeReport, ProjectView]) -> None:
        report, view = outcome
        self._record.show_people(view)
        added = ", ".join(f"{count} {name}" for name, count in report.added.items())
        hint = (
            f"{len(report.conflicts)} conflicts are listed; what is here stays." if report.conflicts else ""
        )
        self._context.messages.info(f"Merged: {added or 'nothing new'}.", hint)
