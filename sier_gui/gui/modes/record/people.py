"""Who reads: those known to the project, and the form for somebody new. Pseudonyms only."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.study.records import Reader, Sex
from sier_gui.gui import theme
from sier_gui.gui.modes.record.layout import WIDTH, title
from sier_gui.gui.modes.record.views import ProjectView
from sier_gui.gui.widgets import centred

CONSENT_VERSION = "1"
CONSENT = (
    "Your voice is recorded while you read short texts aloud. The recordings, and what this form asks, are "
    "kept under your pseudonym in this project and are used for research on emotion in speech: people listen "
    "to them, and programs are tested with them. You may stop at any time, and you may withdraw later: your "
    "recordings and this form are then deleted from the project and its backups."
)
AGE_BANDS = ("", "18–29", "30–39", "40–49", "50–59", "60–69", "70 or older")


class PeoplePage(QWidget):
    """Choose a reader, or add one."""

    chosen = Signal(object)  # Reader the project knows
    added = Signal(object)  # a new Reader, who has just agreed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known: dict[str, Reader] = {}
        self.known = QComboBox()
        self.known.setAccessibleName("Reader")
        self.go_on = QPushButton("Go on as this reader")
        self.go_on.setMinimumHeight(32)
        self.pseudonym, self.accent, self.language = QLineEdit(), QLineEdit(), QLineEdit("en")
        self.sex, self.age = QComboBox(), QComboBox()
        self.consent = QCheckBox("&I have read this and agree")
        self.add = QPushButton("Add this reader and go on")
        self.add.setMinimumHeight(32)
        self.notices = QLabel()
        self._fill()
        self._lay_out()
        self.go_on.clicked.connect(self._choose)
        self.add.clicked.connect(self._add)
        for edit in (self.pseudonym, self.accent, self.language):
            edit.returnPressed.connect(self.add.click)
        self.pseudonym.textChanged.connect(self._refresh)
        self.consent.toggled.connect(self._refresh)
        self.sex.currentIndexChanged.connect(self._refresh)
        self._shade()
        self._refresh()

    def _fill(self) -> None:
        self.sex.addItem("choose", None)
        for sex in Sex:
            self.sex.addItem(sex.value, sex)
        for band in AGE_BANDS:
            self.age.addItem(band or "not said", band)
        self.pseudonym.setPlaceholderText("for instance reader-01; no real name")
        self.pseudonym.setMaxLength(64)
        self.accent.setPlaceholderText("for instance Leeds; may stay empty")
        for widget, name in (
            (self.pseudonym, "Pseudonym"),
            (self.sex, "Sex of the voice"),
            (self.age, "Age"),
            (self.accent, "Accent"),
            (self.language, "Language"),
        ):
            widget.setAccessibleName(name)
        self.notices.setWordWrap(True)
        self.notices.setTextFormat(Qt.TextFormat.PlainText)

    def _lay_out(self) -> None:
        self._known_title = title("Somebody who has read before")
        known = QHBoxLayout()
        known.setSpacing(8)
        known.addWidget(self.known, 1)
        known.addWidget(self.go_on)
        form = QFormLayout()
        form.setSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, field in (
            ("&Pseudonym", self.pseudonym),
            ("&Sex of the voice", self.sex),
            ("A&ge", self.age),
            ("A&ccent", self.accent),
            ("&Language", self.language),
        ):
            form.addRow(text, field)
        consent = QLabel(CONSENT)
        consent.setWordWrap(True)
        consent.setAccessibleName("Consent")
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(self.notices)
        column.addWidget(self._known_title)
        column.addLayout(known)
        column.addSpacing(16)
        column.addWidget(title("Somebody new"))
        column.addLayout(form)
        column.addSpacing(8)
        column.addWidget(consent)
        column.addWidget(self.consent)
        column.addSpacing(8)
        column.addWidget(self.add)
        centred(self, column, WIDTH)

    # ---------------------------------------------------------------- what is shown

    def show_project(self, view: ProjectView) -> None:
        self._known = {reader.reader: reader for reader, _ in view.readers}
        self.known.clear()
        for reader, done in view.readers:
            self.known.addItem(f"{reader.reader}   {done} of {view.prompts}", reader.reader)
        for widget in (self._known_title, self.known, self.go_on):
            widget.setVisible(bool(view.readers))
        self.notices.setText("\n".join(view.notices))
        self.notices.setVisible(bool(view.notices))

    def clear(self) -> None:
        """The next person finds an empty form."""
        self.pseudonym.clear()
        self.accent.clear()
        self.sex.setCurrentIndex(0)
        self.age.setCurrentIndex(0)
        self.consent.setChecked(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._shade()

    def _shade(self) -> None:
        """In the dark the style draws an empty box as dark as the page around it."""
        palette = QPalette()
        if theme.is_dark(self.palette()):
            palette.setColor(QPalette.ColorRole.Base, self.palette().color(QPalette.ColorRole.Mid))
        self.consent.setPalette(palette)

    @Slot()
    def _refresh(self) -> None:
        missing = [
            what
            for what, there in (
                ("a pseudonym", bool(self.pseudonym.text().strip())),
                ("the sex of the voice", self.sex.currentData() is not None),
                ("the reader's consent", self.consent.isChecked()),
            )
            if not there
        ]
        self.add.setEnabled(not missing)
        self.add.setToolTip(f"Still needed: {', '.join(missing)}." if missing else "")

    @Slot()
    def _choose(self) -> None:
        reader = self._known.get(str(self.known.currentData()))
        if reader is not None:
            self.chosen.emit(reader)

    @Slot()
    def _add(self) -> None:
        if not self.add.isEnabled():
            return
        reader = Reader(
            reader=self.pseudonym.text().strip(),
            sex=self.sex.currentData(),
            age_band=str(self.age.currentData()),
            accent=self.accent.text().strip(),
            language=self.language.text().strip(),
            consent_version=CONSENT_VERSION,
        )
        self.added.emit(reader)
