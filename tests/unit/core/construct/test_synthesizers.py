"""The synthesizers speak, follow the prosody, and say clearly when their program is missing."""

from __future__ import annotations

import numpy as np
import pytest

from sier_gui.core.construct import synthesizers
from sier_gui.core.construct.synthesizers import SYNTHESIZERS, Prosody, choose
from sier_gui.core.errors import SierError

VOICES = {"espeak-ng": "en-us+f2", "flite": "slt", "festival": "kal_diphone"}
PROGRAMS = sorted(VOICES)


def installed(program: str) -> synthesizers.Synthesizer:
    if not SYNTHESIZERS[program].available():
        pytest.skip(f"{program} is not installed")
    return choose(program)


def pitch_hz(samples: np.ndarray, rate: int) -> float:
    """Median over voiced frames of the autocorrelation's strongest lag between 70 and 450 Hz."""
    size, found = int(0.04 * rate), []
    loud = np.sqrt(np.mean(samples**2))
    for start in range(0, len(samples) - size, size // 2):
        frame = samples[start : start + size] * np.hanning(size)
        if np.sqrt(np.mean(frame**2)) < 0.7 * loud:
            continue
        correlation = np.correlate(frame, frame, "full")[size - 1 :]
        low, high = rate // 450, rate // 70
        lag = low + int(correlation[low:high].argmax())
        if correlation[lag] > 0.4 * correlation[0]:
            found.append(rate / lag)
    return float(np.median(found))


def test_the_registry_holds_debians_three() -> None:
    assert sorted(SYNTHESIZERS) == PROGRAMS


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_program_is_one_clear_error(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for attempt in (
        lambda: choose(program),
        lambda: SYNTHESIZERS[program].speak("hello", VOICES[program], Prosody()),
    ):
        with pytest.raises(SierError) as caught:
            attempt()
        assert f"{program} is not installed" in caught.value.message
        assert f"apt-get install {program}" in caught.value.hint


def test_an_unknown_synthesizer_is_refused() -> None:
    with pytest.raises(SierError, match="There is no synthesizer 'dectalk'"):
        choose("dectalk")


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_voice_is_refused(program: str) -> None:
    with pytest.raises(SierError):
        installed(program).speak("hello", "nobody", Prosody())


@pytest.mark.parametrize("program", PROGRAMS)
def test_speech_is_mono_audible_and_repeats(program: str) -> None:
    speaker = installed(program)
    audio = speaker.speak("The kettle is on.", VOICES[program], Prosody())
    assert audio.samples.shape[1] == 1
    assert audio.samples.dtype == np.float32
    assert 0.5 < audio.duration_s < 3
    assert 0.02 < np.sqrt(np.mean(audio.samples**2)) < 0.5
    again = speaker.speak("The kettle is on.", VOICES[program], Prosody())
    np.testing.assert_array_equal(audio.samples, again.samples)


@pytest.mark.parametrize("program", PROGRAMS)
def test_prosody_changes_rate_pitch_and_volume(program: str) -> None:
    speaker, voice, text = installed(program), VOICES[program], "We are all in the room"
    plain = speaker.speak(text, voice, Prosody())
    fast = speaker.speak(text, voice, Prosody(rate=1.4))
    assert fast.duration_s < 0.85 * plain.duration_s
    high = speaker.speak(text, voice, Prosody(pitch=1.4))
    assert pitch_hz(high.samples[:, 0], high.rate) > 1.15 * pitch_hz(plain.samples[:, 0], plain.rate)
    quiet = speaker.speak(text, voice, Prosody(volume_db=-6))
    np.testing.assert_allclose(quiet.samples, plain.samples * 10 ** (-6 / 20), rtol=1e-5)


@pytest.mark.parametrize("text", ["<break time='5s'/> & so on", 'he said "hello" (twice)', "-o /etc/passwd"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_text_is_said_not_interpreted(program: str, text: str) -> None:
    audio = installed(program).speak(text, VOICES[program], Prosody())
    assert 0.3 < audio.duration_s < 6
