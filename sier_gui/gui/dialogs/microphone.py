"""Speak beside a picture: see the level, record, listen back, use."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from sier_gui.core.audio.devices import Playback, Recorder
from sier_gui.core.audio.files import Audio
from sier_gui.core.audio.levels import peak_dbfs
from sier_gui.core.errors import SierError
from sier_gui.gui import theme
from sier_gui.gui.widgets import track_colour

FLOOR_DB = -60.0
SHORTEST_S = 0.2
QUIET_DB, CLIPPED_DB = -45.0, -0.1
_METER_MS = 33


class LevelMeter(QWidget):
    """Peak level from −60 to 0 dBFS; the last stretch before clipping in the error colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.level = float("-inf")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Level of the microphone")

    def sizeHint(self) -> QSize:
        return QSize(320, 16)

    def show_level(self, decibel: float) -> None:
        """``decibel``: dBFS, -inf for silence."""
        self.level = decibel
        self.setAccessibleDescription("silent" if decibel < FLOOR_DB else f"{decibel:.0f} dB")
        self.update()

    def fraction(self) -> float:
        return min(max(1 - self.level / FLOOR_DB, 0.0), 1.0) if np.isfinite(self.level) else 0.0

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        painter.fillRect(area, track_colour(self.palette()))
        colour: QColor = self.palette().color(QPalette.ColorRole.Accent)
        if self.level >= CLIPPED_DB:
            colour = theme.colours(self.palette()).error
        painter.fillRect(QRectF(0, 0, area.width() * self.fraction(), area.height()), colour)
        painter.end()


class MicrophoneDialog(QDialog):
    """Emits `taken` with the `Audio` when the person is content. Nothing is stored before."""

    taken = Signal(object)  # Audio

    def __init__(self, recorder: Recorder, playback: Playback, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recorder, self._playback = recorder, playback
        self.take: Audio | None = None
        self.setWindowTitle("Record speech for this picture")
        self.meter = LevelMeter(self)
        self.message = QLabel("Press Record and speak.", self)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setWordWrap(True)
        self.message.setMinimumSize(360, 2 * self.fontMetrics().lineSpacing() + 4)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.record = QPushButton("Record", self)
        self.listen = QPushButton("Listen", self)
        self.use = QPushButton("Use", self)
        cancel = QPushButton("Cancel", self)
        row = QHBoxLayout()
        for button in (self.record, self.listen):
            row.addWidget(button)
        row.addStretch(1)
        for button in (cancel, self.use):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.meter)
        layout.addWidget(self.message)
        layout.addLayout(row)
        self.record.setDefault(True)
        self._timer = QTimer(self)
        self._timer.setInterval(_METER_MS)
        self._timer.timeout.connect(self._show_level)
        self.record.clicked.connect(self._record)
        self.listen.clicked.connect(self._listen)
        self.use.clicked.connect(self._use)
        cancel.clicked.connect(self.reject)
        self._refresh()

    def done(self, result: int) -> None:
        """However the dialog ends, microphone and loudspeaker are let go."""
        self._release()
        super().done(result)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._release()
        super().closeEvent(event)

    def _release(self) -> None:
        self._timer.stop()
        self._playback.stop()
        if self._recorder.recording:
            self._recorder.stop()

    @Slot()
    def _record(self) -> None:
        try:
            if self._recorder.recording:
                self._finish()
            else:
                self._playback.stop()
                self._recorder.start()
                self.take = None
                self.message.setText("Recording… speak now.")
                self._timer.start()
        except SierError as error:
            self._tell(error)
        self._refresh()

    def _finish(self) -> None:
        self._timer.stop()
        self.take = self._recorder.stop()
        self.meter.show_level(float("-inf"))
        self.message.setText(verdict(self.take))

    @Slot()
    def _listen(self) -> None:
        if self._playback.playing:
            self._playback.stop()
        elif self.take is not None:
            try:
                self._playback.play(self.take.samples, self.take.rate, on_finished=self._refresh)
            except SierError as error:
                self._tell(error)
        self._refresh()

    @Slot()
    def _use(self) -> None:
        if self.take is not None:
            take = self.take
            self.accept()
            self.taken.emit(take)

    @Slot()
    def _show_level(self) -> None:
        self.meter.show_level(self._recorder.level)

    def _tell(self, error: SierError) -> None:
        self.message.setText(f"{error.message}\n{error.hint}" if error.hint else error.message)

    @Slot()
    def _refresh(self) -> None:
        recording, take = self._recorder.recording, self.take
        self.record.setText("Stop" if recording else "Record" if take is None else "Record Again")
        self.listen.setText("Stop Listening" if self._playback.playing else "Listen")
        self.listen.setEnabled(take is not None and len(take.samples) > 0 and not recording)
        self.use.setEnabled(take is not None and take.duration_s >= SHORTEST_S and not recording)


def verdict(take: Audio) -> str:
    """What to know about a take before using it."""
    if take.duration_s < SHORTEST_S:
        return "That was too short to hold a word. Record again."
    peak = peak_dbfs(take.samples)
    length = f"{take.duration_s:.1f} s recorded"
    if peak < QUIET_DB:
        return f"{length}, but hardly anything was heard. Is the microphone muted, or far away?"
    if peak >= CLIPPED_DB:
        return f"{length}, but it was too loud and is cut off. Move back a little and record again."
    return f"{length}, loudest {peak:.0f} dB. Listen to it, use it, or record again.".replace("-", "−")
