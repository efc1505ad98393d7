"""The picture, and on it how much each patch spoke for or against the class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from sier_gui.core.domain import Modality, PixelMap, Selection
from sier_gui.core.images.patches import patch_at, patch_rectangles
from sier_gui.gui import overlay, selecting
from sier_gui.gui.panels.image.canvas import PictureCanvas
from sier_gui.gui.panels.image.people import PeopleLayer
from sier_gui.gui.state import AppState, Hover
from sier_gui.gui.widgets import ColourKey, ElidedLabel, LoadingNotice, absent_text

if TYPE_CHECKING:
    from sier_gui.gui.actions import ActionTable
    from sier_gui.gui.state import SampleView


_ROOMY_PX = 480


class ImagePanel(QWidget):
    """The picture of the current sample, its overlay, and a line that says what lies under the pointer."""

    def __init__(self, state: AppState, _actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.canvas = PictureCanvas(self)
        self.canvas.setAccessibleName("Picture with patch overlay")
        self.people = PeopleLayer(state, self.canvas)
        self.caption = ElidedLabel(parent=self, secondary=True)
        self.key = ColourKey(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 0)
        layout.setSpacing(4)
        layout.addWidget(self.canvas, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.caption, 1)
        foot.addWidget(self.key)
        layout.addLayout(foot)
        LoadingNotice(state, self._show_loading, self)
        self.canvas.pointed.connect(self._point)
        self.canvas.stepped.connect(self._step)
        self.canvas.selected.connect(state.set_selection)
        self.canvas.nudged.connect(self._nudge)
        self.canvas.dismissed.connect(self._dismiss)
        state.sample_changed.connect(self._on_sample)
        state.attribution_changed.connect(self._refresh_overlay)
        state.target_changed.connect(self._refresh_overlay)
        state.overlay_changed.connect(self._refresh_overlay)
        state.explain_options_changed.connect(self._refresh_cursor)
        state.hover_changed.connect(self._refresh_cursor)
        state.selection_changed.connect(self._show_marks)
        state.removals_changed.connect(self._show_marks)
        state.held_changed.connect(self._on_held)
        state.busy_changed.connect(self._on_busy)
        self._on_sample(state.sample)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.key.set_brief(self.width() < _ROOMY_PX)  # the value under the pointer goes first

    # what the state says

    @Slot()
    def _show_loading(self) -> None:
        if self._state.holds(Modality.IMAGE):
            return  # it stays
        self.canvas.show_notice("Loading…", "")
        self.caption.set_text("")

    @Slot(object)
    def _on_sample(self, _view: SampleView | None) -> None:
        view = self._state.shown(Modality.IMAGE)
        if view is None:
            self.canvas.show_notice(
                "No sample", "Choose one in the table, or drop a picture and a sound file here."
            )
        elif Modality.IMAGE in view.lacking:
            text = absent_text(view.sample.sample_id, "picture", "a black one")
            self.canvas.show_notice("No picture", text)
        elif view.picture is None:
            reason = _picture_error(view)
            self.canvas.show_notice(f"The picture of {view.sample.sample_id} cannot be shown", reason)
        else:
            self.canvas.show_picture(view.picture, self._pixels())
        self._refresh_overlay()

    @Slot()
    def _refresh_overlay(self) -> None:
        layer, options = self._layer(), self._state.overlay
        shown = layer is not None and options.visible and self._pixels() is not None
        if layer is None or not shown:
            self.canvas.show_patches(None, options.opacity)
        else:
            self.canvas.show_patches(layer.rgba(), options.opacity, layer.hatched)
        self.key.setVisible(shown)
        attribution = overlay.attribution_of(self._state, Modality.IMAGE)
        if layer is not None and attribution is not None:
            meaning = overlay.hatch_meaning(attribution, overlay.explained_class(self._state))
            self.key.show_scale(*layer.key(), meaning)
        self._refresh_cursor()

    @Slot()
    def _refresh_cursor(self) -> None:
        cursor = self._cursor()
        self.canvas.set_cursor(cursor, self._grid())
        text = self._resting_text() if cursor is None else self._patch_text(cursor)
        text = overlay.with_marks(text, self._state, Modality.IMAGE)
        self.caption.set_text(text)
        if text:
            self.canvas.setAccessibleDescription(text)

    @Slot()
    def _show_marks(self) -> None:
        removed = [r for r in self._state.removals if r.modality is Modality.IMAGE]
        self.canvas.show_marks(self._selection(), removed)
        self._refresh_cursor()

    @Slot()
    def _on_held(self) -> None:
        self._on_sample(self._state.sample)

    @Slot(str, float)
    def _on_busy(self, kind: str, _fraction: float) -> None:
        """Whether more is under way is part of what hovering says."""
        if kind == "explain" and self._state.hover.pixel is not None:
            self._refresh_cursor()

    # what the user does

    @Slot(object)
    def _point(self, pixel: tuple[float, float] | None) -> None:
        self._state.set_hover(Hover(pixel=pixel))

    @Slot(int, int)
    def _step(self, rows: int, columns: int) -> None:
        pixels, grid = self._pixels(), self._grid()
        if pixels is None:
            return
        cursor = self._cursor()
        row, column = (cursor[0] + rows, cursor[1] + columns) if cursor else (0, 0)
        row, column = min(max(row, 0), grid[0] - 1), min(max(column, 0), grid[1] - 1)
        left, top, right, bottom = patch_rectangles(*grid, pixels)[row, column]
        self._state.set_hover(Hover(pixel=(float(left + right) / 2, float(top + bottom) / 2)))

    @Slot(int, int, bool)
    def _nudge(self, across: int, down: int, grow: bool) -> None:
        """Without a selection the first step of a key selects a patch: under the cursor, or the middle."""
        view, pixels, selection = self._state.shown(Modality.IMAGE), self._pixels(), self._selection()
        if view is None or view.picture is None or pixels is None:
            return
        height, width = view.picture.shape[:2]
        if selection is None:
            grid = self._grid()
            at = self._cursor() or (grid[0] // 2, grid[1] // 2)
            left, top, right, bottom = patch_rectangles(*grid, pixels)[at].tolist()
            self._state.set_selection(selecting.box((left, top), (right, bottom), width, height))
        else:
            moved = selecting.nudged_box(selection, across, down, grow, (width, height), pixels)
            self._state.set_selection(moved)

    @Slot()
    def _dismiss(self) -> None:
        """Escape: first the selection goes, then the cursor."""
        if self._selection() is not None:
            self._state.set_selection(None)
        else:
            self._point(None)

    # what follows from both

    def _selection(self) -> Selection | None:
        selection = self._state.selection
        return selection if selection is not None and selection.modality is Modality.IMAGE else None

    def _pixels(self) -> PixelMap | None:
        view = self._state.shown(Modality.IMAGE)
        if view is None or view.inputs is None or view.picture is None:
            return None
        return view.inputs.pixels

    def _layer(self) -> overlay.Layer | None:
        attribution = overlay.attribution_of(self._state, Modality.IMAGE)
        if attribution is None:
            return None
        target = overlay.explained_class(self._state)
        return overlay.layer(attribution, Modality.IMAGE, target, self._state.overlay)

    def _grid(self) -> tuple[int, int]:
        layer = self._layer()
        if layer is not None:
            rows, columns = layer.values.shape
            return rows, columns
        return self._state.explain_options.grid, self._state.explain_options.grid

    def _cursor(self) -> tuple[int, int] | None:
        pixel, pixels = self._state.hover.pixel, self._pixels()
        if pixel is None or pixels is None:
            return None
        return patch_at(*pixel, *self._grid(), pixels)

    def _resting_text(self) -> str:
        view = self._state.shown(Modality.IMAGE)
        if view is None or view.picture is None:
            return ""
        height, width = view.picture.shape[:2]
        return f"{width} × {height} px"

    def _patch_text(self, cursor: tuple[int, int]) -> str:
        pixels, layer = self._pixels(), self._layer()
        assert pixels is not None
        left, top, right, bottom = patch_rectangles(*self._grid(), pixels)[cursor]
        where = f"x {left:.0f}–{right:.0f}, y {top:.0f}–{bottom:.0f} px"
        where = f"row {cursor[0] + 1}, column {cursor[1] + 1} · {where}"
        if layer is None:
            return where
        attribution = overlay.attribution_of(self._state, Modality.IMAGE)
        assert attribution is not None
        target, refining = overlay.explained_class(self._state), "explain" in self._state.busy
        value = overlay.value_text(attribution, Modality.IMAGE, target, cursor, refining)
        return f"{value} · {where}"


def _picture_error(view: SampleView) -> str:
    path = str(view.sample.paths.get(Modality.IMAGE, ""))
    for error in view.errors:
        if path and path in error:
            return error
    return "\n".join(view.errors)
