"""The experimenter's side: which project, and who sits down next. Locked while a rater sits there."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QProgressBar, QWidget

from sier_gui.core.tasks import Progress
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.modes.study.layout import TEXT_PT, WIDTH, button, column, sized, text, title
from sier_gui.gui.modes.study.views import DeskView
from sier_gui.gui.widgets import centred


class StartPage(QWidget):
    """No project yet: open one, or the demo."""

    def __init__(self, actions: ActionTable) -> None:
        super().__init__()
        self.open, self.demo = button("Open a study project…"), button("Try the demo study")
        for made, action_id in ((self.open, "study.open"), (self.demo, "study.demo")):
            made.clicked.connect(actions.action(action_id).trigger)
        lines = column()
        lines.addWidget(title("Ask people what they see and hear"))
        lines.addWidget(
            text(
                "Raters sit down here, one after the other, and judge pictures and recordings blind. "
                "A study is planned with sier-gui study new and its items drawn with sier-gui study draw."
            )
        )
        lines.addWidget(self.open)
        lines.addWidget(self.demo)
        centred(self, lines, WIDTH)


class WaitPage(QWidget):
    """The stimuli are brought to one loudness, once."""

    def __init__(self) -> None:
        super().__init__()
        self.about = text("Recordings are trimmed alike and brought to one loudness. This is done once.")
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Preparing the study")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        lines = column()
        lines.addWidget(title("Preparing the study"))
        lines.addWidget(self.about)
        lines.addWidget(self.bar)
        centred(self, lines, WIDTH)

    @Slot(object)
    def show_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, max(0, progress.total))
        self.bar.setValue(progress.done)


class DeskPage(QWidget):
    """Somebody new under a pseudonym, or somebody who has begun."""

    seated = Signal(str)  # pseudonym of somebody new
    resumed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines, self.notices = text(), text()
        self.notices.setForegroundRole(QPalette.ColorRole.BrightText)
        self.pseudonym, self.known = QLineEdit(), QComboBox()
        self.pseudonym.setAccessibleName("Pseudonym")
        self.pseudonym.setPlaceholderText("for instance rater-01; no real name")
        self.pseudonym.setMaxLength(64)
        self.known.setAccessibleName("Raters who have not finished")
        for field in (self.pseudonym, self.known):
            field.setFont(sized(field.font(), TEXT_PT))
            field.setMinimumHeight(40)
        self.seat, self.resume = button("Seat this rater"), button("Go on as this rater")
        self._lay_out()
        self.seat.clicked.connect(self._seat)
        self.pseudonym.returnPressed.connect(self._seat)
        self.pseudonym.textChanged.connect(self._refresh)
        self.resume.clicked.connect(self._resume)
        self._refresh()

    def _lay_out(self) -> None:
        lines = column()
        lines.addWidget(self.notices)
        self.heading = title()
        lines.addWidget(self.heading)
        lines.addWidget(self.lines)
        for fields in ((self.pseudonym, self.seat), (self.known, self.resume)):
            row = QHBoxLayout()
            row.setSpacing(8)
            row.addWidget(fields[0], 1)
            row.addWidget(fields[1])
            lines.addLayout(row)
        lines.addWidget(
            text(
                "The window is the rater's until the session has ended or was stopped (Esc): "
                "then Ctrl+Alt+U brings you back here."
            )
        )
        centred(self, lines, WIDTH)

    def show_desk(self, view: DeskView, name: str) -> None:
        self.heading.setText(name)
        self.heading.setToolTip(view.folder)
        self.lines.setText("\n".join(view.lines))
        self.notices.setText("\n".join(view.notices))
        self.notices.setVisible(bool(view.notices))
        self.pseudonym.clear()
        self.known.clear()
        for rater, how_far in view.unfinished:
            self.known.addItem(f"{rater}   {how_far}", rater)
        for widget in (self.known, self.resume):
            widget.setVisible(bool(view.unfinished))

    @Slot()
    def _refresh(self) -> None:
        self.seat.setEnabled(bool(self.pseudonym.text().strip()))

    @Slot()
    def _seat(self) -> None:
        if self.pseudonym.text().strip():
            self.seated.emit(self.pseudonym.text().strip())

    @Slot()
    def _resume(self) -> None:
        if self.known.currentData():
            self.resumed.emit(str(self.known.currentData()))


def first_of(page: QWidget) -> QWidget:
    """Where one begins on a page of the experimenter's."""
    if isinstance(page, DeskPage):
        return page.pseudonym
    return page.open if isinstance(page, StartPage) else page
