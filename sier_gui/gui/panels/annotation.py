"""What people say about the sample: labels by single keys, comment, marks, who said what, what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QColor, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui import theme
from sier_gui.gui.action_list import LABEL_KEYS
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.state import AppState
from sier_gui.gui.widgets import ElidedLabel

if TYPE_CHECKING:
    from sier_gui.core.annotations.notes import Notes
    from sier_gui.core.annotations.records import Entry

_PEOPLE, _MARKS = 3, 3  # lines of each; the tool tip has all
_NARROWEST_PX, _AROUND_PX = 264, 10  # of the column of labels; of a button around its text


class LabelButton(QToolButton):
    """A label with its key; what I said is underlined in its class's colour, in light and dark."""

    def __init__(self, name: str, action: QAction, colour: QColor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = colour
        self.setDefaultAction(action)
        self.setAccessibleName(f"Label {name}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # columns of equal width
        self.setMinimumWidth(24)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.isChecked():
            painter = QPainter(self)
            painter.fillRect(self.rect().adjusted(2, self.height() - 5, -2, -2), self._colour)
            painter.end()


class MarkLine(QWidget):
    """One span or region: pressing it selects it again and asks for a word; one's own can be taken away."""

    chosen = Signal(object)  # Entry
    removed = Signal(object)  # Entry

    def __init__(self, entry: Entry, own: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from sier_gui.core.annotations.notes import place_text

        self.entry = entry
        self.place = QToolButton()
        self.place.setText(f"{place_text(entry)}  {entry.mark.text}".strip())
        self.place.setToolTip(f"Select it again · by {entry.who}")
        self.place.setAutoRaise(True)
        self.remove = QToolButton()
        self.remove.setText("×")
        self.remove.setAutoRaise(True)
        self.remove.setToolTip("Take this mark away")
        self.remove.setAccessibleName(f"Take the mark {place_text(entry)} away")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.place)
        row.addWidget(self.remove)
        row.addStretch(1)
        for button in (self.place, self.remove):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.remove.setVisible(own)  # not before it has a parent: it would be a window of its own
        self.place.clicked.connect(self._choose)
        self.remove.clicked.connect(self._remove)

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(self.entry)

    @Slot()
    def _remove(self) -> None:
        self.removed.emit(replace(self.entry, value=None))


class AnnotationPanel(QWidget):
    """Listens to `AppState.annotated`; what is asked for goes out as actions and signals.

    ``head``: buttons for beside the sample's name.
    """

    commented = Signal(str, str)  # sample, text
    mark_changed = Signal(object)  # Entry
    writing = Signal(object)  # this panel: its line is about to be written in

    def __init__(self, state: AppState, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._actions = state, actions
        self.head = [self._button("annotate.flag", bare=True), self._button("annotate.comment", bare=True)]
        self.labels: list[LabelButton] = []
        self._about = ""  # the sample that the editor's words are about
        self._naming: Entry | None = None  # or a mark of it
        self.grid = QGridLayout()
        self.grid.setSpacing(4)
        self.editor = QLineEdit()
        self.editor.setAccessibleName("Comment")
        self.editor.setMaxLength(10_000)
        self.editor.installEventFilter(self)
        self.editor.returnPressed.connect(self._on_comment)
        self.editor.hide()
        self.people = [ElidedLabel(parent=self, secondary=True) for _ in range(_PEOPLE)]
        self.unsaved = QLabel()
        self.unsaved.setForegroundRole(self.palette().ColorRole.BrightText)
        self._marks = QVBoxLayout()
        self._marks.setSpacing(0)
        self.queue = [self._button("annotate.unlabelled"), self._button("annotate.disputed")]
        self.body = QWidget()  # hidden by itself: whether the panel is shown is its surroundings' business
        self.nothing = ElidedLabel("Only a dataset's samples can be annotated.", secondary=True)
        self._lay_out()
        annotated = state.annotated
        annotated.labels_changed.connect(self._on_labels)
        annotated.notes_changed.connect(self._on_notes)
        annotated.unsaved_changed.connect(self._on_unsaved)
        for number in range(LABEL_KEYS):
            actions.action(f"annotate.label_{number + 1}").changed.connect(self._on_keys)
        self._on_labels()
        self._on_notes(annotated.notes)
        self._on_unsaved(annotated.unsaved)

    # ---------------------------------------------------------------- making

    def _button(self, action_id: str, *, bare: bool = False) -> QToolButton:
        button = QToolButton(self)
        button.setDefaultAction(self._actions.action(action_id))
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setAutoRaise(bare)
        if not bare:
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setMinimumWidth(24)
        return button

    def _lay_out(self) -> None:
        queue = QHBoxLayout()
        queue.setSpacing(4)
        for button in self.queue:
            button.setFont(theme.caption_font(self.font()))
            queue.addWidget(button, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(8, 0, 8, 0)
        outer.setSpacing(0)
        outer.addWidget(self.nothing)
        outer.addWidget(self.body)
        layout = QVBoxLayout(self.body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self.grid)
        layout.addWidget(self.editor)
        for line in self.people:
            layout.addWidget(line)
        layout.addWidget(self.unsaved)
        layout.addLayout(self._marks)
        layout.addLayout(queue)

    @Slot()
    def _on_labels(self) -> None:
        """One button a label, its key before its name."""
        for button in self.labels:
            self.grid.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.labels = []
        across = self._across(self._state.annotated.labels[:LABEL_KEYS])
        for number, name in enumerate(self._state.annotated.labels[:LABEL_KEYS]):
            action = self._actions.action(f"annotate.label_{number + 1}")
            action.setAutoRepeat(False)  # a key held down would label one sample after the other
            action.setText(f"Label {name}")
            colour = theme.class_colour(name, self._state.annotated.labels)
            button = LabelButton(name, action, colour, self)
            self.labels.append(button)
            self.grid.addWidget(button, number // across, number % across)
        for column in range(4):
            self.grid.setColumnStretch(column, int(column < across))
        self._on_keys()
        self._check(self._state.annotated.notes)

    def _across(self, labels: Sequence[str]) -> int:
        """As many columns as leave every label whole in the narrowest window; two at least."""
        widest = max((self.fontMetrics().horizontalAdvance(f"8 {name}") for name in labels), default=0)
        gaps = self.grid.spacing()
        fitting = (n for n in (4, 3) if n * (widest + _AROUND_PX + gaps) - gaps <= _NARROWEST_PX)
        return next(fitting, 2)

    @Slot()
    def _on_keys(self) -> None:
        for button, name in zip(self.labels, self._state.annotated.labels, strict=False):
            action = button.defaultAction()
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            text = f"{keys} {name}".strip()
            if action.iconText() != text:
                action.setIconText(text)
                action.setToolTip(
                    f"Label this sample {name} ({keys})" if keys else f"Label this sample {name}"
                )

    # ---------------------------------------------------------------- what is so

    @Slot(object)
    def _on_notes(self, notes: Notes | None) -> None:
        me = self._state.annotated.me
        if self.editor.isVisible() and (notes is None or notes.sample_id != self._about):
            self._on_comment()  # what was typed belongs to the sample it was typed for
        self.body.setVisible(notes is not None)
        self.nothing.setVisible(notes is None)
        self._check(notes)
        people = notes.people if notes is not None else ()
        people = (*(name for name in people if name == me), *(name for name in people if name != me))
        lines = [notes.line(name, me) for name in people] if notes is not None else []
        for i, label in enumerate(self.people):
            text = lines[i] if i < len(lines) else ""
            if i == _PEOPLE - 1 and len(lines) > _PEOPLE:
                text = f"and {len(lines) - i} more people"
            label.set_text(text)
            label.setVisible(bool(text))
            label.setToolTip("\n".join(lines))
        self._show_marks(notes)

    def _check(self, notes: Notes | None) -> None:
        """What I said stays pressed."""
        from sier_gui.core.annotations.records import Kind

        me = self._state.annotated.me
        mine = notes.of(me, Kind.LABEL) if notes is not None else None
        for button, name in zip(self.labels, self._state.annotated.labels, strict=False):
            button.defaultAction().setChecked(name == mine)
        flagged = notes is not None and notes.of(me, Kind.FLAG) is True
        self._actions.action("annotate.flag").setChecked(flagged)

    def _comment(self, notes: Notes | None) -> str:
        from sier_gui.core.annotations.records import Kind

        said = notes.of(self._state.annotated.me, Kind.COMMENT) if notes is not None else None
        return str(said or "")

    def _show_marks(self, notes: Notes | None) -> None:
        while (item := self._marks.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        marks = notes.marks if notes is not None else ()
        for entry in marks[:_MARKS]:
            line = MarkLine(entry, entry.who == self._state.annotated.me, self)
            line.chosen.connect(self._on_mark)
            line.removed.connect(self.mark_changed)
            self._marks.addWidget(line)
        if len(marks) > _MARKS:
            self._marks.addWidget(QLabel(f"and {len(marks) - _MARKS} more marks", self))

    @Slot(int)
    def _on_unsaved(self, count: int) -> None:
        self.unsaved.setVisible(count > 0)
        self.unsaved.setText(f"{count} not saved yet")

    # ---------------------------------------------------------------- what is asked for

    @Slot(object)
    def _on_mark(self, entry: Entry) -> None:
        self._state.set_selection(entry.mark.where)
        if entry.who == self._state.annotated.me:
            self._edit(entry.mark.text, "A word about this part: Enter saves, Esc leaves")
            self._naming = entry

    @Slot()
    def write(self) -> None:
        """A line for the comment, with what it says so far."""
        self.writing.emit(self)
        self._edit(self._comment(self._state.annotated.notes), "Comment: Enter saves, Esc leaves")

    def _edit(self, text: str, hint: str) -> None:
        notes = self._state.annotated.notes
        self._about, self._naming = notes.sample_id if notes is not None else "", None
        self.editor.setPlaceholderText(hint)
        self.editor.setText(text)
        self.editor.show()
        self.editor.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.editor.selectAll()

    @Slot()
    def _on_comment(self) -> None:
        text, entry, about = self.editor.text().strip(), self._naming, self._about
        changed = self.editor.isModified()
        self._leave()
        if not changed:
            return
        if entry is not None:
            self.mark_changed.emit(replace(entry, value=replace(entry.mark, text=text).value()))
        else:
            self.commented.emit(about, text)

    def _leave(self) -> None:
        self._naming = None
        self.editor.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc leaves the comment as it was."""
        if watched is self.editor and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self._leave()
                return True
        return super().eventFilter(watched, event)
