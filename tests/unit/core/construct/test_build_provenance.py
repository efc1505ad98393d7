"""What a built dataset says of itself; its labels under other rules, against the builder's own answers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import FileAnswers, ToneVoice, files_of, make_request, rows_of

from sier_gui.core.construct import synthesizers
from sier_gui.core.construct.pipeline import labelling, run, table
from sier_gui.core.construct.pipeline.labels import MAPPING, Answers
from sier_gui.core.construct.pipeline.provenance import (
    BuiltSet,
    compare,
    heard,
    read_built,
    save_relabelled,
)
from sier_gui.core.construct.pipeline.run import build
from sier_gui.core.dataset.answered import is_built
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.validation import validate
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError

CLASSES = ("anger", "happy", "hate", "sad")
OTHER = ("anger", "disgust", "excitement", "fear", "happy", "sad")


def with_other_classes(real: Callable[..., Any]) -> Callable[..., Any]:
    """The SER release says that it knows `OTHER`."""

    def releases(request: Any) -> Any:
        found = real(request)
        ser = found[Modality.SPEECH]
        config = {**ser.config, "network": {**ser.config["network"], "classes": list(OTHER)}}
        return found | {Modality.SPEECH: dataclasses.replace(ser, config=config)}

    return releases


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 24 candidates, some dropped; the SER network knows other classes."""
    folder = tmp_path_factory.mktemp("made")
    found = {Modality.SPEECH: FileAnswers("ser", OTHER), Modality.IMAGE: FileAnswers("ier")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIER_GUI_HOME", str(folder / "home"))
        patch.setitem(synthesizers.SYNTHESIZERS, "tones", ToneVoice(mute=("3.",)))
        patch.setattr(labelling, "load_answers", lambda ser, ier, device: found)
        patch.setattr(run, "_releases", with_other_classes(run._releases))
        patch.setattr(table, "draw_summary", lambda summary, suffix: b"")
        request = make_request(folder, count=24, threshold=0.6)
        build(request, folder / "out")
        for rule, threshold in (("agree", 0.4), ("max", 0.4)):
            again = dataclasses.replace(request, rule=rule, threshold=threshold)
            build(again, folder / f"{rule}{threshold}")
    return folder


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    """A copy that may be written to; without the builder's state, as when it is given away."""
    (target := tmp_path / "given").mkdir()
    for name, data in files_of(made / "out").items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(data)
    return target


def test_every_candidate_is_there_with_all_that_is_known(out: Path) -> None:
    built = read_built(out)
    assert list(built.ids) == [f"{i:06d}" for i in range(1, 25) if i != 3]
    kept = {row["sample_id"]: row for row in rows_of(out / "samples.csv")}
    dropped = {row["sample_id"]: row for row in rows_of(out / "dropped.csv")}
    assert kept
    assert dropped
    for place, sample_id in enumerate(built.ids):
        row = {**kept, **dropped}[sample_id]
        assert built.place(sample_id) == place
        assert built.stored[place] == (row["label"] if sample_id in kept else "")
        for column in ("text", "text_line", "synthesizer", "voice", "pitch", "source_image", "decided_by"):
            assert built.cell(place, column) == row[column]
        for modality, prefix, known in (
            (Modality.SPEECH, "p_ser_", OTHER),
            (Modality.IMAGE, "p_ier_", CLASSES),
        ):
            said = heard(built, place, modality)
            assert said.classes == known
            assert said.values.tolist() == [float(row[f"{prefix}{name}"]) for name in known]
            assert max(said.mapped.values()) <= float(row["confidence"]) + 1e-12
    assert built.place("000003") is None
    assert built.place("zzz") is None
    assert built.cell(0, "nothing") == ""
    said = heard(built, 0, Modality.SPEECH)
    assert said.counts_as == ("anger", "hate", "happy", "", "happy", "sad")
    assert sum(said.mapped.values()) == pytest.approx(1)
    assert said.release == json.loads((out / "summary.json").read_text())["networks"]["ser"]["release"]
    assert (built.rule, built.threshold, built.left_out) == ("max", 0.6, {"speech: synthesis": 1})


@pytest.mark.parametrize(("rule", "threshold"), [("agree", 0.4), ("max", 0.4), ("max", 0.6)])
def test_other_rules_give_what_a_build_by_them_gives(
    made: Path, out: Path, rule: str, threshold: float
) -> None:
    built = read_built(out)
    oracle = made / ("out" if threshold == 0.6 else f"{rule}{threshold}")
    before = {row["sample_id"]: row for row in rows_of(out / "samples.csv")}
    after = {row["sample_id"]: row for row in rows_of(oracle / "samples.csv")}
    change = compare(built, built.labels(rule, threshold))
    both = before.keys() & after.keys()
    assert change.other == sum(before[i]["label"] != after[i]["label"] for i in both)
    assert change.lost == len(before.keys() - after.keys())
    assert change.gained == len(after.keys() - before.keys())
    for name in CLASSES:
        assert change.before[name] == sum(row["label"] == name for row in before.values())
        assert change.after[name] == sum(row["label"] == name for row in after.values())
    for m in ("speech", "image"):
        assert change.decided_before[m] == sum(row["decided_by"] == m for row in before.values())
        assert change.decided_after[m] == sum(row["decided_by"] == m for row in after.values())
    assert (change.changed == 0) == (threshold == 0.6)


def test_saving_makes_the_builders_table_beside_the_untouched_original(made: Path, out: Path) -> None:
    before = files_of(out)
    built = read_built(out)
    table_file = save_relabelled(built, built.labels("agree", 0.4), "agree", 0.4)
    assert table_file.name == "samples-agree-0.4.csv"
    assert rows_of(table_file) == rows_of(made / "agree0.4" / "samples.csv")
    after = files_of(out)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"samples-agree-0.4.csv", "samples-agree-0.4.json"}
    facts = json.loads((out / "samples-agree-0.4.json").read_text())
    assert (facts["rule"], facts["threshold"], facts["made_of"]) == ("agree", 0.4, "samples.csv")
    catalogue = open_dataset(table_file)
    assert catalogue.name == "samples-agree-0.4"
    assert validate(catalogue) == []
    assert is_built(catalogue.columns)
    assert len(open_dataset(out)) == len(rows_of(out / "samples.csv"))  # the folder is what it was
    again = read_built(table_file)
    assert (again.rule, again.threshold) == ("agree", 0.4)
    assert list(again.ids) == list(built.ids)
    assert compare(again, again.labels("agree", 0.4)).changed == 0
    assert compare(again, again.labels("max", 0.6)).changed > 0


def test_a_table_that_somebody_edited_is_not_overwritten(out: Path) -> None:
    built = read_built(out)

    def save() -> str:
        return save_relabelled(built, built.labels("max", 0.4), "max", 0.4).name

    assert save() == save() == "samples-max-0.4.csv"
    (out / "samples-max-0.4.csv").write_text("mine")
    assert save() == "samples-max-0.4-2.csv"
    assert (out / "samples-max-0.4.csv").read_text() == "mine"


def test_labels_changed_by_hand_count_as_they_stand(out: Path) -> None:
    first = rows_of(out / "samples.csv")[0]
    text = (out / "samples.csv").read_text()
    (out / "samples.csv").write_text(text.replace(f",{first['label']},tones", ",contempt,tones", 1))
    built = read_built(out)
    change = compare(built, built.labels("max", 0.6))
    assert (change.other, change.changed) == (1, 1)
    assert (change.before["contempt"], change.after["contempt"]) == (1, 0)


def test_a_table_of_both_networks_alone_can_be_relabelled(out: Path) -> None:
    for file in out.iterdir():
        if file.is_file() and file.name != "samples.csv":
            file.unlink()
    built = read_built(out)
    assert len(built) == len(rows_of(out / "samples.csv"))
    assert (built.rule, built.threshold, dict(built.left_out)) == ("max", 0.5, {})
    assert heard(built, 0, Modality.IMAGE).release == ""


def spoilt(folder: Path, change: str) -> None:
    rows, file = rows_of(folder / "samples.csv"), folder / "samples.csv"
    if change == "other table":
        file.write_text("sample_id,image,speech,text,label\na,b,c,d,e\n")
    elif change == "summary":
        (folder / "summary.json").write_text("{")
    elif change == "list":
        (folder / "summary.json").write_text("[]")
    else:
        old = rows[0]["p_ier_sad"]
        file.write_text(file.read_text().replace(old, change, 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("other table", "holds no samples with labels and probabilities of two networks"),
        ("summary", "summary.json is damaged"),
        ("list", "holds no table of facts"),
        ("much", "Column p_ier_sad of .* is no number"),
        ("nan", "no probability"),
        ("-0.5", "no probability"),
    ],
)
def test_damaged_files_are_told(out: Path, change: str, said: str) -> None:
    spoilt(out, change)
    with pytest.raises(SierError, match=said):
        read_built(out)


def test_nothing_is_saved_where_nothing_is_left(out: Path) -> None:
    built = read_built(out)
    before = files_of(out)
    with pytest.raises(SierError, match="No sample has a label under rule max with threshold 1"):
        save_relabelled(built, built.labels("max", 1.0), "max", 1.0)
    assert files_of(out) == before


def large(n: int) -> BuiltSet:
    rng = np.random.default_rng(0)
    values = {m: rng.dirichlet(np.ones(4), n) for m in Modality}
    stored = np.full(n, "anger", dtype=object)
    cells: dict[str, Any] = {"sample_id": [f"{i:06d}" for i in range(n)]}
    answers = {m: Answers(CLASSES, v) for m, v in values.items()}
    ids = np.array(cells["sample_id"], dtype=object)
    return BuiltSet(Path(), Path(), ids, stored, cells, answers, "max", 0.5, dict(MAPPING), {}, {})


def test_one_of_eighty_thousand_is_found() -> None:
    built = large(80_893)
    assert built.place("080892") == 80_892
    assert compare(built, built.labels("max", 0.5)).before["anger"] == 80_893
