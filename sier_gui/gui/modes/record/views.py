"""What the pages of Record mode show; made by the workflow, painted by the pages."""

from __future__ import annotations

from dataclasses import dataclass

from sier_gui.core.audio.capture import Phase
from sier_gui.core.audio.portaudio import Microphone
from sier_gui.core.study.records import Reader, Take
from sier_gui.core.study.takes import Prompt


@dataclass(frozen=True, slots=True)
class ProjectView:
    """The project that is open: its folder and its readers with the prompts each has done, of ``prompts``."""

    folder: str
    dataset: str
    prompts: int
    readers: tuple[tuple[Reader, int], ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceView:
    """The microphone page: what there is, what is open, and the room."""

    found: tuple[Microphone, ...] = ()
    chosen: str = ""
    open: bool = False
    rate: int = 0
    busy: str = ""  # what it does now: "room", "test" or ""
    room_dbfs: float | None = None
    test: str = ""  # what the sound check found
    test_status: str = ""  # its verdict
    can_listen: bool = False


@dataclass(frozen=True, slots=True)
class BoothView:
    """The reader's page."""

    reader: str = ""
    prompt: Prompt | None = None
    number: int = 0
    of: int = 0
    accepted: int = 0
    skipped: int = 0
    take: Take | None = None  # the last one of this prompt
    finished: bool = False
    listening: bool = False
    device: str = ""


PHASES = {
    Phase.CLOSED: "Microphone closed",
    Phase.IDLE: "Ready",
    Phase.PRE_ROLL: "Wait…",
    Phase.RECORDING: "Speak now",
    Phase.POST_ROLL: "Stay quiet…",
}
