"""The card says what holds for its network, and its figures come again from the kept predictions."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from sklearn.metrics import f1_score

from sier_gui.cli import main
from sier_gui.core.errors import SierError
from sier_gui.core.nets import releases
from sier_gui.core.nets.ablation.recompute import rewrite_card
from sier_gui.core.nets.training import TrainingConfig, train
from sier_gui.core.nets.training import predictions as files
from sier_gui.core.nets.training.card import FIGURES_HEADING, make_card, with_figures

CLASSES = ["anger", "happy", "sad"]
CHARTS = ("confusion.svg", "reliability.svg", "classes.svg")


def card(network, from_networks=False, **tables):
    run = {"recall": {}, "seed": 0, "confusion": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}
    names = ("balanced_accuracy", "standard_error", "seed_sd", "accuracy", "macro_f1", "kappa")
    figures = dict.fromkeys(names, 0.5)
    metrics = {
        "classes": CLASSES, "dataset_hash": "0" * 64, "samples": 3, "skipped": [], "seeds": [0],
        "history": [],
        "split": {"kind": "holdout", "groups": ["a", "b"], "parts": [[2, 1]], "straddling": 1},
        "networks": {"fused": {**figures, "n": 3, "runs": [run]}},
    }  # fmt: skip
    metrics |= {"labels_from_networks": True} if from_networks else {}
    config = TrainingConfig.from_tables(
        {"network": {"kind": "parallelnet", "width": 0.125, **network}, **tables}
    )
    return make_card(config, metrics, "tones", 123)


# ---------------------------------------------------------------- what holds for the network


def test_the_papers_network_is_described():
    text = card({})
    assert "vgg19 for image, vgg16 for speech" in text
    assert "meet after the trunks (equation 1: crisscross), F_mul by product" in text


def test_labels_that_came_from_networks_are_told():
    assert "labels came from two networks" in card({}, from_networks=True)
    assert "came from two networks" not in card({})


def test_one_stream_has_nothing_to_fuse():
    text = card({"streams": ["speech"]})
    assert "vgg16 for speech." in text
    assert "nothing is fused" in text
    assert "F_mul" not in text
    assert "vgg19" not in text


@pytest.mark.parametrize(
    ("network", "said", "unsaid"),
    [
        ({"cross_at": "before"}, "meet before the trunks, F_mul", "equation 1"),
        ({"cross_at": "both"}, "meet before and after the trunks (equation 1: crisscross)", "none"),
        ({"fusion": "printed", "fusion_op": "sum"}, "(equation 1: printed), F_mul by sum", "product"),
    ],
)
def test_only_what_applies_is_printed(network, said, unsaid):
    notes = card(network).split("## Data")[0]
    assert said in notes
    assert unsaid not in notes


def test_other_kinds_have_no_papers_names():
    text = card({"kind": "transfer"})
    assert "N1" not in text
    assert "F_mul" not in text


def test_a_datasets_own_split_is_named():
    text = card({}, split={"kind": "column", "column": "part"})
    assert "as the dataset's column 'part' says" in text
    assert "1 of 2 groups (speaker) on both sides" in text
    assert "stratified" not in text


def test_an_earlier_versions_metrics_still_make_a_card():
    text = card({})
    assert "| fused | 0.500 ± 0.500 | 0.500 |" in text
    assert "ECE" not in text


# ---------------------------------------------------------------- figures again


def test_only_the_figures_are_replaced():
    text = "# a\n\n## Figures\n\nold\n\n### part\n\nold\n\n## Training\n\nkept\n"
    assert (
        with_figures(text, [FIGURES_HEADING, "", "new", ""])
        == "# a\n\n## Figures\n\nnew\n\n## Training\n\nkept\n"
    )
    assert with_figures("# a\n", [FIGURES_HEADING, "new"]) == "# a\n## Figures\nnew\n"


@pytest.fixture
def release(catalogue, tmp_path, tiny_networks):
    tables = {
        "network": {"kind": "tiny"},
        "optimiser": {"learning_rate": 0.01, "batch": 8, "epochs": 2, "early_stopping": 0},
        "split": {"kind": "folds", "k": 2, "validation": 0.0},
        "run": {"alone": True, "fit": "all", "seeds": [0, 1]},
    }
    return train(catalogue, TrainingConfig.from_tables(tables), tmp_path / "out")


def test_a_releases_figures_come_again_from_its_predictions(release, catalogue, dataset_folder, capsys):
    before = json.loads((release.folder / "metrics.json").read_text())
    words = ["metrics", str(release.folder), "--card", "--dataset", str(dataset_folder), "--json", "-"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    # the same figures, by another way, and now with intervals over the four speakers
    assert set(found["networks"]) == set(before["networks"])
    for name, figures in before["networks"].items():
        for key in ("balanced_accuracy", "accuracy", "macro_f1", "kappa", "ece", "brier", "n"):
            assert found["networks"][name][key] == pytest.approx(figures[key]), (name, key)
        ends = found["networks"][name]["intervals"]
        assert ends["groups"] == 4
        assert ends["accuracy"][0] <= figures["accuracy"] <= ends["accuracy"][1]
    text = releases.open_release(release.folder).card
    assert "In brackets 95 % by bootstrap over 4 groups, too narrow with so few." in text
    for name in CHARTS:
        assert f"]({name})" in text
        root = ET.parse(release.folder / name).getroot()
        assert root.tag.endswith("svg")
    assert text.count(FIGURES_HEADING) == 1
    assert "## Limits" in text
    assert releases.verify(releases.open_release(release.folder)) == []  # the sums were written again
    with pytest.raises(SystemExit):
        main(["metrics", str(release.folder), "--nonsense"])


def test_the_cards_tables_are_scikit_learns(release):
    rewrite_card(release.folder)
    text = (release.folder / "CARD.md").read_text()
    tables = [one for one in files.read(release.folder) if one.network == "fused"]
    means = [
        sum(f1_score(one.labels, one.probabilities.argmax(1), average=None)[c] for one in tables)
        / len(tables)
        for c in range(3)
    ]
    (line,) = re.findall(r"^\| fused \| (\d\.\d\d / .*) \|$", text, re.MULTILINE)
    shown = [float(cell.split(" / ")[2].split(" ")[0]) for cell in line.split(" | ")]
    assert shown == pytest.approx(means, abs=0.005)


def test_a_folder_without_a_release_is_refused(tmp_path):
    with pytest.raises(SierError, match="no release"):
        rewrite_card(tmp_path)
    assert main(["metrics", "a", "b", "--card"]) == 1


def test_a_dataset_without_the_groups_is_refused(release, dataset_folder, capsys):
    assert main(["metrics", str(release.folder), "--dataset", str(dataset_folder), "--groups", "voice"]) == 1
    assert "no column 'voice'" in capsys.readouterr().err
