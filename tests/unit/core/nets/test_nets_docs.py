"""The example of docs/networks.md does what the page says."""

import re
import sys
from pathlib import Path

import pytest

from sier_gui.core.nets import releases
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.nets.training import load_config, train

PAGE = Path(__file__).resolve().parents[4] / "docs" / "networks.md"


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The page's package, installed; returns the page's training config."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (_, entry), (_, code), (_, config) = blocks[:3]
    group, point = re.search(r'entry-points\."(.+?)"\]\n(.+)', entry).groups()
    name, _, target = point.replace('"', "").partition(" = ")
    site = tmp_path / "site"
    info = site / "my_package-1.dist-info"
    info.mkdir(parents=True)
    (site / "my_package.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "my_package", raising=False)  # another page's example
    (tmp_path / "config.toml").write_text(
        config
        + "\n[optimiser]\nepochs = 40\nlearning_rate = 0.05\nearly_stopping = 0\nclip = 0\n"
        + "[split]\nvalidation = 0\n"
    )
    return tmp_path / "config.toml"


def test_the_example_trains_loads_and_predicts(example, catalogue, tmp_path):
    release = train(catalogue, load_config(example), tmp_path / "out")
    assert release.network.kind == "colours"
    assert releases.verify(release) == []
    rows = range(len(catalogue))
    answers = [answer for _, answer in Predictor(release, "cpu").predict_rows(catalogue, rows)]
    assert sum(a.predicted == a.label for a in answers) >= 0.9 * len(catalogue)
