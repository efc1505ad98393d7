"""A picture and a sound file without a dataset: dropped, chosen, or recorded beside a picture."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog

from sier_gui.core import paths
from sier_gui.core.domain import Modality, Sample
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.audio.devices import Playback, Recorder
    from sier_gui.core.audio.files import Audio
    from sier_gui.core.nets.releases import Release
    from sier_gui.gui.dialogs.microphone import MicrophoneDialog

PICTURES = frozenset(["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "jp2", "avif", "ppm", "pgm"])
SOUNDS = frozenset(
    ["wav", "flac", "ogg", "oga", "opus", "mp3", "aiff", "aif", "au", "w64", "rf64", "caf", "snd"]
)
_KINDS = {Modality.IMAGE: "picture", Modality.SPEECH: "sound file"}


class PairWorkflow(QObject):
    """Collects one picture and one sound; whatever comes first waits for the other."""

    ready = Signal(object)  # Sample
    dataset_dropped = Signal(str)

    def __init__(
        self, context: Context, recorder: Recorder | None = None, playback: Playback | None = None
    ) -> None:
        super().__init__(context.window)
        self._context = context
        self._recorder, self._playback = recorder, playback
        self.dialog: MicrophoneDialog | None = None
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

    @Slot()
    def record(self) -> None:
        """Speak beside the picture shown: a dialog with level, take and listening back."""
        from sier_gui.gui.audio_device import DevicePlayback, DeviceRecorder
        from sier_gui.gui.dialogs.microphone import MicrophoneDialog

        self._context.actions.trigger("play.stop")
        self._recorder = self._recorder or DeviceRecorder()
        self._playback = self._playback or DevicePlayback(self)
        self.dialog = MicrophoneDialog(self._recorder, self._playback, self._context.window)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.taken.connect(self._keep)
        self.dialog.finished.connect(self._on_dialog_closed)
        self.dialog.open()

    @Slot()
    def _on_dialog_closed(self) -> None:
        self.dialog = None

    @Slot(object)
    def _keep(self, take: Audio) -> None:
        """Store the take and pair it with the picture it was spoken beside."""
        from sier_gui.core.audio.files import write_wav

        view = self._context.state.sample
        if view is None or Modality.IMAGE not in view.sample.paths:
            error = SierError(
                "The picture is gone, so the recording was not kept.", "Choose a picture first."
            )
            self._context.messages.error(error)
            return
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        picture = view.sample.paths[Modality.IMAGE]
        file = paths.user_folder("data") / "recordings" / f"{picture.stem}-{stamp}.wav"
        try:
            write_wav(file, take)
        except SierError as error:
            self._context.messages.error(error)
            return
        self._waiting = {Modality.IMAGE: picture, Modality.SPEECH: file}
        self._offer()

    @Slot()
    def stop(self) -> None:
        """Let go of the microphone; the take is not kept."""
        if self.dialog is not None:
            self.dialog.reject()


def kind_of(path: Path) -> Modality | None:
    """What a file seems to be by its suffix; None for folders and anything else."""
    suffix = path.suffix.lower().lstrip(".")
    if suffix in PICTURES and not path.is_dir():
        return Modality.IMAGE
    return Modality.SPEECH if suffix in SOUNDS and not path.is_dir() else None
