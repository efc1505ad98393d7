"""Names that say nothing, links that lead out, damaged tables: told by name and reason, in nobody's way."""

from __future__ import annotations

import builtins
import io
import json
import os
from pathlib import Path

import pytest
from fixtures.layouts import (
    make_b_t4sa,
    make_crema_d,
    make_iemocap,
    make_meld,
    make_ravdess,
    meld_rows,
    put,
    write_meld_table,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sier_gui.cli import main
from sier_gui.core.dataset.adapters import crema_d, ravdess
from sier_gui.core.dataset.adapters.files import Gathered, Listing, kind_of, shown
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.errors import SierError

MEDIA = {"ravdess": "Actor_01", "crema_d": "AudioWAV", "meld": "dev_splits_complete"}
MAKERS = {
    "ravdess": make_ravdess, "crema_d": make_crema_d, "meld": make_meld, "iemocap": make_iemocap,
    "b_t4sa": make_b_t4sa,
}  # fmt: skip
BAD_NAMES = (
    "03-01-09-01-01-01-01.wav", "04-01-01-01-01-01-01.wav", "03-01-01-01-01-01-25.wav", "03-01-01.wav",
    "03-01-01-01-01-01-00.wav", "03-01-01-01-01-01-01 (copy).wav", "1001_XXX_ANG_XX.wav",
    "1001_DFA_JOY_XX.wav", "1001_DFA_ANG_QQ.wav", "1092_DFA_ANG_XX.wav", "1000_DFA_ANG_XX.wav",
    "2001_DFA_ANG_XX.wav", "1001_DFA_ANG.wav", "dia1_utt.wav", "dia-1_utt1.wav", "dia1_utt9999999.wav",
    "\u0660\u0663-01-01-01-01-01-01.wav", "new\nline.wav", "tab\there.mp4", "-rf.wav", "%s{0}.wav",
    "\u202ertl.wav", "x" * 240 + ".wav", "emoji \u2764.jpg", ";drop table.mp4",
)  # fmt: skip


def reasons(catalogue: Catalogue) -> list[str]:
    return [problem.reason for problem in catalogue.problems]


@pytest.mark.parametrize("name", MEDIA)
def test_a_name_that_does_not_parse_is_a_problem_with_name_and_reason(tmp_path, capsys, name):
    MAKERS[name](tmp_path)
    count = len(open_dataset(tmp_path))
    for bad in BAD_NAMES:
        put(tmp_path / MEDIA[name] / bad)
    before = [reason for reason in reasons(open_dataset(tmp_path)) if "is left out" in reason]
    assert len(open_dataset(tmp_path)) == count
    assert len(before) == len(BAD_NAMES)
    for bad in BAD_NAMES:
        told = f"{shown(f'{MEDIA[name]}/{bad}')} is left out: "
        (reason,) = [reason for reason in before if reason.startswith(told)]
        assert reason != told
        assert reason.isprintable()
    assert main(["validate", str(tmp_path), "--json", "-"]) == 0
    assert len(json.loads(capsys.readouterr().out)) >= len(BAD_NAMES)
    assert main(["validate", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("problem_of", "name", "said"),
    [
        (ravdess.problem_of, "03-01-09-01-01-01-01", "09 is no emotion (01 to 08)"),
        (ravdess.problem_of, "00-01-01-01-01-01-01", "00 is no modality (01 to 03)"),
        (ravdess.problem_of, "03-01-01-01-01-01-25", "25 is no actor (01 to 24)"),
        (ravdess.problem_of, "03-01-01-01-01-01", "seven numbers"),
        (crema_d.problem_of, "1092_DFA_ANG_XX", "1092 is no actor (1001 to 1091)"),
        (crema_d.problem_of, "1001_XYZ_ANG_XX", "XYZ is no sentence"),
        (crema_d.problem_of, "1001_DFA_JOY_XX", "JOY is no emotion"),
        (crema_d.problem_of, "1001_DFA_ANG_ZZ", "ZZ is no level"),
        (crema_d.problem_of, "1001_DFA_ANG", "actor, sentence, emotion and level"),
    ],
)
def test_the_reason_names_the_part_that_is_wrong(problem_of, name, said):
    assert said in problem_of(name)


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{2}(-[0-9]{2}){6}", fullmatch=True))
def test_any_name_has_an_answer(name):
    known = name.isascii() and [part.isdigit() and len(part) == 2 for part in name.split("-")] == [True] * 7
    limits = (3, 2, 8, 2, 2, 2, 24)
    inside = known and all(1 <= int(n) <= last for n, last in zip(name.split("-"), limits, strict=True))
    assert (ravdess.problem_of(name) == "") == bool(inside)
    assert isinstance(crema_d.problem_of(name), str)


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: not name.startswith("."))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(MEDIA)),
    st.lists(NAMES, max_size=6),
    st.sampled_from([".wav", ".jpg", ".mp4", ".txt"]),
)
def test_every_media_file_is_in_a_row_or_in_a_problem(tmp_path_factory, name, stems, suffix):
    folder = tmp_path_factory.mktemp("set")
    MAKERS[name](folder)
    for stem in stems:
        put(folder / MEDIA[name] / f"{stem}{suffix}")
    catalogue = open_dataset(folder)
    used = {cell for field in ("image", "speech", "video") for cell in catalogue.column(field)}
    told = "\n".join(reasons(catalogue))
    for file in (folder / MEDIA[name]).iterdir():
        relative = str(file.relative_to(folder))
        assert relative in used or not kind_of(file.suffix) or shown(relative) in told


def test_bytes_that_are_no_text(tmp_path, capsys):
    make_ravdess(tmp_path, actors=[1])
    make_meld(tmp_path / "meld", raw=False)
    put(tmp_path / "Actor_01" / os.fsdecode(b"\xff\xfe.wav"))
    put(tmp_path / "meld" / os.fsdecode(b"dev \xff") / "dia0_utt0.wav")
    (reason,) = reasons(open_dataset(tmp_path))
    assert reason.startswith("Actor_01/\\udcff\\udcfe.wav is left out")
    assert "dev \\udcff is left out: its name is not UTF-8" in reasons(open_dataset(tmp_path / "meld"))
    folder = tmp_path / "classes"
    for name in (b"a.jpg", b"a.wav", b"\xff.wav"):
        put(folder / "anger" / os.fsdecode(name))
    for path in (tmp_path, tmp_path / "meld", folder):
        assert main(["validate", str(path), "--json", "-"]) == 0
        json.loads(capsys.readouterr().out)


# ---------------------------------------------------------------- out of the folder


def test_links_to_folders_are_not_followed(tmp_path):
    make_ravdess(tmp_path / "outside", actors=[2])
    make_ravdess(tmp_path / "set", actors=[1])
    (tmp_path / "set/Actor_02").symlink_to(tmp_path / "outside/Actor_02")
    catalogue = open_dataset(tmp_path / "set")
    assert set(catalogue.column("speaker")) == {"01"}
    assert reasons(catalogue) == [
        "Actor_02 is left out: it is a link to a folder, and those are not followed"
    ]


def test_a_link_to_a_sound_outside_is_refused_by_its_row(tmp_path, capsys):
    secret = put(tmp_path / "secret.wav")
    make_crema_d(tmp_path / "set")
    (tmp_path / "set/AudioWAV/1003_DFA_ANG_XX.wav").symlink_to(secret)
    (tmp_path / "set/AudioWAV/1004_DFA_ANG_XX.wav").symlink_to("1004_DFA_ANG_XX.wav")
    catalogue = open_dataset(tmp_path / "set")
    assert len(catalogue) == 5, "the link that goes in a circle is no file"
    with pytest.raises(SierError, match="outside the dataset's folder"):
        catalogue.sample(catalogue.row_of("1003_DFA_ANG_XX"))
    assert catalogue.sample(0).paths
    assert main(["validate", str(tmp_path / "set"), "--json", "-"]) == 0
    kinds = {line["sample_id"]: line["kind"] for line in json.loads(capsys.readouterr().out)}
    assert kinds["1003_DFA_ANG_XX"] in ("outside", "missing")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("meld", "dev_sent_emo.csv"),
        ("iemocap", "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"),
        ("iemocap", "Session1/dialog/transcriptions/Ses01F_impro01.txt"),
        ("b_t4sa", "b-t4sa_val.txt"),
        ("b_t4sa", "raw_tweets_text.csv"),
        ("b_t4sa", "t4sa_text_sentiment.tsv"),
    ],
)
@pytest.mark.parametrize("becomes", ["link", "folder", "pipe", "empty", "noise"])
def test_a_text_that_is_none_is_noted_and_the_rest_is_read(tmp_path, name, file, becomes):
    folder = MAKERS[name](tmp_path / "set")
    whole = len(open_dataset(folder))
    path = folder / file
    content = path.read_bytes()
    path.unlink()
    if becomes == "link":
        outside = tmp_path / "outside.txt"
        outside.write_bytes(content)
        path.symlink_to(outside)
    elif becomes == "folder":
        path.mkdir()
    elif becomes == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"" if becomes == "empty" else bytes(range(256)) * 40)
    catalogue = open_dataset(folder)
    assert 0 < len(catalogue) <= whole
    quiet = becomes in ("empty", "noise")  # an empty list of turns or tweets is no damage
    assert any(file in reason for reason in reasons(catalogue)) or quiet
    if not quiet and name == "meld":
        assert set(catalogue.column("split")) == {"train", "test"}


def test_lines_that_leave_the_folder_are_no_rows(tmp_path):
    make_b_t4sa(tmp_path / "set")
    tweet = "758014713804587008-1.jpg"
    for line in (
        f"../data/{tweet} 1",
        f"/data/{tweet} 1",
        f"data/..\\{tweet} 1",
        f"data/./{tweet} 1",
        f"~/{tweet} 0",
    ):
        with (tmp_path / "set/b-t4sa_test.txt").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    catalogue = open_dataset(tmp_path / "set")
    assert len(catalogue) == 18
    assert len(catalogue.problems) == 5


# ---------------------------------------------------------------- damaged tables


def test_a_damaged_table_of_meld_leaves_the_others(tmp_path):
    make_meld(tmp_path, raw=False)
    (tmp_path / "train_sent_emo.csv").write_text(
        "Utterance,Dialogue_ID,Utterance_ID\na,b\n", encoding="utf-8"
    )
    (tmp_path / "test_sent_emo.csv").write_text("Utterance,Emotion\na,joy\n", encoding="utf-8")
    catalogue = open_dataset(tmp_path)
    assert set(catalogue.column("split")) == {"val"}
    said = "\n".join(reasons(catalogue))
    assert "Row 1 of" in said
    assert "test_sent_emo.csv is left out: it has no column speaker, dialogue_id, utterance_id" in said


def test_rows_of_meld_without_numbers_or_with_another_emotion(tmp_path):
    rows = meld_rows(4)
    rows[0]["Dialogue_ID"] = "x"
    rows[1]["Utterance_ID"] = "-1"
    rows[2]["Emotion"] = "bliss\n"
    write_meld_table(tmp_path / "dev_sent_emo.csv", rows)
    catalogue = open_dataset(tmp_path)
    assert catalogue.column("sample_id").tolist() == ["dev_dia0_utt3"]
    first, second, third = reasons(catalogue)
    assert first == "dev_sent_emo.csv, row 1, is left out: its dialogue_id, 'x', is no number"
    assert second.startswith("dev_sent_emo.csv, row 2, is left out: its utterance_id")
    assert third.startswith("dev_sent_emo.csv, row 3, is left out: its emotion")


def test_no_row_at_all_says_what_was_expected(tmp_path):
    rows = meld_rows(1)
    rows[0]["Emotion"] = "bliss"
    write_meld_table(tmp_path / "dev_sent_emo.csv", rows)
    with pytest.raises(SierError, match=r"looks like MELD, but no sample .* row 1, is left out: its emotion"):
        open_dataset(tmp_path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=40) | st.from_regex(r"\[[0-9. ]{1,8}-[0-9. ]{1,8}\]\s.{0,40}"), max_size=8))
def test_any_lines_of_labels_and_lists(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("set")
    text = "\n" + "\n".join(lines)
    make_iemocap(folder / "i", sessions=1)
    make_b_t4sa(folder / "b", each=2)
    files = (
        folder / "i/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
        folder / "i/Session1/dialog/transcriptions/Ses01F_impro01.txt",
        folder / "b/b-t4sa_val.txt",
        folder / "b/raw_tweets_text.csv",
    )
    for file in files:
        with file.open("a", encoding="utf-8", errors="replace", newline="") as stream:
            stream.write(text)
    assert len(open_dataset(folder / "i")) >= 22
    assert len(open_dataset(folder / "b")) >= 6


# ---------------------------------------------------------------- nothing is opened


@pytest.mark.parametrize("name", MAKERS)
def test_no_media_file_is_opened_and_every_folder_listed_a_few_times(tmp_path, monkeypatch, name):
    folder = MAKERS[name](tmp_path)
    opened: list[str] = []
    listed: list[str] = []

    def watch(module, function, log):
        original = getattr(module, function)

        def watched(path, *args, **kwargs):
            if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(str(folder)):
                log.append(os.fspath(path))
            return original(path, *args, **kwargs)

        monkeypatch.setattr(module, function, watched)

    for module, function in ((builtins, "open"), (io, "open"), (os, "open")):
        watch(module, function, opened)
    watch(os, "scandir", listed)
    assert len(open_dataset(folder)) > 0
    assert {Path(file).suffix for file in opened} <= {".csv", ".txt", ".tsv"}
    assert (
        max(listed.count(place) for place in listed) <= 12
    )  # once by each adapter that is asked, and to read


# ---------------------------------------------------------------- the parts


def test_of_two_files_the_better_counts_and_the_same_again_is_told():
    gathered: Gathered[str] = Gathered()
    for path, rank in (("b/x.mp3", 0), ("b/x.wav", 0), ("c/x.wav", 0), ("a/x.wav", 1)):
        gathered.add("x", "speech", path, rank)
    assert gathered.of("x") == {"speech": "b/x.wav"}
    assert gathered.of("y") == {}
    (problem,) = gathered.doubles()
    assert problem.reason == "c/x.wav left out: b has the same"


def test_names_are_shown_as_one_printable_line():
    assert shown("a\nb\x1b[31m\udcff") == "a\\nb\\x1b[31m\\udcff"
    long = shown("x" * 500 + "/03.wav")
    assert long.endswith("/03.wav")
    assert len(long) < 200


def test_a_folder_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    make_ravdess(tmp_path, actors=[1, 2])
    original = os.scandir

    def forbid(path):
        if str(path).endswith("Actor_02"):
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "scandir", forbid)
    assert reasons(open_dataset(tmp_path)) == ["Actor_02 is left out: the folder may not be read"]
    assert Listing(tmp_path).entries("nothing") == []
