"""Render Explore with a selection, with parts taken away, with a picture held, and the list, into a folder.

Usage: python tests/pictures/what_if_gallery.py FOLDER [WIDTHxHEIGHT light|dark]
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication
from record_gallery import in_looks, pause

from sier_gui.app import WindowOptions, Workbench
from sier_gui.core.domain import Modality, Selection
from sier_gui.gui.workflows.help import SEEN
from sier_gui.gui.workflows.voices import prepared

SPAN = Selection(Modality.SPEECH, 0.3, 0.8)
CELL = Selection(Modality.SPEECH, 0.9, 1.3, 500.0, 2500.0)
BOX = Selection(Modality.IMAGE, left=60, top=40, right=200, bottom=220)


def until(what: Callable[[], bool]) -> None:
    for _ in range(6000):
        if what():
            return
        pause(20)
    raise TimeoutError


def render(folder: Path, size: tuple[int, int], theme: str) -> None:
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    bench = Workbench(
        application, WindowOptions(demo=True, theme=theme, sample="hate-train-05"), remember=False
    )
    bench.settings.set(SEEN, True)  # no tour
    state = bench.state
    bench.window.setFixedSize(*size)
    bench.window.show()
    until(lambda: state.attribution is not None and state.attribution.complete)

    def shot(name: str) -> None:
        bench.messages.withdraw()
        pause(300)
        target = folder / f"what-if-{name}-{size[0]}-{theme}.png"
        assert bench.window.grab().save(str(target)), target

    state.set_selection(CELL)
    until(lambda: state.what_if is not None)
    shot("cell")
    state.set_selection(SPAN)
    bench.actions.trigger("what_if.take_away")
    state.set_selection(BOX)
    until(lambda: state.what_if is not None and state.what_if.removals == (SPAN, BOX))
    shot("parts")
    bench.actions.trigger("what_if.keep")
    bench.actions.action("view.still_heard").trigger()
    until(lambda: state.still_heard is not None)
    bench.play.voices._on_found(prepared(state.sample, _voices(bench)))  # type: ignore[arg-type]
    state.set_heard(bench.play.voices.text())
    shot("heard")
    bench.actions.trigger("what_if.put_back")
    bench.actions.action("what_if.hold_picture").trigger()
    bench.actions.trigger("sample.next")
    until(lambda: state.what_if is not None)
    until(lambda: state.attribution is not None and state.attribution.complete)
    bench.actions.trigger("what_if.keep")
    shot("held")
    bench.actions.trigger("what_if.list")
    pause(100)
    dialog = bench.what_if_list._dialog
    assert dialog is not None
    assert dialog.grab().save(str(folder / f"what-if-list-{size[0]}-{theme}.png"))
    dialog.close()
    bench.window.close()


def _voices(bench: Workbench) -> list[object]:
    from sier_gui.core.study.voices import other_voices

    assert bench.state.dataset is not None
    assert bench.state.sample is not None
    return list(other_voices(bench.state.sample.sample, bench.state.dataset.root))


if __name__ == "__main__":
    in_looks(render)
