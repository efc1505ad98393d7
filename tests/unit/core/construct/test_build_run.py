"""The pipeline with a voice and networks of its own: whole, interrupted anywhere, and on bad material."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from building import (
    FileAnswers,
    ToneVoice,
    files_of,
    make_pictures,
    make_request,
    rows_of,
    write_texts,
)

from sier_gui.core import paths
from sier_gui.core.construct import synthesizers
from sier_gui.core.construct.pipeline import labelling, speech, table, voices
from sier_gui.core.construct.pipeline.labels import relabel
from sier_gui.core.construct.pipeline.provenance import read_built
from sier_gui.core.construct.pipeline.request import SynthVoice
from sier_gui.core.construct.pipeline.run import build
from sier_gui.core.construct.pipeline.state import BuildState
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.validation import validate
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import Cancelled, CancelToken, Progress


@pytest.fixture(autouse=True)
def tones(monkeypatch: pytest.MonkeyPatch) -> ToneVoice:
    voice = ToneVoice()
    monkeypatch.setitem(synthesizers.SYNTHESIZERS, "tones", voice)
    return voice


@pytest.fixture(autouse=True)
def answerers(monkeypatch: pytest.MonkeyPatch) -> dict[Modality, FileAnswers]:
    found = {Modality.SPEECH: FileAnswers("ser"), Modality.IMAGE: FileAnswers("ier")}
    monkeypatch.setattr(labelling, "load_answers", lambda ser, ier, device: found)
    return found


@pytest.fixture
def plain_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that build dozens of times."""
    monkeypatch.setattr(table, "draw_summary", lambda summary, suffix: json.dumps(summary).encode())


def problems_of(folder: Path) -> list[tuple[str, str, str, str]]:
    return [(p["stage"], p["line"], p["item"], p["kind"]) for p in rows_of(folder / "problems.csv")]


# ---------------------------------------------------------------- an undisturbed build


def test_a_build_is_a_dataset_that_opens_and_validates(
    tmp_path: Path, answerers: dict[Modality, FileAnswers]
) -> None:
    out = tmp_path / "out"
    result = build(make_request(tmp_path, threshold=0.8), out)
    catalogue = open_dataset(out)
    assert validate(catalogue) == []
    assert problems_of(out) == []
    counts = result.summary["counts"]
    assert counts["spoken"] == 6 == counts["samples"] + counts["dropped_below_threshold"]
    assert 0 < counts["samples"] < 6
    rows, dropped = rows_of(out / "samples.csv"), rows_of(out / "dropped.csv")
    assert len({row["image"] for row in rows + dropped}) == 6
    for row in rows + dropped:
        ser, ier = (
            {c: float(row[f"p_{n}_{c}"]) for c in ("anger", "happy", "hate", "sad")} for n in ("ser", "ier")
        )
        assert list(ser.values()) == answerers[Modality.SPEECH].answer([out / row["speech"]])[0].tolist()
        assert list(ier.values()) == answerers[Modality.IMAGE].answer([out / row["image"]])[0].tolist()
        winner = ser if max(ser.values()) >= max(ier.values()) else ier
        best = max(winner, key=winner.__getitem__)
        assert row["decided_by"] == ("speech" if winner is ser else "image")
        assert float(row["confidence"]) == winner[best]
        assert row["label"] == (best if winner[best] >= 0.8 else "")
        assert row["synthesizer"] == "tones"
        assert (row["pitch"], row["rate"], row["range"], row["volume_db"]) == ("1.0", "1.0", "1.0", "0.0")
        assert row["text"] == f"This is sentence number {int(row['text_line']) - 1}."
        source = tmp_path / "pictures" / row["source_image"]
        assert (out / row["image"]).read_bytes() == source.read_bytes()
        assert soundfile.info(out / row["speech"]).samplerate == 8000
    assert {row["voice"] for row in rows + dropped} == {"low", "high"}
    assert result.summary["classes"] == {
        c: sum(row["label"] == c for row in rows) for c in ("anger", "happy", "hate", "sad")
    }
    assert sum(result.summary["decided_by"].values()) == counts["samples"]
    assert result.summary["classes_by_voice"] == {
        f"tones {voice}": {
            c: sum(row["label"] == c and row["voice"] == voice for row in rows)
            for c in ("anger", "happy", "hate", "sad")
        }
        for voice in ("high", "low")
    }
    assert (out / "summary.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / "summary.svg").read_text()
    assert "labels came from networks" in (out / "report.md").read_text()


@pytest.mark.usefixtures("plain_figure")
def test_threads_paths_and_names_of_folders_do_not_change_it(tmp_path: Path) -> None:
    build(make_request(tmp_path), tmp_path / "one", workers=1)
    build(make_request(tmp_path), tmp_path / "three", workers=3)
    moved = tmp_path / "elsewhere"
    make_pictures(moved / "pictures", 8)
    shutil.copy(tmp_path / "texts.csv", moved / "texts.csv")
    build(make_request(moved), moved / "out", workers=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "three") == files_of(moved / "out")
    build(make_request(tmp_path, seed=1), tmp_path / "seed")
    assert files_of(tmp_path / "seed")["samples.csv"] != files_of(tmp_path / "one")["samples.csv"]


@pytest.mark.usefixtures("plain_figure")
def test_a_finished_build_computes_nothing_again(
    tmp_path: Path, tones: ToneVoice, answerers: dict[Modality, FileAnswers]
) -> None:
    request = make_request(tmp_path)
    build(request, tmp_path / "out")
    before, said, asked = files_of(tmp_path / "out"), len(tones.said), len(answerers[Modality.IMAGE].asked)
    again = build(request, tmp_path / "out")
    assert files_of(tmp_path / "out") == before
    assert (len(tones.said), len(answerers[Modality.IMAGE].asked)) == (said, asked)
    assert again.computed == dict.fromkeys(again.computed, 0) | {"table": again.summary["counts"]["samples"]}


@pytest.mark.usefixtures("plain_figure")
def test_labels_can_be_made_again_from_the_files(tmp_path: Path) -> None:
    result = build(make_request(tmp_path, count=12, threshold=0.45), tmp_path / "out")
    built = read_built(tmp_path / "out")
    ids, answers = list(built.ids), built.answers
    assert ids == [f"{i:06d}" for i in range(1, 13)]
    kept = {row["sample_id"]: row["label"] for row in rows_of(tmp_path / "out" / "samples.csv")}
    labels = relabel(answers, "max", 0.45)
    assert dict(zip(ids, labels.names(), strict=True)) == dict.fromkeys(ids, "") | kept
    other = build(make_request(tmp_path, threshold=0.3, rule="agree"), tmp_path / "agree")
    names = {row["sample_id"]: row["label"] for row in rows_of(tmp_path / "agree" / "samples.csv")}
    stricter = relabel(answers, "agree", 0.3)
    assert dict(zip(ids, stricter.names(), strict=True)) == dict.fromkeys(ids, "") | names
    before, after = dict.fromkeys(ids, "") | kept, dict.fromkeys(ids, "") | names
    assert labels.changed(stricter) == sum(before[i] != after[i] for i in ids)
    assert other.summary["counts"]["dropped_disagree"] > 0
    assert result.summary["agree"] == other.summary["agree"] == np.mean(relabel(answers, "agree", 0).kept)


# ---------------------------------------------------------------- interrupted


class Interrupted(BaseException):
    """The process ends here."""


@contextmanager
def interrupted_at(step: int) -> Iterator[list[int]]:
    """The build ends at its ``step``-th commit or write of a file: in turns just before it and just after."""
    count = [0]

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            count[0] += 1
            if count[0] == step:
                raise Interrupted
            result = real(*arguments)
            count[0] += 1
            if count[0] == step:
                raise Interrupted
            return result

        return call

    @contextmanager
    def transaction(state: BuildState) -> Iterator[None]:
        count[0] += 1
        with real_transaction(state):
            yield
            if count[0] == step:
                raise Interrupted
        count[0] += 1
        if count[0] == step:
            raise Interrupted

    real_transaction = BuildState.transaction
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BuildState, "transaction", transaction)
        for module in (voices, table):
            patch.setattr(module, "write_bytes", guarded(paths.write_bytes))
        patch.setattr(table, "write_json", guarded(paths.write_json))
        yield count


@pytest.mark.usefixtures("plain_figure")
def test_interrupted_at_every_step_it_ends_as_an_undisturbed_one(tmp_path: Path, tones: ToneVoice) -> None:
    request = make_request(tmp_path, count=2)
    (tmp_path / "pictures" / "broken.png").write_bytes(b"no picture")
    shutil.copy(tmp_path / "pictures" / "01.png", tmp_path / "pictures" / "twin.png")
    tones.mute = ("low",)
    with interrupted_at(-1) as count:
        build(request, tmp_path / "undisturbed", workers=1)
    steps, expected = count[0], files_of(tmp_path / "undisturbed")
    assert steps > 50
    for step in range(1, steps + 1):
        out = tmp_path / f"out{step}"
        with interrupted_at(step), pytest.raises(Interrupted):
            build(request, out, workers=1)
        build(request, out, workers=1)
        assert files_of(out) == expected, step
        shutil.rmtree(out)


def test_half_a_transaction_is_none(tmp_path: Path) -> None:
    with BuildState(tmp_path / "out") as state:

        def interrupted() -> None:
            with state.transaction():
                state.note("half", 1)
                raise Interrupted

        with pytest.raises(Interrupted):
            interrupted()
        with state.transaction():
            state.note("whole", 1)
    with BuildState(tmp_path / "out") as state:
        assert (state.fact("half"), state.fact("whole")) == (None, 1)


@pytest.mark.usefixtures("plain_figure")
def test_files_that_are_lost_or_cut_are_made_again(tmp_path: Path) -> None:
    request, out = make_request(tmp_path), tmp_path / "out"
    build(request, out)
    expected = files_of(out)
    speech_files, images = sorted((out / "speech").iterdir()), sorted((out / "images").iterdir())
    speech_files[0].unlink()
    speech_files[1].write_bytes(speech_files[1].read_bytes()[:-10])
    images[2].unlink()
    (out / "samples.csv").unlink()
    (out / "speech" / f".{'0a' * 16}.flac").write_bytes(b"left by a kill")
    again = build(request, out)
    assert files_of(out) == expected
    assert again.computed["speech"] in (2, 3)


@pytest.mark.usefixtures("plain_figure")
def test_cancelled_it_keeps_what_is_done(tmp_path: Path, tones: ToneVoice) -> None:
    token, request, out = CancelToken(), make_request(tmp_path), tmp_path / "out"

    def report(progress: Progress) -> None:
        if progress.text == "speech" and progress.done == 3:
            token.cancel()

    with pytest.raises(Cancelled):
        build(request, out, workers=1, report=report, token=token)
    with BuildState(out) as state:
        assert 3 <= len(state.speech()) < 6  # what was done at that moment, and what was under way
    already = len(tones.said)
    build(request, out, workers=1)
    assert len(tones.said) - already <= 3 + 2  # the rest, and a probe of each voice
    build(request, tmp_path / "undisturbed")
    assert files_of(out) == files_of(tmp_path / "undisturbed")


# ---------------------------------------------------------------- bad material


@pytest.mark.usefixtures("plain_figure")
def test_bad_rows_pictures_and_voices_are_named_and_the_rest_is_built(
    tmp_path: Path, tones: ToneVoice
) -> None:
    pictures = make_pictures(tmp_path / "pictures", 4)
    shutil.copy(pictures / "01.png", pictures / "01copy.png")
    (pictures / "bad.png").write_bytes(b"no picture")
    rows = [
        ["Good one.", "01"],  # line 2
        ["", "02"],  # 3
        ["Good two.", "nowhere.png"],  # 4
        ["Nobody can say this: unsayable", "02.png"],  # 5
        ["good ONE", "03.png"],  # 6
        ["Good three.", "bad.png"],  # 7
        ["Good four.", "01copy.png"],  # 8
        ["Good five.", "04.png"],  # 9
    ]
    write_texts(tmp_path / "texts.csv", rows, ("text", "image"))
    tones.mute = ("unsayable", "broken")
    chosen = tuple(SynthVoice("tones", name) for name in ("low", "broken"))
    missing = SynthVoice("absent", "any")
    synthesizers.SYNTHESIZERS["absent"] = ToneVoice("absent", installed=False)
    try:
        result = build(make_request(tmp_path, voices=(*chosen, missing), threshold=0.0), tmp_path / "out")
    finally:
        del synthesizers.SYNTHESIZERS["absent"]
    assert [row["text"] for row in rows_of(tmp_path / "out" / "samples.csv")] == ["Good one.", "Good five."]
    assert problems_of(tmp_path / "out") == [
        ("pictures", "", "01copy.png", "duplicate"),
        ("pictures", "", "bad.png", "unreadable"),
        ("speech", "", "absent any", "missing"),
        ("speech", "", "tones broken", "missing"),
        ("texts", "3", "000002", "empty-text"),
        ("pairing", "4", "000003", "missing"),
        ("speech", "5", "000004", "synthesis"),
        ("texts", "6", "000005", "duplicate"),
        ("pairing", "7", "000006", "unreadable"),
        ("pairing", "8", "000007", "duplicate"),
    ]
    assert [note.split(". ")[0] for note in result.notes] == [
        "tones broken is not used",
        "absent any is not used",
    ]
    assert validate(open_dataset(tmp_path / "out")) == []


@pytest.mark.usefixtures("plain_figure")
def test_where_a_voice_fails_the_next_one_speaks(tmp_path: Path, tones: ToneVoice) -> None:
    class Choosy(ToneVoice):
        """Its low voice cannot say even sentences; the probe's word it can."""

        def speak(self, text: str, voice: str, prosody: synthesizers.Prosody) -> Any:
            if voice == "low" and any(f"number {n}." in text for n in (2, 4, 6)):
                raise ZeroDivisionError("inside the program")
            return super().speak(text, voice, prosody)

    synthesizers.SYNTHESIZERS["tones"] = Choosy()
    request = make_request(tmp_path, threshold=0.0, seed=3)
    build(request, tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "samples.csv")
    assert len(rows) == 6
    wanted = {row: speech.order_of(request.voices, row, 3)[0].name for row in range(1, 7)}
    assert {int(r["sample_id"]): r["voice"] for r in rows} == {
        row: "high" if row % 2 == 0 else name for row, name in wanted.items()
    }
    failed = [row for row, name in wanted.items() if row % 2 == 0 and name == "low"]
    assert failed
    problems = rows_of(tmp_path / "out" / "problems.csv")
    assert [(p["item"], p["kind"]) for p in problems] == [(f"{row:06d}", "other-voice") for row in failed]
    assert all("ZeroDivisionError" in p["reason"] and "tones high" in p["reason"] for p in problems)


@pytest.mark.usefixtures("plain_figure")
def test_more_texts_than_pictures(tmp_path: Path) -> None:
    make_request(tmp_path, count=2)  # four pictures
    write_texts(tmp_path / "texts.csv", [[f"sentence {i}"] for i in range(7)])
    build(make_request(tmp_path, threshold=0.0), tmp_path / "drop")
    assert problems_of(tmp_path / "drop") == [
        ("pairing", str(line), f"{line - 1:06d}", "no-picture") for line in (6, 7, 8)
    ]
    build(make_request(tmp_path, threshold=0.0, repeats="keep"), tmp_path / "keep")
    rows = rows_of(tmp_path / "keep" / "samples.csv")
    assert len(rows) == 7
    assert len({row["image"] for row in rows}) == 4 == len(list((tmp_path / "keep" / "images").iterdir()))
    assert {p.kind for p in validate(open_dataset(tmp_path / "keep"))} == {"duplicate"}
    write_texts(tmp_path / "texts.csv", [[f"sentence {i % 5}"] for i in range(7)])
    build(make_request(tmp_path, threshold=0.0, repeats="pictures"), tmp_path / "pictures_again")
    rows = rows_of(tmp_path / "pictures_again" / "samples.csv")
    assert [row["text_line"] for row in rows] == ["2", "3", "4", "5", "6"]
    assert len({row["image"] for row in rows}) == 4
    assert problems_of(tmp_path / "pictures_again") == [
        ("texts", str(line), f"{line - 1:06d}", "duplicate") for line in (7, 8)
    ]


@pytest.mark.usefixtures("plain_figure")
def test_paths_that_leave_the_folder_of_pictures_are_named_and_not_opened(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "pictures", 3)
    make_pictures(tmp_path, 9)  # 01.png … 09.png beside the folder: they exist, and must not be used
    os.mkfifo(pictures / "pipe.png")
    hostile = [
        "../09.png",
        "../pictures/01.png",
        str(tmp_path / "09.png"),
        str(pictures / "01.png"),
        r"..\..\09.png",
        r"C:\09.png",
        "file:///etc/passwd",
        "01.png\0.txt",
        "pipe.png",
        "a/../../09.png",
        "~/09.png",
    ]
    rows = [[f"text number {i}", cell] for i, cell in enumerate(["02.png", *hostile, "./03.png"])]
    (tmp_path / "texts.csv").unlink(missing_ok=True)
    write_texts(tmp_path / "texts.csv", rows, ("text", "image"))
    build(make_request(tmp_path, threshold=0.0), tmp_path / "out")
    rows_built = rows_of(tmp_path / "out" / "samples.csv")
    assert [row["source_image"] for row in rows_built] == ["02.png", "03.png"]
    kinds = {line: kind for stage, line, _, kind in problems_of(tmp_path / "out") if stage == "pairing"}
    assert {int(line): kind for line, kind in kinds.items()} == {
        3: "outside", 4: "outside", 5: "outside", 6: "outside", 7: "outside", 8: "missing", 9: "missing",
        10: "missing", 11: "unreadable", 12: "outside", 13: "missing",
    }  # fmt: skip
    assert ("pictures", "", "pipe.png", "unreadable") in problems_of(tmp_path / "out")
    assert len(list((tmp_path / "out" / "images").iterdir())) == 2


# ---------------------------------------------------------------- refused


def refused(request: Any, out: Path, **how: Any) -> str:
    with pytest.raises(SierError) as caught:
        build(request, out, **how)
    assert "\n" not in str(caught.value)
    return caught.value.message


@pytest.mark.usefixtures("plain_figure")
def test_another_request_is_refused_with_what_differs(tmp_path: Path) -> None:
    request, out = make_request(tmp_path), tmp_path / "out"
    build(request, out)
    before = files_of(out)
    for change, said in (
        ({"threshold": 0.6}, "its threshold is 0.3, not 0.6"),
        ({"seed": 1}, "its seed is 0, not 1"),
        ({"voices": request.voices[:1]}, "its voices is"),
        ({"ier": "demo/1"}, "its IER release is"),
        ({"mapping": {"anger": "anger", "sad": "sad"}}, "its mapping is"),
    ):
        assert said in refused(dataclasses.replace(request, **change), out)
    (tmp_path / "pictures" / "01.png").rename(tmp_path / "pictures" / "1.png")
    assert "its folder of pictures is" in refused(request, out)
    (tmp_path / "pictures" / "1.png").rename(tmp_path / "pictures" / "01.png")
    write_texts(tmp_path / "texts.csv", [["other"]])
    assert "its file of texts is" in refused(request, out)
    assert files_of(out) == before


def test_folders_that_hold_something_else_are_left_alone(tmp_path: Path) -> None:
    request = make_request(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    assert "holds other files" in refused(request, tmp_path / "full")
    assert "is a file" in refused(request, tmp_path / "texts.csv")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "_build.sqlite").write_bytes(b"not a database" * 100)
    assert "is damaged" in refused(request, tmp_path / "damaged")


def test_two_builds_of_one_folder(tmp_path: Path) -> None:
    with BuildState(tmp_path / "out"):
        assert "being built by another process" in refused(make_request(tmp_path), tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rule": "mean"}, "no rule 'mean'"),
        ({"pairing": "luck"}, "no pairing 'luck'"),
        ({"repeats": "maybe"}, "no way with repeats"),
        ({"voices": ()}, "No synthesizer is named"),
        ({"voices": (SynthVoice("tones", "mute"),)}, "No synthesizer can be used"),
        ({"texts": Path("nowhere.csv")}, "no file of texts"),
        ({"images": Path("nowhere")}, "no folder of pictures"),
        ({"ser": "nobody"}, "no release 'nobody'"),
        ({"mapping": {"joyful": "happy"}}, "None of the network's classes"),
        ({"threshold": 0.999}, "None of the 6 samples gets a label"),
        ({"seed": -1}, "The seed is 0 or more"),
    ],
)
def test_requests_that_cannot_be_fulfilled(
    change: dict[str, Any], said: str, tmp_path: Path, tones: ToneVoice
) -> None:
    tones.mute = ("mute",)
    assert said in refused(dataclasses.replace(make_request(tmp_path), **change), tmp_path / "out")
    assert not (tmp_path / "out" / "samples.csv").exists()


def test_nothing_to_pair(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    write_texts(tmp_path / "texts.csv", [["one"]])
    said = refused(make_request(tmp_path), tmp_path / "out")
    assert "1 usable texts" in said
    assert "0 pictures" in said


@pytest.mark.usefixtures("plain_figure")
def test_a_voice_that_is_gone_when_the_build_goes_on(tmp_path: Path, tones: ToneVoice) -> None:
    request, out, token = make_request(tmp_path), tmp_path / "out", CancelToken()

    def report(progress: Progress) -> None:
        if progress.text == "speech" and progress.done == 2:
            token.cancel()

    with pytest.raises(Cancelled):
        build(request, out, workers=1, report=report, token=token)
    tones.installed = False
    assert "was begun with the voice tones low" in refused(request, out)
    tones.installed = True
    build(request, out)
    build(request, tmp_path / "undisturbed")
    assert files_of(out) == files_of(tmp_path / "undisturbed")


@pytest.mark.usefixtures("plain_figure")
def test_pictures_that_change_during_the_build_are_noticed(tmp_path: Path) -> None:
    request, out, token = make_request(tmp_path), tmp_path / "out", CancelToken()
    with pytest.raises(Cancelled):
        build(request, out, report=lambda p: token.cancel() if p.text == "pairing" else None, token=token)
    for file in (tmp_path / "pictures").iterdir():
        data = bytearray(file.read_bytes())
        data[-6] ^= 1  # same size
        file.write_bytes(bytes(data))
    assert "has changed since the build began" in refused(request, out)


# ---------------------------------------------------------------- full disks


@pytest.mark.usefixtures("plain_figure")
@pytest.mark.parametrize("at", [1, 4, 9, 14, 17])
def test_a_full_disk_is_one_error_and_nothing_half_written_counts(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, out = make_request(tmp_path), tmp_path / "out"
    real, count = Path.write_bytes, [0]

    def full(self: Path, data: bytes) -> int:
        count[0] += 1
        if count[0] >= at:
            real(self, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    said = refused(request, out, workers=1)
    assert said.startswith("Cannot write")
    assert "No space left" in said
    assert not (out / "samples.csv").exists()
    assert not [file for file in out.rglob(".*") if file.is_file()]
    monkeypatch.setattr(Path, "write_bytes", real)
    build(request, out, workers=1)
    build(request, tmp_path / "undisturbed")
    assert files_of(out) == files_of(tmp_path / "undisturbed")


def test_a_full_temporary_folder_stops_the_build_and_blames_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, out = make_request(tmp_path), tmp_path / "out"
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(speech.shutil, "disk_usage", lambda folder: usage._replace(free=speech.ROOM - 1))
        assert "has no space left" in refused(request, out)
    with BuildState(out) as state:
        assert (state.speech(), state.findings()) == ({}, [])


def test_what_was_done_and_how_long_it_took_is_told(tmp_path: Path) -> None:
    told: list[Progress] = []
    result = build(make_request(tmp_path), tmp_path / "out", report=told.append)
    assert result.computed == {
        "texts": 6, "pictures": 8, "pairing": 6, "speech": 6, "probabilities": 2,
        "table": result.summary["counts"]["samples"],
    }  # fmt: skip
    assert sum(result.seconds.values()) > 0
    order = list(dict.fromkeys(p.text for p in told))
    assert order == ["texts", "pictures", "pairing", "speech", "probabilities", "table"]
    for stage, total in (("pictures", 8), ("speech", 6), ("probabilities", 2)):
        steps = [(p.done, p.total) for p in told if p.text == stage and p.total]
        assert steps == [(i, total) for i in range(1, total + 1)]
