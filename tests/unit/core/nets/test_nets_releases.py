"""A release loads as it was written, and anything wrong with it is one clear message."""

import json
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.nets import release_files, releases
from sier_gui.core.nets.release_files import write_sums


@pytest.fixture
def release(tmp_path, make_release):
    return make_release(tmp_path / "small" / "1")


def rewrite(release, change):
    """Change the stored tensors and list the new hash, as a careless or hostile author would."""
    file = release.folder / "weights.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    write_sums(release.folder)


def problem(folder):
    (one,) = releases.verify(releases.open_release(folder))
    return one


def test_round_trip(release, tmp_path):
    assert releases.verify(release) == []
    network = releases.load(release, "cpu")
    assert not network.module.training
    again = releases.load(releases.open_release(release.folder), "cpu")
    x = torch.rand(2, 3, 128, 128), torch.rand(2, 1, 128, 128)
    assert torch.equal(network.forward(*x), again.forward(*x))
    assert release.label == "small/1"
    assert release.classes == ("anger", "happy", "sad")
    assert release.front.image_fit == "pad"
    assert release.card == "# A card\n"
    assert len(release.weights_hash) == 64
    assert (release.folder / "weights.safetensors").stat().st_mode & 0o044 == 0o044 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_half_precision_is_half_the_size_and_loads_as_float32(tmp_path, make_release):
    whole, half = make_release(tmp_path / "a"), make_release(tmp_path / "b", half=True)
    sizes = [(r.folder / "weights.safetensors").stat().st_size for r in (whole, half)]
    assert sizes[1] < 0.6 * sizes[0]
    network = releases.load(half, "cpu")
    assert all(p.dtype is torch.float32 for p in network.module.parameters())


@pytest.mark.parametrize("name", ["weights.safetensors", "config.toml", "expected.json", "CARD.md"])
def test_one_changed_byte_is_found(release, name):
    file = release.folder / name
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    with pytest.raises(SierError, match=name.replace(".", r"\.")):
        releases.load(releases.open_release(release.folder), "cpu")


class Bomb:
    def __reduce__(self):
        return os.system, ("touch exploded",)


def test_a_pickle_is_refused_unopened(release, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (release.folder / "weights.safetensors").write_bytes(pickle.dumps(Bomb()))
    write_sums(release.folder)
    assert "not a safetensors file" in problem(release.folder)
    torch.save({"w": torch.zeros(3)}, release.folder / "weights.safetensors")
    write_sums(release.folder)
    assert "not a safetensors file" in problem(release.folder)
    assert not (tmp_path / "exploded").exists()


def test_a_header_that_lies_is_a_clear_error(release):
    file = release.folder / "weights.safetensors"
    for content in (
        b"",
        b"{",
        (2**40).to_bytes(8, "little") + b"{}",
        (5).to_bytes(8, "little") + b"{abcde" * 9,
    ):
        file.write_bytes(content)
        write_sums(release.folder)
        assert "safetensors" in problem(release.folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "config.toml", "expected.json", "SHA256SUMS"])
def test_a_missing_file_is_named(release, name):
    (release.folder / name).unlink()
    with pytest.raises(SierError, match=f"lacks {name}"):
        releases.open_release(release.folder)


def test_values_that_are_not_numbers(release):
    def spoil(tensors):
        tensors["head_image.0.weight"][0, 0] = float("nan")

    rewrite(release, spoil)
    assert "head_image.0.weight" in problem(release.folder)
    assert "NaN" in problem(release.folder)


def test_wrong_shapes_and_names(release):
    def reshape(tensors):
        tensors["late_weights"] = torch.zeros(4)

    rewrite(release, reshape)
    assert "shape of late_weights is (4,)" in problem(release.folder)

    def rename(tensors):
        tensors["late"] = tensors.pop("late_weights")

    rewrite(release, rename)
    assert "no late_weights, unknown late" in problem(release.folder)


def test_weights_of_another_network_do_not_answer_as_expected(release):
    rewrite(release, lambda tensors: tensors["head_image.6.bias"].add_(1.0))
    assert "away from expected.json" in problem(release.folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[release]", "[release]\ncolour = 1", "unknown"),
        ("[front]", "[front]\nmells = 3", "mells"),
        ("[front]", "[back]", "back"),
        ('image_fit = "pad"', "image_fit = 3", "image_fit"),
        ('image_fit = "pad"', 'image_fit = "pull"', "image_fit"),
        ('image_fit = "pad"', "mels = 64", "128"),
        ("[network]", "[network", "TOML"),
        ('kind = "parallelnet"', "", "no kind"),
    ],
)
def test_a_config_that_cannot_be(release, old, new, message):
    file = release.folder / "config.toml"
    file.write_text(file.read_text().replace(old, new))
    write_sums(release.folder)
    with pytest.raises(SierError, match=message):
        releases.open_release(release.folder)


def test_an_unknown_network_option_is_found_on_load(release):
    file = release.folder / "config.toml"
    file.write_text(file.read_text().replace("[network]", "[network]\nlayers = 7"))
    write_sums(release.folder)
    assert "layers" in problem(release.folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "a\\b", "C:x"])
def test_sums_cannot_point_outside(release, tmp_path, name):
    file = release.folder / "SHA256SUMS"
    file.write_text(f"{'0' * 64}  {name}\n" + file.read_text())
    with pytest.raises(SierError, match="no file of a release"):
        releases.open_release(release.folder)


def test_links_out_of_the_release_are_refused(release, tmp_path):
    weights = release.folder / "weights.safetensors"
    shutil.move(weights, tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    assert "leaves the release" in problem(release.folder)


def test_a_malformed_or_incomplete_list_of_hashes(release):
    file = release.folder / "SHA256SUMS"
    whole = file.read_text()
    file.write_text(whole.replace("  weights.safetensors", " weights"))
    with pytest.raises(SierError, match="line"):
        releases.open_release(release.folder)
    file.write_text("\n".join(line for line in whole.splitlines() if "weights" not in line))
    with pytest.raises(SierError, match=r"no hash for weights\.safetensors"):
        releases.open_release(release.folder)


@pytest.mark.parametrize("content", ["[]", "{", '{"seed":0,"tolerance":"x","logits":[[0]]}', '{"seed":0}'])
def test_expected_logits_that_cannot_be_read(release, content):
    (release.folder / "expected.json").write_text(content)
    write_sums(release.folder)
    assert "expected.json" in problem(release.folder)


def test_expected_inputs_are_the_same_everywhere():
    inputs = release_files.expected_inputs(7, 2)
    assert {m: x.shape for m, x in inputs.items()} == {"image": (2, 3, 128, 128), "speech": (2, 1, 128, 128)}
    oracle = np.random.default_rng(7).random((2, 3, 128, 128), dtype=np.float32)
    assert (inputs["image"] == oracle).all()


# ---------------------------------------------------------------- choosing


@pytest.fixture
def installed(tmp_path, monkeypatch, make_release):
    """demo/1 and faces/{9,10} for three classes, other/1 for two; faces/9 was trained on dataset "abc"."""
    monkeypatch.setattr(paths, "models", lambda: tmp_path / "shipped")
    monkeypatch.setenv("SIER_GUI_HOME", str(tmp_path / "home"))
    make_release(tmp_path / "shipped" / "demo" / "1", "demo", "1")
    make_release(tmp_path / "shipped" / "faces" / "9", "faces", "9", dataset_hash="abc")
    make_release(tmp_path / "shipped" / "faces" / "10", "faces", "10")
    make_release(tmp_path / "home" / "data" / "models" / "other" / "1", "other", "1", ("x", "y"))
    return tmp_path


def test_the_release_that_fits_is_chosen(installed):
    labels = [r.label for r in releases.list_releases()]
    assert labels == ["demo/1", "faces/9", "faces/10", "other/1"]
    three = ("sad", "happy", "anger")
    assert releases.choose_release(three).label == "faces/10"
    assert releases.choose_release(three, dataset_hash="abc").label == "faces/9"
    assert releases.choose_release(("y", "x")).label == "other/1"
    assert releases.choose_release(three[:2]).label == "faces/10"  # a dataset may lack a class
    assert releases.choose_release(()).label == "faces/10"
    assert releases.choose_release(three, name="demo").label == "demo/1"
    assert releases.choose_release(("y", "x"), name="faces/9").label == "faces/9"
    assert releases.choose_release((), name=str(installed / "shipped" / "demo" / "1")).label == "demo/1"


def test_none_fits_lists_what_there_is(installed, monkeypatch, tmp_path):
    with pytest.raises(SierError) as caught:
        releases.choose_release(("joy", "fear"))
    assert "joy, fear" in caught.value.message
    assert "demo/1 (anger, happy, sad)" in caught.value.hint
    with pytest.raises(SierError, match="no release 'dmeo'"):
        releases.choose_release((), name="dmeo")
    monkeypatch.setattr(paths, "models", lambda: tmp_path / "nothing")
    monkeypatch.setenv("SIER_GUI_HOME", str(tmp_path / "nothing"))
    with pytest.raises(SierError, match="No release is installed"):
        releases.choose_release(())


def test_a_damaged_release_does_not_hide_the_others(installed):
    (installed / "shipped" / "demo" / "1" / "config.toml").write_text("nonsense")
    assert [r.label for r in releases.list_releases()] == ["faces/9", "faces/10", "other/1"]


def test_listing_needs_no_torch(installed):
    script = (
        "import sys; from pathlib import Path; from sier_gui.core.nets import releases\n"
        f"r = releases.open_release(Path({str(installed / 'shipped' / 'demo' / '1')!r}))\n"
        "print(r.label, 'torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["demo/1", "False"]


def test_a_folder_that_is_no_release(tmp_path):
    with pytest.raises(SierError, match="no release folder"):
        releases.open_release(tmp_path / "nowhere")


def test_expected_json_is_readable_and_close(release):
    table = json.loads((release.folder / "expected.json").read_text())
    network = releases.load(release, "cpu")
    logits = release_files.expected_logits(network, table["seed"], len(table["logits"]))
    assert np.abs(logits - table["logits"]).max() <= table["tolerance"] <= 0.1
