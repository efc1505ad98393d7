"""Kept predictions read back bit for bit, and what is wrong with a table is named with its line."""

import numpy as np
import pytest
from comparing import CLASSES, said

from sier_gui.core.errors import SierError
from sier_gui.core.nets.training import predictions as files


def test_a_table_reads_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    tables = [
        files.Predictions(
            name, seed, CLASSES, tuple(f"s{i}" for i in range(9)), np.arange(9) % 3,
            rng.dirichlet(np.ones(3), 9), np.array([f"v{i % 2}" for i in range(9)], object), np.arange(9) % 3,
        )
        for name in ("fused", "speech-only")
        for seed in (0, 7)
    ]  # fmt: skip
    files.write(tmp_path / "predictions.csv", tables)
    for found, known in zip(files.read(tmp_path), tables, strict=True):
        assert (found.network, found.seed, found.classes, found.sample_ids) == (
            known.network, known.seed, known.classes, known.sample_ids,
        )  # fmt: skip
        for name in ("labels", "probabilities", "groups", "folds"):
            assert (getattr(found, name) == getattr(known, name)).all(), name


def test_a_plain_table_of_another_program_will_do(tmp_path):
    file = tmp_path / "theirs.csv"
    file.write_text("sample_id,label,p_a,p_b\nx,a,0.9,0.1\ny,b,0.6,0.4\n")
    (found,) = files.read(file)
    assert (found.network, found.seed, found.classes) == ("theirs", 0, ("a", "b"))
    assert found.hits.tolist() == [True, False]
    assert len(found.groups) == 0


def test_folds_stand_in_for_groups(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("sample_id,fold,label,p_a,p_b\nx,0,a,1,0\ny,1,b,1,0\n")
    assert files.read(file)[0].clusters.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("sample_id,label,p_a\nx,a,1\n", "no columns p_<class>"),
        ("sample_id,p_a,p_b\nx,1,0\n", "no column label"),
        ("sample_id,label,p_a,p_b\n", "no line"),
        ("sample_id,label,p_a,p_b\nx,a,1,0\ny,c,1,0\n", "line 3: label 'c'"),
        ("sample_id,label,p_a,p_b\nx,a,1,zero\n", "line 2: a probability is no number"),
        ("sample_id,label,p_a,p_b\nx,a,nan,0\n", "line 2: the probabilities do not sum up"),
        ("sample_id,label,p_a,p_b\nx,a,0.7,0.7\n", "line 2: the probabilities do not sum up"),
        ("sample_id,label,p_a,p_b\nx,a,1,0\nx,a,1,0\n", "a sample twice"),
        ("sample_id,seed,label,p_a,p_b\nx,one,a,1,0\n", "'one' is no seed"),
    ],
)
def test_a_broken_table_is_named(tmp_path, text, what):
    file = tmp_path / "p.csv"
    file.write_text(text)
    with pytest.raises(SierError, match=what.replace("(", r"\(")):
        files.read(file)


def test_groups_come_from_a_dataset():
    table = said(np.ones(3))
    (found,) = files.grouped([table], {"s0": "a", "s1": "b", "s2": "a"}, "tones")
    assert found.groups.tolist() == ["a", "b", "a"]
    with pytest.raises(SierError, match="tones has no sample 's2'"):
        files.grouped([table], {"s0": "a", "s1": "b"}, "tones")
