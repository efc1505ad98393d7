"""The network beside raters: the same items, the same label, who had them counts."""

import numpy as np
import pytest
from comparing import said

from sier_gui.core.errors import SierError
from sier_gui.core.nets.ablation.raters import beside_raters, read_responses


def write(file, lines, columns="rater,sample_id,label,modality,answer"):
    file.write_text("\n".join([columns, *lines]) + "\n")
    return file


def networks():
    """Fused is right about s0–s2 of s0–s5, image alone about none."""
    labels = [0, 1, 2, 0, 1, 2]
    return {
        "fused": [said([1, 1, 1, 0, 0, 0], labels=labels)],
        "image alone": [said([0] * 6, "image alone", labels=labels)],
    }


def test_raters_and_network_by_hand(tmp_path):
    # r1 right about 2 of 2, r2 about 1 of 3; the network about 2 of r1's items and 1 of r2's
    lines = [
        "r1,s0,anger,ss-i,anger", "r1,s1,happy,ss-i,happy",
        "r2,s2,sad,ss-i,sad", "r2,s3,anger,ss-i,sad", "r2,s4,happy,ss-i,sad",
        "r1,s0,anger,i,anger",
    ]  # fmt: skip
    found = {
        one.modality: one
        for one in beside_raters(read_responses(write(tmp_path / "s.csv", lines)), networks())
    }
    assert set(found) == {"ss-i", "i"}
    pair = found["ss-i"]
    assert (pair.raters, pair.items, pair.responses, pair.missing) == (2, 5, 5, 0)
    assert pair.raters_right[0] == pytest.approx((1 + 1 / 3) / 2)
    assert pair.network_right[0] == pytest.approx((1 + 1 / 3) / 2)
    assert pair.ahead[0] == pytest.approx(0)
    assert found["i"].ahead[0] == -1
    assert found["i"].network == "image alone"


def test_only_main_trials_that_count_are_taken(tmp_path):
    columns = "rater,sample_id,label,modality,answer,kind,counted"
    lines = [
        "r,s0,anger,i,anger,main,1", "r,s1,happy,i,sad,trap,1", "r,s2,sad,i,anger,main,0",
        "r,s3,anger,i,anger,practice,",
    ]  # fmt: skip
    found = read_responses(write(tmp_path / "s.csv", lines, columns))
    assert [one.sample_id for one in found] == ["s0"]


def test_intervals_know_raters_and_items(tmp_path):
    """Of many independent responses: no narrower than a share's interval, and around the truth."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    names = np.array(["anger", "happy", "sad"])
    lines = []
    for rater in range(20):
        for item in range(60):
            answer = labels[item] if rng.random() < 0.7 else (labels[item] + 1) % 3
            lines.append(f"r{rater},s{item},{names[labels[item]]},hs-i,{names[answer]}")
    responses = read_responses(write(tmp_path / "s.csv", lines))
    (found,) = beside_raters(responses, {"fused": [said(np.arange(60) % 2 == 0)]})
    value, low, high = found.raters_right
    assert low < 0.7 < high
    assert high - low > 2 * 1.96 * (0.7 * 0.3 / 1200) ** 0.5
    assert high - low < 0.12
    assert value == pytest.approx(np.mean([r.answer == r.label for r in responses]))
    assert found.network_right[0] == 0.5
    assert found.ahead[1] < 0.5 - value < found.ahead[2]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["r,s0,anger,smell,anger"], "line 2: 'smell' is no modality"),
        (["r,elsewhere,anger,i,anger"], "tested on no item"),
        (["r,s0,sad,i,anger"], "s0 is sad in the study and anger in the predictions"),
        (["r,s0,anger,ss,anger"], "No network of these answers"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, lines, what):
    with pytest.raises(SierError, match=what):
        beside_raters(read_responses(write(tmp_path / "s.csv", lines)), networks())


def test_items_that_were_not_tested_are_counted(tmp_path):
    lines = ["r,s0,anger,i,anger", "r,s99,anger,i,anger"]
    (found,) = beside_raters(read_responses(write(tmp_path / "s.csv", lines)), networks())
    assert (found.items, found.missing) == (1, 1)
    assert "1 items not tested" in found.spoken()


def test_a_table_without_its_columns_is_refused(tmp_path):
    with pytest.raises(SierError, match="no column answer"):
        read_responses(write(tmp_path / "s.csv", ["r,s0,anger,i"], "rater,sample_id,label,modality"))
