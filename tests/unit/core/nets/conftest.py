"""A generated dataset whose classes can be told by picture and by sound, and tiny networks for it."""

import sys

import numpy as np
import pytest
import soundfile
from PIL import Image

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.nets.releases import write_release

CLASSES = ("anger", "happy", "sad")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def tiny_networks(tmp_path, monkeypatch):
    """An installed package, as importlib.metadata sees one, with the networks tiny and tiny_cached."""
    info = tmp_path / "site" / "tiny_network-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-network\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sier_gui.networks]\ntiny = tiny_network:TinyRaw\ntiny_cached = tiny_network:TinyCached\n"
        "gone = tiny_network:NoSuchNetwork\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert "torch" in sys.modules


def make_dataset(folder, count=36, speakers=4):
    """Class c has a stripe of colour c and a tone of 300·2^c Hz, over noise."""
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    rows = ["sample_id,image,speech,text,label,speaker"]
    for i in range(count):
        c = i % len(CLASSES)
        picture = rng.integers(0, 120, (64, 64, 3), np.uint8)
        picture[20:44, :, c] = 255
        Image.fromarray(picture).save(folder / f"{i}.png")
        seconds = np.arange(8_000) / 16_000
        tone = 0.3 * np.sin(2 * np.pi * 300 * 2**c * seconds) + 0.01 * rng.standard_normal(8_000)
        soundfile.write(folder / f"{i}.wav", tone, 16_000)
        rows.append(f"s{i},{i}.png,{i}.wav,words,{CLASSES[c]},voice{i // len(CLASSES) % speakers}")
    (folder / "samples.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("nets") / "tones")


@pytest.fixture
def new_dataset():
    return make_dataset


@pytest.fixture
def catalogue(dataset_folder):
    return open_dataset(dataset_folder)


@pytest.fixture
def make_release():
    """Writes an untrained release of a narrow ParallelNet into a folder."""
    import torch

    def make(folder, name="small", version="1", classes=CLASSES, dataset_hash="", half=False):
        torch.manual_seed(0)
        network = build(NetworkConfig("parallelnet", tuple(classes), 1 / 64))
        tables = {
            "release": {"schema": 1, "name": name, "version": version},
            "network": network.config.to_table(),
            "front": {"image_fit": "pad"},
            "training": {"dataset_hash": dataset_hash},
        }
        return write_release(folder, network, tables, "# A card\n", half=half)

    return make
