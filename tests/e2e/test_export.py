"""`sier-gui export` from outside: a query, a template, and a figure made again from itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_query_is_exported_and_one_figure_made_again(
    sier_json: Callable[..., Any], sier: Callable[..., Any], demo: Path, tmp_path: Path
) -> None:
    out, again = tmp_path / "out", tmp_path / "again"
    manifest = sier_json(
        "export", demo, "--query", "label:hate hate-test-0 sort:-sample_id", "--release", "demo",
        "--method", "modality", "--template", "one-column", "--format", "png,html", "--out", out,
    )  # fmt: skip
    ids = list(dict.fromkeys(entry["sample_id"] for entry in manifest))
    assert ids == [f"hate-test-0{i}" for i in range(9, 0, -1)] + [""]  # "": the page of all
    assert (out / "all.report.html").is_file()
    sier("export", "--from", out / "hate-test-05.png", "--format", "png", "--out", again)
    facts = [file.read_bytes() for file in (out / "hate-test-05.png", again / "hate-test-05.png")]
    assert facts[0] != facts[1]  # another list of formats lies inside
    sier("export", "--from", out / "hate-test-05.html", "--out", again)
    for name in ("hate-test-05.png", "hate-test-05.html", "hate-test-05.json"):
        assert (out / name).read_bytes() == (again / name).read_bytes()


def test_what_cannot_be_is_refused(sier: Callable[..., Any], demo: Path, tmp_path: Path) -> None:
    assert "needs a dataset" in sier("export", "--all", "--out", tmp_path, status=2).stderr
    refused = sier("export", demo, "--all", "--template", "mosaic", "--out", tmp_path, status=1)
    assert "no template 'mosaic'" in refused.stderr
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert "a.png" in sier("export", "--from", tmp_path / "a.png", "--out", tmp_path, status=1).stderr
