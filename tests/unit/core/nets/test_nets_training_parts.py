"""Loss, metrics, config and augmentation against direct formulas."""

import tomllib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets import toml
from sier_gui.core.nets.training.augment import augment, dropped
from sier_gui.core.nets.training.config import Augment, Loss, TrainingConfig, load_config
from sier_gui.core.nets.training.losses import balanced_weights, loss_of
from sier_gui.core.nets.training.metrics import evaluate, over_seeds

NOTHING = Augment(
    flip=False, shift=0, zoom=0, brightness=0, contrast=0, time_shift=0, gain=0, frequency_mask=0, time_mask=0
)


# ---------------------------------------------------------------- losses


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_is_cross_entropy_plus_half_the_focal_loss(weighted):
    rng = np.random.default_rng(0)
    logits, y = rng.normal(0, 3, (9, 4)), rng.integers(0, 4, 9)
    weights = np.array([1.0, 0.5, 2.0, 3.0]) if weighted else np.ones(4)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    own = p[np.arange(9), y]
    direct = (weights[y] * (-np.log(own) - 0.5 * (1 - own) ** 2 * np.log(own))).sum() / weights[y].sum()
    given = loss_of(
        torch.tensor(logits), torch.tensor(y), Loss(), torch.tensor(weights) if weighted else None
    )
    assert float(given) == pytest.approx(direct, rel=1e-9)


def test_without_focal_it_is_torchs_cross_entropy():
    logits, y, w = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0]), torch.tensor([1.0, 2.0, 0.5])
    given = loss_of(logits, y, Loss(focal=0.0), w)
    assert torch.allclose(given, F.cross_entropy(logits, y, w))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_gradient_stays_finite_at_certainty(gamma):
    logits = torch.tensor([[80.0, 0.0], [-80.0, 0.0]], requires_grad=True)
    loss_of(logits, torch.tensor([0, 0]), Loss(gamma=gamma)).backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[1, 0] < 0


def test_balanced_weights_make_classes_weigh_the_same():
    labels = np.array([0] * 6 + [1] * 3 + [3])
    weights = balanced_weights(labels, 4)
    totals = [weights[c] * (labels == c).sum() for c in (0, 1, 3)]
    assert np.allclose(totals, 10 / 3)
    assert weights[2] == 0


# ---------------------------------------------------------------- metrics


def test_figures_of_a_case_done_by_hand():
    labels = np.array([0, 0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1]] * 3 + [[0.2, 0.8]] + [[0.6, 0.4], [0.1, 0.9]])
    figures = evaluate(labels, probabilities, ("a", "b"))
    assert figures["confusion"] == [[3, 1], [1, 1]]
    assert figures["accuracy"] == pytest.approx(4 / 6)
    assert figures["balanced_accuracy"] == pytest.approx((0.75 + 0.5) / 2)
    assert figures["recall"] == {"a": 0.75, "b": 0.5}
    assert figures["macro_f1"] == pytest.approx((0.75 + 0.5) / 2)
    chance = (4 * 4 + 2 * 2) / 36
    assert figures["kappa"] == pytest.approx((4 / 6 - chance) / (1 - chance))
    assert figures["standard_error"] == pytest.approx(np.sqrt(0.75 * 0.25 / 4 + 0.25 / 2) / 2)
    assert figures["n"] == 6


def test_standard_error_agrees_with_simulation():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [10, 30, 60])
    right = np.array([0.5, 0.8, 0.9])[labels]
    drawn = []
    for _ in range(400):
        predicted = np.where(rng.random(100) < right, labels, (labels + 1) % 3)
        drawn.append(evaluate(labels, np.eye(3)[predicted], "abc"))
    spread = np.std([f["balanced_accuracy"] for f in drawn])
    assert np.mean([f["standard_error"] for f in drawn]) == pytest.approx(spread, rel=0.12)


def test_a_class_that_does_not_occur_is_left_out():
    figures = evaluate(np.array([0, 0]), np.array([[0.9, 0.1, 0], [0.8, 0.1, 0.1]]), ("a", "b", "c"))
    assert figures["balanced_accuracy"] == 1.0
    assert figures["recall"] == {"a": 1.0}
    assert figures["kappa"] == 0.0


def test_more_seeds_do_not_make_more_samples():
    run = evaluate(np.array([0, 1, 1, 0]), np.eye(2)[[0, 1, 0, 1]], ("a", "b"))
    summary = over_seeds([run, {**run, "balanced_accuracy": run["balanced_accuracy"] + 0.2}])
    assert summary["balanced_accuracy"] == pytest.approx(run["balanced_accuracy"] + 0.1)
    assert summary["standard_error"] == run["standard_error"]
    assert summary["seed_sd"] == pytest.approx(0.1 * np.sqrt(2))


# ---------------------------------------------------------------- config


def test_the_paper_preset_is_the_papers():
    config = load_config("paper")
    o, loss = config.optimiser, config.loss
    assert (o.name, o.learning_rate, o.batch, o.epochs, o.early_stopping, o.plateau) == (
        "adam",
        8e-6,
        64,
        30,
        5,
        2,
    )
    assert (loss.cross_entropy, loss.focal, loss.gamma) == (1.0, 0.5, 2.0)
    assert (config.split.kind, config.split.fraction) == ("holdout", 0.3)
    assert config.init == {"speech_trunk": "vgg16", "image_trunk": "vgg19"}
    assert config.network["width"] == 1.0


def test_keys_lie_over_their_preset(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('preset = "small"\n[optimiser]\nepochs = 3\nlearning_rate = 1\n[run]\nseeds = [4, 5]\n')
    config, small = load_config(file), load_config("small")
    assert (config.optimiser.epochs, config.optimiser.learning_rate) == (3, 1.0)
    assert config.optimiser.batch == small.optimiser.batch
    assert config.run.seeds == (4, 5)


def test_a_presets_network_options_are_for_its_own_kind():
    other = TrainingConfig.from_tables({"preset": "paper", "network": {"kind": "tiny", "hidden": 3}})
    assert (other.network, other.init) == ({"kind": "tiny", "hidden": 3}, {})
    assert other.optimiser == load_config("paper").optimiser
    same = TrainingConfig.from_tables({"preset": "paper", "network": {"width": 0.5}})
    assert (same.network["width"], same.network["fusion"]) == (0.5, "crisscross")


@pytest.mark.parametrize("preset", ["paper", "small"])
def test_a_config_survives_its_tables(preset):
    config = load_config(preset)
    text = toml.dumps(config.to_tables())
    assert TrainingConfig.from_tables({**tomllib.loads(text), "preset": ""}) == replace(config, preset="")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[optimiser]\nprecision = "8"', "precision"),
        ("[optimizer]", "unknown key optimizer"),
        ("[optimiser]\nlr = 1", "unknown key lr"),
        ("[optimiser]\nepochs = 1.5", "epochs = 1.5"),
        ("[optimiser]\nepochs = 0", "at least 1"),
        ("[optimiser]\nepochs = true", "epochs = True"),
        ("optimiser = 3", "not a table"),
        ('preset = "large"', "no preset 'large'"),
        ('[split]\nkind = "loso"\n', "run.fit"),
        ('[split]\nkind = "thirds"', "split.kind"),
        ("[run]\nseeds = [1, 1]", "seeds"),
        ('[run]\nstreams = ["text"]', "streams"),
        ("[augment]\ndrop_image = 0.7\ndrop_speech = 0.7", "augment"),
        ('[[stages]]\nstream = "video"', "stages"),
        ("[loss]\ncross_entropy = 0\nfocal = 0", "loss"),
        ("[front]\nmels = 3", "128"),
        ("[front", "TOML"),
    ],
)
def test_a_config_that_cannot_be_is_explained(tmp_path, text, message):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(SierError, match=message) as caught:
        load_config(file)
    assert caught.value.hint


def test_a_config_that_is_not_there(tmp_path):
    with pytest.raises(SierError, match=r"none\.toml"):
        load_config(tmp_path / "none.toml")


def test_toml_survives_awkward_values():
    table = {
        "a": 1, "b": 1.5e-6, "c": True, "d": 'quote " back \\ line\n tab\t ü', "e": [1, [2.0]], "none": None,
        "t": {"x y": "z", "deep": {"k": []}, "list": [{"p": 1, "q": "r"}]},
    }  # fmt: skip
    expected = {key: value for key, value in table.items() if value is not None}
    assert tomllib.loads(toml.dumps(table)) == expected


# ---------------------------------------------------------------- augmentation


def test_switched_off_nothing_changes():
    rng = np.random.default_rng(0)
    for m, channels in ((Modality.IMAGE, 3), (Modality.SPEECH, 1)):
        batch = torch.rand(3, channels, 128, 128)
        assert torch.allclose(augment(m, batch, NOTHING, rng), batch, atol=1e-6)


@pytest.mark.parametrize(("modality", "channels"), [(Modality.IMAGE, 3), (Modality.SPEECH, 1)])
def test_the_seed_decides_and_the_input_stays(modality, channels):
    batch = torch.rand(4, channels, 128, 128)
    before = batch.clone()
    one, two, other = (augment(modality, batch, Augment(), np.random.default_rng(s)) for s in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(batch, before)
    assert 0 <= one.min() <= one.max() <= 1


def test_a_flip_is_a_flip():
    config = Augment(**{**vars(NOTHING), "flip": True})
    batch = torch.rand(40, 3, 128, 128)
    changed = augment(Modality.IMAGE, batch, config, np.random.default_rng(0))
    kinds = [
        "same"
        if torch.allclose(a, b, atol=1e-5)
        else "flipped"
        if torch.allclose(a, b.flip(2), atol=1e-5)
        else "?"
        for a, b in zip(changed, batch, strict=True)
    ]
    assert set(kinds) == {"same", "flipped"}


def test_a_shift_stays_within_its_share():
    config = Augment(**{**vars(NOTHING), "shift": 0.1})
    batch = torch.zeros(50, 3, 128, 128)
    batch[:, :, 64, 64] = 1
    rows, columns = np.arange(128)[:, None], np.arange(128)[None]
    for picture in augment(Modality.IMAGE, batch, config, np.random.default_rng(0))[:, 0].numpy():
        y, x = (picture * rows).sum() / picture.sum(), (picture * columns).sum() / picture.sum()
        assert max(abs(y - 64), abs(x - 64)) <= 12.81


def test_patches_and_segments_are_those_of_explaining():
    config = Augment(**{**vars(NOTHING), "image_patches": 0.9, "speech_segments": 0.9})
    rng = np.random.default_rng(0)
    picture = augment(Modality.IMAGE, torch.ones(20, 3, 128, 128), config, rng)
    cells = picture.reshape(20, 3, 8, 16, 8, 16).transpose(3, 4).flatten(4)
    assert torch.equal(cells.amin(-1), cells.amax(-1))
    assert 0.05 < (cells == 0).float().mean() < 0.9
    mel = augment(Modality.SPEECH, torch.ones(20, 1, 128, 128), config, rng)
    segments = mel[:, 0].reshape(20, 128, 16, 8)
    assert torch.equal(segments.amin((1, 3)), segments.amax((1, 3)))


def test_a_time_shift_leaves_silence_behind():
    config = Augment(**{**vars(NOTHING), "time_shift": 0.5})
    batch = torch.ones(30, 1, 128, 128) * torch.linspace(0.1, 1, 128)
    for mel in augment(Modality.SPEECH, batch, config, np.random.default_rng(0)):
        row = mel[0, 0]
        sounding = row[row > 0]
        assert 64 <= len(sounding) <= 128
        assert (sounding.diff() > 0).all()  # nothing wrapped around


def test_streams_are_dropped_as_often_as_asked_and_never_both():
    gone = dropped(20_000, Augment(drop_image=0.2, drop_speech=0.3), np.random.default_rng(0))
    assert gone[Modality.IMAGE].mean() == pytest.approx(0.2, abs=0.01)
    assert gone[Modality.SPEECH].mean() == pytest.approx(0.3, abs=0.01)
    assert not (gone[Modality.IMAGE] & gone[Modality.SPEECH]).any()
