"""PySide6 6.12.0 on Python 3.11 loses references to ``True`` and ``None`` and aborts; ours must not."""

from __future__ import annotations

import os
import subprocess
import sys

EMIT_AND_PAINT = """
from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QImage, QPainter

class Bell(QObject):
    rung = Signal(bool)

class Ear(QObject):
    heard = 0
    @Slot(bool)
    def hear(self, loud: bool) -> None:
        self.heard += loud

app = QGuiApplication([])
bell, ear = Bell(), Ear()
bell.rung.connect(ear.hear)
for _ in range(200_000):
    bell.rung.emit(True)
image = QImage(64, 64, QImage.Format.Format_ARGB32)
painter = QPainter(image)
for i in range(20_000):
    painter.setBrush(Qt.GlobalColor.red)
    painter.drawLine(0, i % 64, 63, i % 64)
painter.end()
print(ear.heard)
"""


def test_signals_and_painting_keep_their_references() -> None:
    environment = dict(os.environ, QT_QPA_PLATFORM="offscreen")
    result = subprocess.run(
        [sys.executable, "-c", EMIT_AND_PAINT], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "200000"
