"""From the microphone to the project: files, sidecars, numbers, and what a crash leaves half done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from voices import RATE, room, spoken

from sier_gui.core.audio.capture import Capture, FakeInput
from sier_gui.core.audio.files import Audio, write_wav
from sier_gui.core.errors import SierError
from sier_gui.core.study.importing import import_recordings
from sier_gui.core.study.project import Project, open_project
from sier_gui.core.study.project.sidecars import sample_folder, sidecar_of
from sier_gui.core.study.records import Reader, Sex, Take
from sier_gui.core.study.takes import Prompt, RoomTone, TakeWriter, begin_session, pcm24
from sier_gui.core.study.verdicts import Verdict

PROMPT = Prompt("anger/01", "Here are six words for you", "Here are six words for you http://x.y")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with open_project(tmp_path / "study", create=True) as opened:
        opened.add_reader(Reader("anna", Sex.FEMALE))
        yield opened


class Booth:
    """A reader at a fake microphone."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.microphone = FakeInput()
        self.capture = Capture(self.microphone)
        self.capture.open()
        self.microphone.deliver(room(0.5))
        self.facts = begin_session(project, "anna", "test microphone", RATE, -65.0)
        self.kept: list[tuple[Take, Verdict]] = []
        self.errors: list[SierError] = []

    def keep(self, take: Take, verdict: Verdict) -> None:
        self.kept.append((take, verdict))

    def writer(self, prompt: Prompt = PROMPT) -> TakeWriter:
        return TakeWriter(self.project, self.facts, prompt, self.keep, self.errors.append)

    def say(self, sound: np.ndarray, prompt: Prompt = PROMPT, *, lost: bool = False) -> None:
        self.capture.start(self.writer(prompt))
        self.microphone.deliver(sound, lost=lost)
        self.capture.stop()
        self.microphone.deliver(room(0.6))
        assert self.capture.drain()


@pytest.fixture
def booth(project: Project) -> Iterator[Booth]:
    made = Booth(project)
    yield made
    made.capture.close()


def wav_of(booth: Booth, take: Take) -> Path:
    return booth.project.folder / take.path


def test_a_take_is_a_48_khz_mono_24_bit_wav_of_what_was_heard(booth: Booth) -> None:
    sound = spoken()
    booth.say(sound)
    ((take, verdict),) = booth.kept
    file = wav_of(booth, take)
    assert take.path == "takes/anna/anger%2F01/001.wav"
    info = soundfile.info(str(file))
    assert (info.samplerate, info.channels, info.subtype, info.format) == (48_000, 1, "PCM_24", "WAV")
    written, _ = soundfile.read(str(file), dtype="float32")
    expected = np.concatenate([sound, room(0.6)[: RATE // 2]])
    np.testing.assert_allclose(written, expected, atol=2**-23)
    assert (take.verdict, take.accepted, take.imported) == ("pass", False, False)
    assert (take.start_s, take.end_s) == (verdict.start_s, verdict.end_s)
    assert take.duration_s == pytest.approx(len(expected) / RATE)
    assert booth.project.takes() == [take]


def test_the_sidecar_tells_how_it_was_made(booth: Booth) -> None:
    booth.say(spoken())
    file = wav_of(booth, booth.kept[0][0])
    told = json.loads(sidecar_of(file).read_text(encoding="utf-8"))
    assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    expected = {
        "reader": "anna", "sample_id": "anger/01", "number": 1, "device": "test microphone", "rate": 48_000,
        "room_dbfs": -65.0, "tainted": False, "text": PROMPT.text, "raw_text": PROMPT.raw,
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    assert told["software"].startswith("sier-gui ")
    assert told["verdict"]["status"] == "pass"
    assert told["verdict"]["snr_db"] == pytest.approx(43, abs=2)


def test_each_take_gets_the_next_number_and_none_is_touched(booth: Booth) -> None:
    booth.say(spoken(1.2))
    first = wav_of(booth, booth.kept[0][0])
    before = first.read_bytes()
    booth.say(spoken(1.4))
    stranger = first.with_name("003.wav")
    stranger.write_bytes(b"somebody put this here")
    booth.say(spoken(1.6))
    assert [take.number for take, _ in booth.kept] == [1, 2, 4]
    assert first.read_bytes() == before
    assert stranger.read_bytes() == b"somebody put this here"


def test_overflow_taints_the_take(booth: Booth) -> None:
    booth.say(spoken(), lost=True)
    ((take, verdict),) = booth.kept
    assert take.verdict == "fail"
    assert verdict.findings[0].code == "tainted"
    with pytest.raises(SierError, match="did not pass"):
        booth.project.accept_take("anna", "anger/01", 1)


def test_unplugging_loses_the_take_under_way_and_nothing_else(booth: Booth) -> None:
    booth.say(spoken())
    booth.capture.start(booth.writer())
    booth.microphone.deliver(spoken())
    booth.microphone.unplug()
    booth.capture.close()
    assert "was not kept" in booth.errors[0].message
    folder = wav_of(booth, booth.kept[0][0]).parent
    assert sorted(f.name for f in folder.iterdir()) == ["001.json", "001.wav"]


@pytest.mark.parametrize("where", ["write", "sync", "sidecar"])
def test_a_full_disk_loses_the_take_under_way_and_says_so(
    booth: Booth, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from sier_gui.core.study import takes

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    booth.say(spoken())
    name = {"write": "pcm24", "sync": "_header", "sidecar": "write_sidecar"}[where]
    with monkeypatch.context() as patch:
        if where == "sync":
            patch.setattr(takes.WavPart, "finish", full)
        else:
            patch.setattr(takes, name, full)
        booth.say(spoken())
    assert "the disk is full" in booth.errors[0].message
    assert "safe" in booth.errors[0].hint
    folder = wav_of(booth, booth.kept[0][0]).parent
    assert sorted(f.name for f in folder.iterdir()) == ["001.json", "001.wav"]
    booth.say(spoken())
    assert [take.number for take, _ in booth.kept] == [1, 2]


def test_a_real_limit_on_a_files_size_is_told_too(tmp_path: Path) -> None:
    """The operating system refuses the bytes, in a process of its own."""
    import subprocess
    import sys

    code = f"""
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[3] / "fixtures")!r})
from voices import RATE, room, spoken
from sier_gui.core.audio.capture import Capture, FakeInput
from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Reader, Sex
from sier_gui.core.study.takes import Prompt, TakeWriter, begin_session
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_project(Path({str(tmp_path / "study")!r}), create=True) as project:
    project.add_reader(Reader("anna", Sex.FEMALE))
    facts = begin_session(project, "anna", "fake", RATE, -65.0)
    microphone = FakeInput()
    capture = Capture(microphone)
    capture.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    capture.start(TakeWriter(project, facts, Prompt("s", "", ""), print, lambda e: print("told:", e)))
    microphone.deliver(spoken(5.0))
    capture.stop()
    microphone.deliver(room(1.0))
    capture.drain()
    capture.close()
    print(project.takes(), sorted(p.name for p in project.folder.glob("takes/*/*/*")))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told, left = result.stdout.splitlines()
    assert "the disk is full" in told
    assert left == "[] []"


def test_room_tone_gives_the_floor_and_a_muted_microphone_is_found_out(booth: Booth) -> None:
    levels: list[float] = []
    for sound in (room(3.5, -61.0), np.zeros(4 * RATE, np.float32)):
        booth.capture.start(RoomTone(RATE, levels.append, booth.errors.append), seconds=3.0)
        booth.microphone.deliver(sound)
        assert booth.capture.drain()
    assert levels == [pytest.approx(-61.0, abs=0.2)]
    assert "digital silence" in booth.errors[0].message


@given(st.lists(st.floats(-1.5, 1.5, width=32), min_size=1, max_size=50))
def test_24_bits_are_what_soundfile_reads_back(values: list[float]) -> None:
    raw = np.frombuffer(pcm24(np.array(values, np.float32)), np.uint8).reshape(-1, 3).astype(np.int32)
    whole = raw[:, 0] | raw[:, 1] << 8 | (raw[:, 2] ^ 0x80) - 0x80 << 16
    np.testing.assert_allclose(whole / (2**23 - 1), np.clip(np.float32(values), -1, 1), atol=1e-7)


# ---------------------------------------------------------------- after a crash


def reopened(booth: Booth) -> Project:
    booth.capture.close()
    booth.project.close()
    return open_project(booth.project.folder)


def test_a_part_left_by_a_crash_is_removed_and_told(booth: Booth) -> None:
    booth.say(spoken())
    part = wav_of(booth, booth.kept[0][0]).with_name("002.wav.part")
    part.write_bytes(b"RIFF half a take")
    with reopened(booth) as again:
        assert any("002.wav" in n and "Record it again" in n for n in again.notices)
        assert not part.exists()
        assert [take.number for take in again.takes()] == [1]


def test_a_complete_part_gets_its_name(booth: Booth) -> None:
    """The crash came between the sidecar and the rename."""
    booth.say(spoken())
    take = booth.kept[0][0]
    wav = wav_of(booth, take)
    wav.rename(wav.with_name("001.wav.part"))
    with booth.project.transaction() as connection:
        connection.execute("DELETE FROM takes")
    with reopened(booth) as again:
        assert again.takes() == [take]
        assert wav.is_file()
        assert any("has one now" in notice for notice in again.notices)


def test_a_take_the_project_did_not_learn_of_is_listed_not_accepted(booth: Booth) -> None:
    booth.say(spoken())
    take = booth.kept[0][0]
    with booth.project.transaction() as connection:
        connection.execute("DELETE FROM takes")
    with reopened(booth) as again:
        assert again.takes() == [take]
        assert any("accept it" in notice for notice in again.notices)


def test_files_that_do_not_belong_are_left_and_told(booth: Booth) -> None:
    booth.say(spoken())
    wav = wav_of(booth, booth.kept[0][0])
    wav.with_name("007.wav").write_bytes(b"no sidecar")
    wav.with_name("008.wav").write_bytes(b"changed")
    sidecar_of(wav.with_name("008.wav")).write_bytes(sidecar_of(wav).read_bytes())
    with reopened(booth) as again:
        told = "\n".join(again.notices)
        assert "007.wav has no readable sidecar" in told
        assert "008.wav is not the recording" in told
        assert len(again.takes()) == 1
        wav.unlink()
        again.close()
    with open_project(again.folder) as once_more:
        assert any("missing from the disk" in notice for notice in once_more.notices)


# ---------------------------------------------------------------- imports


PROMPTS = [Prompt("s1", "one two", "one two"), Prompt("S2", "three", "three"), Prompt("s3", "", "")]


def test_imports_match_by_name_and_get_the_same_checks(project: Project, tmp_path: Path) -> None:
    source = tmp_path / "elsewhere"
    clipped = np.clip(6 * spoken(dbfs=-8), -1, 1)
    write_wav(source / "s1.wav", Audio(spoken()[:, None], RATE))
    write_wav(source / "s2.wav", Audio(np.stack([clipped[::3]] * 2, axis=1), 16_000))  # another case of S2
    write_wav(source / "stranger.wav", Audio(spoken()[:, None], RATE))
    (source / "s3.wav").write_text("no sound")
    files = sorted(source.iterdir())
    before = {file: file.read_bytes() for file in files}
    result = import_recordings(project, "anna", files, PROMPTS)
    assert [(t.sample_id, t.verdict, t.imported) for t, _ in result.takes] == [
        ("s1", "pass", True),
        ("S2", "fail", True),
    ]
    assert "Clipped" in result.takes[1][0].reasons[0]
    assert [path.name for path in result.unmatched] == ["stranger.wav"]
    assert [path.name for path, _ in result.failed] == ["s3.wav"]
    info = soundfile.info(str(project.folder / result.takes[1][0].path))
    assert (info.samplerate, info.channels, info.subtype) == (48_000, 1, "PCM_24")
    assert {file: file.read_bytes() for file in files} == before
    again = import_recordings(project, "anna", files[:1], PROMPTS)
    assert ([], files[:1]) == (again.takes, again.known)
    assert len(project.takes()) == 2


def test_ids_that_differ_only_in_case_match_exactly_or_not_at_all(project: Project, tmp_path: Path) -> None:
    prompts = [Prompt("a", "", ""), Prompt("A", "", "")]
    for name, matched in (("a.wav", ["a"]), ("A.wav", ["A"])):
        write_wav(tmp_path / name, Audio(spoken(1 + len(matched[0]) / 10)[:, None], RATE))
        result = import_recordings(project, "anna", [tmp_path / name], prompts)
        assert [take.sample_id for take, _ in result.takes] == matched


@given(st.text(min_size=1, max_size=200))
def test_any_sample_id_makes_one_harmless_folder(sample_id: str) -> None:
    name = sample_folder(sample_id)
    assert 0 < len(name) <= 120
    assert name not in (".", "..")
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert name.strip(". ") == name


def test_long_ids_do_not_collide() -> None:
    assert sample_folder("x" * 300 + "a") != sample_folder("x" * 300 + "b")
