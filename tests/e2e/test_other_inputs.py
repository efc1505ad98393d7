"""The whole path on generated inputs that are not like the demo: predict, explain, export, screenshot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fixtures.datasets import make_dataset

CASES = {
    "0.3 s": {"seconds": 0.3},
    "60 s": {"seconds": 60.0},
    "8 kHz stereo": {"rate": 8_000, "channels": 2},
    "3000×400": {"image_size": (3000, 400)},
    "400×3000": {"image_size": (400, 3000)},
    "3 classes": {"classes": ("negative", "neutral", "positive")},
    "8 classes": {"classes": ("anger", "calm", "disgust", "fear", "happy", "neutral", "sad", "surprise")},
    "10,000 characters": {"text_length": 10_000},
}


@pytest.fixture(scope="module")
def release_for(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, ...]], Path]:
    """An untrained release for any class set: the path is tested here, not the answer."""
    made: dict[tuple[str, ...], Path] = {}

    def make(classes: tuple[str, ...]) -> Path:
        import torch

        from sier_gui.core.nets.networks import NetworkConfig, build
        from sier_gui.core.nets.releases import write_release

        if classes not in made:
            torch.manual_seed(0)
            config = NetworkConfig("parallelnet", classes, width=0.0625)
            folder = tmp_path_factory.mktemp("releases") / "untrained" / "1"
            tables = {
                "release": {"schema": 1, "name": "untrained", "version": "1"},
                "network": config.to_table(),
                "front": {},
                "training": {},
            }
            write_release(folder, build(config), tables, "# untrained\n\nRandom weights, for tests.\n")
            made[classes] = folder
        return made[classes]

    return make


@pytest.mark.parametrize("name", CASES)
def test_the_whole_path(
    name: str,
    sier: Callable[..., Any],
    sier_json: Callable[..., Any],
    release_for: Callable[[tuple[str, ...]], Path],
    tmp_path: Path,
) -> None:
    case: dict[str, Any] = CASES[name]
    classes = tuple(sorted(case.get("classes", ("anger", "happy", "hate", "sad"))))
    dataset = make_dataset(tmp_path / "data", rows=len(classes), **case)
    release = release_for(classes)
    assert sier_json("validate", dataset) == []
    rows = sier_json("predict", dataset, "--release", release)
    assert len(rows) == len(classes)
    assert set(rows[0]["probabilities"]) == set(classes)
    chosen = ("--sample", "0001", "--release", release, "--grid", 4, "--segments", 8)
    result = sier_json("explain", dataset, *chosen)
    assert abs(result["residual"]) <= 1e-5
    manifest = sier_json("export", dataset, *chosen, "--format", "png,svg,pdf", "--out", tmp_path / "figures")
    assert all(Path(entry["file"]).stat().st_size > 1000 for entry in manifest if entry["format"] != "json")
    picture = tmp_path / "window.png"
    sier(dataset, "--release", release, "--sample", "0001", "--screenshot", picture, "--size", "1280x720")
    assert picture.read_bytes().startswith(b"\x89PNG")
