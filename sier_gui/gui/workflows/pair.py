"""A picture and a sound file without a dataset: dropped, chosen, or recorded beside a picture."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog

from sier_gui.core import paths
from sier_gui.core.domain import Modality, Sample
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.audio.devices import Recorder
    from sier_gui.core.nets.releases import Release

PICTURES = frozenset(["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "jp2", "avif", "ppm", "pgm"])
SOUNDS = frozenset(
    ["wav", "flac", "ogg", "oga", "opus", "mp3", "aiff", "aif", "au", "w64", "rf64", "caf", "snd"]
)
_KINDS = {Modality.IMAGE: "picture", Modality.SPEECH: "sound file"}


class PairWorkflow(QObject):
    """Collects one picture and one sound; whatever comes first waits for the other."""

    ready = Signal(object)  # Sample
    dataset_dropped = Signal(str)

    def __init__(self, context: Context, recorder: Recorder | None = None) -> None:
        super().__init__(context.window)
        self._context = context
        self._recorder = recorder
        self._waiting: dict[Modality, Path] = {}
        context.actions.bind("file.pair", self.ask)
        context.actions.bind("file.record", self.record)
        context.state.sample_changed.connect(self._on_sample)

    # ---------------------------------------------------------------- files

    @Slot()
    def ask(self) -> None:
        dialog = QFileDialog(self._context.window, "Open a picture and a sound file")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        patterns = " ".join(f"*.{suffix}" for suffix in sorted(PICTURES | SOUNDS))
        dialog.setNameFilters([f"Pictures and sounds ({patterns})", "All files (*)"])
        dialog.filesSelected.connect(self.take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(list)
    def take(self, files: Iterable[str]) -> None:
        """Files and folders dropped together: pictures and sounds pair up, anything else is a dataset."""
        for file in map(Path, files):
            modality = kind_of(file)
            if modality is None:
                self.dataset_dropped.emit(str(file))
                return
            self._waiting[modality] = file
        self._offer()

    def _offer(self) -> None:
        """Show the pair, or the half that is there while it waits for the other."""
        if len(self._waiting) == 2:
            from sier_gui.core.dataset.pairs import loose_pair

            picture, sound = self._waiting[Modality.IMAGE], self._waiting[Modality.SPEECH]
            self._waiting = {}
            self._context.messages.withdraw()
            self._choose_release()
            self.ready.emit(loose_pair(picture, sound))
            return
        for modality, path in self._waiting.items():
            other = Modality.SPEECH if modality is Modality.IMAGE else Modality.IMAGE
            self.ready.emit(Sample(path.stem, -1, {modality: path.absolute()}))
            record = "file.record" if other is Modality.SPEECH else ""
            self._context.messages.info(
                f"{path.name} waits for its {_KINDS[other]}.",
                f"Drop a {_KINDS[other]} on the window{', or record your speech' if record else ''}.",
                record,
                "Record",
            )

    @Slot(object)
    def _on_sample(self, view: object) -> None:
        """Whoever goes on to a row of the table no longer waits for the other half."""
        if view is not None and self._context.state.row >= 0:
            self._waiting = {}

    def _choose_release(self) -> None:
        """A loose pair takes the release in use, else any."""
        if self._context.state.release is not None:
            return

        def work(_report: Report, _token: CancelToken) -> Release:
            from sier_gui.core.nets.releases import choose_release

            return choose_release(())

        job = self._context.reader.start("release", work)
        job.succeeded.connect(self._context.state.set_release)
        job.failed.connect(self._context.messages.error)

    # ---------------------------------------------------------------- the microphone

    @Slot(bool)
    def record(self, begin: bool) -> None:
        """Start a take beside the picture shown; the second call ends it and pairs the two."""
        try:
            if begin:
                self._begin()
            else:
                self._end()
        except SierError as error:
            self._context.actions.action("file.record").setChecked(False)
            self._context.messages.error(error)

    def _begin(self) -> None:
        if self._recorder is None:
            from sier_gui.gui.audio_device import DeviceRecorder

            self._recorder = DeviceRecorder()
        self._recorder.start()
        self._context.messages.info("Recording…", "", "file.record", "Stop")

    def _end(self) -> None:
        from sier_gui.core.audio.files import write_wav

        view = self._context.state.sample
        assert self._recorder is not None
        take = self._recorder.stop()
        if view is None or Modality.IMAGE not in view.sample.paths:
            raise SierError("The picture is gone, so the recording was not kept.", "Choose a picture first.")
        if len(take.samples) == 0:
            raise SierError("Nothing was recorded.", "Check the microphone and record again.")
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        file = (
            paths.user_folder("data") / "recordings" / f"{view.sample.paths[Modality.IMAGE].stem}-{stamp}.wav"
        )
        write_wav(file, take)
        self._waiting = {Modality.IMAGE: view.sample.paths[Modality.IMAGE], Modality.SPEECH: file}
        self._offer()

    @Slot()
    def stop(self) -> None:
        """Let go of the microphone; the take is not kept."""
        if self._recorder is not None and self._recorder.recording:
            self._recorder.stop()


def kind_of(path: Path) -> Modality | None:
    """What a file seems to be by its suffix; None for folders and anything else."""
    suffix = path.suffix.lower().lstrip(".")
    if suffix in PICTURES and not path.is_dir():
        return Modality.IMAGE
    return Modality.SPEECH if suffix in SOUNDS and not path.is_dir() else None
