"""Would this file load? Asked of any file, however hostile, and answered within a time limit.

A decoder may hang or crash inside C, where Python cannot stop it. So files are decoded in a second process
that is kept for the next one, and killed when it does not answer.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import sier_gui
from sier_gui.core.audio.files import read_audio
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import read_image

LIMIT_S = 2.0
_START_LIMIT_S = 120.0  # a busy machine imports slowly; that is no file's fault
SOUNDS = {
    ".wav", ".wave", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au",
    ".snd", ".caf", ".w64",
}  # fmt: skip
PICTURES = {
    ".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp", ".avif", ".tif",
    ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".pcx", ".psd", ".tga", ".ico", ".sgi", ".ras",
    ".xbm", ".exr",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inspection:
    """What became of one file; ``kind`` is audio | image | unknown."""

    file: str
    ok: bool
    kind: str
    error: str = ""
    hint: str = ""
    seconds_taken: float = 0.0
    duration_s: float | None = None
    size_px: tuple[int, int] | None = None  # width, height after orientation

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def inspect(path: Path, *, limit_s: float = LIMIT_S) -> Inspection:
    """Load ``path`` as the program would, giving up after ``limit_s`` seconds. Never raises."""
    return _examiner.ask(Path(path), limit_s)


def examine(path: Path) -> Inspection:
    """As `inspect`, in this process and without the limit."""
    started = time.perf_counter()
    kind, result, error = "unknown", {}, None
    for candidate, load in _candidates(path):
        try:
            result, kind, error = load(path), candidate, None
            break
        except SierError as refused:
            error = refused
    if error is None:
        return Inspection(str(path), True, kind, seconds_taken=time.perf_counter() - started, **result)
    if path.suffix.lower() in SOUNDS | PICTURES:
        kind = "audio" if path.suffix.lower() in SOUNDS else "image"
    elif path.is_file() and path.stat().st_size:
        error = SierError(f"{path} is neither a sound nor a picture in a known format.", error.hint)
    return Inspection(str(path), False, kind, error.message, error.hint, time.perf_counter() - started)


def _candidates(path: Path) -> list[tuple[str, Callable[[Path], dict[str, Any]]]]:
    """The loaders to try: the one the name promises, or both."""
    sound, picture = ("audio", _load_sound), ("image", _load_picture)
    suffix = path.suffix.lower()
    return [sound] if suffix in SOUNDS else [picture] if suffix in PICTURES else [picture, sound]


def _load_sound(path: Path) -> dict[str, Any]:
    duration = read_audio(path).duration_s
    hint = "" if 0.2 <= duration <= 60 else "Speech should last 0.2 to 60 s."
    return {"duration_s": duration, "hint": hint}


def _load_picture(path: Path) -> dict[str, Any]:
    height, width = read_image(path).shape[:2]
    return {"size_px": (width, height)}


class _Examiner:
    """The second process: started at the first question, replaced when it hangs or dies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def ask(self, path: Path, limit_s: float) -> Inspection:
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            process.stdin.write(json.dumps(str(path)) + "\n")
            process.stdin.flush()
            try:
                answer = self._answers.get(timeout=limit_s)
            except queue.Empty:
                self._end()
                return _gave_up(path, f"Decoding {path} takes longer than {limit_s:g} s.", limit_s)
            if answer is None:
                self._end()
                return _gave_up(path, f"Decoding {path} crashes the decoder.", 0.0)
            values = json.loads(answer)
            size = values.pop("size_px")
            return Inspection(**values, size_px=tuple(size) if size else None)

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        home = str(Path(sier_gui.__file__).parent.parent)
        path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sier_gui.core.dataset.inspection"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libtiff and libpng talk to it
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._answers = queue.SimpleQueue()
        threading.Thread(target=_pump, args=(self._process.stdout, self._answers), daemon=True).start()
        if self._answers.get(timeout=_START_LIMIT_S) is None:
            self._end()
            raise SierError("The process that inspects files did not start.", "Reinstall the program.")
        return self._process

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process = None

    def close(self) -> None:
        with self._lock:
            self._end()


def _pump(stream: IO[str], answers: queue.SimpleQueue[str | None]) -> None:
    """Carry lines to the queue, so that waiting for one can time out; None marks the end."""
    for line in stream:
        answers.put(line)
    answers.put(None)


def _gave_up(path: Path, message: str, seconds: float) -> Inspection:
    suffix = path.suffix.lower()
    kind = "audio" if suffix in SOUNDS else "image" if suffix in PICTURES else "unknown"
    return Inspection(str(path), False, kind, message, "Leave it out, or convert it.", seconds)


def _serve() -> None:
    """The second process: one JSON path per line in, one JSON `Inspection` per line out."""
    import PIL.Image
    import soundfile

    PIL.Image.init()  # load the plugins now: the limit is for files
    print(json.dumps({"ready": soundfile.__libsndfile_version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps(examine(Path(json.loads(line))).as_json()), flush=True)


_examiner = _Examiner()
atexit.register(_examiner.close)

if __name__ == "__main__":
    _serve()
