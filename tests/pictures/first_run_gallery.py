"""Walk a new user's path offscreen and render each step: ten own files, labelled, explained, exported.

Usage: python tests/pictures/first_run_gallery.py FOLDER
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "unit" / "gui"))

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from record_gallery import Waiting, pause

from sier_gui.app import WindowOptions, Workbench, make_application
from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.gui.dialogs.annotator import AnnotatorDialog
from sier_gui.gui.dialogs.export import ExportDialog

PATIENCE = 120_000  # ms
LABELS = "23142"


def ten_files(folder: Path) -> Path:
    """Five pictures and five sounds of the demo under names of one's own, without a table."""
    catalogue = open_dataset(paths.resources() / "demo")
    folder.mkdir()
    for number, row in enumerate(range(0, len(catalogue), len(catalogue) // 4 - 7)[:5], 1):
        for file in catalogue.sample(row).paths.values():
            shutil.copy(file, folder / f"holiday {number}{file.suffix}")
    return folder


class NewUser:
    """Sees the window for the first time, has read nothing, and uses what is on the screen."""

    def __init__(self, shots: Path) -> None:
        self.shots = shots
        self.bench = Workbench(make_application(), WindowOptions(theme="light", tour=True))
        self.window = self.bench.window
        self.window.setFixedSize(1280, 720)
        self.window.show()
        self.until(lambda: hasattr(self.bench, "open"))

    @staticmethod
    def until(what: Callable[[], bool]) -> None:
        Waiting.waitUntil(what, PATIENCE)

    def shoot(self, name: str) -> None:
        pause(150)
        shown = QApplication.activeModalWidget() or self.window
        assert shown.grab().save(str(self.shots / f"first-run-{name}.png"))

    def explained(self) -> bool:
        found, row = self.bench.state.attribution, self.bench.state.sample
        return (
            found is not None
            and found.complete
            and row is not None
            and found.sample_id == row.sample.sample_id
        )

    def key(self, key: str) -> None:
        self.window.activateWindow()
        self.until(self.window.isActiveWindow)
        QTest.keyClick(self.window.samples.table, key)

    def take_tour(self) -> None:
        self.until(lambda: self.bench.help.tour is not None)
        self.shoot("2-tour")
        while (tour := self.bench.help.tour) is not None:
            QTest.keyClick(tour.next, Qt.Key.Key_Return)

    def label_all(self) -> None:
        for number, key in enumerate(LABELS):
            self.until(lambda: self.bench.state.sample is not None)
            pause(300)
            self.key(key)
            if number == 0:  # the first label asks who it is by
                self.until(lambda: isinstance(QApplication.activeModalWidget(), AnnotatorDialog))
                self.shoot("3-name")
                dialog = QApplication.activeModalWidget()
                assert isinstance(dialog, AnnotatorDialog)
                QTest.keyClick(dialog.name, Qt.Key.Key_Return)
            pause(500)
            if number + 1 < len(LABELS):
                self.bench.actions.trigger("sample.next")
        self.until(self.explained)
        self.shoot("4-labelled")

    def export(self, out: Path) -> None:
        self.bench.actions.trigger("file.export")
        self.until(lambda: isinstance(QApplication.activeModalWidget(), ExportDialog))
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, ExportDialog)
        dialog.folder.setText(str(out))
        pause(6000)  # the preview is drawn by a process of its own
        self.shoot("5-export")
        write: QPushButton = dialog.write
        write.click()
        self.until(lambda: any("Wrote" in m.text for m in self.bench.messages.history))
        self.shoot("6-written")


def main() -> None:
    shots = Path(sys.argv[1]).resolve()
    shots.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as home:
        os.environ["SIER_GUI_HOME"] = home
        user = NewUser(shots)
        user.shoot("1-start")
        user.window.dropped.emit([str(ten_files(Path(home) / "mine"))])
        user.take_tour()
        user.until(user.explained)
        user.label_all()
        user.export(Path(home) / "figures")
        print(*(message.text for message in user.bench.messages.history), sep="\n")
        user.window.close()


if __name__ == "__main__":
    main()
