"""Selecting rows is held to a plain Python oracle; prediction tables to `Prediction`."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from fixtures.datasets import write_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.query import PredictionTable, Query, label_codes, predictions_file, select, warm
from sier_gui.core.domain import Prediction

CLASSES = ("anger", "happy", "sad")
LABELS = (*CLASSES, "", "surprise")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    random = np.random.default_rng(1)
    words = ["Black", "bag", "tür", "ΣΑΣ", "x1", "", "under the table"]
    rows = [
        {
            "sample_id": f"{n:03d}",
            "image": "i",
            "speech": "s",
            "text": " ".join(random.choice(words, size=2)).strip(),
            "label": str(random.choice(LABELS)),
            "age": str(random.integers(1, 40)) if random.random() < 0.8 else "",
            "p_ier_anger": f"{random.random():.3f}",
            "p_ser_anger": f"{random.random():.3f}",
            "p_ier_sad": f"{random.random():.3f}",
            "p_ser_sad": f"{random.random():.3f}",
        }
        for n in range(120)
    ]
    return open_dataset(write_table(tmp_path_factory.mktemp("query") / "samples.csv", rows))


@pytest.fixture(scope="module")
def predictions(catalogue):
    """Two rows of three are predicted; some of them explained."""
    random = np.random.default_rng(2)
    table = PredictionTable(catalogue, CLASSES)
    rows = np.flatnonzero(random.random(len(catalogue)) < 0.67)
    table.fill(rows, random.dirichlet([1, 1, 1], len(rows)))
    for row in rows[::3]:
        table.fill_explained(int(row), random.normal(size=3), random.normal(size=3), int(table.codes[row]))
    return table


def lower(text):
    """Letter by letter: the last sigma of a word is a sigma."""
    return "".join(letter.lower() for letter in text)


def expected(catalogue, predictions, query):
    """The same selection, row by row."""
    kept = []
    for row in range(len(catalogue)):
        sample = catalogue.sample(row)
        known = not math.isnan(predictions.confidence[row])
        haystack = lower("\n".join((sample.sample_id, sample.text, sample.label or "")))
        disagrees = predictions.disagree[row]
        if math.isnan(disagrees):
            image, speech = (
                [float(sample.extra[f"p_{kind}_{name}"]) for name in ("anger", "sad")]
                for kind in ("ier", "ser")
            )
            disagrees = image.index(max(image)) != speech.index(max(speech))
        if (
            lower(query.search) in haystack
            and (query.label is None or query.label == (sample.label or ""))
            and (query.predicted is None or predictions.predicted[row] == query.predicted)
            and (
                not query.wrong_only
                or (known and sample.label and sample.label != predictions.predicted[row])
            )
            and (not query.disagree_only or disagrees)
            and (
                query.confidence == (0, 1)
                or (known and query.confidence[0] <= predictions.confidence[row] <= query.confidence[1])
            )
        ):
            kept.append(row)
    return kept


SORTS = {
    "": lambda sample, row, table: row,
    "sample_id": lambda sample, row, table: sample.sample_id,
    "text": lambda sample, row, table: lower(sample.text).encode() or None,
    "label": lambda sample, row, table: sample.label,
    "age": lambda sample, row, table: float(sample.extra["age"]) if sample.extra["age"] else None,
    "predicted": lambda sample, row, table: (
        CLASSES.index(table.predicted[row]) if table.predicted[row] else None
    ),
    "loss": lambda sample, row, table: None if math.isnan(table.loss[row]) else table.loss[row],
    "speech_share": lambda s, row, table: (
        None if math.isnan(table.image_share[row]) else 1 - table.image_share[row]
    ),
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.builds(
        Query,
        search=st.sampled_from(
            ["", "", "black", "BAG", "Tür", "σασ", "01", "anger", "nothing like it", "\\", "%", "("]
        ),
        label=st.sampled_from([None, None, *LABELS]),
        predicted=st.sampled_from([None, None, *CLASSES, "other"]),
        wrong_only=st.booleans(),
        disagree_only=st.booleans(),
        confidence=st.sampled_from([(0.0, 1.0), (0.0, 1.0), (0.4, 0.7), (0.9, 1.0), (0.7, 0.4)]),
        sort=st.sampled_from(list(SORTS)),
        descending=st.booleans(),
    )
)
def test_select_is_what_the_oracle_says(catalogue, predictions, query):
    rows = select(catalogue, query, predictions)
    assert rows.dtype == np.int64
    kept = expected(catalogue, predictions, query)
    assert sorted(rows.tolist()) == kept
    key = {row: SORTS[query.sort](catalogue.sample(row), row, predictions) for row in kept}
    known = [row for row in kept if key[row] is not None]
    # stable: equal rows keep the table's order in both directions; unknown ones come last
    ordered = sorted(known, key=lambda row: key[row], reverse=query.descending)
    assert rows.tolist() == ordered + [row for row in kept if key[row] is None]


def test_most_wrong_first(catalogue, predictions):
    rows = select(catalogue, Query(sort="loss", descending=True), predictions)
    losses = predictions.loss[rows]
    known = losses[~np.isnan(losses)]
    assert len(rows) == len(catalogue)
    assert (np.diff(known) <= 0).all()
    assert np.isnan(losses[len(known) :]).all()


def test_without_predictions(catalogue):
    everything = list(range(len(catalogue)))
    assert select(catalogue, Query()).tolist() == everything
    assert select(catalogue, Query(descending=True)).tolist() == everything[::-1]
    assert select(catalogue, Query(sort="loss")).tolist() == everything
    for query in (Query(wrong_only=True), Query(predicted="sad"), Query(confidence=(0.5, 1.0))):
        assert select(catalogue, query).size == 0
    assert select(catalogue, Query(disagree_only=True)).size > 0  # the dataset's own columns


def test_an_unknown_column_keeps_the_order(catalogue):
    assert select(catalogue, Query(sort="no such", descending=True)).tolist() == list(range(len(catalogue)))


def test_searches_nobody_types(catalogue):
    for search in ("x" * 1_000_000, "a\0b", "\n", "[", "\\E", "\ud800", ".*"):
        assert select(catalogue, Query(search=search)).tolist() == (
            list(range(len(catalogue))) if search == "\n" else []
        )


def test_warm_changes_nothing(catalogue):
    before = select(catalogue, Query(search="bag", sort="text"))
    warm(catalogue)
    np.testing.assert_array_equal(select(catalogue, Query(search="bag", sort="text")), before)


# ---------------------------------------------------------------- prediction table


def test_table_agrees_with_prediction(catalogue):
    random = np.random.default_rng(3)
    table = PredictionTable(catalogue, CLASSES)
    assert (len(table), table.known, table.version) == (120, 0, 0)
    for row in range(len(catalogue)):
        logits = random.normal(size=3) * 4
        p = np.exp(logits) / np.exp(logits).sum()
        one = Prediction("", CLASSES, p, logits, catalogue.sample(row).label)
        table.fill(row, p)
        assert table.predicted[row] == one.predicted
        assert table.confidence[row] == pytest.approx(one.confidence)
        if one.loss is None:
            assert math.isnan(table.loss[row])
        else:
            assert table.loss[row] == pytest.approx(one.loss, rel=1e-5)
    assert (table.known, table.version) == (120, 120)


def test_label_codes(catalogue):
    labels = catalogue.column("label").tolist()
    names = [{"": -1, "surprise": -2}.get(label) for label in labels]
    codes = label_codes(catalogue, CLASSES).tolist()
    assert codes == [CLASSES.index(lb) if nm is None else nm for lb, nm in zip(labels, names, strict=True)]


def test_shares(catalogue):
    table = PredictionTable(catalogue, CLASSES)
    table.fill_explained(0, [0.3, 0.1, -0.4], [-0.1, 0.2, -0.1], target=0)
    table.fill_explained(1, [0.3, 0.1, -0.4], [0.3, 0.2, -0.5], target=2)
    table.fill_explained(2, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], target=2)
    np.testing.assert_allclose(table.image_share[:3], [0.75, 4 / 9, np.nan], rtol=1e-6)
    np.testing.assert_allclose(table.speech_share[:2], [0.25, 5 / 9], rtol=1e-6)
    assert table.disagree[:2].tolist() == [1, 0]


def test_save_and_load(catalogue, predictions, own_home):
    file = predictions_file(catalogue.dataset_hash, "ab" * 32)
    assert file.is_relative_to(own_home)
    predictions.save(file)
    again = PredictionTable.load(file, catalogue, CLASSES)
    for name in ("probabilities", "codes", "confidence", "image_share", "disagree"):
        np.testing.assert_array_equal(getattr(again, name), getattr(predictions, name))
    np.testing.assert_allclose(again.loss, predictions.loss, rtol=1e-5)
    assert again.predicted.tolist() == predictions.predicted.tolist()
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize("damage", ["absent", "cut", "text", "classes", "pickle", "flip"])
def test_a_file_that_does_not_fit_gives_an_empty_table(catalogue, predictions, tmp_path, damage):
    file = tmp_path / "p.npz"
    classes = CLASSES
    predictions.save(file)
    data = file.read_bytes()
    if damage == "absent":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "text":
        file.write_text("not a zip")
    elif damage == "classes":
        classes = ("anger", "sad", "happy")
    elif damage == "pickle":
        with file.open("wb") as stream:
            np.savez(
                stream, classes=np.array(CLASSES, dtype=object), probabilities=0, image_share=0, disagree=0
            )
    else:
        where = data.index(b"probabilities.npy") + 2000
        file.write_bytes(data[:where] + bytes([data[where] ^ 255]) + data[where + 1 :])
    table = PredictionTable.load(file, catalogue, classes)
    assert table.known == 0
    assert len(table) == len(catalogue)
