"""Pages around the trials: consent, about you, headphones, volume, and plain notices."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from sier_gui.core.study.words import RaterWords
from sier_gui.gui.modes.study.layout import (
    TEXT_PT,
    WIDTH,
    button,
    column,
    rename,
    sized,
    text,
    title,
)
from sier_gui.gui.modes.study.views import About
from sier_gui.gui.widgets import centred

AGE_BANDS = ("18–29", "30–39", "40–49", "50–59", "60–69", "70 or older")


class NoticePage(QWidget):
    """A title, some words, and what to do: go on, sometimes something else."""

    gone_on = Signal()
    other_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.text = title(), text()
        self.go_on, self.other = button(), button()
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.go_on, 1)
        row.addWidget(self.other, 1)
        lines = column()
        lines.addWidget(self.title)
        lines.addWidget(self.text)
        lines.addSpacing(16)
        lines.addLayout(row)
        centred(self, lines, WIDTH)
        self.go_on.clicked.connect(self.gone_on)
        self.other.clicked.connect(self.other_chosen)

    def show_notice(self, heading: str, words: str, go_on: str = "", other: str = "") -> None:
        """Without ``go_on`` there is nothing more to do for the rater."""
        self.title.setText(heading)
        self.text.setText(words)
        for made, label in ((self.go_on, go_on), (self.other, other)):
            rename(made, label)
            made.setVisible(bool(label))


class AboutPage(QWidget):
    """Optional: nothing needs to be said."""

    done = Signal(object)  # About

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.about = title(), text()
        self.age, self.gender, self.hearing = QComboBox(), QComboBox(), QComboBox()
        self.language = QLineEdit()
        self.language.setMaxLength(64)
        self.go_on = button()
        self.form = QFormLayout()
        self.form.setSpacing(12)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._labels: list[QLabel] = []
        for field in (self.age, self.gender, self.language, self.hearing):
            field.setFont(sized(field.font(), TEXT_PT))
            field.setMinimumHeight(40)
            label = QLabel()
            label.setFont(sized(label.font(), TEXT_PT))
            label.setBuddy(field)
            self._labels.append(label)
            self.form.addRow(label, field)
        lines = column()
        lines.addWidget(self.title)
        lines.addWidget(self.about)
        lines.addLayout(self.form)
        lines.addSpacing(16)
        lines.addWidget(self.go_on)
        centred(self, lines, WIDTH)
        self.go_on.clicked.connect(self._done)
        self.language.returnPressed.connect(self._done)

    def show_words(self, words: RaterWords) -> None:
        """An empty form for the next person."""
        self.title.setText(words.about_title)
        self.about.setText(words.about)
        names = (words.age, words.gender, words.language, words.hearing)
        fields: tuple[QWidget, ...] = (self.age, self.gender, self.language, self.hearing)
        for label, field, name in zip(self._labels, fields, names, strict=True):
            label.setText(name)
            field.setAccessibleName(name)
        for box, choices in (
            (self.age, AGE_BANDS),
            (self.gender, words.gender_choices),
            (self.hearing, words.hearing_choices),
        ):
            box.clear()
            box.addItem(words.not_said, "")
            for choice in choices:
                box.addItem(choice, choice)
        self.language.clear()
        rename(self.go_on, words.go_on)

    @Slot()
    def _done(self) -> None:
        self.done.emit(
            About(
                str(self.age.currentData()),
                str(self.gender.currentData()),
                self.language.text().strip(),
                str(self.hearing.currentData()),
            )
        )


class HeadphonesPage(QWidget):
    """Which of three tones is the quietest; keys 1–3 once they were heard."""

    play_wished = Signal()
    chosen = Signal(int)  # 0–2

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.title, self.about, self.state = title(), text(), text()
        self.play = button()
        self.tones: list[QPushButton] = [button() for _ in range(3)]
        row = QHBoxLayout()
        row.setSpacing(16)
        for place, made in enumerate(self.tones):
            made.setProperty("place", place)
            made.clicked.connect(self._on_clicked)
            row.addWidget(made, 1)
        lines = column()
        for widget in (self.title, self.about, self.play, self.state):
            lines.addWidget(widget)
        lines.addLayout(row)
        centred(self, lines, WIDTH)
        self.play.clicked.connect(self.play_wished)

    def show_round(self, words: RaterWords, number: int, rounds: int, *, heard: bool, playing: bool) -> None:
        self.title.setText(words.headphones_title)
        self.setAccessibleName(words.headphones_title)  # it takes the keys 1 to 3 itself
        self.about.setText(words.headphones.format(rounds=rounds))
        asked = words.headphones_round.format(number=number + 1, rounds=rounds) if heard else ""
        self.state.setText(words.listen if playing else asked)
        rename(self.play, words.play)
        self.play.setEnabled(not playing and not heard)
        for place, made in enumerate(self.tones):
            rename(made, words.tone.format(number=place + 1))
            made.setEnabled(heard and not playing)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        place = event.key() - Qt.Key.Key_1
        if not event.isAutoRepeat() and 0 <= place < len(self.tones) and self.tones[place].isEnabled():
            self.chosen.emit(place)
            return
        super().keyPressEvent(event)

    @Slot()
    def _on_clicked(self) -> None:
        self.chosen.emit(int(self.sender().property("place")))


class VolumePage(QWidget):
    """A recording, as often as one likes, to set the volume by."""

    play_wished = Signal()
    done = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.about = title(), text()
        self.play, self.go_on = button(), button()
        lines = column()
        for widget in (self.title, self.about, self.play, self.go_on):
            lines.addWidget(widget)
        centred(self, lines, WIDTH)
        self.play.clicked.connect(self.play_wished)
        self.go_on.clicked.connect(self.done)

    def show_words(self, words: RaterWords, *, heard: bool) -> None:
        self.title.setText(words.volume_title)
        self.about.setText(words.volume)
        rename(self.play, words.again if heard else words.play)
        rename(self.go_on, words.go_on)
        self.go_on.setEnabled(heard)
