"""A reader before the prompts: keys, takes and decisions, one prompt after the other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import ALL, JobRunner
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.microphone import CLOSED, IDLE, MicrophoneWorkflow

if TYPE_CHECKING:
    from sier_gui.core.audio.files import Audio
    from sier_gui.core.study.project import Project
    from sier_gui.core.study.reading import Reading
    from sier_gui.core.study.records import Take
    from sier_gui.core.study.takes import Prompt, SessionFacts
    from sier_gui.gui.modes.record import RecordPage


@dataclass(slots=True)
class Sitting:
    """One reader, from sitting down to getting up."""

    project: Project
    reader: str
    reading: Reading
    takes: dict[str, list[Take]] = field(default_factory=dict)  # by sample, in order
    facts: SessionFacts | None = None  # once the room is known


class BoothWorkflow(QObject):
    """`sit` begins with a reader, `leave` ends; both may be called at any time."""

    def __init__(self, context: Context, keeper: JobRunner, microphone: MicrophoneWorkflow) -> None:
        super().__init__(context.window)
        self._context, self._keeper, self._microphone = context, keeper, microphone
        self.sitting: Sitting | None = None
        self._page: RecordPage | None = None
        self._numbers = itertools.count(1)
        self._undecided: dict[int, tuple[str, str, int]] = {}  # acceptances that are on their way
        self._browsing = False  # among prompts that are all done
        microphone.kept.connect(self._on_kept)
        microphone.failed.connect(self.refresh)
        microphone.polled.connect(self._show_phase)
        for action_id, handler in (
            ("record.toggle", self.toggle),
            ("record.retake", self.retake),
            ("record.accept", self.accept),
            ("record.back", self.back),
            ("record.skip", self.skip),
            ("record.listen", self.listen),
            ("record.device", self.show_device),
        ):
            context.actions.bind(action_id, handler)

    # ---------------------------------------------------------------- sitting down and getting up

    def furnish(self, page: RecordPage) -> None:
        """Connect the page, once."""
        self._page = page
        page.device.done.connect(self.begin)

    def sit(self, sitting: Sitting) -> None:
        """A reader sits down: first the microphone and the room."""
        self.leave()
        self.sitting = sitting
        self.show_device()

    @Slot(object)
    def take_over(self, fresh: Sitting) -> None:
        """The same reader, after takes came from elsewhere; the prompt shown stays where it can."""
        old = self.sitting
        if old is not None and old.reader == fresh.reader:
            fresh.facts, self.sitting = old.facts, fresh
            self._browsing = False
            self.refresh()

    @Slot()
    def show_device(self) -> None:
        """The page of the microphone; the reader's own prompts wait behind it."""
        if self._page is not None and self.sitting is not None:
            self.leave()
            self._page.show_step(self._page.device)
            self._microphone.look()

    @Slot()
    def leave(self) -> None:
        """No reader is before the prompts any more; a take that runs is ended and kept."""
        if self._microphone.capture is not None:
            self._microphone.capture.stop()
        self._microphone.hush()
        self._context.state.set_booth(False)
        for runner in (self._context.computer, self._context.clerk):
            runner.resume(ALL, self)

    def stop(self) -> None:
        """The window closes: decisions that are on their way are stored."""
        undecided, self._undecided = self._undecided, {}
        if self.sitting is not None:
            for reader, sample_id, number in undecided.values():
                self.sitting.project.accept_take(reader, sample_id, number)

    @Slot()
    def begin(self) -> None:
        """The room is known: on to the prompts."""
        from sier_gui.core.study.takes import begin_session

        sitting, capture = self.sitting, self._microphone.capture
        room = self._microphone.room_dbfs
        if sitting is None or capture is None or room is None:
            return
        device = capture.device

        def work(_report: Report, _token: CancelToken) -> SessionFacts:
            return begin_session(sitting.project, sitting.reader, device.name, device.rate, room)

        job = self._keeper.start("record.begin", work)
        job.succeeded.connect(self._on_begun)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_begun(self, facts: SessionFacts) -> None:
        assert self.sitting is not None
        assert self._page is not None
        self.sitting.facts = facts
        for runner in (self._context.computer, self._context.clerk):
            runner.pause(ALL, self)  # any of it could make the audio stutter
        self._context.state.set_booth(True)
        self._browsing = False
        self.refresh()
        self._page.show_step(self._page.booth)

    # ---------------------------------------------------------------- keys

    @Slot()
    def toggle(self) -> None:
        """Space: record the prompt, or stop."""
        phase, capture = self._microphone.phase, self._microphone.capture
        if phase == CLOSED or capture is None:
            self._context.messages.error(
                SierError("The microphone is closed.", "Open it on the microphone page; takes are safe."),
                "record.device",
                "Open It",
            )
        elif phase != IDLE:
            capture.stop()
        elif self._prompt() is not None:
            self._record()

    @Slot()
    def retake(self) -> None:
        """R: record the prompt again; the take that counted no longer does. Nothing is deleted."""
        if not self._microphone.idle or self._prompt() is None:
            return
        if self._microphone.phase == CLOSED:
            self.toggle()  # which says so
            return
        take = self._take()
        if take is not None and take.accepted:
            self._decide(take, "reject")
        self._record()

    def _record(self) -> None:
        from sier_gui.core.study.takes import TakeWriter

        sitting, prompt = self.sitting, self._prompt()
        assert sitting is not None
        assert sitting.facts is not None
        assert prompt is not None
        told = self._microphone.say_kept, self._microphone.say_failed
        self._microphone.start(TakeWriter(sitting.project, sitting.facts, prompt, *told))

    @Slot()
    def accept(self) -> None:
        """Enter: the last take counts; on to the next prompt."""
        take = self._take()
        if not self._microphone.idle or self._prompt() is None:
            return
        if take is None:
            self._context.messages.info("There is no take to accept yet.", "Press Space and read the prompt.")
        elif take.verdict == "fail":
            reasons = " ".join(take.reasons)
            self._context.messages.info(f"This take did not pass: {reasons}", "Press R to record it again.")
        else:
            self._decide(take, "accept")

    def _decide(self, take: Take, what: str) -> None:
        assert self.sitting is not None
        project, number = self.sitting.project, next(self._numbers)
        key = (take.reader, take.sample_id, take.number)
        if what == "accept":
            self._undecided[number] = key

        def work(_report: Report, _token: CancelToken) -> tuple[int, Take, str]:
            (project.accept_take if what == "accept" else project.reject_take)(*key)
            return number, take, what

        job = self._keeper.start(
            f"record.decide.{number}", work
        )  # a kind of its own: none supersedes another
        job.succeeded.connect(self._on_decided)
        job.failed.connect(self._on_undecided)

    @Slot(object)
    def _on_decided(self, outcome: tuple[int, Take, str]) -> None:
        number, take, what = outcome
        self._undecided.pop(number, None)
        sitting = self.sitting
        if sitting is None or sitting.reader != take.reader:
            return
        accepted = what == "accept"
        sitting.takes[take.sample_id] = [
            replace(other, accepted=accepted and other.number == take.number)
            for other in sitting.takes.get(take.sample_id, [])
        ]
        prompt = sitting.reading.current
        sitting.reading.mark(take.sample_id, accepted)
        if accepted and prompt is not None and prompt.sample_id == take.sample_id:
            self._context.messages.withdraw()
            sitting.reading.accept()
            self._browsing = False
        self.refresh()

    @Slot(object)
    def _on_undecided(self, error: Exception) -> None:
        """Not stored: it stays with the prompt, and says so."""
        self._undecided.clear()
        self._context.messages.error(error)

    @Slot()
    def back(self) -> None:
        """Left: the prompt before this one."""
        if self.sitting is not None and self._microphone.idle:
            if not (self.sitting.reading.finished and not self._browsing):
                self.sitting.reading.back()
            self._browsing = True
            self.refresh()

    @Slot()
    def skip(self) -> None:
        """S: the next prompt; this one is offered again at the end."""
        sitting, prompt = self.sitting, self._prompt()
        if sitting is None or prompt is None or not self._microphone.idle:
            return

        def work(_report: Report, _token: CancelToken) -> None:
            sitting.project.skip(sitting.reader, prompt.sample_id)

        job = self._keeper.start(f"record.skip.{next(self._numbers)}", work)
        job.failed.connect(self._context.messages.error)
        sitting.reading.skip()
        self._browsing = False
        self.refresh()

    @Slot()
    def listen(self) -> None:
        """L: hear the last take, or stop hearing it."""
        take = self._take()
        if self._microphone.playing:
            self._microphone.hush()
            self.refresh()
        elif take is not None and self._microphone.idle and self.sitting is not None:
            path = self.sitting.project.folder / take.path

            def work(_report: Report, _token: CancelToken) -> Audio:
                from sier_gui.core.audio.files import read_audio

                return read_audio(path)

            job = self._keeper.start("record.listen", work)
            job.succeeded.connect(self._on_read)
            job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_read(self, audio: Audio) -> None:
        if self._microphone.idle:
            self._microphone.play(audio.samples, audio.rate, self.refresh)
            self.refresh()

    # ---------------------------------------------------------------- what is shown

    @Slot(object)
    def _on_kept(self, take: Take) -> None:
        if self.sitting is not None and self.sitting.reader == take.reader:
            self.sitting.takes.setdefault(take.sample_id, []).append(take)
        self._context.messages.withdraw()
        self.refresh()

    @Slot()
    def _show_phase(self) -> None:
        capture = self._microphone.capture
        if capture is not None and self._page is not None:
            self._page.booth.meter.show_levels(capture.levels)
            self._page.booth.show_phase(capture.phase, capture.recorded_s)

    def _prompt(self) -> Prompt | None:
        """None where there is nothing to read, or nothing left."""
        sitting = self.sitting
        if sitting is None or (sitting.reading.finished and not self._browsing):
            return None
        return sitting.reading.current

    def _take(self) -> Take | None:
        """The prompt's last one."""
        prompt = self._prompt()
        if prompt is None or self.sitting is None:
            return None
        takes = self.sitting.takes.get(prompt.sample_id, [])
        return takes[-1] if takes else None

    @Slot()
    def refresh(self) -> None:
        """The prompt's page anew."""
        sitting, page = self.sitting, self._page
        if sitting is None or page is None:
            return
        from sier_gui.gui.modes.record.views import BoothView

        reading, prompt = sitting.reading, self._prompt()
        page.booth.show_view(
            BoothView(
                reader=sitting.reader,
                prompt=prompt,
                number=reading.index + 1 if prompt is not None else len(reading.prompts),
                of=len(reading.prompts),
                accepted=len(reading.accepted),
                skipped=len(reading.skipped),
                take=self._take(),
                finished=bool(reading.prompts) and prompt is None,
                listening=self._microphone.playing,
                device=self._microphone.capture.device.name if self._microphone.capture is not None else "",
            )
        )
