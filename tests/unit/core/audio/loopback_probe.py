"""Play into the default output while a take is recorded from the default input; run by test_portaudio.py.

Exits 0 where the take's middle is what was played, 77 where there is no such device, 1 otherwise.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import soundfile

from sier_gui.core.audio.capture import Capture, Phase
from sier_gui.core.audio.portaudio import DeviceInput, microphones, portaudio
from sier_gui.core.errors import SierError
from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Reader, Sex, Take
from sier_gui.core.study.takes import Prompt, TakeWriter, begin_session
from sier_gui.core.study.verdicts import Verdict

RATE, SECONDS = 48_000, 3.0
LEAD_IN_S = 0.5
MATCH = 0.99  # correlation of the middle second


def signal() -> np.ndarray:
    """Noise shaped like nothing else, so that it fits in one place only."""
    noise = np.random.default_rng(7).standard_normal(round(SECONDS * RATE))
    smooth = np.convolve(noise, np.hanning(24) / 12, mode="same")
    return np.asarray(0.2 * smooth / np.abs(smooth).max(), np.float32)


def record(folder: Path, played: np.ndarray) -> Path:
    kept: list[Take] = []
    errors: list[SierError] = []
    over = threading.Event()

    def keep(take: Take, _verdict: Verdict) -> None:
        kept.append(take)
        over.set()

    def fail(error: SierError) -> None:
        errors.append(error)
        over.set()

    def wait_for(phase: Phase) -> None:
        for _ in range(400):
            if capture.phase is phase or over.wait(0.01):
                return
        raise SystemExit(f"the phase never became {phase}, it is {capture.phase}")

    with open_project(folder, create=True) as project:
        project.add_reader(Reader("loop", Sex.FEMALE))
        device = DeviceInput()
        capture = Capture(device, fail)
        capture.open()
        facts = begin_session(project, "loop", device.name, device.rate, -90.0)
        capture.start(TakeWriter(project, facts, Prompt("s", "", ""), keep, fail))
        wait_for(Phase.RECORDING)
        lead = np.zeros(round(LEAD_IN_S * RATE), np.float32)
        portaudio().play(np.concatenate([lead, played, lead]), RATE, blocking=True)
        capture.stop()
        over.wait(10)
        capture.close()
        if errors or not kept:
            raise SystemExit(f"no take: {errors}")
        print(device.name, device.rate, kept[0].verdict, kept[0].reasons)
        return project.folder / kept[0].path


def main() -> None:
    try:
        if not microphones():
            raise SierError("No microphone was found.")
    except SierError as error:
        print(error)
        raise SystemExit(77) from error
    played = signal()
    file = record(Path(sys.argv[1]), played)
    heard, rate = soundfile.read(str(file), dtype="float32")
    assert rate == RATE, rate
    middle = played[RATE : 2 * RATE]
    spectrum = np.fft.rfft(heard, len(heard) + len(middle)) * np.conj(
        np.fft.rfft(middle, len(heard) + len(middle))
    )
    at = int(np.argmax(np.fft.irfft(spectrum)[: len(heard) - len(middle)]))
    found = heard[at : at + len(middle)]
    match = float(np.corrcoef(found, middle)[0, 1])
    gain = float(np.dot(found, middle) / np.dot(middle, middle))
    print(f"match {match:.5f}, gain {gain:.3f}, {at / RATE - 1:.3f} s of lead-in, {len(heard) / RATE:.2f} s")
    raise SystemExit(0 if match > MATCH and 0.9 < gain < 1.1 else 1)


if __name__ == "__main__":
    main()
