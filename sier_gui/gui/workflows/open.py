"""Opening a dataset: from the menu, the recent list, the command line, or by dropping it on the window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QDialog, QFileDialog

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.dialogs.mapping import MappingDialog
from sier_gui.gui.jobs import Priority
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.releases import Release

TABLES = "Tables (*.csv *.tsv *.parquet *.jsonl);;All files (*)"
PREVIEW_ROWS = 5


@dataclass(frozen=True, slots=True)
class NeedsMapping:
    """A table whose columns say not by themselves what they are."""

    path: Path
    columns: tuple[str, ...]
    preview: tuple[tuple[str, ...], ...]
    guessed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Fitting:
    """The release for a dataset, or why there is none."""

    release: Release | None
    problem: SierError | None


class OpenWorkflow(QObject):
    """Opens datasets and chooses the release that fits; both on the reading thread."""

    leaving = Signal()  # the present dataset is about to be replaced
    opened = Signal(object)  # Catalogue, after the state has it

    def __init__(self, context: Context, release: str | None = None) -> None:
        super().__init__(context.window)
        self._context = context
        self._release_name = release
        self._path: Path | None = None  # being opened
        for action_id, handler in (
            ("file.open", self.ask_folder),
            ("file.open_table", self.ask_table),
            ("file.demo", self.open_demo),
        ):
            context.actions.bind(action_id, handler)

    @Slot()
    def ask_folder(self) -> None:
        self._ask(QFileDialog.FileMode.Directory, "Open a dataset folder", "")

    @Slot()
    def ask_table(self) -> None:
        self._ask(QFileDialog.FileMode.ExistingFile, "Open a dataset table", TABLES)

    def _ask(self, mode: QFileDialog.FileMode, title: str, names: str) -> None:
        dialog = QFileDialog(self._context.window, title)
        dialog.setFileMode(mode)
        if names:
            dialog.setNameFilters(names.split(";;"))
        dialog.fileSelected.connect(self.open_path)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def open_demo(self) -> None:
        self.open_path(str(paths.resources() / "demo"))

    @Slot(str)
    def open_path(self, path: str) -> None:
        """Open a folder or table with the mapping remembered for it, if any."""
        self._start(Path(path).absolute(), self._remembered(path))

    def _remembered(self, path: str) -> dict[str, str] | None:
        mapping = self._context.settings.get("mappings", {}).get(str(Path(path).absolute()))
        return mapping if isinstance(mapping, dict) else None

    def _start(self, path: Path, mapping: dict[str, str] | None) -> None:
        self._path = path

        def work(_report: Report, token: CancelToken) -> Iterator[Any]:
            found = _open(path, mapping)
            yield found
            token.check()
            if not isinstance(found, NeedsMapping):
                yield _fitting(found, self._release_name)

        job = self._context.reader.start("open", work, Priority.URGENT)
        job.partial.connect(self._on_partial)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_partial(self, value: Any) -> None:
        if isinstance(value, NeedsMapping):
            self._ask_mapping(value)
        elif isinstance(value, Fitting):
            self._context.state.set_release(value.release)
            if value.problem is not None:
                self._context.messages.error(value.problem)
        else:
            self._show(value)

    def _show(self, catalogue: Catalogue) -> None:
        self.leaving.emit()
        state = self._context.state
        self._context.messages.withdraw()
        state.set_predictions(None)
        state.set_attribution(None)
        state.set_prediction(None)
        state.set_sample(None)
        state.set_row(-1)
        state.set_dataset(catalogue)
        self._context.settings.push_recent(str(catalogue.source))
        if len(catalogue) == 0:
            self._context.messages.info(f"{catalogue.name} has no rows.", "Add samples to its table.")
        elif catalogue.problems:
            count = len(catalogue.problems)
            text = f"{catalogue.problems[0].reason}" + (f" (and {count - 1} more)" if count > 1 else "")
            self._context.messages.info(text, "", "file.validate", "Check the Dataset")
        self.opened.emit(catalogue)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        recent = self._context.settings.get("recent", [])
        if self._path is not None and not self._path.exists() and str(self._path) in recent:
            self._context.settings.set("recent", [p for p in recent if p != str(self._path)])
        self._context.messages.error(error)

    # ---------------------------------------------------------------- columns with other names

    def _ask_mapping(self, needed: NeedsMapping) -> None:
        dialog = MappingDialog(needed.columns, needed.preview, needed.guessed, self._context.window)
        dialog.setWindowTitle(f"Columns of {needed.path.name}")
        dialog.setProperty("path", str(needed.path))
        dialog.finished.connect(self._on_mapped)
        dialog.open()

    @Slot(int)
    def _on_mapped(self, result: int) -> None:
        dialog = self.sender()
        assert isinstance(dialog, MappingDialog)
        path = str(dialog.property("path"))
        dialog.deleteLater()
        if result != QDialog.DialogCode.Accepted:
            self._context.messages.info(
                f"{Path(path).name} was not opened: its columns were not named.",
                "Open it again to name them.",
            )
            return
        mappings = dict(self._context.settings.get("mappings", {}))
        mappings[path] = dialog.mapping()
        self._context.settings.set("mappings", mappings)
        self._start(Path(path), dialog.mapping())


def _open(path: Path, mapping: dict[str, str] | None) -> Catalogue | NeedsMapping:
    """The catalogue, or what a person needs to see to name the columns."""
    from sier_gui.core.dataset import adapters
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.dataset.mapping import FIELDS, ColumnMapping, guess, guess_fields

    if mapping is not None:
        try:
            return open_dataset(path, mapping=ColumnMapping(**mapping))
        except (SierError, TypeError):
            mapping = None  # the table has changed since: its columns decide
    try:
        return open_dataset(path)
    except SierError:
        if not path.exists():
            raise
        table, _problems, _name = adapters.read(path)  # raises anew where the table itself is broken
        columns = tuple(table.column_names)
        if not columns or set(FIELDS) <= set(columns) or guess(columns) is not None:
            raise
        rows = table.slice(0, PREVIEW_ROWS).to_pylist()
        preview = tuple(tuple(str(row[name] or "") for name in columns) for row in rows)
        return NeedsMapping(path, columns, preview, guess_fields(columns))


def _fitting(catalogue: Catalogue, name: str | None) -> Fitting:
    from sier_gui.core.nets.releases import choose_release

    try:
        release = choose_release(catalogue.classes, dataset_hash=catalogue.dataset_hash, name=name)
    except SierError as error:
        return Fitting(None, error)
    return Fitting(release, None)
