"""Annotations as a whole: who annotates, how far people agree, taken out, merged back, brought together."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog, QFileDialog

from sier_gui.gui.dialogs.annotations import AgreementDialog, MergeDialog
from sier_gui.gui.dialogs.annotator import AnnotatorDialog
from sier_gui.gui.dialogs.labels import LabelsDialog
from sier_gui.gui.workflows.annotate import AnnotateWorkflow
from sier_gui.gui.workflows.annotation_file import AnnotationFile
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.annotations.agreeing import Agreed
    from sier_gui.core.annotations.export import Corrected
    from sier_gui.core.annotations.merging import MergeReport
    from sier_gui.core.annotations.store import AnnotationStore

UNANIMOUS, MAJORITY = "Labels all agree on (*.csv)", "Labels of the majority (*.csv)"
FILES = "Annotations (*.sqlite)"


class AnnotationDesk(QObject):
    """Dialogs about annotations; none of them stops the window, and no file of the dataset is changed."""

    def __init__(self, context: Context, annotate: AnnotateWorkflow, file: AnnotationFile) -> None:
        super().__init__(context.window)
        self._context, self._annotate, self._file = context, annotate, file
        self._asking: AnnotatorDialog | None = None
        for action_id, handler in (
            ("annotate.name", self.ask_name),
            ("annotate.labels", self.ask_labels),
            ("annotate.agreement", self.show_agreement),
            ("annotate.export", self.ask_folder),
            ("annotate.table", self.ask_table),
            ("annotate.merge", self.ask_files),
        ):
            context.actions.bind(action_id, handler)
        annotate.name_wished.connect(self.ask_name)

    # ---------------------------------------------------------------- who

    @Slot()
    def ask_name(self) -> None:
        """Whose annotations the next ones are; asked once by itself."""
        if self._asking is None:
            name = self._context.state.annotated.me or _login()
            self._asking = dialog = AnnotatorDialog(name, self._context.window)
            dialog.named.connect(self._annotate.sign)
            dialog.finished.connect(self._on_asked)
            dialog.open()

    @Slot(int)
    def _on_asked(self, result: int) -> None:
        dialog, self._asking = self._asking, None
        assert dialog is not None
        if not result:
            self._annotate.sign("")
        dialog.deleteLater()

    @Slot()
    def ask_labels(self) -> None:
        """Which labels the keys give."""
        dialog = LabelsDialog(self._context.state.annotated.labels, self._context.window)
        dialog.chosen.connect(self._annotate.list_labels)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # ---------------------------------------------------------------- agreement

    @Slot()
    def show_agreement(self) -> None:
        catalogue = self._context.state.dataset
        assert catalogue is not None

        def work(store: AnnotationStore) -> Agreed:
            from sier_gui.core.annotations.agreeing import agree, labels_of

            ids, given = (catalogue.texts(name).to_pylist() for name in ("sample_id", "label"))
            table = {sample: label for sample, label in zip(ids, given, strict=True) if label}
            return agree(labels_of(store.entries()), table)

        job = self._file.reading("annotate.agreement", work)
        if job is not None:
            job.succeeded.connect(self._on_agreed)

    @Slot(object)
    def _on_agreed(self, found: Agreed) -> None:
        self._show(AgreementDialog(found, self._context.window))

    def _show(self, dialog: QDialog) -> None:
        dialog.finished.connect(dialog.deleteLater)
        dialog.show()

    # ---------------------------------------------------------------- out of the program

    def _ask(self, title: str, mode: QFileDialog.FileMode, chosen: Callable[..., None]) -> QFileDialog:
        dialog = QFileDialog(self._context.window, title)
        dialog.setFileMode(mode)
        dialog.accepted.connect(chosen)
        dialog.finished.connect(dialog.deleteLater)
        return dialog

    @Slot()
    def ask_folder(self) -> None:
        self._ask("Export annotations to", QFileDialog.FileMode.Directory, self._on_folder).open()

    @Slot()
    def _on_folder(self) -> None:
        folder = Path(self._chosen()[0])

        def work(store: AnnotationStore) -> list[Path]:
            from sier_gui.core.annotations.export import write_annotations

            return write_annotations(store, folder)

        job = self._file.reading("annotate.export", work)
        if job is not None:
            job.succeeded.connect(self._on_exported)

    @Slot(object)
    def _on_exported(self, files: list[Path]) -> None:
        self._context.messages.info(
            f"Annotations are in {files[0].parent}.", ", ".join(f.name for f in files)
        )

    @Slot()
    def ask_table(self) -> None:
        """A copy of the dataset's table with people's labels, beside it unless one says otherwise."""
        from sier_gui.core.annotations.export import corrected_name

        catalogue = self._context.state.dataset
        assert catalogue is not None
        dialog = self._ask("Save a table with these labels", QFileDialog.FileMode.AnyFile, self._on_table)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([UNANIMOUS, MAJORITY])
        dialog.setDefaultSuffix("csv")
        dialog.selectFile(str(corrected_name(catalogue)))
        dialog.open()

    @Slot()
    def _on_table(self) -> None:
        catalogue, (path, name) = self._context.state.dataset, self._chosen()
        assert catalogue is not None
        rule = "majority" if name == MAJORITY else "unanimous"

        def work(store: AnnotationStore) -> Corrected:
            from sier_gui.core.annotations.export import write_corrected

            return write_corrected(catalogue, store, Path(path), rule)

        job = self._file.reading("annotate.export", work)
        if job is not None:
            job.succeeded.connect(self._on_corrected)

    @Slot(object)
    def _on_corrected(self, made: Corrected) -> None:
        self._context.messages.info(f"{made.table}: {made.text()}.", "The original table is as it was.")

    def _chosen(self) -> tuple[str, str]:
        """Path and name filter of the dialog that sends."""
        dialog = self.sender()
        assert isinstance(dialog, QFileDialog)
        return dialog.selectedFiles()[0], dialog.selectedNameFilter()

    # ---------------------------------------------------------------- others' annotations

    @Slot()
    def ask_files(self) -> None:
        dialog = self._ask("Merge annotations of others", QFileDialog.FileMode.ExistingFiles, self._on_files)
        dialog.setNameFilter(FILES)
        dialog.open()

    @Slot()
    def _on_files(self) -> None:
        dialog = self.sender()
        assert isinstance(dialog, QFileDialog)
        self.merge([Path(file) for file in dialog.selectedFiles()])

    def merge(self, files: list[Path]) -> None:
        """Bring in annotations of others; what came of it is shown."""
        catalogue = self._context.state.dataset
        assert catalogue is not None

        def work(store: AnnotationStore) -> list[tuple[Path, MergeReport]]:
            from sier_gui.core.annotations.merging import bring_in

            samples = set(catalogue.texts("sample_id").to_pylist())
            return [(file, bring_in(store, file, samples)) for file in files]

        job = self._file.writing("annotate.merge", work)
        if job is not None:
            job.succeeded.connect(self._on_merged)

    @Slot(object)
    def _on_merged(self, found: Any) -> None:
        lines = []
        for file, report in found:
            lines += [f"{file.name}: {report.text()}", *(conflict.text() for conflict in report.conflicts)]
        self._show(MergeDialog(lines, self._context.window))
        self._file.reload(self._context.state.annotated.me)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a system that knows no name for this process
        return ""
