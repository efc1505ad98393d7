"""Study mode's page: the experimenter's desk, or one page of a rater's at a time."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from sier_gui.core.study.records import Protocol
from sier_gui.core.study.words import RaterWords, words
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.modes.study.before import AboutPage, HeadphonesPage, NoticePage, VolumePage
from sier_gui.gui.modes.study.desk import DeskPage, StartPage, WaitPage, first_of
from sier_gui.gui.modes.study.facts import DeskView
from sier_gui.gui.modes.study.trial import TrialPage


class StudyPage(QWidget):
    """Shows one page; the focus goes to where one begins."""

    inactive = Signal()  # the rater looks at another window
    stop_wished = Signal()  # Esc before the first trial; the trial page has its own

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start, self.wait, self.desk = StartPage(actions), WaitPage(), DeskPage(actions)
        self.notice, self.about = NoticePage(), AboutPage()
        self.headphones, self.volume = HeadphonesPage(), VolumePage()
        self.trial = TrialPage(words("en"), 3)
        self.words = words("en")
        self.steps = QStackedWidget()
        for page in (self.start, self.wait, self.desk, self.notice, self.about, self.headphones, self.volume):
            self.steps.addWidget(page)
        self.steps.addWidget(self.trial)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.steps)
        self.show_step(self.start)

    @property
    def step(self) -> QWidget | None:
        return self.steps.currentWidget()

    def furnish(self, protocol: Protocol) -> RaterWords:
        """The words and the trial page that a protocol wants; connect the new trial page."""
        self.words = words(protocol.language)
        old, self.trial = self.trial, TrialPage(self.words, protocol.trial.confidence)
        self.steps.removeWidget(old)
        old.deleteLater()
        self.steps.addWidget(self.trial)
        return self.words

    def show_step(self, page: QWidget) -> None:
        self.steps.setCurrentWidget(page)
        first: QWidget = {
            self.notice: self.notice.go_on,
            self.about: self.about.age,
            self.headphones: self.headphones.play,
            self.volume: self.volume.play,
        }.get(page, page)
        first_of(first).setFocus(Qt.FocusReason.TabFocusReason)  # so that the keyboard's place is drawn

    def show_notice(self, heading: str, text: str, go_on: str = "", other: str = "") -> None:
        self.notice.show_notice(heading, text, go_on, other)
        self.show_step(self.notice)

    def show_desk(self, view: DeskView) -> None:
        self.desk.show_desk(view, Path(view.folder).name)
        self.show_step(self.desk)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What the page that is shown has no use for."""
        stoppable = self.step in (self.about, self.headphones, self.volume)
        if event.key() == Qt.Key.Key_Escape and stoppable:
            self.stop_wished.emit()
            return
        super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowDeactivate:
            self.inactive.emit()
        return super().event(event)
