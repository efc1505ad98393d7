"""Each check of a take is set off by the sound it is about, and a good take sets off none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import RATE, room, spoken

from sier_gui.core.study.verdicts import Status, clipped_runs, judge

TEXT = "Here are six words for you"


def codes(verdict: object) -> list[str]:
    return [finding.code for finding in verdict.findings]  # type: ignore[attr-defined]


def test_a_good_take_passes_and_is_trimmed_around_the_speech() -> None:
    verdict = judge(spoken(1.5, before=0.5, after=0.7), RATE, room_dbfs=-65.0, text=TEXT)
    assert verdict.status is Status.PASS
    assert verdict.reasons == ()
    assert verdict.start_s == pytest.approx(0.4, abs=0.06)
    assert verdict.end_s == pytest.approx(2.2, abs=0.06)
    assert verdict.speech == pytest.approx(-22, abs=1.5)
    assert verdict.snr == pytest.approx(43, abs=2)


def test_clipping_is_three_in_a_row_of_one_sign() -> None:
    top = 10 ** (-0.1 / 20)
    for runs, samples in (
        (0, [top, top, 0, top, top]),
        (1, [top, top, top]),
        (2, [1, 1, 1, 0, -1, -1, -1, -1]),
        (0, [1, -1, 1, -1, 1, -1]),
        (0, [0.988, 0.988, 0.988]),
    ):
        assert clipped_runs(np.array(samples, np.float32)) == runs, samples


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.995, 1.0]), max_size=40))
def test_clipping_agrees_with_counting_by_hand(values: list[float]) -> None:
    runs = length = 0
    last = 0.0
    for value in [*values, 0.0]:
        sign = float(np.sign(value)) if abs(value) >= 0.98856 else 0.0
        if sign != last:
            runs += bool(last) and length >= 3
            length, last = 0, sign
        length += 1
    assert clipped_runs(np.array(values, np.float32)) == runs


@pytest.mark.parametrize(
    ("code", "status", "sound", "options"),
    [
        ("clipping", Status.FAIL, np.clip(4 * spoken(dbfs=-8), -1, 1), {}),
        ("level", Status.FAIL, spoken(dbfs=-58, noise=-90), {"room_dbfs": -90.0}),
        ("level", Status.WARN, spoken(dbfs=-43, noise=-90), {"room_dbfs": -90.0}),
        ("snr", Status.FAIL, spoken(dbfs=-30, noise=-36), {"room_dbfs": -36.0}),
        ("snr", Status.WARN, spoken(dbfs=-30, noise=-45), {"room_dbfs": -45.0}),
        ("start", Status.WARN, spoken(before=2.5), {}),
        ("start", Status.WARN, spoken(before=0.0), {}),
        ("end", Status.WARN, spoken(after=3.0), {}),
        ("end", Status.WARN, spoken(after=0.0), {}),
        ("duration", Status.FAIL, spoken(0.3), {}),
        ("duration", Status.WARN, spoken(12.0), {}),
        ("tainted", Status.FAIL, spoken(), {"tainted": True}),
        ("silent", Status.FAIL, np.zeros(RATE, np.float32), {}),
        ("clipping", Status.FAIL, spoken(), {"clipped": 2}),
    ],
)
def test_each_fault_is_found_and_alone(
    code: str, status: Status, sound: np.ndarray, options: dict[str, object]
) -> None:
    verdict = judge(sound, RATE, **({"room_dbfs": -65.0, "text": TEXT} | options))  # type: ignore[arg-type]
    assert (codes(verdict), verdict.status) == ([code], status), verdict.reasons


def test_the_worst_reason_comes_first() -> None:
    verdict = judge(spoken(before=0.0), RATE, room_dbfs=-65.0, tainted=True)
    assert codes(verdict) == ["tainted", "start"]
    assert verdict.status is Status.FAIL


def test_the_rooms_own_noise_is_no_speech() -> None:
    verdict = judge(room(2.0, -50.0), RATE, room_dbfs=-50.0, text=TEXT)
    assert codes(verdict)[0] == "silent"


def test_a_click_of_a_key_is_no_speech_and_does_not_move_the_trim() -> None:
    sound = spoken(before=1.0)
    sound[4_800 : 4_800 + 480] += 0.5 * np.hanning(480).astype(np.float32)
    verdict = judge(sound, RATE, room_dbfs=-65.0, text=TEXT)
    assert verdict.start_s == pytest.approx(0.9, abs=0.06)


def test_without_room_tone_the_floor_comes_from_the_quietest_tenth() -> None:
    verdict = judge(spoken(noise=-55), RATE, room_dbfs=None)
    assert verdict.floor == pytest.approx(-55, abs=1)
