"""When each word is said, and what is still understood, found by processes of their own.

pocketsphinx keeps Python's lock while it searches: 50 ms for two seconds of speech, 0.7 s for twenty, during
which the window would stand still. Run as a program this module is that process; it imports no Qt.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING

import numpy as np

from sier_gui.core.domain import FloatArray, Sample, SampleInputs, WordSpan
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import Cancelled, CancelToken

if TYPE_CHECKING:
    from sier_gui.core.audio.alignment import Alignment
    from sier_gui.core.audio.recognition import Recognised
    from sier_gui.gui.state import SampleView, SpokenWords

KEPT = 500
POLL_S = 0.05
COMMAND = (sys.executable, "-m", "sier_gui.gui.workflows.words")
_LENGTH = struct.Struct("<Q")  # before each message


class WordAligner:
    """`align` without holding Python's lock. Only used on the computing thread, so it needs no lock.

    Parameters
    ----------
    command : starts the process; for tests.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._process: Child | None = None
        self._kept: OrderedDict[tuple[str, str, str], Alignment] = OrderedDict()

    def with_words(
        self, inputs: SampleInputs, speech: FloatArray, rate: int, sample: Sample, token: CancelToken
    ) -> SampleInputs:
        """``inputs`` that know when each word of the sample's text is said, as `dataset.inputs.with_words`.

        Raises
        ------
        SierError : the process ended without an answer.
        Cancelled : ``token`` was cancelled.
        """
        key = _key(inputs, sample)
        found = self._kept.get(key)
        if found is None:
            found = self._align(speech, rate, sample.text, key[-1], token)
            self._kept[key] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return replace(inputs, words=found.words, words_by=found.method)

    def known(self, view: SampleView) -> SpokenWords | None:
        """What was found before; may be asked on any thread."""
        from sier_gui.gui.state import SpokenWords

        found = self._kept.get(_key(view.inputs, view.sample)) if view.inputs is not None else None
        return SpokenWords(view.sample.sample_id, found.words, found.method) if found is not None else None

    def _align(
        self, speech: FloatArray, rate: int, text: str, language: str, token: CancelToken
    ) -> Alignment:
        from sier_gui.core.audio.alignment import Alignment, align

        if find_spec("pocketsphinx") is None or not text.strip():
            return align(speech, rate, text, language)  # by energy: short steps of numpy
        asked = json.dumps({"rate": rate, "text": text, "language": language})
        try:
            if self._process is None:
                self._process = Child(self._command)
            self._process.ask(asked.encode(), np.ascontiguousarray(speech, np.float32).tobytes())
            while (answer := self._process.answer()) is None:
                # not `check`, which may run other work that asks for words while an answer is due
                if token.cancelled:
                    self.stop()
                    token.check()
        except (EOFError, OSError) as error:
            self.stop()
            raise SierError(
                "The process that aligns words ended without an answer.",
                "Try again, or ask for a number of segments instead of words.",
            ) from error
        found = json.loads(answer)
        return Alignment(tuple(WordSpan(*one) for one in found["words"]), found["method"])

    def stop(self) -> None:
        """End the process, whatever it does; the next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.end()


class Recogniser:
    """`recognise` without holding Python's lock. Only used by one job at a time.

    Parameters
    ----------
    command : starts the process; for tests.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._process: Child | None = None

    def heard(self, speech: FloatArray, rate: int, language: str, token: CancelToken) -> Recognised:
        """What is understood of ``speech``; other work of the thread goes first at each look for an answer.

        Raises
        ------
        SierError : the process ended without an answer.
        Cancelled : ``token`` was cancelled.
        """
        from sier_gui.core.audio.recognition import Recognised, recognisers

        if not recognisers(language):
            return Recognised((), "")
        asked = json.dumps({"rate": rate, "language": language})
        try:
            if self._process is None:
                self._process = Child(self._command)
            self._process.ask(asked.encode(), np.ascontiguousarray(speech, np.float32).tobytes())
            while (answer := self._process.answer()) is None:
                token.check()
        except Cancelled:
            self.stop()  # its answer must not be taken for the next one's
            raise
        except (EOFError, OSError) as error:
            self.stop()
            raise SierError("The recogniser's process ended without an answer.", "Try again.") from error
        found = json.loads(answer)
        return Recognised(tuple(WordSpan(*one) for one in found["words"]), found["method"])

    def stop(self) -> None:
        """End the process, whatever it does; the next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.end()


class Child:
    """A child that answers messages; it ends when nobody holds its input, however this process ended."""

    def __init__(self, command: Sequence[str]) -> None:
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open a console
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, creationflags=flags
        )
        self._questions: queue.SimpleQueue[tuple[bytes, ...] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # writing may stand still as reading may: neither on the thread that has to hear of a cancel
        self._talker = threading.Thread(target=self._talk, name="sier-gui words", daemon=True)
        self._talker.start()

    def ask(self, *messages: bytes) -> None:
        self._questions.put(messages)

    def answer(self) -> bytes | None:
        """The next answer, or None after `POLL_S`; raises EOFError where there will be none."""
        try:
            found = self._answers.get(timeout=POLL_S)
        except queue.Empty:
            return None
        if found is None:
            raise EOFError
        return found

    def _talk(self) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        while (messages := self._questions.get()) is not None:
            try:
                for message in messages:
                    self._child.stdin.write(_LENGTH.pack(len(message)) + message)
                self._child.stdin.flush()
                self._answers.put(_read(self._child.stdout))
            except OSError:  # it has ended
                self._answers.put(None)

    def end(self) -> None:
        self._questions.put(None)
        with suppress(OSError), self._child:  # what was still to be written has nobody to read it
            self._child.kill()
            self._talker.join(1.0)


def _read(stream: IO[bytes]) -> bytes | None:
    """One message; None at the end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def _key(inputs: SampleInputs, sample: Sample) -> tuple[str, str, str]:
    from sier_gui.core.dataset.inputs import language_of

    return inputs.content_hash, sample.text, language_of(sample)


def serve() -> None:
    """What the process does until its input ends."""
    import signal

    from sier_gui.core.audio.alignment import align
    from sier_gui.core.audio.recognition import recognise

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the window's to answer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    while (head := _read(sys.stdin.buffer)) is not None:
        asked, speech = json.loads(head), _read(sys.stdin.buffer)
        if speech is None:
            return
        sound, rate, language = np.frombuffer(speech, np.float32), asked["rate"], asked["language"]
        if "text" in asked:
            found: Alignment | Recognised = align(sound, rate, asked["text"], language)
        else:
            found = recognise(sound, rate, language)
        words = [(one.word, one.start_s, one.end_s) for one in found.words]
        answer = json.dumps({"words": words, "method": found.method}).encode()
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


if __name__ == "__main__":
    serve()
