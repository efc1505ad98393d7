"""Synthesizers of installed packages, as docs/build.md shows one; and real ones through the pipeline."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from sier_gui.core.construct.pipeline.request import SynthVoice, parse_voice
from sier_gui.core.construct.pipeline.speech import order_of, say, usable
from sier_gui.core.construct.synthesizers import SYNTHESIZERS, Prosody, choose, names
from sier_gui.core.errors import SierError

PAGE = Path(__file__).resolve().parents[4] / "docs" / "build.md"
PLAIN = Prosody()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's example as a package that is installed."""
    example, entry = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "my_package.py").write_text(example, encoding="utf-8")
    info = tmp_path / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    group, name, target = re.search(r'"(.*)"\]\n(\w+) = "(.*)"', entry).groups()  # type: ignore[union-attr]
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\ngone = my_package:NoSuchThing\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_package", raising=False)  # another page's example


@pytest.mark.usefixtures("installed")
def test_the_pages_example_speaks_beside_one_that_does_not_load() -> None:
    assert names() == ("espeak-ng", "flite", "festival", "beeper", "gone")
    with pytest.raises(SierError, match="synthesizer 'gone' does not load"):
        parse_voice("gone")
    spoken, failures = say("three short words", [parse_voice("beeper")], PLAIN)
    assert failures == []
    assert spoken is not None
    assert spoken.voice == SynthVoice("beeper", "440")
    assert spoken.seconds == pytest.approx(3 * 4800 / 16000)


def test_unknown_ones_are_refused() -> None:
    with pytest.raises(SierError, match="no synthesizer 'dectalk'"):
        parse_voice("dectalk:paul")
    assert parse_voice("flite") == SynthVoice("flite", "slt")
    assert parse_voice("espeak-ng:de+m1") == SynthVoice("espeak-ng", "de+m1")


def test_each_text_has_its_own_order_of_voices() -> None:
    voices = [SynthVoice("flite", name) for name in ("a", "b", "c")]
    orders = [tuple(v.name for v in order_of(voices, row, 0)) for row in range(300)]
    assert {frozenset(order) for order in orders} == {frozenset("abc")}
    firsts = [order[0] for order in orders]
    assert all(70 < firsts.count(name) < 130 for name in "abc")  # 100 ± 3.7 standard deviations
    assert orders == [tuple(v.name for v in order_of(voices, row, 0)) for row in range(300)]


@pytest.mark.parametrize("program", sorted(SYNTHESIZERS))
def test_real_voices_say_a_text_and_unknown_voices_are_told(program: str) -> None:
    good, bad = parse_voice(program), SynthVoice(program, "nobody")
    able, unable = usable([good, bad], PLAIN)
    if not SYNTHESIZERS[program].available():
        assert able == []
        assert all("is not installed" in one.reason for one in unable)
        pytest.skip(f"{program} is not installed")
    assert able == [good]
    assert [one.voice for one in unable] == [bad]
    spoken, failures = say("Where are the keys?", [bad, good], PLAIN)
    assert spoken is not None
    assert [one.voice for one in failures] == [bad]
    assert spoken.voice == good
    again, _ = say("Where are the keys?", [good], PLAIN)
    assert again is not None
    assert again.flac == spoken.flac
    slow, _ = say("Where are the keys?", [good], Prosody(rate=0.7))
    assert slow is not None
    assert slow.seconds > 1.15 * spoken.seconds


def test_flac_keeps_what_was_said() -> None:
    import io

    import soundfile

    program = next((p for p in ("espeak-ng", "flite") if SYNTHESIZERS[p].available()), None)
    if program is None:
        pytest.skip("no synthesizer is installed")
    voice = parse_voice(program)
    spoken, _ = say("Hello there", [voice], PLAIN)
    assert spoken is not None
    samples, rate = soundfile.read(io.BytesIO(spoken.flac))
    original = choose(program).speak("Hello there", voice.name, PLAIN)
    assert rate == original.rate
    np.testing.assert_allclose(samples, original.samples[:, 0], atol=2**-15)
