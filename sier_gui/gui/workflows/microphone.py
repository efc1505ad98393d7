"""The microphone of Record mode: which one, its sound check, the room's tone; held open over a session.

The capture's thread records and writes, the keeper's opens and closes devices. What the former has to say
waits in a queue that a timer empties, so that nothing of Qt is touched off its thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.audio.capture import Capture, InputDevice, Sink
    from sier_gui.core.audio.devices import Playback
    from sier_gui.core.audio.portaudio import Microphone
    from sier_gui.core.domain import FloatArray
    from sier_gui.core.study.records import Take
    from sier_gui.core.study.verdicts import Verdict
    from sier_gui.gui.modes.record import RecordPage

POLL_MS = 33
TEST_S = 4.0
CLOSED, IDLE = "closed", "idle"


@dataclass(frozen=True, slots=True)
class Devices:
    """How microphones are found and opened; tests bring their own."""

    find: Callable[[bool], list[Microphone]]
    make: Callable[[str], InputDevice]


def real_devices() -> Devices:
    from sier_gui.core.audio.portaudio import DeviceInput, microphones

    def find(rescan: bool) -> list[Microphone]:
        return microphones(rescan=rescan)

    return Devices(find, DeviceInput)


class MicrophoneWorkflow(QObject):
    """One capture at a time, and the page that shows how it does. Its signals come on the GUI thread."""

    kept = Signal(object)  # Take: on the disk and known to the project
    failed = Signal(object)  # SierError: a take, a test or the device itself was lost
    polled = Signal()  # phase and levels may have changed

    def __init__(self, context: Context, keeper: JobRunner) -> None:
        super().__init__(context.window)
        self._context, self._keeper = context, keeper
        self.devices: Devices | None = None
        self.playback: Playback | None = None
        self.capture: Capture | None = None
        self._page: RecordPage | None = None
        self._view: Any = None  # DeviceView; its module is imported with the page
        self._held: Capture | None = None  # by the keeper's thread, which opens and closes
        self._said: deque[tuple[str, Any]] = deque()  # by the capture's thread
        self._test: tuple[FloatArray, int] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    def furnish(self, page: RecordPage) -> None:
        """Connect the page, once."""
        from sier_gui.gui.modes.record.views import DeviceView

        self._page, self._view = page, DeviceView()
        device = page.device
        device.device_chosen.connect(self.open_device)
        device.rescan_wished.connect(self.rescan)
        device.test_wished.connect(self.test)
        device.listen_wished.connect(self.listen)
        device.room_wished.connect(self.take_room)

    @property
    def phase(self) -> str:
        return self.capture.phase.value if self.capture is not None else CLOSED

    @property
    def idle(self) -> bool:
        """No take is under way."""
        return self.phase in (CLOSED, IDLE)

    @property
    def room_dbfs(self) -> float | None:
        """As measured since this device was opened."""
        value: float | None = self._view.room_dbfs if self._view is not None else None
        return value

    # ---------------------------------------------------------------- which one

    def look(self) -> None:
        """The page is shown: what was said about the last test no longer matters."""
        self._show(busy="", test="", test_status="", can_listen=False)
        if self.phase == CLOSED:
            self._find(rescan=False)

    @Slot()
    def rescan(self) -> None:
        """What was plugged in meanwhile; the open microphone is let go for it."""
        self.hush()
        self._find(rescan=True)

    def _find(self, *, rescan: bool) -> None:
        self.devices = self.devices or real_devices()
        devices, self.capture = self.devices, None
        self._show(open=False, room_dbfs=None)

        def work(_report: Report, _token: CancelToken) -> list[Microphone]:
            self._let_go()
            return devices.find(rescan)

        job = self._keeper.start("record.devices", work)
        job.succeeded.connect(self._on_devices)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_devices(self, found: list[Microphone]) -> None:
        names = [microphone.name for microphone in found]
        wanted = str(self._context.settings.get("record.device", ""))
        self._show(found=tuple(found), chosen="")
        if names:
            self.open_device(wanted if wanted in names else names[0])

    @Slot(str)
    def open_device(self, name: str) -> None:
        """Open a microphone and hold it open for the session."""
        from sier_gui.core.audio.capture import Capture

        assert self.devices is not None
        make, self.capture = self.devices.make, None
        self._show(chosen=name, open=False, room_dbfs=None, test="", can_listen=False)

        def work(_report: Report, _token: CancelToken) -> Capture:
            self._let_go()
            capture = Capture(make(name), self.say_failed)
            capture.open()
            self._held = capture
            return capture

        job = self._keeper.start("record.open-device", work)
        job.succeeded.connect(self._on_opened)
        job.failed.connect(self._context.messages.error)

    def _let_go(self) -> None:
        """Keeper's thread: not what the window knew, which never hears of a device it chose and unchose."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    @Slot(object)
    def _on_opened(self, capture: Capture) -> None:
        self.capture = capture
        self._context.messages.withdraw()
        self._context.settings.set("record.device", capture.device.name)
        self._show(open=True, rate=capture.device.rate)
        self._timer.start()

    def finish(self) -> None:
        """The window closes: a take under way is ended and kept."""
        self._timer.stop()
        self.hush()
        if self.capture is not None:
            self.capture.finish()

    def close(self) -> None:
        """Let the microphone go; after the keeper's thread has ended."""
        self.capture = None
        self._let_go()

    # ---------------------------------------------------------------- sound check and room

    @Slot()
    def test(self) -> None:
        """Some seconds of speech, judged and heard back; nothing is stored."""
        from sier_gui.core.study.takes import SoundCheck

        if self.capture is None:
            return
        rate = self.capture.device.rate

        def heard(sound: FloatArray, verdict: Verdict) -> None:
            self._said.append(("test", (sound, rate, verdict)))

        self.start(SoundCheck(rate, heard, self.say_failed), TEST_S)
        self._show(busy="test", test="", test_status="")

    @Slot()
    def listen(self) -> None:
        """Hear the sound check."""
        if self._test is not None:
            self.play(*self._test)

    @Slot()
    def take_room(self) -> None:
        """Three seconds of the room without anybody speaking."""
        from sier_gui.core.study.takes import ROOM_TONE_S, RoomTone

        if self.capture is None:
            return

        def level(dbfs: float) -> None:
            self._said.append(("room", dbfs))

        self.start(RoomTone(self.capture.device.rate, level, self.say_failed), ROOM_TONE_S)
        self._show(busy="room", room_dbfs=None)

    def start(self, sink: Sink, seconds: float | None = None) -> None:
        """Begin a take, a test or the room's tone; whatever plays is silenced."""
        assert self.capture is not None
        self.hush()
        try:
            self.capture.start(sink, seconds)
        except SierError as error:
            self._context.messages.error(error)

    # ---------------------------------------------------------------- hearing

    def play(self, samples: FloatArray, rate: int, on_finished: Callable[[], None] | None = None) -> None:
        """Through the loudspeaker; its absence is told and stops nothing else."""
        if self.playback is None:
            from sier_gui.gui.audio_device import DevicePlayback

            self.playback = DevicePlayback(self)
        try:
            self.playback.play(samples, rate, on_finished=on_finished, on_lost=self._on_lost)
        except SierError as error:
            self._context.messages.error(error)

    def _on_lost(self, error: SierError) -> None:
        self._context.messages.error(error)
        self.failed.emit(error)

    @property
    def playing(self) -> bool:
        return self.playback is not None and self.playback.playing

    def hush(self) -> None:
        if self.playback is not None:
            self.playback.stop()

    # ---------------------------------------------------------------- what the capture's thread says

    def say_kept(self, take: Take, _verdict: Verdict) -> None:
        """Capture's thread."""
        self._said.append(("kept", take))

    def say_failed(self, error: SierError) -> None:
        """Capture's thread."""
        self._said.append(("failed", error))

    @Slot()
    def _poll(self) -> None:
        capture, page = self.capture, self._page
        if capture is None or page is None:
            return
        capture.check()
        page.device.show_levels(capture.levels)
        self.polled.emit()
        while self._said:
            self._hear(*self._said.popleft())

    def _hear(self, what: str, value: Any) -> None:
        if what == "kept":
            self.kept.emit(value)
        elif what == "room":
            self._show(busy="", room_dbfs=value)
        elif what == "test":
            sound, rate, verdict = value
            self._test = (sound, rate)
            # nothing is known of the room yet, and where the sentence began does not matter
            found = [f for f in verdict.findings if f.code in ("tainted", "clipping", "silent", "level")]
            told = " ".join(f.text for f in found) or f"It hears you well (peak {verdict.peak:.0f} dBFS)."
            status = str(found[0].status) if found else "pass"
            self._show(busy="", test=told.replace("-", "−"), test_status=status, can_listen=True)
        else:
            closed = self.phase == CLOSED
            self._context.messages.error(value, *(("record.device", "Open It") if closed else ()))
            self._show(busy="", open=not closed)
            self.failed.emit(value)

    def _show(self, **changes: Any) -> None:
        if self._page is not None:
            self._view = replace(self._view, **changes)
            self._page.device.show_view(self._view)
