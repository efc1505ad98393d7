"""Real microphones through PortAudio: `capture.InputDevice` for any sound card the system knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sier_gui.core.audio.capture import BLOCK_S, RATE, OnBlock, OnLost
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from types import ModuleType


def portaudio() -> ModuleType:
    """The sounddevice module, imported when first needed.

    Raises
    ------
    SierError : PortAudio, the library behind it, is not installed.
    """
    try:
        import sounddevice
    except (OSError, ImportError) as error:
        raise SierError(
            "Sound is unavailable: the PortAudio library was not found.",
            "Install it (Debian and Ubuntu: apt-get install libportaudio2) and start the program again.",
        ) from error
    return sounddevice


@dataclass(frozen=True, slots=True)
class Microphone:
    """An input that the system offers. ``name`` with its sound system: what is pinned for a session."""

    name: str
    rate: int  # its own, in Hz
    default: bool


def microphones(*, rescan: bool = False) -> list[Microphone]:
    """Inputs, the system's default first.

    Parameters
    ----------
    rescan : look for what was plugged in since the program started; only while nothing plays or records.

    Raises
    ------
    SierError : PortAudio is not installed.
    """
    sounddevice = portaudio()
    if rescan:
        sounddevice._terminate()  # the one way to make PortAudio look again
        sounddevice._initialize()
    systems = [str(system["name"]) for system in sounddevice.query_hostapis()]
    default = sounddevice.default.device[0]
    found = [
        Microphone(_named(device, systems), int(device["default_samplerate"]), index == default)
        for index, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]
    return sorted(found, key=lambda microphone: not microphone.default)


def _named(device: dict[str, Any], systems: list[str]) -> str:
    return f"{device['name']} ({systems[device['hostapi']]})"


class DeviceInput:
    """One microphone held open over a session.

    Parameters
    ----------
    name : as `microphones` names it; "" takes the system's default, whose name is known after `open`.
    rate : wanted; a device that cannot do it runs at its own, which ``rate`` says after `open`.
    """

    def __init__(self, name: str = "", rate: int = RATE) -> None:
        self.name, self.rate = name, rate
        self._stream: Any = None
        self._on_block: OnBlock | None = None
        self._on_lost: OnLost | None = None

    def open(self, on_block: OnBlock, on_lost: OnLost) -> None:
        """As `InputDevice.open`."""
        self.close()
        sounddevice = portaudio()
        index, device = self._find(sounddevice)
        self.rate = self._fitting(sounddevice, index, device)
        self._on_block, self._on_lost = on_block, on_lost
        stream = None
        try:
            stream = sounddevice.InputStream(
                device=index,
                samplerate=self.rate,
                channels=1,
                dtype="float32",
                blocksize=round(BLOCK_S * self.rate),
                callback=self._hear,
                finished_callback=self._finished,
            )
            stream.start()
        except sounddevice.PortAudioError as error:
            self._on_block = self._on_lost = None
            if stream is not None:
                stream.close()
            raise SierError(
                f"The microphone {self.name} cannot be used: {error}.",
                "Close programs that use it, or choose another.",
            ) from error
        self._stream = stream

    def _find(self, sounddevice: ModuleType) -> tuple[int, dict[str, Any]]:
        """The device of our name now: its number changes with what else is plugged in."""
        systems = [str(system["name"]) for system in sounddevice.query_hostapis()]
        default = sounddevice.default.device[0]
        for index, device in enumerate(sounddevice.query_devices()):
            named = _named(device, systems)
            if device["max_input_channels"] > 0 and (named == self.name if self.name else index == default):
                self.name = named
                return index, device
        raise SierError(
            f"The microphone {self.name} was not found." if self.name else "No microphone was found.",
            "Connect one, look again on the device page, and choose it.",
        )

    def _fitting(self, sounddevice: ModuleType, index: int, device: dict[str, Any]) -> int:
        try:
            sounddevice.check_input_settings(device=index, channels=1, dtype="float32", samplerate=self.rate)
        except sounddevice.PortAudioError:
            return int(device["default_samplerate"])
        return self.rate

    def close(self) -> None:
        stream, self._stream = self._stream, None
        self._on_block = self._on_lost = None
        if stream is not None:
            stream.abort()
            stream.close()

    # ---------------------------------------------------------------- the device's thread

    def _hear(self, block: FloatArray, _frames: int, _time: object, status: Any) -> None:
        on_block = self._on_block
        if on_block is not None:
            on_block(
                block[:, 0].copy(), bool(status and status.input_overflow)
            )  # PortAudio reuses its buffer

    def _finished(self) -> None:
        on_lost = self._on_lost
        if on_lost is not None:
            on_lost("the system ended its stream")
