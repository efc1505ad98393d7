"""The experimenter's side: which project, and who sits down next. Locked while a rater sits there."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.tasks import Progress
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.modes.study.facts import DeskView
from sier_gui.gui.modes.study.layout import WIDTH, button, column, text, title
from sier_gui.gui.modes.study.parts import caption, warning
from sier_gui.gui.modes.study.planning import PlanningPage
from sier_gui.gui.modes.study.progress import ProgressPage
from sier_gui.gui.modes.study.published import PublishedPage
from sier_gui.gui.modes.study.table1 import TablePage
from sier_gui.gui.widgets import centred


class StartPage(QWidget):
    """No project yet: open one, or the demo."""

    def __init__(self, actions: ActionTable) -> None:
        super().__init__()
        self.open, self.demo = button("Open a study project…"), button("Try the demo study")
        self.responses = button("Open responses (CSV)…")
        self.published, self.planning = button("Check a published table…"), button("Plan a study")
        for made, action_id in (
            (self.open, "study.open"),
            (self.demo, "study.demo"),
            (self.responses, "study.responses"),
            (self.published, "study.published"),
            (self.planning, "study.planning"),
        ):
            made.clicked.connect(actions.action(action_id).trigger)
        lines = column()
        lines.addWidget(title("Ask people what they see and hear"))
        lines.addWidget(
            text(
                "Raters sit down here, one after the other, and judge pictures and recordings blind. "
                "A project is made in Record mode, where its readers record; its items are drawn here."
            )
        )
        for made in (self.open, self.demo):
            lines.addWidget(made)
        lines.addWidget(text("Without a project:"))
        row = QHBoxLayout()
        row.setSpacing(8)
        for made in (self.responses, self.published, self.planning):
            row.addWidget(made)
        lines.addLayout(row)
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
    """Progress, Table 1, planning and a published table, as tabs; Progress needs a project."""

    tab_shown = Signal(str)  # "progress", "table", "planning" or "published"

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.progress, self.table = ProgressPage(actions), TablePage(actions)
        self.planning, self.published = PlanningPage(), PublishedPage(actions)
        self.notices, self.name = warning(), caption()
        self.name.setContentsMargins(0, 0, 24, 6)
        self.name.setWordWrap(False)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("The experimenter's pages")
        self.tabs.setCornerWidget(self.name)
        self._pages: dict[str, tuple[QWidget, str]] = {
            "progress": (self.progress, "Progress"),
            "table": (self.table, "Table 1"),
            "planning": (self.planning, "Planning"),
            "published": (self.published, "Published table"),
        }
        for key, (page, words) in self._pages.items():
            place = self.tabs.addTab(page, words)
            self.tabs.setTabToolTip(place, actions.action(f"study.{key}").toolTip())
        self.notices.hide()
        self.notices.setContentsMargins(24, 8, 24, 8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.notices)
        layout.addWidget(self.tabs, 1)
        self.tabs.currentChanged.connect(self._on_tab)

    @property
    def pseudonym(self) -> QLineEdit:
        return self.progress.pseudonym

    @property
    def resume(self) -> QToolButton:
        return self.progress.resume

    @property
    def tab(self) -> str:
        """The page that is shown."""
        shown = self.tabs.currentWidget()
        return next(key for key, (page, _text) in self._pages.items() if page is shown)

    def show_tab(self, key: str) -> None:
        page = self._pages[key][0]
        if self.tabs.isTabEnabled(self.tabs.indexOf(page)):
            self.tabs.setCurrentWidget(page)

    def show_desk(self, view: DeskView, name: str) -> None:
        """A project, its raters first."""
        self.name.setText(name)
        self.name.setToolTip(view.folder)
        self.notices.setText("\n".join(view.notices))
        self.notices.setVisible(bool(view.notices))
        self.tabs.setTabEnabled(0, True)
        self.progress.show_desk(view)
        self.planning.show_protocol(view.protocol, view.classes)

    def show_bare(self, name: str, why: str) -> None:
        """Responses without a project: nobody can sit down."""
        self.name.setText(name)
        self.name.setToolTip("")
        self.notices.hide()
        self.show_tab("table")
        self.tabs.setTabEnabled(0, False)
        self.tabs.setTabToolTip(0, why)

    @Slot(int)
    def _on_tab(self, _index: int) -> None:
        self.tab_shown.emit(self.tab)


def first_of(page: QWidget) -> QWidget:
    """Where one begins on a page of the experimenter's."""
    if isinstance(page, DeskPage):
        return page.progress.first() if page.tab == "progress" else page.tabs.tabBar()
    return page.open if isinstance(page, StartPage) else page
