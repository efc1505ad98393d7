"""Assembles the window from panels; behaviour is in the workflows."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.settings import Settings
from sier_gui.gui.action_list import EXPLORING
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.help_pages import PROPERTY
from sier_gui.gui.messages import Messages
from sier_gui.gui.state import AppState

if TYPE_CHECKING:
    from sier_gui.gui.modes.record import RecordPage
    from sier_gui.gui.modes.study import StudyPage
    from sier_gui.gui.panels.overview import DatasetPage

SIZE = QSize(1400, 900)
MINIMUM = QSize(1024, 640)
_COLUMNS = (520, 536, 328)  # at 1400 pixels: samples, centre, result
_CENTRE = (440, 400)


class MainWindow(QMainWindow):
    """Start page or explorer above one line of status; messages appear on top.

    Empty until `assemble`; panels that import pyqtgraph or pyarrow are made by `build_explorer`, after the
    window is on the screen.
    """

    shown = Signal()  # mapped, not yet painted
    closing = Signal()
    dropped = Signal(list)  # paths
    recent_chosen = Signal(str)
    annotation_built = Signal(object)  # AnnotationPanel

    def __init__(self, state: AppState, actions: ActionTable, settings: Settings, messages: Messages) -> None:
        super().__init__()
        self._state, self._actions, self._settings = state, actions, settings
        self._explorer: QSplitter | None = None
        self._record: RecordPage | None = None
        self._study: StudyPage | None = None
        self._completed = False
        self._dataset: DatasetPage | None = None
        self._columns = list(_COLUMNS)  # widths that come back when the dataset's page goes
        self.setWindowTitle("sier-gui")
        self.setAcceptDrops(True)
        self.setMinimumSize(MINIMUM)
        self._messages = messages
        self._restore()

    def assemble(self) -> None:
        """Menus, start page, status line. Called between mapping and the first paint: the desktop makes
        room for the window meanwhile."""
        from sier_gui.gui.messages import MessageBar
        from sier_gui.gui.panels.start import StartPanel
        from sier_gui.gui.panels.status import StatusLine

        state, actions, settings = self._state, self._actions, self._settings
        self.message_bar = MessageBar(self._messages)
        self.message_bar.action_requested.connect(actions.trigger)
        self.start = StartPanel(actions, settings)
        self.start.open_wished.connect(self.recent_chosen)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start)
        self.status = StatusLine(state, actions)
        self.status.setProperty(PROPERTY, "status")
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.message_bar)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.status)
        self.setCentralWidget(centre)
        self._make_menus()
        state.dataset_changed.connect(self._on_dataset)
        state.sample_changed.connect(self._on_sample)
        state.mode_changed.connect(self._on_mode)
        state.kinds_changed.connect(self._show_status)
        state.rating_changed.connect(self._on_rating)
        self._messages.said.connect(self._on_said)  # after the bar, which has just shown itself

    # ---------------------------------------------------------------- making

    def _make_menus(self) -> None:
        self._menus = menus = self._actions.fill(self.menuBar(), self)
        self.recent_menu = QMenu("Open Recent", self)
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        menus["File"].insertMenu(self._actions.action("file.demo"), self.recent_menu)
        self.release_menu = QMenu("Release", self)
        menus["Explain"].addSeparator()
        menus["Explain"].addMenu(self.release_menu)
        self.status.release.setMenu(self.release_menu)
        palette = self._actions.action("help.palette")
        palette.setIconText(palette.toolTip())
        corner = QWidget(self.menuBar())
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for action_id in ("mode.explore", "mode.record", "mode.study", "help.palette"):
            button = QToolButton(corner)
            button.setDefaultAction(self._actions.action(action_id))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            button.setAutoRaise(True)
            row.addWidget(button)
        row.insertSpacing(3, 16)
        self.menuBar().setCornerWidget(corner)

    @Slot()
    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        recent = self._settings.get("recent", [])
        for path in recent:
            action = self.recent_menu.addAction(str(path))
            action.setData(str(path))
            action.triggered.connect(self._on_recent)
        if not recent:
            self.recent_menu.addAction("Nothing was opened yet").setEnabled(False)

    @Slot()
    def _on_recent(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.recent_chosen.emit(str(action.data()))

    def record_page(self) -> RecordPage:
        """Record mode's page, made at its first need."""
        from sier_gui.gui.modes.record import RecordPage

        if self._record is None:
            self._record = RecordPage(self._actions)
            self.pages.addWidget(self._record)
        return self._record

    def study_page(self) -> StudyPage:
        """Study mode's page, made at its first need."""
        from sier_gui.gui.modes.study import StudyPage

        if self._study is None:
            self._study = StudyPage(self._actions)
            self.pages.addWidget(self._study)
        return self._study

    def build_explorer(self) -> None:
        """Make Explore with its table, once; what a sample needs comes with `complete`."""
        if self._explorer is not None:
            return
        from sier_gui.gui.panels.finder import FinderPanel
        from sier_gui.gui.panels.samples import SamplesPanel

        state, actions = self._state, self._actions
        actions.tint(self.palette())
        self.samples = SamplesPanel(state, actions)
        self.samples.setProperty(PROPERTY, "samples")
        self.finder = FinderPanel(state, actions, self.samples)
        self._centre = _splitter(Qt.Orientation.Vertical, QWidget(), QWidget())
        self._explorer = _splitter(Qt.Orientation.Horizontal, self.finder, self._centre, QWidget())
        self._explorer.setStretchFactor(1, 1)
        self._lay_out()
        self.pages.addWidget(self._explorer)
        state.row_changed.connect(self._on_row)
        state.overview_changed.connect(self._on_overview)

    def dataset_page(self) -> DatasetPage:
        """The page of the dataset as a whole, in the place of the sample's; made at its first need."""
        from sier_gui.gui.panels.overview import DatasetPage

        self.build_explorer()
        assert self._explorer is not None
        if self._dataset is None:
            self._dataset = DatasetPage(self._state, self._actions)
            self._dataset.setProperty(PROPERTY, "dataset")
            self._dataset.hide()
            self._explorer.addWidget(self._dataset)
        return self._dataset

    @Slot(bool)
    def _on_overview(self, on: bool) -> None:
        """The table keeps its place and width; what is beside it changes."""
        assert self._explorer is not None
        sizes = self._explorer.sizes()
        if on:
            self._columns = sizes[:3]
        for place in (1, 2):
            widget = self._explorer.widget(place)
            assert widget is not None
            widget.setVisible(not on)
        if self._dataset is not None:
            self._dataset.setVisible(on)
        beside = sum(sizes[1:])
        self._explorer.setSizes([sizes[0], 0, 0, beside] if on else [sizes[0], *self._columns[1:], 0])

    @Slot()
    def _on_row(self) -> None:
        if not self._completed:
            QTimer.singleShot(0, self, self.complete)

    @Slot()
    def complete(self) -> None:
        """Picture, speech and result; pyqtgraph takes 0.2 s and 34 MiB that rows need not wait for."""
        if self._completed or self._explorer is None:
            return
        self._completed = True
        self._explorer.repaint()  # the rows, before what follows keeps this thread for a while
        from sier_gui.gui.panels.image import ImagePanel
        from sier_gui.gui.panels.speech import SpeechPanel

        state, actions = self._state, self._actions
        image, speech, result = ImagePanel(state, actions), SpeechPanel(state, actions), self._make_result()
        self.annotation_built.emit(self.annotation)
        for splitter, place, widget in (
            (self._centre, 0, image),
            (self._centre, 1, speech),
            (self._explorer, 2, result),
        ):
            # not replaceWidget: PySide6 6.11 would not know that the splitter owns the widget from then on
            splitter.insertWidget(place, widget)
            empty = splitter.widget(place + 1)
            assert empty is not None
            empty.hide()
            empty.setParent(None)
            empty.deleteLater()
        for panel, page in (
            (image, "picture"),
            (speech, "speech"),
            (result, "result"),
            (self.annotation, "annotations"),
        ):
            panel.setProperty(PROPERTY, page)
        self._explorer.setStretchFactor(1, 1)
        if self._state.overview:
            for widget in (self._centre, result):
                widget.hide()
        else:
            self._lay_out()
        order: list[QWidget] = [self.samples.table, image.canvas, speech.plots, *speech.buttons]
        within = [w for w in result.findChildren(QWidget) if w.window() is self]  # not the lists of boxes
        order += [w for w in within if w.focusPolicy() & Qt.FocusPolicy.TabFocus]
        for first, second in pairwise(order):
            QWidget.setTabOrder(first, second)

    def _lay_out(self) -> None:
        """Widths and heights as they were left."""
        assert self._explorer is not None
        for splitter, key, sizes in (
            (self._explorer, "layout.columns", _COLUMNS),
            (self._centre, "layout.centre", _CENTRE),
        ):
            saved = self._settings.get(key)
            fits = isinstance(saved, list) and len(saved) == len(sizes)
            splitter.setSizes([int(size) for size in (saved if fits else sizes)])

    def _make_result(self) -> QWidget:
        from sier_gui.gui.folding import FoldingColumn
        from sier_gui.gui.panels.annotation import AnnotationPanel
        from sier_gui.gui.panels.result import ExplanationPanel, ProbabilityPanel, WhatIfStrip

        probability = ProbabilityPanel(self._state)
        self.annotation = AnnotationPanel(self._state, self._actions)
        for button in self.annotation.head:
            probability.head.addWidget(button)
        explanation = ExplanationPanel(self._state, self._actions)
        sections = {
            "What if": WhatIfStrip(self._state, self._actions),
            "Notes": self.annotation,
            "Explanation": explanation,
        }
        column = FoldingColumn(probability, sections)
        column.show_section(explanation)
        column.setMinimumWidth(280)
        self.annotation.writing.connect(column.show_section)
        return column

    # ---------------------------------------------------------------- what is shown

    @Slot(object)
    def _on_dataset(self, dataset: object) -> None:
        self._show_title()
        if dataset is not None:
            self._show_explorer()

    @Slot(object)
    def _on_sample(self, view: object) -> None:
        if view is not None:
            self._show_explorer()
            self.complete()

    def _show_explorer(self) -> None:
        self.build_explorer()
        assert self._explorer is not None
        self.finder.setVisible(self._state.dataset is not None)
        if self._state.mode == "explore":
            self.pages.setCurrentWidget(self._explorer)

    def _show_title(self) -> None:
        name = "" if self._state.rating else getattr(self._state.dataset, "name", "")
        self.setWindowTitle(f"{name} — sier-gui" if name else "sier-gui")

    @Slot(bool)
    def _on_rating(self, occupied: bool) -> None:
        """A rater sees the study's page and nothing else: no menus, no names, no messages of other work."""
        self.menuBar().setVisible(not occupied)
        self.setAcceptDrops(not occupied)
        self.message_bar.hide()
        self._show_title()

    @Slot(object)
    def _on_said(self, _message: object) -> None:
        if self._state.rating:
            self.message_bar.hide()

    @Slot()
    def _show_status(self) -> None:
        """Readers see prompts and none of our work, but an import that they wait for."""
        self.status.setVisible(self._state.mode == "explore" or "record.import" in self._state.busy)

    @Slot(str)
    def _on_mode(self, mode: str) -> None:
        self._show_status()
        for title in EXPLORING:
            self._menus[title].menuAction().setVisible(mode == "explore")
        if mode == "record":
            self.pages.setCurrentWidget(self.record_page())
        elif mode == "study":
            self.pages.setCurrentWidget(self.study_page())
        elif self._state.dataset is not None or self._state.sample is not None:
            self._show_explorer()
        else:
            self.pages.setCurrentWidget(self.start)

    # ---------------------------------------------------------------- Qt's events

    def setVisible(self, visible: bool) -> None:
        super().setVisible(visible)
        if visible:
            self.shown.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._explorer is not None:
            self._actions.tint(self.palette())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.dropped.emit(files)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._save()
        self.closing.emit()
        super().closeEvent(event)

    # ---------------------------------------------------------------- remembered

    def _restore(self) -> None:
        self.resize(SIZE)
        saved = self._settings.get("layout.window")
        if isinstance(saved, str):
            self.restoreGeometry(QByteArray.fromHex(saved.encode("ascii", "ignore")))

    def _save(self) -> None:
        self._settings.set("layout.window", bytes(self.saveGeometry().toHex().data()).decode())
        if self._completed and self._explorer is not None and self._state.dataset is not None:
            columns = self._columns if self._state.overview else self._explorer.sizes()[:3]
            self._settings.set("layout.columns", columns)
            self._settings.set("layout.centre", self._centre.sizes())


def _splitter(orientation: Qt.Orientation, *widgets: QWidget) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setChildrenCollapsible(False)
    splitter.setHandleWidth(8)
    for widget in widgets:
        splitter.addWidget(widget)
    return splitter
