"""Installed adapters are found through their entry point; a broken one is reported and in nobody's way."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from fixtures.datasets import make_class_folders, make_dataset
from fixtures.layouts import make_ravdess

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.errors import SierError

ADAPTER = """
import pyarrow as pa

class Lines:
    name = "lines"

    def matches(self, path):
        return path.suffix == ".lines"

    def read(self, path):
        names = path.read_text().split()
        return pa.table({
            "sample_id": names, "image": [f"{n}.png" for n in names], "speech": [f"{n}.wav" for n in names],
            "text": [""] * len(names), "label": ["joy"] * len(names), "age": [None] + [7] * (len(names) - 1),
        })
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with one adapter, as pip would: a module and a dist-info folder on the path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(module: str, code: str, target: str) -> None:
        (site / f"{module}.py").write_text(textwrap.dedent(code))
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[sier_gui.adapters]\n{module} = {module}:{target}\n")

    return install


def test_a_third_party_adapter(install, tmp_path):
    install("sier_lines_a", ADAPTER, "Lines")
    (tmp_path / "my.lines").write_text("one two")
    catalogue = open_dataset(tmp_path / "my.lines")
    assert (catalogue.adapter, catalogue.classes, len(catalogue)) == ("lines", ("joy",), 2)
    assert catalogue.root == tmp_path
    assert catalogue.column("age").tolist()[1] == 7
    assert len(catalogue.dataset_hash) == 64


def test_the_example_of_the_docs(install, tmp_path):
    page = Path(__file__).resolve().parents[4] / "docs/adapters.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    install("sier_emo_db", code, "EmoDb")
    (tmp_path / "set/wav").mkdir(parents=True)
    for name in ("03a01Fa", "03a01Wa", "08b10Lc"):
        (tmp_path / f"set/wav/{name}.wav").touch()
    catalogue = open_dataset(tmp_path / "set")
    assert (catalogue.adapter, catalogue.classes) == ("emo_db", ("anger", "happy"))
    assert catalogue.sample(1).extra == {"speaker": "03"}
    assert catalogue.sample(1).label == "anger"


def test_an_installed_adapter_comes_before_the_built_in_ones(install, tmp_path):
    code = """
    import pyarrow as pa

    class Mine:
        name = "mine"

        def matches(self, path):
            return (path / "Actor_01").is_dir()

        def read(self, path):
            return pa.table({name: ["x"] for name in ("sample_id", "image", "speech", "text", "label")})
    """
    install("sier_mine", code, "Mine")
    assert open_dataset(make_ravdess(tmp_path / "set")).adapter == "mine"


@pytest.mark.parametrize(
    ("module", "code", "target"),
    [
        ("sier_broken_a", "raise RuntimeError('boom')", "X"),
        ("sier_broken_b", "X = 1", "Absent"),
        (
            "sier_broken_c",
            "class X:\n    name = 'x'\n    def matches(self, path):\n        return 1 / 0\n",
            "X",
        ),
        ("sier_broken_d", "class X:\n    def matches(self, path):\n        return True\n", "X"),
    ],
)
def test_a_broken_adapter_is_reported(install, tmp_path, module, code, target):
    install(module, code, target)
    folders = make_class_folders(tmp_path / "classes", per_class=1)
    catalogue = open_dataset(folders)
    assert len(catalogue) == 4
    (problem,) = catalogue.problems
    assert "does not work" in problem.reason
    assert open_dataset(make_dataset(tmp_path / "native", rows=1)).problems == ()
    with pytest.raises(SierError, match="does not work"):
        open_dataset(tmp_path / "site")


def test_an_adapter_says_why_it_cannot_read(install, tmp_path):
    code = """
    from sier_gui.core.errors import SierError

    class X:
        name = "x"

        def matches(self, path):
            return path.suffix == ".sayer"

        def read(self, path):
            raise SierError("Line 3 is odd.", "Correct it.")
    """
    install("sier_sayer", code, "X")
    (tmp_path / "a.sayer").write_text("")
    with pytest.raises(SierError, match="Line 3 is odd"):
        open_dataset(tmp_path / "a.sayer")


def test_an_adapter_whose_table_lacks_a_column(install, tmp_path):
    install("sier_lines_b", ADAPTER.replace('"label"', '"mood"').replace("Lines", "Lines2"), "Lines2")
    (tmp_path / "my.lines").write_text("one two")
    with pytest.raises(SierError, match="no column for label"):
        open_dataset(tmp_path / "my.lines")
