"""Table 2 on a small dataset: resumed, spread, and with rows that cannot be trained."""

import csv
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from sier_gui.cli import main
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.errors import SierError
from sier_gui.core.nets.ablation import AblationRequest, ablate, chosen_rows, run
from sier_gui.core.nets.ablation.parts import PartOf, split_rows
from sier_gui.core.nets.ablation.rows import PROPOSED, ROWS, row_config
from sier_gui.core.nets.ablation.units import RESULT
from sier_gui.core.nets.family import TABLE_2, Member
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.nets.training import TrainingConfig
from sier_gui.core.nets.training import predictions as files
from sier_gui.core.tasks import Cancelled, CancelToken

CLASSES = ("anger", "happy", "sad")
WIDTH = 1 / 64


def config(epochs=1, **tables):
    base = {
        "optimiser": {"learning_rate": 1e-3, "batch": 18, "epochs": epochs, "early_stopping": 0},
        "split": {"kind": "folds", "k": 2, "validation": 0.0},
        "run": {"fit": "all"},
    }
    return TrainingConfig.from_tables(
        {name: {**base.get(name, {}), **tables.get(name, {})} for name in base | tables}
    )


def request(*rows, **options):
    return AblationRequest(rows or ("speech-only", PROPOSED), config(**options), WIDTH)


def table_lines(folder):
    return list(csv.DictReader((folder / "table.csv").read_text().splitlines()))


@pytest.fixture(scope="module")
def made(dataset_folder, tmp_path_factory):
    """One small ablation: two rows, two parts."""
    out = tmp_path_factory.mktemp("ablation") / "out"
    return ablate(open_dataset(dataset_folder), request(epochs=2), out)


# ---------------------------------------------------------------- rows and parts


def test_rows_are_named_or_come_in_sets():
    assert chosen_rows("table2") == tuple(TABLE_2)
    assert chosen_rows("parallelnet, speech-only,speech-only") == ("speech-only", "parallelnet")
    assert set(chosen_rows("trunks")) == set(ROWS) - set(TABLE_2) - {"addition"} | {"baseline-3", PROPOSED}
    assert chosen_rows("all") == tuple(ROWS)
    with pytest.raises(SierError, match="no row 'baseline-4'"):
        chosen_rows("table2,baseline-4")
    with pytest.raises(SierError, match="No row was named"):
        chosen_rows(" , ")


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_the_familys_network(name):
    found = row_config(TrainingConfig.from_tables({"preset": "small"}), name, CLASSES, WIDTH)
    table = dict(found.network)
    assert table["width"] == WIDTH
    assert table["dropout"] == 0.2  # the preset's
    assert {key: table[key] for key in ROWS[name].options} == dict(ROWS[name].options)
    assert list(found.run.streams) == list(ROWS[name].options.get("streams", ("image", "speech")))
    assert build(NetworkConfig.from_table(table)).classes == CLASSES


def test_published_weights_stay_where_they_fit():
    base = TrainingConfig.from_tables({"preset": "paper"})
    assert row_config(base, PROPOSED, CLASSES, None).init == {"speech_trunk": "vgg16", "image_trunk": "vgg19"}
    assert row_config(base, "speech-only", CLASSES, None).init == {"speech_trunk": "vgg16"}
    assert row_config(base, "vgg16", CLASSES, None).init == {"speech_trunk": "vgg16"}
    assert row_config(base, "baseline-1", CLASSES, None).init == {}
    assert row_config(base, PROPOSED, CLASSES, 0.5).init == {}


def test_parts_test_every_labelled_row_once_and_keep_speakers_apart(catalogue):
    parts = split_rows(catalogue, config(split={"kind": "loso"}).split, CLASSES)
    assert len(parts) == 4
    assert sorted(np.concatenate(parts).tolist()) == list(range(36))
    speakers = catalogue.column("speaker")
    for test in parts:
        assert len(set(speakers[test])) == 1
        part = PartOf(catalogue, test)
        assert (part.column("ablation part") == "test").sum() == len(test)
        assert part.classes == catalogue.classes
        assert part.sample(3) == catalogue.sample(3)
    with pytest.raises(SierError, match="no column 'voice'"):
        split_rows(catalogue, config(split={"kind": "loso", "groups": "voice"}).split, CLASSES)


# ---------------------------------------------------------------- what comes out


def test_the_table_is_what_the_predictions_say(made, catalogue):
    tables = {one.network: one for one in files.read(made.folder)}
    assert list(tables) == ["speech-only", PROPOSED]
    speakers = dict(zip(catalogue.column("sample_id"), catalogue.column("speaker"), strict=True))
    lines = {line["row"]: line for line in table_lines(made.folder)}
    for name, one in tables.items():
        assert sorted(one.sample_ids) == sorted(catalogue.column("sample_id"))  # each tested once
        assert [speakers[i] for i in one.sample_ids] == one.groups.tolist()
        assert set(one.folds) == {0, 1}
        oracle = balanced_accuracy_score(one.labels, one.probabilities.argmax(1))
        assert float(lines[name]["balanced_accuracy"]) == pytest.approx(oracle, abs=1e-6)
        assert (
            float(lines[name]["balanced_accuracy_low"])
            <= oracle
            <= float(lines[name]["balanced_accuracy_high"])
        )
        assert float(lines[name]["epoch_s"]) > 0
        assert int(lines[name]["n"]) == 36
    assert made.reference == PROPOSED
    assert [one.second for one in made.comparisons] == ["speech-only"]
    assert json.loads((made.folder / "table.json").read_text())["rows"][0]["row"] == "speech-only"
    for kind in ("svg", "png"):
        assert (made.folder / f"table.{kind}").stat().st_size > 1000


def test_latex_has_the_papers_layout(made):
    text = (made.folder / "table.tex").read_text()
    assert r"Model & Accuracy & Avg.\ time per epoch \\" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 1
    share = 100 * made.lines[1].figures["balanced_accuracy"]
    assert re.search(rf"Proposed \(ParallelNet\) & {share:.2f}\\% & \d+\.\d\d s \\\\", text)
    assert "speech_only" not in text


def test_weights_are_not_kept(made):
    assert not list(made.folder.rglob("*.safetensors"))
    assert not list(made.folder.rglob("release"))
    for unit in ("seed0-part0", "seed0-part1"):
        kept = made.folder / "units" / PROPOSED / unit
        assert len((kept / "history.jsonl").read_text().splitlines()) == 2
        assert json.loads((kept / RESULT).read_text())["epochs"] == 2


# ---------------------------------------------------------------- resuming


def test_a_row_or_a_seed_added_later_leaves_the_others_alone(made, catalogue, tmp_path):
    out = shutil.copytree(made.folder, tmp_path / "out")
    before = (out / "units" / PROPOSED / "seed0-part0" / RESULT).stat().st_mtime_ns
    asked = request("image-only", "speech-only", PROPOSED, epochs=2)
    with pytest.raises(SierError, match="--resume"):
        ablate(catalogue, asked, out)
    with pytest.raises(SierError, match="another config"):
        ablate(catalogue, request(epochs=3), out, resume=True)
    again = ablate(catalogue, asked, out, resume=True)
    assert [line.name for line in again.lines] == ["image-only", "speech-only", PROPOSED]
    assert (out / "units" / PROPOSED / "seed0-part0" / RESULT).stat().st_mtime_ns == before
    old = {line.name: line.figures for line in made.lines}
    assert again.lines[1].figures == old["speech-only"]
    seeds = request("speech-only", epochs=2, run={"seeds": [0, 1]})
    (line,) = ablate(catalogue, seeds, out, resume=True).lines
    assert [run["seed"] for run in line.figures["runs"]] == [0, 1]
    assert line.figures["runs"][:1] == old["speech-only"]["runs"]


class Killed(Exception):
    """Stands for the process's end: nothing is cleaned up."""


@pytest.mark.parametrize("after", [2, 5])  # within a unit, within the second row
def test_a_killed_run_ends_with_the_same_predictions(made, catalogue, tmp_path, after):
    left = [after]

    def report(progress):
        if " epoch " in progress.text:
            left[0] -= 1
            if not left[0]:
                raise Killed

    with pytest.raises(Killed):
        ablate(catalogue, request(epochs=2), tmp_path / "out", report=report)
    ablate(catalogue, request(epochs=2), tmp_path / "out", resume=True)
    found = {one.network: one for one in files.read(tmp_path / "out")}
    for known in files.read(made.folder):
        if known.network in found:
            assert (found[known.network].probabilities == known.probabilities).all()
    assert set(found) == {"speech-only", PROPOSED}


def test_a_cancel_keeps_finished_units(catalogue, tmp_path):
    token = CancelToken()

    def report(progress):
        if progress.done == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        ablate(catalogue, request(), tmp_path / "out", report=report, token=token)
    assert (tmp_path / "out" / "units" / "speech-only" / "seed0-part0" / RESULT).is_file()
    assert not (tmp_path / "out" / "table.csv").exists()
    ablate(catalogue, request(), tmp_path / "out", resume=True)  # the lock was let go


# ---------------------------------------------------------------- what goes wrong


@pytest.fixture
def impossible(monkeypatch):
    """A row that no network can be built for."""
    rows = {**ROWS, "impossible": Member("Impossible", {"speech_trunk": "vgg_17"})}
    for module in ("rows", "run", "table"):
        monkeypatch.setattr(f"sier_gui.core.nets.ablation.{module}.ROWS", rows)


def test_a_row_that_cannot_be_trained_is_named_and_the_rest_goes_on(catalogue, tmp_path, impossible):
    found = ablate(catalogue, request("impossible", "speech-only"), tmp_path / "out")
    bad, good = found.lines
    assert bad.figures == {}
    assert "vgg_17" in bad.problems[0]
    assert good.figures["n"] == 36
    assert found.reference == "speech-only"
    lines = table_lines(tmp_path / "out")
    assert "vgg_17" in lines[0]["problems"]
    assert lines[0]["accuracy"] == ""
    assert "Impossible & -- & -- " in (tmp_path / "out" / "table.tex").read_text()
    assert any("not trained" in line for line in found.to_markdown())


def test_nothing_but_impossible_rows_is_an_error(catalogue, tmp_path, impossible):
    with pytest.raises(SierError, match=r"No row could be trained.*vgg_17"):
        ablate(catalogue, request("impossible"), tmp_path / "out")


def test_an_unreadable_sample_is_named_and_left_out(new_dataset, tmp_path):
    folder = new_dataset(tmp_path / "tones")
    (folder / "4.png").write_bytes(b"no picture")
    found = ablate(open_dataset(folder), request("speech-only"), tmp_path / "out")
    assert found.lines[0].figures["n"] == 35
    assert any("4.png" in problem for problem in found.lines[0].problems)


def test_another_kind_of_network_is_refused(catalogue, tmp_path):
    other = AblationRequest(("speech-only",), TrainingConfig.from_tables({"network": {"kind": "transfer"}}))
    with pytest.raises(SierError, match="family"):
        ablate(catalogue, other, tmp_path / "out")


# ---------------------------------------------------------------- many processes, and the program


@pytest.mark.slow
@pytest.mark.parametrize("engine", [{"workers": 2}, {"workers": 2, "address": "local"}])
def test_spread_it_gives_the_same_predictions(made, catalogue, tmp_path, engine):
    ablate(catalogue, request(epochs=2), tmp_path / "out", **engine)
    found = {one.network: one for one in files.read(tmp_path / "out")}
    known = {one.network: one for one in files.read(made.folder)}
    for name, one in found.items():
        assert (one.probabilities == known[name].probabilities).all()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_kills_9_at_any_moment_change_nothing(dataset_folder, tmp_path):
    """The program itself, killed at random moments after it has got further; what ends in between is
    compared too, and killing goes on in another folder.
    """
    rng = np.random.default_rng(0)

    def command(out):
        words = ["ablate", dataset_folder, "--rows", "speech-only,parallelnet", "--width", WIDTH]
        words += ["--epochs", 12, "--split", "holdout", "--out", out, "--resume"]
        return [sys.executable, "-m", "sier_gui", *map(str, words)]

    def epochs():
        return sum(file.stat().st_size for file in tmp_path.glob("wild*/units/*/*/cpu.jsonl"))

    subprocess.run(command(tmp_path / "calm"), check=True, capture_output=True)
    wild = [tmp_path / "wild0"]
    killed = 0
    while killed < 10:
        before = epochs()
        with subprocess.Popen(command(wild[-1]), stderr=subprocess.DEVNULL) as process:
            while not ended_within(process, 0.02) and epochs() == before:
                pass
            if not ended_within(process, float(rng.random())):
                process.kill()
                killed += 1
        if process.returncode == 0:
            wild.append(tmp_path / f"wild{len(wild)}")
    subprocess.run(command(wild[-1]), check=True, capture_output=True)
    calm = files.read(tmp_path / "calm")
    for found in map(files.read, wild):
        assert [one.network for one in found] == [one.network for one in calm]
        for one, other in zip(calm, found, strict=True):
            assert (one.probabilities == other.probabilities).all()


def ended_within(process, seconds):
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def test_two_runs_in_one_folder_are_refused(catalogue, tmp_path):
    lock = run.FolderLock(tmp_path / "out")
    with pytest.raises(SierError, match="being written"):
        ablate(catalogue, request(), tmp_path / "out")
    lock.release()


def test_the_program_makes_the_table_and_measures_it_again(dataset_folder, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["ablate", str(dataset_folder), "--rows", "speech-only", "--width", str(WIDTH), "--epochs", "1"]
    words += ["--split", "loso", "--seeds", "0,1", "--out", str(out), "--json", str(tmp_path / "a.json")]
    assert main(words) == 0
    value = json.loads((tmp_path / "a.json").read_text())
    (row,) = value["rows"]
    assert (value["split"], value["seeds"], row["figures"]["seeds"]) == ("loso", [0, 1], 2)
    assert main(["metrics", str(out), "--out", str(tmp_path / "m"), "--json", "-"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["networks"]["speech-only"]["runs"] == row["figures"]["runs"]
    assert again["networks"]["speech-only"]["intervals"] == row["figures"]["intervals"]
    assert {file.name for file in (tmp_path / "m").iterdir()} == {
        "metrics.json", "confusion.svg", "reliability.svg", "classes.svg",
    }  # fmt: skip
    assert main(["ablate", str(dataset_folder), "--seeds", "x", "--out", str(tmp_path / "no")]) == 1
    assert main(["metrics"]) == 1
