"""What the names and tables of RAVDESS, CREMA-D, MELD, IEMOCAP and B-T4SA say comes out as columns."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from fixtures.layouts import (
    FACE_AND_VOICE,
    IEMOCAP_EMOTIONS,
    make_b_t4sa,
    make_crema_d,
    make_iemocap,
    make_meld,
    make_ravdess,
    meld_rows,
    put,
    ravdess_names,
    write_meld_table,
)

from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.splits import leave_one_group_out


def row_of(catalogue: Catalogue, sample_id: str) -> dict[str, str]:
    row = catalogue.row_of(sample_id)
    return {name: catalogue.cell(row, name) for name in catalogue.columns}


def reasons(catalogue: Catalogue) -> str:
    return "\n".join(problem.reason for problem in catalogue.problems)


# ---------------------------------------------------------------- RAVDESS


def test_the_example_of_ravdess_own_page(tmp_path):
    """Audio-only, speech, fearful, normal, "dogs", 1st repetition, 12th actor, female."""
    put(tmp_path / "Actor_12/03-01-06-01-02-01-12.wav")
    assert row_of(open_dataset(tmp_path), "03-01-06-01-02-01-12") == {
        "sample_id": "03-01-06-01-02-01-12", "image": "", "speech": "Actor_12/03-01-06-01-02-01-12.wav",
        "text": "Dogs are sitting by the door", "label": "fear", "original_label": "fearful", "speaker": "12",
        "gender": "female", "channel": "speech", "intensity": "normal", "statement": "02", "repetition": "1",
    }  # fmt: skip


def _make_all(folder: Path, actors: range, kinds: tuple[tuple[str, str], ...]) -> int:
    """Every recording of these actors, spoken and sung; how many files that is."""
    count = 0
    for actor in actors:
        (folder / f"Actor_{actor:02d}").mkdir()
        for modality, suffix in kinds:
            for channel in ("01", "02"):
                for _, stem in ravdess_names(modality, channel, [actor]):
                    (folder / f"Actor_{actor:02d}" / f"{stem}{suffix}").touch()
                    count += 1
    return count


def test_all_voices_of_ravdess_have_the_counts_of_its_paper(tmp_path):
    """1440 spoken and 1012 sung recordings (Livingstone & Russo 2018, table 1)."""
    assert _make_all(tmp_path, range(1, 25), (("03", ".wav"),)) == 1440 + 1012
    catalogue = open_dataset(tmp_path)
    assert (len(catalogue), catalogue.problems) == (2452, ())
    spoken = catalogue.column("channel") == "speech"
    assert Counter(catalogue.column("label")[spoken]) == {
        "neutral": 96, "calm": 192, "happy": 192, "sad": 192, "anger": 192, "fear": 192, "disgust": 192,
        "surprise": 192,
    }  # fmt: skip
    assert Counter(catalogue.column("gender")[spoken]) == {"female": 720, "male": 720}
    splits = leave_one_group_out(catalogue.column("speaker"))
    assert len(splits) == 24
    assert len(splits[17][1]) == 60  # actor 18 does not sing


def test_the_three_recordings_of_a_performance_are_one_row(tmp_path):
    assert _make_all(tmp_path, range(7, 8), FACE_AND_VOICE) == 3 * 104
    catalogue = open_dataset(tmp_path)
    assert len(catalogue) == 104
    for row in range(len(catalogue)):
        name, video = catalogue.cell(row, "sample_id"), catalogue.cell(row, "video")
        assert (name[:3], Path(video).name) == ("03-", f"01-{name[3:]}.mp4")
        assert Path(catalogue.cell(row, "speech")).stem == name
    assert {problem.column for problem in catalogue.problems} == {"image"}, "the sound is there already"


@pytest.mark.parametrize("archive", ["Audio_Speech_Actors_01-24", "Video_Speech_Actor_01"])
def test_ravdess_as_its_archives_unpack(tmp_path, archive):
    folder = make_ravdess(tmp_path / "above", actors=[1], archive=archive)
    below = open_dataset(folder / archive)
    inside = open_dataset(folder / archive / "Actor_01")
    catalogue = open_dataset(folder)
    assert catalogue.column("sample_id").tolist() == below.column("sample_id").tolist()
    assert catalogue.column("sample_id").tolist() == inside.column("sample_id").tolist()
    assert catalogue.cell(0, "speech").startswith(f"{archive}/Actor_01/")


def test_ravdess_unpacked_twice_is_told_in_one_line_a_folder(tmp_path):
    """As one of its copies on the web has it: every actor's folder again below another one."""
    make_ravdess(tmp_path, actors=[1, 2])
    make_ravdess(tmp_path, actors=[1, 2], archive="audio_speech_actors_01-24")
    catalogue = open_dataset(tmp_path)
    assert len(catalogue) == 12
    first, second = catalogue.problems
    assert first.kind == second.kind == "duplicate"
    assert "and 5 more" in first.reason
    assert "audio_speech_actors_01-24/Actor_01/03-01-01" in reasons(catalogue)


def test_a_face_without_a_voice_has_no_sound_to_save(tmp_path):
    (problem,) = open_dataset(make_ravdess(tmp_path, actors=[3], each=1, kinds=[("02", ".mp4")])).problems
    assert problem.column == "image"
    assert "sound" not in problem.reason


# ---------------------------------------------------------------- CREMA-D


def test_a_clip_of_crema_d(tmp_path):
    catalogue = open_dataset(make_crema_d(tmp_path))
    assert row_of(catalogue, "1001_IEO_HAP_LO") == {
        "sample_id": "1001_IEO_HAP_LO", "image": "", "speech": "AudioWAV/1001_IEO_HAP_LO.wav",
        "text": "It's eleven o'clock", "label": "happy", "original_label": "HAP", "speaker": "1001",
        "intensity": "low", "statement": "IEO",
    }  # fmt: skip
    # the one name of the published set with a level of one letter
    assert row_of(catalogue, "1040_ITH_SAD_X")["intensity"] == "unspecified"


def test_the_sound_without_loss_comes_first(tmp_path):
    places = ("AudioMP3/{}.mp3", "AudioWAV/{}.wav", "VideoFlash/{}.flv")
    catalogue = open_dataset(make_crema_d(tmp_path, places=places))
    assert len(catalogue) == 4
    assert all(cell.startswith("AudioWAV/") for cell in catalogue.column("speech"))
    assert all(cell.startswith("VideoFlash/") for cell in catalogue.column("video"))
    only = open_dataset(make_crema_d(tmp_path / "mp3", places=places[:1]))
    assert all(cell.startswith("AudioMP3/") for cell in only.column("speech"))


def test_crema_d_without_folders(tmp_path):
    catalogue = open_dataset(make_crema_d(tmp_path, places=("{}.wav",)))
    assert (catalogue.adapter, len(catalogue)) == ("crema_d", 4)


# ---------------------------------------------------------------- MELD


def test_an_utterance_of_meld(tmp_path):
    catalogue = open_dataset(make_meld(tmp_path, suffixes=(".wav",)))
    assert row_of(catalogue, "dev_dia1_utt1") == {
        "sample_id": "dev_dia1_utt1", "image": "", "speech": "dev_splits_complete/dia1_utt1.wav",
        "text": "Well, that\u2019s line 8.", "label": "happy", "original_label": "joy", "speaker": "Ross",
        "split": "val", "sentiment": "neutral", "dialogue": "1", "utterance": "1", "season": "4",
        "episode": "7", "start": "00:20:57,256", "end": "00:21:00,049",
    }  # fmt: skip
    assert Counter(catalogue.column("split")) == {"train": 9, "val": 9, "test": 9}
    assert row_of(catalogue, "train_dia1_utt1")["speech"] == "train/train_splits/dia1_utt1.wav"
    assert row_of(catalogue, "test_dia1_utt1")["speech"] == "output_repeated_splits_test/dia1_utt1.wav"


def test_the_tables_of_meld_alone(tmp_path):
    make_meld(tmp_path / "data/MELD", suffixes=(), raw=False)
    catalogue = open_dataset(tmp_path)
    assert (len(catalogue), catalogue.problems) == (27, ())
    assert catalogue.sample(0).paths == {}


def test_one_part_of_meld_needs_no_name_for_its_clips_folder(tmp_path):
    write_meld_table(tmp_path / "dev_sent_emo.csv", meld_rows(2))
    put(tmp_path / "clips/dia0_utt0.mp4")
    catalogue = open_dataset(tmp_path)
    assert catalogue.column("video").tolist() == ["clips/dia0_utt0.mp4", ""]


def test_the_innermost_folder_says_which_part_a_clip_is_of(tmp_path):
    make_meld(tmp_path, suffixes=(), raw=False)
    put(tmp_path / "test and train/dev_splits_complete/wav/dia0_utt0.wav")
    catalogue = open_dataset(tmp_path)
    assert [row for row, cell in enumerate(catalogue.column("speech")) if cell] == [
        catalogue.row_of("dev_dia0_utt0")
    ]


def test_clips_of_meld_that_no_row_names(tmp_path):
    make_meld(tmp_path, raw=False)
    put(tmp_path / "dev_splits_complete/dia66_utt9.mp4")
    put(tmp_path / "loose/dia0_utt0.mp4")
    (tmp_path / "test_sent_emo.csv").unlink()
    said = reasons(open_dataset(tmp_path))
    assert "dia66_utt9.mp4 is left out: dev_sent_emo.csv has no row for it" in said
    assert "loose/dia0_utt0.mp4 is left out: no folder of it says whether" in said
    assert "9 utterances of test is left out: there is no test_sent_emo.csv" in said


def test_the_second_copies_of_melds_test_clips(tmp_path):
    write_meld_table(tmp_path / "test_sent_emo.csv", meld_rows(2))
    place = tmp_path / "output_repeated_splits_test"
    for name in ("final_videos_testdia0_utt0.wav", "dia0_utt0.wav", "final_videos_testdia0_utt1.wav"):
        put(place / name)
    catalogue = open_dataset(tmp_path)
    assert [Path(cell).name for cell in catalogue.column("speech")] == [
        "dia0_utt0.wav",
        "final_videos_testdia0_utt1.wav",
    ]


def test_apostrophes_that_came_as_control_characters(tmp_path):
    rows = meld_rows(1)
    rows[0]["Utterance"] = "You\x92re a genius\x97yes"
    write_meld_table(tmp_path / "dev_sent_emo.csv", rows)
    assert open_dataset(tmp_path).cell(0, "text") == "You\u2019re a genius\u2014yes"


@pytest.mark.shared
def test_the_tables_of_meld_have_the_counts_of_its_readme(tmp_path):
    texts = Path(__file__).resolve().parents[5] / "shared/data/text"
    if not texts.is_dir():
        pytest.skip("no shared test material")
    for part in ("train", "dev", "test"):
        shutil.copy(texts / f"meld_{part}_sent_emo.csv", tmp_path / f"{part}_sent_emo.csv")
    catalogue = open_dataset(tmp_path)
    counts = Counter(zip(catalogue.column("label"), catalogue.column("split"), strict=True))
    published = {
        "anger": (1109, 153, 345), "disgust": (271, 22, 68), "fear": (268, 40, 50), "happy": (1743, 163, 402),
        "neutral": (4710, 470, 1256), "sad": (683, 111, 208), "surprise": (1205, 150, 281),
    }  # fmt: skip
    for label, numbers in published.items():
        assert tuple(counts[label, split] for split in ("train", "val", "test")) == numbers
    assert catalogue.problems == ()


# ---------------------------------------------------------------- IEMOCAP


def test_a_turn_of_iemocap(tmp_path):
    """The line is that of the release's own documentation, in labels as in texts."""
    base = tmp_path / "Session1"
    put(base / "dialog/EmoEvaluation/Ses01F_impro01.txt").write_text(
        "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
        "[6.2901 - 8.2357]\tSes01F_impro01_M000\tfru\t[2.5000, 2.0000, 3.0000]\nC-E2:\tNeutral;\t()\n",
        encoding="utf-8",
    )
    put(base / "dialog/transcriptions/Ses01F_impro01.txt").write_text(
        "Ses01F_impro01_M000 [006.2901-008.2357]: Excuse me.\nF: Yes.\n", encoding="utf-8"
    )
    put(base / "sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav")
    for folder, above in ((tmp_path, "Session1/"), (base, "")):
        assert row_of(open_dataset(folder), "Ses01F_impro01_M000") == {
            "sample_id": "Ses01F_impro01_M000", "image": "",
            "speech": f"{above}sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav",
            "text": "Excuse me.", "label": "frustration", "original_label": "fru", "speaker": "Ses01M",
            "gender": "male", "session": "1", "dialogue": "Ses01F_impro01", "scenario": "improvised",
            "start_s": "6.2901", "end_s": "8.2357", "valence": "2.5000", "activation": "2.0000",
            "dominance": "3.0000",
        }  # fmt: skip


def test_the_labels_and_speakers_of_iemocap(tmp_path):
    catalogue = open_dataset(make_iemocap(tmp_path, sessions=5))
    assert len(catalogue) == 5 * 2 * len(IEMOCAP_EMOTIONS)
    assert len(set(catalogue.column("speaker"))) == 10  # two a session
    assert Counter(catalogue.column("scenario")) == {"improvised": 55, "scripted": 55}
    pairs = set(zip(catalogue.column("original_label"), catalogue.column("label"), strict=True))
    assert pairs == {
        ("neu", "neutral"), ("ang", "anger"), ("hap", "happy"), ("sad", "sad"), ("fru", "frustration"),
        ("exc", "excitement"), ("fea", "fear"), ("sur", "surprise"), ("dis", "disgust"), ("oth", "other"),
        ("xxx", ""),
    }  # fmt: skip
    assert catalogue.column("valence").tolist() == [2.5] * len(catalogue)


def test_lines_of_iemocap_that_do_not_fit(tmp_path):
    make_iemocap(tmp_path, sessions=1)
    labels = tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    with labels.open("a", encoding="utf-8") as file:
        file.write("[1.0 - 2.0]\tSes01F_impro01_F099\tjoy\t[1, 1, 1]\n")
        file.write("[1.0 - 2.0]\tSes02F_impro01_F000\tneu\t[1, 1, 1]\n")
        file.write("[1.0 - \n")
    put(tmp_path / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F055.wav")
    catalogue = open_dataset(tmp_path)
    assert len(catalogue) == 2 * len(IEMOCAP_EMOTIONS)
    said = reasons(catalogue)
    assert f"Ses01F_impro01.txt, line {3 + 4 * len(IEMOCAP_EMOTIONS)}, is left out: joy is no emotion" in said
    assert "Ses02F_impro01_F000 is no turn of Ses01F_impro01" in said
    assert "it is not [start - end] turn emotion" in said
    assert "Ses01F_impro01_F055.wav is left out: Ses01F_impro01.txt in EmoEvaluation has no line" in said


# ---------------------------------------------------------------- B-T4SA


@pytest.mark.parametrize("inner", ["", "b-t4sa_imgs"])
def test_a_picture_of_b_t4sa(tmp_path, inner):
    catalogue = open_dataset(make_b_t4sa(tmp_path, inner=inner))
    above = f"{inner}/" if inner else ""
    assert row_of(catalogue, "758014713804587009-2") == {
        "sample_id": "758014713804587009-2", "image": f"{above}data/75801/758014713804587009-2.jpg",
        "speech": "", "text": 'Tweet 758014713804587009, "quoted" \u2764 https://t.co/x',
        "label": "negative", "original_label": "0", "speaker": "", "split": "train",
        "tweet": "t758014713804587009", "p_text_negative": "0.05", "p_text_neutral": "0.15",
        "p_text_positive": "0.8",
    }  # fmt: skip
    assert Counter(catalogue.column("split")) == {"train": 6, "val": 6, "test": 6}
    assert Counter(catalogue.column("label")) == {"negative": 6, "neutral": 6, "positive": 6}
    assert len(set(catalogue.column("tweet"))) == 9, "two pictures a tweet, told apart to the last digit"
    assert all((tmp_path / cell).is_file() for cell in catalogue.column("image"))


def test_b_t4sa_without_its_texts(tmp_path):
    catalogue = open_dataset(make_b_t4sa(tmp_path, texts=False))
    assert (len(catalogue), catalogue.problems) == (18, ())
    assert set(catalogue.column("text")) == {""}


def test_damaged_lines_of_b_t4sa(tmp_path):
    make_b_t4sa(tmp_path)
    with (tmp_path / "b-t4sa_val.txt").open("a", encoding="utf-8") as file:
        file.write("data/75801/758014713804587008-1.jpg 7\n\n/etc/75801/758014713804587008-1.jpg 1\n")
        file.write("data/../../75801/758014713804587008-1.jpg 1\n")
    with (tmp_path / "raw_tweets_text.csv").open("ab") as file:
        file.write(b'"1","two","three"\n"758014713804587009","\xff again"\n"5","never closed\n')
    catalogue = open_dataset(tmp_path)
    assert len(catalogue) == 18
    said = reasons(catalogue)
    for line in (7, 9, 10):
        assert f"b-t4sa_val.txt, line {line}, is left out" in said
    assert "rows of raw_tweets_text.csv is left out: they have not 2 cells" in said
    assert all(catalogue.column("text")), "what was read before the damage is kept"
