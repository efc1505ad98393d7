"""Opening datasets: rows, columns, identity, refused paths, mappings."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures.datasets import make_class_folders, make_dataset, make_large_table, write_table

from sier_gui.core.dataset.catalogue import open_dataset, ordered_classes
from sier_gui.core.dataset.mapping import ColumnMapping, guess, guess_fields
from sier_gui.core.dataset.pairs import loose_pair
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError

SHARED = Path(__file__).resolve().parents[5] / "shared/data/sier_mini"


def row(sample_id="a", image="i.png", speech="s.wav", text="t", label="sad", **more):
    return {"sample_id": sample_id, "image": image, "speech": speech, "text": text, "label": label, **more}


def opened(folder, *rows, **options):
    return open_dataset(write_table(folder / "samples.csv", rows), **options)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "tsv"])
def test_native_folder(tmp_path, format):
    catalogue = open_dataset(make_dataset(tmp_path / "set", rows=6, format=format))
    assert (len(catalogue), catalogue.name, catalogue.root) == (6, "set", tmp_path / "set")
    sample = catalogue.sample(5)
    assert (sample.sample_id, sample.row, sample.label) == ("0006", 5, "happy")
    assert sample.paths[Modality.IMAGE] == tmp_path / "set/images/0006.png"
    assert all(path.is_file() for path in sample.paths.values())
    assert sample.extra == {"speaker": "02"}
    assert catalogue.row_of("0006") == 5
    assert catalogue.problems == ()


def test_the_table_itself_can_be_opened(tmp_path):
    folder = make_dataset(tmp_path / "set", rows=2)
    by_file, by_folder = open_dataset(folder / "samples.csv"), open_dataset(folder)
    assert by_file.name == by_folder.name == "set"
    assert by_file.sample(1) == by_folder.sample(1)
    assert by_file.dataset_hash == by_folder.dataset_hash
    assert by_file.dataset_hash == hashlib.sha256((folder / "samples.csv").read_bytes()).hexdigest()


def test_rows_out_of_range_and_unknown_ids(tmp_path):
    catalogue = opened(tmp_path, row("x1"))
    for number in (-1, 1):
        with pytest.raises(IndexError):
            catalogue.sample(number)
    with pytest.raises(SierError, match="no sample 'nope'"):
        catalogue.row_of("nope")


def test_first_of_equal_ids(tmp_path):
    assert opened(tmp_path, row("a"), row("b"), row("a")).row_of("a") == 0


def test_order_of_classes(tmp_path):
    assert ordered_classes(["surprise", "sad", "", "joy", "anger"]) == ("anger", "sad", "joy", "surprise")
    catalogue = opened(tmp_path, row(label=" sad "), row(label="fear"), row(label=""), row(label="hate"))
    assert catalogue.classes == ("hate", "sad", "fear")
    assert [catalogue.sample(r).label for r in range(4)] == ["sad", "fear", None, "hate"]
    assert catalogue.column("label").tolist() == ["sad", "fear", "", "hate"]


def test_columns(tmp_path):
    rows = [
        row("01", p="0.5", age="", speaker="3", code="007"),
        row("02", p="", age="", speaker="8", code="12"),
    ]
    catalogue = opened(tmp_path, *rows)
    assert catalogue.column("sample_id").tolist() == ["01", "02"]
    np.testing.assert_array_equal(catalogue.column("p"), [0.5, np.nan])
    assert catalogue.column("speaker").tolist() == ["3", "8"]
    assert catalogue.column("code").tolist() == ["007", "12"]
    assert catalogue.column("age").tolist() == ["", ""]
    assert catalogue.column("absent").tolist() == ["", ""]
    assert catalogue.column("p") is catalogue.column("p")
    with pytest.raises(ValueError, match="read-only"):
        catalogue.column("p")[0] = 1


# ---------------------------------------------------------------- mapping


def test_usual_names_are_guessed(tmp_path):
    table = {"id": "1", "img": "i.png", "wav": "s.wav", "sentence": "hello", "emotion": "joy", "speaker": "x"}
    catalogue = open_dataset(write_table(tmp_path / "mine.csv", [table]))
    assert catalogue.name == "mine"
    sample = catalogue.sample(0)
    assert (sample.sample_id, sample.text, sample.label, sample.extra) == (
        "1",
        "hello",
        "joy",
        {"speaker": "x"},
    )
    assert catalogue.column("text").tolist() == catalogue.column("sentence").tolist() == ["hello"]


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        (
            "ID,Image Path,Audio-File,Transcript,Emotion",
            ("ID", "Image Path", "Audio-File", "Transcript", "Emotion"),
        ),
        ("id,picture,file,text,label", ("id", "picture", "file", "text", "label")),
        ("id,filename,wav,text,label", ("id", "filename", "wav", "text", "label")),
        ("name,image,speech,text,label", ("name", "image", "speech", "text", "label")),
    ],
)
def test_guess(columns, fields):
    assert guess(columns.split(",")) == ColumnMapping(*fields)


def test_an_ambiguous_file_column_is_not_guessed():
    assert guess(["id", "file", "text", "label"]) is None
    assert guess_fields(["id", "file", "text", "label"]) == {
        "sample_id": "id",
        "text": "text",
        "label": "label",
    }


@pytest.mark.parametrize("dropped", ["sample_id", "image", "speech", "text", "label"])
def test_a_missing_column_lists_what_there_is(tmp_path, dropped):
    cells = {key: value for key, value in row(source="x").items() if key != dropped}
    with pytest.raises(SierError) as caught:
        opened(tmp_path, cells)
    assert f"no column for {dropped}" in caught.value.message
    assert all(name in caught.value.message for name in cells)
    assert "map" in caught.value.hint


def test_an_explicit_mapping(tmp_path):
    file = write_table(
        tmp_path / "t.csv", [{"A": "i.png", "B": "s.wav", "C": "x"}, {"A": "j.png", "B": "", "C": ""}]
    )
    catalogue = open_dataset(
        file, mapping=ColumnMapping(sample_id="", image="A", speech="B", text="C", label="")
    )
    assert catalogue.classes == ()
    assert (
        [catalogue.sample(r).sample_id for r in range(2)]
        == ["1", "2"]
        == catalogue.column("sample_id").tolist()
    )
    assert catalogue.row_of("2") == 1
    assert set(catalogue.sample(1).paths) == {Modality.IMAGE}
    assert catalogue.sample(0).label is None
    with pytest.raises(SierError, match="no column for Z"):
        open_dataset(file, mapping=ColumnMapping("", "A", "Z", "", ""))


# ---------------------------------------------------------------- meta.csv


def test_meta_csv_is_joined_by_id(tmp_path):
    write_table(
        tmp_path / "meta.csv", [{"sample_id": s, "speaker": f"sp{s}", "label": "no"} for s in ("c", "a")]
    )
    catalogue = opened(tmp_path, row("a"), row("b"), row("c"))
    assert catalogue.column("speaker").tolist() == ["spa", "", "spc"]
    assert catalogue.column("label").tolist() == ["sad"] * 3


def test_meta_csv_never_fills_a_missing_field(tmp_path):
    write_table(tmp_path / "meta.csv", [{"sample_id": "a", "sentence": "b01"}])
    with pytest.raises(SierError, match="no column for text"):
        opened(tmp_path, {key: value for key, value in row("a").items() if key != "text"})


def test_a_damaged_meta_csv_is_reported_not_fatal(tmp_path):
    (tmp_path / "meta.csv").write_text("sample_id,speaker\na\n")
    catalogue = opened(tmp_path, row("a"))
    assert len(catalogue) == 1
    assert "meta.csv is left out" in catalogue.problems[0].reason


# ---------------------------------------------------------------- paths


@pytest.mark.parametrize(
    "cell",
    ["../out.png", "a/../../out.png", "/etc/passwd", "..", "link/out.png", "file_link.png", "images/.."],
)
def test_a_path_that_leaves_is_refused_for_its_row_only(tmp_path, cell):
    (tmp_path / "out.png").write_bytes(b"x")
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    (folder / "file_link.png").symlink_to(tmp_path / "out.png")
    catalogue = opened(folder, row("bad", image=cell), row("good"))
    with pytest.raises(SierError, match=r"Sample bad .row 1. of set names a file outside"):
        catalogue.sample(0)
    assert catalogue.sample(1).sample_id == "good"
    allowed = opened(folder, row("bad", image=cell), allow_outside=True)
    assert allowed.sample(0).paths[Modality.IMAGE] == folder / cell


def test_paths_and_links_that_stay_inside(tmp_path):
    folder = make_dataset(tmp_path / "set", rows=1)
    (folder / "inner").symlink_to(folder / "images")
    (tmp_path / "door").symlink_to(folder)  # the dataset itself opened through a link
    cells = [
        "images/0001.png",
        "./images/../images/0001.png",
        "inner/0001.png",
        str(folder / "images/0001.png"),
    ]
    write_table(folder / "samples.csv", [row(str(n), image=cell, speech="") for n, cell in enumerate(cells)])
    for path in (folder, tmp_path / "door"):
        catalogue = open_dataset(path)
        assert all(catalogue.sample(r).paths[Modality.IMAGE].samefile(folder / cells[0]) for r in range(4))


def test_a_sibling_with_the_same_prefix_is_outside(tmp_path):
    (tmp_path / "set2").mkdir()
    (tmp_path / "set").mkdir()
    with pytest.raises(SierError, match="outside"):
        opened(tmp_path / "set", row(image="../set2/i.png")).sample(0)


def test_a_zero_byte_in_a_path(tmp_path):
    catalogue = opened(tmp_path, row(image="a\0b.png"), row("fine"))
    with pytest.raises(SierError, match="zero byte"):
        catalogue.sample(0)
    assert catalogue.sample(1).sample_id == "fine"


@pytest.mark.parametrize(
    "cell", ["x" * 5000 + ".png", "a" + "/b" * 3000, "C:\\x.png", "\n", "http://x/y.png"]
)
def test_odd_paths_do_not_crash(tmp_path, cell):
    catalogue = opened(tmp_path, row(image=cell))
    assert str(catalogue.sample(0).paths[Modality.IMAGE]).endswith(cell[-4:])


# ---------------------------------------------------------------- nothing to open


def test_nothing_to_open(tmp_path):
    with pytest.raises(SierError, match="nothing at"):
        open_dataset(tmp_path / "absent")
    with pytest.raises(SierError, match="no dataset") as caught:
        open_dataset(tmp_path)
    assert "samples.csv" in caught.value.hint
    with pytest.raises(SierError):
        open_dataset(Path("a\0b"))
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(SierError, match="no dataset"):
        open_dataset(tmp_path / "notes.txt")
    (tmp_path / "samples.csv").mkdir()
    with pytest.raises(SierError, match="is a folder"):
        open_dataset(tmp_path)


# ---------------------------------------------------------------- class folders


@pytest.mark.parametrize("split", [True, False])
def test_class_folders(tmp_path, split):
    folder = make_class_folders(tmp_path / "set", per_class=2, split=split)
    catalogue = open_dataset(folder)
    assert (len(catalogue), catalogue.classes) == (8, ("anger", "happy", "hate", "sad"))
    assert catalogue.sample(0).sample_id == "anger_00"
    assert all(path.is_file() for r in range(8) for path in catalogue.sample(r).paths.values())
    before = catalogue.dataset_hash
    assert before == open_dataset(folder).dataset_hash
    with catalogue.sample(0).paths[Modality.SPEECH].open("ab") as file:
        file.write(b"more")
    assert open_dataset(folder).dataset_hash != before


def test_unpaired_files_are_reported(tmp_path):
    folder = make_class_folders(tmp_path, per_class=2)
    (folder / "sad/sad_00.wav").unlink()
    (folder / "anger/anger_01.png").unlink()
    (folder / "happy/happy_00.jpg").write_bytes(b"second picture")
    catalogue = open_dataset(folder)
    assert len(catalogue) == 6
    assert {(p.kind, p.sample_id, p.column) for p in catalogue.problems} == {
        ("missing", "sad_00", "speech"),
        ("missing", "anger_01", "image"),
        ("duplicate", "happy_00", "image"),
    }


def test_names_shared_by_classes_get_the_class(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for suffix in (".png", ".wav"):
            (tmp_path / label / f"1{suffix}").touch()
    assert open_dataset(tmp_path).column("sample_id").tolist() == ["a/1", "b/1"]


def test_class_folders_without_pairs(tmp_path):
    (tmp_path / "sad").mkdir()
    (tmp_path / "sad/1.png").touch()
    with pytest.raises(SierError, match="no picture and sound of the same name"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("split", [True, False])
def test_pictures_and_sounds_of_the_same_names_need_no_classes(tmp_path, split):
    classes = make_class_folders(tmp_path / "made", per_class=1)
    image, speech = (tmp_path / "mine" / part for part in (("images", "speech") if split else ("", "")))
    for folder in (image, speech):
        folder.mkdir(parents=True, exist_ok=True)
    for label in ("anger", "sad"):
        (classes / label / f"{label}_00.png").rename(image / f"my {label}.png")
        (classes / label / f"{label}_00.wav").rename(speech / f"my {label}.wav")
    (speech / "my sad.txt").write_text("Oh,\n  no!\n", encoding="utf-8")
    (image / "alone.png").touch()
    catalogue = open_dataset(tmp_path / "mine")
    assert catalogue.adapter == "named_pairs"
    assert catalogue.column("sample_id").tolist() == ["my anger", "my sad"]
    assert [catalogue.sample(row).text for row in (0, 1)] == ["", "Oh, no!"]
    assert [catalogue.sample(row).label for row in (0, 1)] == [None, None]
    assert all(path.is_file() for row in (0, 1) for path in catalogue.sample(row).paths.values())
    assert [(p.kind, p.sample_id) for p in catalogue.problems] == [("missing", "alone")]


def test_a_text_beside_a_sound_may_not_lead_out(tmp_path):
    (tmp_path / "secret.txt").write_text("a secret", encoding="utf-8")
    folder = tmp_path / "mine"
    folder.mkdir()
    for suffix in (".png", ".wav"):
        (folder / f"1{suffix}").touch()
    (folder / "1.txt").symlink_to(tmp_path / "secret.txt")
    catalogue = open_dataset(folder)
    assert catalogue.sample(0).text == ""
    assert "link out of" in catalogue.problems[0].reason


def test_folders_with_10_000_files(tmp_path):
    for label in ("x", "y"):
        (tmp_path / label).mkdir()
        for number in range(2_500):
            (tmp_path / label / f"{label}{number}.png").touch()
            (tmp_path / label / f"{label}{number}.wav").touch()
    catalogue = open_dataset(tmp_path)
    assert len(catalogue) == 5_000
    assert len(catalogue.dataset_hash) == 64


# ---------------------------------------------------------------- size and start


def test_80_893_rows_without_pandas_or_torch(tmp_path):
    """Opening, searching and sorting import neither: each would cost more than the whole opening."""
    folder = make_large_table(tmp_path)
    script = """
import sys
from pathlib import Path
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.query import Query, select, warm
c = open_dataset(Path(sys.argv[1]))
warm(c)
for q in (Query(search="black"), Query(sort="text"), Query(sort="speaker"), Query(label="sad", sort="label")):
    assert len(select(c, q)) > 1000
c.sample(80_892), c.column("text"), c.row_of("80892")
assert not {"pandas", "torch", "PySide6", "matplotlib", "sklearn"} & set(sys.modules)
print(len(c))
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "80893\n"


def test_loose_pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sample = loose_pair(Path("face.png"), Path("voice.wav"), "hello")
    assert (sample.row, sample.label, sample.text, sample.sample_id) == (-1, None, "hello", "face + voice")
    assert sample.paths[Modality.SPEECH] == tmp_path / "voice.wav"


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="shared test material is absent")
def test_sier_mini():
    catalogue = open_dataset(SHARED)
    assert (len(catalogue), catalogue.classes) == (181, ("anger", "happy", "hate", "sad"))
    assert set(catalogue.column("speaker")) == {"03", "08", "09", "11", "13", "15"}
    assert catalogue.problems == ()
    assert all(path.is_file() for r in range(181) for path in catalogue.sample(r).paths.values())
