"""What a job said, read back."""

from __future__ import annotations

from typing import Any

from pytestqt.qtbot import QtBot

from sier_gui.gui.jobs import Job


class Log:
    """What a job said, in order."""

    def __init__(self, job: Job) -> None:
        self.said: list[tuple[str, Any]] = []
        job.progressed.connect(self.progressed)
        job.partial.connect(self.partial)
        job.succeeded.connect(self.succeeded)
        job.failed.connect(self.failed)
        job.cancelled.connect(self.cancelled)

    def progressed(self, value: object) -> None:
        self.said.append(("progressed", value))

    def partial(self, value: object) -> None:
        self.said.append(("partial", value))

    def succeeded(self, value: object) -> None:
        self.said.append(("succeeded", value))

    def failed(self, value: object) -> None:
        self.said.append(("failed", value))

    def cancelled(self) -> None:
        self.said.append(("cancelled", None))


def wait_for(qtbot: QtBot, log: Log, *, count: int = 1) -> None:
    qtbot.waitUntil(lambda: len(log.said) >= count, timeout=5000)
