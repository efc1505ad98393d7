"""Two releases side by side: how many answers changed, who is right, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from sier_gui.gui.panels.overview.matrix import HEAD, Matrix, MatrixView
from sier_gui.gui.state import Picked
from sier_gui.gui.widgets import ChoiceBox

if TYPE_CHECKING:
    import numpy as np

    from sier_gui.core.overview.sides import Sides

CHOOSE = "choose a release …"
NOTHING = "Choose a second release: what it says otherwise, and who of the two is right."
BESIDE = 5  # classes up to which both tables can be read beside each other
_PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))  # of `sides.OUTCOMES`


class SidesPanel(QWidget):
    """Rows of the tables are the first release, the one in use; columns the second."""

    release_wished = Signal(str)  # label, "" for none
    picked = Signal(object)  # Picked

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sides: Sides | None = None
        self.release = ChoiceBox("release", ((CHOOSE, ""),))
        self.release.setAccessibleName("Second release")
        self.release.setMinimumWidth(180)
        self.release.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.words, self.test = QLabel(NOTHING), QLabel()
        self.test.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for label in (self.words, self.test):
            label.setWordWrap(True)
        self.changed = _button("Predictions that differ")
        self.outcomes = [_button("") for _ in _PLACES]
        self.moves, self.difference = MatrixView(), MatrixView()
        for matrix in (self.moves, self.difference):
            matrix.setMinimumWidth(190)  # beside each other they must not push the table aside
        self.moves.setAccessibleName("Predictions of the two releases")
        self.difference.setAccessibleName("Difference of the confusion matrices")
        self.which = ChoiceBox("which", (("what the two say", 0), ("difference of the confusion", 1)))
        self.which.setAccessibleName("Table")
        self.which.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._lay_out()
        self.which.chosen.connect(self._on_which)
        self.release.chosen.connect(self._on_release)
        self.changed.clicked.connect(self._on_changed)
        for button in self.outcomes:
            button.clicked.connect(self._on_outcome)
        self.moves.chosen.connect(self._on_move)
        self.difference.chosen.connect(self._on_difference)
        self.show_nothing()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        self.with_label = QLabel("compared with")
        top.addWidget(self.with_label)
        top.addWidget(self.release)
        top.addWidget(self.words, 1)
        top.addWidget(self.which)
        left = QVBoxLayout()
        left.setSpacing(4)
        left.addWidget(self.changed)
        grid = QGridLayout()
        grid.setSpacing(4)
        for button, (row, column) in zip(self.outcomes, _PLACES, strict=True):
            grid.addWidget(button, row, column)
        left.addLayout(grid)
        left.addWidget(self.test)
        left.addStretch(1)
        self.content = QWidget()
        across = QHBoxLayout(self.content)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(16)
        across.addLayout(left, 2)
        across.addWidget(self.moves, 3)
        across.addWidget(self.difference, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self.content, 1)
        layout.addStretch(0)

    # ---------------------------------------------------------------- what is shown

    def show_releases(self, labels: list[str]) -> None:
        """Those that can be chosen."""
        chosen = self.release.currentData()
        self.release.clear()
        self.release.addItem(CHOOSE, "")
        for label in labels:
            self.release.addItem(label, label)
        self.release.setCurrentIndex(max(self.release.findData(chosen), 0))

    def show_nothing(self, words: str = NOTHING) -> None:
        self._sides = None
        self.words.setText(words)
        self.content.hide()
        self.which.hide()

    def show_waiting(self, words: str) -> None:
        """How far the second release is."""
        self.words.setText(words)

    def show_sides(self, sides: Sides) -> None:
        from sier_gui.core.nets.ablation.significance import spoken_p
        from sier_gui.core.overview.sides import OUTCOMES

        self._sides = sides
        first, second = sides.names
        self.words.setText(f"{sides.compared:,} samples predicted by both")
        share = len(sides.changed) / sides.compared if sides.compared else 0.0
        self.changed.setText(f"{len(sides.changed):,} predictions differ ({share:.1%})")
        named = (OUTCOMES[0], f"only {first}", f"only {second}", OUTCOMES[3])
        for button, rows, name in zip(self.outcomes, sides.outcomes, named, strict=True):
            button.setText(f"{name}\n{len(rows):,}")
            button.setEnabled(len(rows) > 0)
            button.setToolTip(f"Show these {len(rows):,} samples in the table")
        self.changed.setEnabled(len(sides.changed) > 0)
        m = sides.mcnemar
        self.test.setText(
            f"Right alone {m.only_first:,} : {m.only_second:,}, p {spoken_p(m.p)} (McNemar's exact"
            " test, which takes samples for independent)"
        )
        self._show_matrices(sides)
        self.content.show()

    def _show_matrices(self, sides: Sides) -> None:
        first, second = sides.names
        self.moves.show_matrix(
            Matrix(
                sides.classes,
                sides.classes,
                sides.moves,
                sides.moves.sum(axis=1).tolist(),
                sides.moves.sum(axis=0).tolist(),
                (f"{first} · n", f"{second} says"),
                (first, second),
            )
        )
        totals = [sides.by_label[name][0] for name in sides.labels]
        self.difference.show_matrix(
            Matrix(
                sides.labels,
                sides.classes,
                sides.difference,
                totals,
                sides.difference.sum(axis=0).tolist(),
                ("label · n", f"{second} less {first}"),
                ("label", "predicted"),
                signed=True,
            )
        )
        many = len(sides.classes) > BESIDE
        self.which.setVisible(many)
        self.moves.setVisible(not many or self.which.currentData() == 0)
        self.difference.setVisible(bool(sides.labels) and (not many or self.which.currentData() == 1))

    # ---------------------------------------------------------------- what the user wishes

    @Slot(str, object)
    def _on_release(self, _option: str, label: str) -> None:
        self.release_wished.emit(label)

    @Slot()
    def _on_which(self) -> None:
        if self._sides is not None:
            self._show_matrices(self._sides)

    @Slot()
    def _on_changed(self) -> None:
        if self._sides is not None:
            self._pick(self._sides.changed, "predictions differ")

    @Slot()
    def _on_outcome(self) -> None:
        button = self.sender()
        assert isinstance(button, QToolButton)
        if self._sides is not None:
            place = self.outcomes.index(button)
            self._pick(self._sides.outcomes[place], button.text().split("\n")[0])

    @Slot(int, int)
    def _on_move(self, row: int, column: int) -> None:
        sides = self._sides
        if sides is None:
            return
        names = [name for name, at in zip(sides.names, (row, column), strict=True) if at != HEAD]
        said = [sides.classes[at] for at in (row, column) if at != HEAD]
        title = ", ".join(f"{name}: {what}" for name, what in zip(names, said, strict=True))
        rows = sides.moved(None if row == HEAD else row, None if column == HEAD else column)
        self._pick(rows, title or "predicted by both")

    @Slot(int, int)
    def _on_difference(self, row: int, column: int) -> None:
        """Samples of the label that just one of the two took for the class."""
        sides = self._sides
        if sides is None:
            return
        rows = sides.apart(None if row == HEAD else row, None if column == HEAD else column)
        words = [sides.labels[row] if row != HEAD else "", sides.classes[column] if column != HEAD else ""]
        self._pick(rows, "they differ: " + ", ".join(word for word in words if word))

    def _pick(self, rows: np.ndarray, title: str) -> None:
        if len(rows):
            self.picked.emit(Picked(rows, title))


def _button(name: str) -> QToolButton:
    button = QToolButton()
    button.setAccessibleName(name)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return button
