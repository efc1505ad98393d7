"""Headphones and volume before the first trial; and the loudspeaker that a rater hears everything from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from sier_gui.core.audio.portaudio import portaudio
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.audio.devices import OnFinished, OnLost, OnPosition, Playback
    from sier_gui.core.audio.files import Audio
    from sier_gui.core.domain import FloatArray
    from sier_gui.core.study.presenting import Presenter
    from sier_gui.core.study.records import Protocol
    from sier_gui.core.study.session import Session
    from sier_gui.gui.modes.study import StudyPage

_BETWEEN_MS = 600  # from an answer to the next round's tones


class CheckingWorkflow(QObject):
    """`begin` leads through the checks that the protocol wants; ``done`` follows."""

    done = Signal()
    lost = Signal(object)  # SierError: the loudspeaker went away while a trial's recording played

    def __init__(self, context: Context, keeper: JobRunner) -> None:
        super().__init__(context.window)
        self._context, self._keeper = context, keeper
        self.playback: Playback | None = None  # tests bring their own
        self.device: Callable[[], str] = loudspeaker
        self._page: StudyPage | None = None
        self._session: Session | None = None
        self._presenter: Presenter | None = None
        self._protocol: Protocol | None = None
        self._round, self._right, self._quiet = 0, 0, 0
        self._example: Audio | None = None
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.setInterval(_BETWEEN_MS)
        self._next.timeout.connect(self._play_round)

    def furnish(self, page: StudyPage) -> None:
        """Connect the page, once."""
        self._page = page
        page.headphones.play_wished.connect(self._play_round)
        page.headphones.chosen.connect(self._on_tone)
        page.volume.play_wished.connect(self._play_example)
        page.volume.done.connect(self._on_volume)

    def begin(self, session: Session, presenter: Presenter, protocol: Protocol) -> None:
        self._session, self._presenter, self._protocol = session, presenter, protocol
        self._round = self._right = 0
        device = self.device

        def work(_report: Report, _token: CancelToken) -> None:
            session.log("device", name=device())  # loading the sound system takes a second

        job = self._keeper.start("study.device", work)
        job.failed.connect(self._context.messages.error)
        if protocol.before.headphones and not session.rater.headphones:
            assert self._page is not None
            self._show_round(heard=False, playing=False)
            self._page.show_step(self._page.headphones)
        else:
            self._volume()

    def play(
        self,
        samples: FloatArray,
        rate: int,
        finished: OnFinished,
        position: OnPosition | None = None,
        lost: OnLost | None = None,
    ) -> None:
        """``finished`` follows, or ``lost``, in whose place the signal may stand.

        Raises `SierError` at once where there is no loudspeaker.
        """
        if self.playback is None:
            from sier_gui.gui.audio_device import DevicePlayback

            self.playback = DevicePlayback(self)
        told = lost or self.lost.emit
        self.playback.play(samples, rate, on_position=position, on_finished=finished, on_lost=told)

    def hush(self) -> None:
        self._next.stop()
        if self.playback is not None:
            self.playback.stop()

    def _try(self, samples: FloatArray, rate: int, finished: Callable[[], None]) -> None:
        """Here a missing loudspeaker may be named: nothing of the study is in what it says."""
        try:
            self.play(samples, rate, finished, lost=self._on_silent)
        except SierError as error:
            self._on_silent(error)

    def _on_silent(self, error: SierError) -> None:
        """No loudspeaker, or none any more: the same sound may be asked for again."""
        self._context.messages.error(error)
        assert self._page is not None
        self._show_round(heard=False, playing=False)
        self._page.volume.about.setText(f"{error.message} {error.hint}")
        self._page.headphones.state.setText(f"{error.message} {error.hint}")
        if self._page.step is self._page.headphones:
            self._page.headphones.play.setFocus()

    # ---------------------------------------------------------------- headphones

    def _show_round(self, *, heard: bool, playing: bool) -> None:
        from sier_gui.core.study.headphones import ROUNDS

        assert self._page is not None
        self._page.headphones.show_round(self._page.words, self._round, ROUNDS, heard=heard, playing=playing)

    @Slot()
    def _play_round(self) -> None:
        from sier_gui.core.study.headphones import RATE, round_of

        assert self._session is not None
        assert self._protocol is not None
        sound, self._quiet = round_of(self._protocol.seed, self._session.rater.rater, self._round)
        self._show_round(heard=False, playing=True)
        assert self._page is not None
        self._page.headphones.setFocus()
        self._try(sound, RATE, self._on_round_heard)

    def _on_round_heard(self) -> None:
        self._show_round(heard=True, playing=False)

    @Slot(int)
    def _on_tone(self, place: int) -> None:
        from sier_gui.core.study.headphones import NEEDED, ROUNDS

        self._next.stop()
        self._right += place == self._quiet
        self._round += 1
        if self._round < ROUNDS:
            self._show_round(heard=False, playing=True)
            self._next.start()
            return
        session, right = self._session, self._right
        assert session is not None
        outcome = "passed" if right >= NEEDED else "failed"

        def work(_report: Report, _token: CancelToken) -> None:
            session.keep(replace(session.rater, headphones=outcome))
            session.log("headphones", right=right, of=ROUNDS)

        job = self._keeper.start("study.headphones", work)
        job.succeeded.connect(self._on_kept)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_kept(self, _nothing: object) -> None:
        self._volume()

    # ---------------------------------------------------------------- volume

    def _volume(self) -> None:
        presenter, protocol = self._presenter, self._protocol
        assert presenter is not None
        assert protocol is not None
        if not protocol.before.volume:
            self.done.emit()
            return

        def work(_report: Report, _token: CancelToken) -> Audio | None:
            return presenter.loudness_example()

        job = self._keeper.start("study.example", work)
        job.succeeded.connect(self._on_example)
        job.failed.connect(self._on_no_example)

    @Slot(object)
    def _on_example(self, example: Audio | None) -> None:
        self._example = example
        if example is None:
            self.done.emit()
            return
        assert self._page is not None
        self._page.volume.show_words(self._page.words, heard=False)
        self._page.show_step(self._page.volume)

    @Slot(object)
    def _on_no_example(self, error: Exception) -> None:
        self._context.messages.error(error)
        self.done.emit()

    @Slot()
    def _play_example(self) -> None:
        if self._example is not None:
            self._try(self._example.samples, self._example.rate, self._on_example_heard)

    def _on_example_heard(self) -> None:
        assert self._page is not None
        self._page.volume.show_words(self._page.words, heard=True)
        self._page.volume.go_on.setFocus()

    @Slot()
    def _on_volume(self) -> None:
        self.hush()
        self.done.emit()


def loudspeaker() -> str:
    """Name of the output that the system would play to; "" where there is none."""
    try:
        sounddevice = portaudio()
    except SierError:
        return ""
    try:
        return str(sounddevice.query_devices(kind="output")["name"])
    except (sounddevice.PortAudioError, ValueError):
        return ""
