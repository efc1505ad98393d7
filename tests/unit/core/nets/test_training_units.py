"""Units of work: grids, several processes, early ends; and what is kept of them."""

import json
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file
from sklearn import metrics as sk

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.errors import SierError
from sier_gui.core.nets import releases
from sier_gui.core.nets.training import TrainingConfig, join, train
from sier_gui.core.nets.training.evaluation import ALL
from sier_gui.core.nets.training.history import EpochProgress, Follower, read_history, timeless
from sier_gui.core.nets.training.metrics import evaluate
from sier_gui.core.nets.training.predictions import pooled, read
from sier_gui.core.nets.training.session import Session
from sier_gui.core.nets.training.signals import WORK, request_stop
from sier_gui.core.tasks import Cancelled, CancelToken

CLASSES = ("anger", "happy", "sad")


def tiny(epochs=4, kind="tiny", **tables):
    base = {
        "network": {"kind": kind},
        "optimiser": {"learning_rate": 0.01, "batch": 8, "epochs": epochs, "early_stopping": 0},
        "split": {"kind": "folds", "k": 2, "validation": 0.2},
        "run": {"fit": "all"},
        "release": {"name": "tiny", "half": False},
    }
    for name, table in tables.items():
        base[name] = {**base.get(name, {}), **table}
    return TrainingConfig.from_tables(base)


GRID = {"search": True, "learning_rate": [1e-6, 0.03], "focal": [0.5, 1]}


def stop_at(out, epochs):
    """A report that asks for an end at the so many-th epoch."""
    left = [epochs]

    def report(progress):
        if isinstance(progress, EpochProgress):
            left[0] -= 1
            if left[0] == 0:
                request_stop(out)

    return report


def figures(release):
    return json.loads((release.folder / "metrics.json").read_text())


def files(release):
    names = ("weights.safetensors", "metrics.json", "predictions.csv", "config.toml", "CARD.md")
    return {name: (release.folder / name).read_bytes() for name in names}


# ---------------------------------------------------------------- what is kept


def test_predictions_of_every_part_are_kept_and_give_the_figures(catalogue, tmp_path, tiny_networks):
    release = train(catalogue, tiny(run={"alone": True, "seeds": [0, 1]}), tmp_path / "r")
    kept = {(p.network, p.seed): p for p in read(release.folder)}
    names = ["fused", "fused network, speech absent", "fused network, image absent"]
    names += ["image alone", "speech alone"]
    assert sorted(kept) == sorted((name, seed) for name in names for seed in (0, 1))
    found = figures(release)
    ends = found["networks"]["fused"]["intervals"]
    assert ends["groups"] == 4
    assert ends["balanced_accuracy"][0] <= found["networks"]["fused"]["balanced_accuracy"]
    assert {"confusion.svg", "reliability.svg", "classes.svg"} <= {f.name for f in release.folder.iterdir()}
    assert "![" in release.card
    for name in names:
        for run in found["networks"][name]["runs"]:
            own = kept[name, run["seed"]]
            said = own.probabilities.argmax(1)
            assert len(own) == 36
            assert run["balanced_accuracy"] == sk.balanced_accuracy_score(own.labels, said)
            assert run["kappa"] == pytest.approx(sk.cohen_kappa_score(own.labels, said))
            assert run["macro_f1"] == pytest.approx(sk.f1_score(own.labels, said, average="macro"))
    for one in kept.values():
        rows = [catalogue.row_of(i) for i in one.sample_ids]
        assert [CLASSES[label] for label in one.labels] == [catalogue.cell(row, "label") for row in rows]
        assert one.groups.tolist() == [catalogue.cell(row, "speaker") for row in rows]
        for fold in (0, 1):  # each unit has its own too
            base = one.network.replace("fused network", "fused").split(",")[0].replace(" ", "-")
            unit = {
                p.network: p for p in read(release.folder / "units" / f"{base}-seed{one.seed}-part{fold}")
            }
            own = one.take(np.flatnonzero(one.folds == fold))
            assert unit[one.network].sample_ids == own.sample_ids
            assert (unit[one.network].probabilities == own.probabilities).all()


def test_the_shipped_networks_answers_are_those_that_were_kept(catalogue, tmp_path, tiny_networks):
    from sier_gui.core.nets.prediction import Predictor

    config = tiny(split={"kind": "holdout"}, run={"fit": "train"})
    release = train(catalogue, config, tmp_path / "r")
    kept = read(release.folder)[0]
    rows = [catalogue.row_of(i) for i in kept.sample_ids]
    answers = np.array([p.probabilities for _, p in Predictor(release, "cpu").predict_rows(catalogue, rows)])
    # pictures pass the cache as bytes, as they were decoded
    assert np.abs(answers - kept.probabilities).max() < 1e-5


def test_the_history_has_the_curves_of_the_papers(catalogue, tmp_path, tiny_networks):
    release = train(catalogue, tiny(epochs=3), tmp_path / "r")
    entries = read_history(release.folder / "units" / "shipped" / "history.jsonl")
    assert [e["epoch"] for e in entries] == [0, 1, 2]
    figures_of = ("accuracy", "balanced_accuracy", "macro_f1", "kappa")
    wanted = {f"{view}_{name}" for view in ("validation", "image", "speech") for name in figures_of}
    for entry in entries:
        assert wanted | {"train_loss", "validation_loss", "seconds", "samples_per_second"} <= set(entry)
        assert entry["seconds"] > 0
    assert figures(release)["history"] == timeless(entries)
    assert not {"seconds", "samples_per_second"} & set(timeless(entries)[0])


def test_an_epochs_figures_are_scikit_learns():
    from sier_gui.core.nets.training.evaluation import epoch_figures

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)  # the third class does not occur
    shares = rng.dirichlet([1, 1, 1], 40)
    found = epoch_figures(labels, {ALL: shares, "image": shares[::-1]}, 3)
    for view, values in (("validation", shares), ("image", shares[::-1])):
        direct = evaluate(labels, values, CLASSES)
        for name in ("accuracy", "balanced_accuracy", "macro_f1", "kappa"):
            assert found[f"{view}_{name}"] == pytest.approx(direct[name])


def test_a_follower_tells_each_epoch_once(catalogue, tmp_path, tiny_networks):
    out, told = tmp_path / "r", []
    follower = Follower(out / WORK / "units")

    def report(progress):
        if isinstance(progress, EpochProgress):
            told.extend(follower.new())

    train(catalogue, tiny(epochs=3), out, report=report)
    assert [(unit, entry["epoch"]) for unit, entry in told] == [
        (unit, epoch) for unit in ("fused-seed0-part0", "fused-seed0-part1", "shipped") for epoch in range(3)
    ]


def test_tensorboard_has_every_epoch_once_after_a_kill(catalogue, tmp_path, tiny_networks):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    config = tiny(epochs=4, split={"kind": "holdout"}, run={"fit": "train", "tensorboard": True})
    out = tmp_path / "r"

    class Killed(Exception):
        pass

    def killer(progress):
        if isinstance(progress, EpochProgress) and progress.done == 2:
            raise Killed

    with pytest.raises(Killed):
        train(catalogue, config, out, report=killer)
    train(catalogue, config, out, resume=True)
    events = event_accumulator.EventAccumulator(str(out / "tensorboard" / "fused-seed0-part0"))
    events.Reload()
    scalars = events.Scalars("validation_loss")
    assert [s.step for s in scalars] == [0, 1, 2, 3]
    history = read_history(out / "units" / "fused-seed0-part0" / "history.jsonl")
    assert [s.value for s in scalars] == pytest.approx([e["validation_loss"] for e in history])


def test_without_tensorboard_one_line_says_so(catalogue, tmp_path, tiny_networks, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(SierError, match="need the package tensorboard") as caught:
        train(catalogue, tiny(run={"tensorboard": True}), tmp_path / "r")
    assert "pip install" in caught.value.hint
    assert not (tmp_path / "r").exists()


def test_the_datasets_own_split_is_kept(new_dataset, tmp_path, tiny_networks):
    folder = new_dataset(tmp_path / "set")
    table = folder / "samples.csv"
    head, *rows = table.read_text().splitlines()
    words = ["train", "train", "val", "train", "test", ""]
    lines = [f"{row},{words[i // 3 % 6]}" for i, row in enumerate(rows)]
    table.write_text("\n".join([f"{head},part", *lines]))
    config = tiny(split={"kind": "column", "column": "part"}, run={"fit": "train"})
    release = train(open_dataset(folder), config, tmp_path / "r")
    kept = read(release.folder)[0]
    assert kept.sample_ids == tuple(f"s{i}" for i in range(36) if i // 3 % 6 == 4)
    assert figures(release)["split"]["parts"] == [[24, 6]]
    # four voices in turns of three: some are on both sides, which the card does not hide
    count = figures(release)["split"]["straddling"]
    assert count > 0
    assert f"{count} of 4 groups (speaker) on both sides" in release.card


# ---------------------------------------------------------------- grid


def test_the_grid_takes_what_does_best_on_the_validation_parts(catalogue, tmp_path, tiny_networks):
    release = train(catalogue, tiny(epochs=12, grid=GRID), tmp_path / "r")
    units = {
        unit.parent.name: json.loads(unit.read_text())
        for unit in (release.folder / "units").glob("*/unit.json")
    }
    assert len(units) == 4 * 2 + 1
    found = figures(release)["grid"]
    assert len(found["points"]) == 4
    means = {
        point: np.mean(
            [
                facts["best"]["validation_balanced_accuracy"]
                for name, facts in units.items()
                if facts["point"] == point and name != "shipped"
            ]
        )
        for point in found["points"]
    }
    assert means[found["chosen"]] == max(means.values())
    assert "learning_rate=0.03" in found["chosen"]
    assert release.config["training"]["optimiser"]["learning_rate"] == 0.03
    assert units["shipped"]["point"] == found["chosen"]
    score = figures(release)["networks"]["fused"]["runs"][0]["balanced_accuracy"]
    answers = [read(release.folder / "units" / f"fused-seed0-{found['chosen']}-part{n}")[0] for n in (0, 1)]
    assert score == sk.balanced_accuracy_score(
        pooled(answers).labels, pooled(answers).probabilities.argmax(1)
    )


def test_without_a_search_nothing_is_tried(catalogue, tmp_path, tiny_networks):
    release = train(catalogue, tiny(epochs=1, grid={**GRID, "search": False}), tmp_path / "r")
    assert len(list((release.folder / "units").iterdir())) == 3
    assert "grid" not in figures(release)


# ---------------------------------------------------------------- several processes


def test_several_processes_give_what_one_gives(catalogue, tmp_path, tiny_networks):
    config = tiny(epochs=2, grid=GRID)
    told = []
    one = train(catalogue, config, tmp_path / "one" / "r")
    two = train(catalogue, config, tmp_path / "two" / "r", workers=2, report=told.append)
    assert files(one) == files(two)
    epochs = [(p.unit, p.entry["epoch"]) for p in told if isinstance(p, EpochProgress)]
    assert len(epochs) == len(set(epochs)) == 9 * 2


def test_a_worker_that_fails_says_why(catalogue, tmp_path, tiny_networks):
    config = tiny(epochs=30, optimiser={"learning_rate": 1e37})
    with pytest.raises(SierError, match="not a number"):
        train(catalogue, config, tmp_path / "r", workers=2)


def test_who_joins_takes_what_is_left(catalogue, tmp_path, tiny_networks):
    """The training waits in its first unit until the other one has done all that can be taken."""
    out, joined = tmp_path / "r", []

    def other():
        join(catalogue, out, report=joined.append)

    helper = threading.Thread(target=other)

    def report(progress):
        if isinstance(progress, EpochProgress) and progress.unit.endswith("part0") and progress.done == 1:
            helper.start()
            for _ in range(4000):  # 200 s: it computes beside us
                if (out / WORK / "units" / "fused-seed0-part1" / "unit.json").is_file():
                    break
                threading.Event().wait(0.05)

    config = tiny(epochs=2)
    release = train(catalogue, config, out, report=report)
    helper.join()
    taken = {p.unit for p in joined if isinstance(p, EpochProgress)}
    assert "fused-seed0-part1" in taken
    assert "fused-seed0-part0" not in taken
    assert files(release) == files(train(catalogue, config, tmp_path / "alone"))


def test_who_comes_when_all_is_done_does_nothing(catalogue, tmp_path, tiny_networks, monkeypatch):
    """A training that ended between the look at its folder and the first unit has left no results there."""
    out, joined, arrived, ended = tmp_path / "r", [], threading.Event(), threading.Event()
    work_off = Session.work_off

    def late(session, *given, **named):
        if threading.current_thread() is helper:
            arrived.set()
            assert ended.wait(200)
        work_off(session, *given, **named)

    def report(progress):
        if isinstance(progress, EpochProgress) and not arrived.is_set():
            helper.start()
            assert arrived.wait(200)

    helper = threading.Thread(target=join, args=(catalogue, out), kwargs={"report": joined.append})
    monkeypatch.setattr(Session, "work_off", late)
    train(catalogue, tiny(epochs=1), out, report=report)
    ended.set()
    helper.join()
    assert not [progress for progress in joined if isinstance(progress, EpochProgress)]
    assert not (out / WORK / "units").exists()


def test_joining_nothing_is_explained(catalogue, new_dataset, tmp_path, tiny_networks):
    with pytest.raises(SierError, match="Nothing is being trained"):
        join(catalogue, tmp_path / "r")
    token = CancelToken()
    with pytest.raises(Cancelled):
        train(catalogue, tiny(), tmp_path / "r", report=lambda _: token.cancel(), token=token)
    with pytest.raises(SierError, match="another dataset"):
        join(open_dataset(new_dataset(tmp_path / "other", count=12)), tmp_path / "r")


def test_a_training_has_one_owner(catalogue, tmp_path, tiny_networks):
    out, refused = tmp_path / "r", []

    def report(progress):
        if isinstance(progress, EpochProgress) and not refused:
            with pytest.raises(SierError, match="is being trained by process") as caught:
                train(catalogue, tiny(), out, resume=True)
            refused.append(caught.value.hint)

    train(catalogue, tiny(), out, report=report)
    assert "--join" in refused[0]


# ---------------------------------------------------------------- ended by the user


def test_an_early_end_within_a_later_seed(catalogue, tmp_path, tiny_networks):
    """The first seed was measured on both folds, the second one on one of them."""
    out = tmp_path / "r"
    release = train(catalogue, tiny(run={"seeds": [0, 1]}), out, report=stop_at(out, 10))
    assert [run["n"] for run in figures(release)["networks"]["fused"]["runs"]] == [36, 18]


@pytest.mark.parametrize("epochs", [1, 3, 5, 9, 11])
def test_an_early_end_keeps_the_best(catalogue, tmp_path, tiny_networks, epochs):
    """Two folds of four epochs, then the shipped network: the word comes within each of them."""
    out = tmp_path / "r"
    release = train(catalogue, tiny(), out, report=stop_at(out, epochs))
    assert releases.verify(release) == []
    assert not (out / WORK).exists()
    found = figures(release)
    assert found["stopped"] is True
    assert "stopped before its end" in release.card
    part = "shipped" if epochs > 8 else "fused-seed0-part0" if epochs <= 4 else None
    if part is not None:
        history = read_history(out / "units" / part / "history.jsonl")
        assert len(history) == (epochs - 1) % 4 + 1
        assert found["history"] == timeless(history)
    # measured is what was trained, unfinished or not
    assert found["networks"]["fused"]["n"] == (18 if epochs <= 4 else 36)


def test_the_best_epoch_is_what_an_early_end_keeps(catalogue, tmp_path, tiny_networks):
    """With a rate at which it gets worse again, the weights are those of an earlier epoch."""
    config = tiny(
        epochs=30,
        split={"kind": "holdout"},
        run={"fit": "train"},
        optimiser={"learning_rate": 3.0, "plateau": 0},
    )
    out = tmp_path / "stopped" / "r"
    stopped = train(catalogue, config, out, report=stop_at(out, 12))
    losses = [e["validation_loss"] for e in figures(stopped)["history"]]
    best = int(np.argmin(losses))
    assert best < 11
    shorter = replace(config, optimiser=replace(config.optimiser, epochs=best + 1))
    whole = train(catalogue, shorter, tmp_path / "short" / "r")
    one, two = (load_file(r.folder / "weights.safetensors") for r in (stopped, whole))
    assert all((one[name] == two[name]).all() for name in one)


def test_an_end_before_the_first_epoch_keeps_nothing_but_can_go_on(catalogue, tmp_path, tiny_networks):
    out = tmp_path / "r"

    def report(progress):
        if "network 1" in progress.text:
            request_stop(out)

    with pytest.raises(SierError, match="nothing to keep"):
        train(catalogue, tiny(), out, report=report)
    release = train(catalogue, tiny(), out, resume=True)
    assert "stopped" not in figures(release)


def test_an_early_end_within_a_grid_ships_the_best_so_far(catalogue, tmp_path, tiny_networks):
    out = tmp_path / "r"
    release = train(catalogue, tiny(grid=GRID), out, report=stop_at(out, 18))
    assert releases.verify(release) == []
    assert figures(release)["networks"]["fused"]["n"] >= 18


def test_an_early_end_of_several_processes(catalogue, tmp_path, tiny_networks):
    out = tmp_path / "r"
    config = tiny(epochs=5000, optimiser={"learning_rate": 1e-4})
    seen = set()

    def report(progress):
        if isinstance(progress, EpochProgress):
            seen.add(progress.unit)
            if len(seen) == 2:
                request_stop(out)

    release = train(catalogue, config, out, workers=2, report=report)
    assert figures(release)["stopped"] is True
    assert figures(release)["networks"]["fused"]["n"] == 36  # both were at work


def test_nobody_to_stop_is_an_error(tmp_path):
    with pytest.raises(SierError, match="Nothing is being trained"):
        request_stop(tmp_path)


# ---------------------------------------------------------------- the command line


def command(dataset, out, *options):
    return [
        sys.executable, "-m", "sier_gui", "train", str(dataset), "--out", str(out), *options,
    ]  # fmt: skip


def test_ctrl_c_keeps_the_best(dataset_folder, tmp_path):
    import signal

    file, out = tmp_path / "c.toml", tmp_path / "r"
    file.write_text(
        'preset = "small"\n[network]\nwidth = 0.015625\n[optimiser]\nepochs = 5000\nearly_stopping = 0\n'
    )
    with subprocess.Popen(
        command(dataset_folder, out, "--config", str(file)),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said, shown = process.stderr.read(), process.stdout.read()
    assert process.returncode == 0
    assert first.startswith("fused-seed0-part0  fused epoch 1: loss ")
    assert "samples/s" in first
    assert "\r" not in first + said  # no bar where nobody watches
    assert "Stopping: the best so far is kept" in said
    assert "written to" in shown
    assert releases.verify(releases.open_release(out)) == []


def test_config_or_join(dataset_folder, tmp_path):
    for options in ([], ["--join", "--config", "small"]):
        wrong = subprocess.run(command(dataset_folder, tmp_path, *options), capture_output=True, text=True)
        assert wrong.returncode == 2
        assert "--join" in wrong.stderr


def test_columns_of_other_names(new_dataset, tmp_path):
    """As the window passes on what was said in its mapping dialog."""
    folder = new_dataset(tmp_path / "set", count=9)
    table = folder / "samples.csv"
    _, *rows = table.read_text().splitlines()
    table.write_text("\n".join(["nr,bild,a=b,words,was,speaker", *rows]))
    file, out = tmp_path / "c.toml", tmp_path / "r"
    file.write_text('preset = "small"\n[network]\nwidth = 0.015625\n[optimiser]\nepochs = 1\n')
    named = {"sample_id": "nr", "image": "bild", "speech": "a=b", "text": "words", "label": "was"}
    columns = [word for pair in named.items() for word in ("--column", "=".join(pair))]
    done = subprocess.run(
        command(table, out, "--config", str(file), *columns), capture_output=True, text=True, check=False
    )
    assert (done.returncode, releases.verify(releases.open_release(out))) == (0, [])
    wrong = subprocess.run(
        command(table, out, "--join", "--column", "sound=a=b"), capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "no field sound" in wrong.stderr
