"""``sier-gui truth`` on the demo."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from sier_gui.cli import main
from sier_gui.core import paths

DEMO = str(paths.resources() / "demo")
SMALL = ("--grid", "2", "--segments", "2", "--release", "demo", "--device", "cpu")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["truth", DEMO, *SMALL, *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_samples_and_their_summary_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--sample", "sad-test-01", "sad-test-02", "--json", "-")
    assert status == 0
    found: dict[str, Any] = json.loads(out)
    assert found["schema"] == 1
    assert [s["sample_id"] for s in found["samples"]] == ["sad-test-01", "sad-test-02"]
    assert found["summary"]["samples"] == 2
    methods = {"owen", "gradcam", "gradients", "occlusion", "random"}
    assert set(found["samples"][0]["curves"]) == set(found["summary"]["areas"]) == methods
    assert found["samples"][0]["pointing"]["owen"]["image"].keys() == {"hit", "iou"}
    mean = sum(s["curves"]["owen"]["both"]["faithfulness"] for s in found["samples"]) / 2
    assert found["summary"]["areas"]["owen"]["both"]["faithfulness"]["mean"] == pytest.approx(mean)


def test_a_table_for_people_and_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    status, out, err = run(capsys, "--all", "--limit", "1")
    assert status == 0
    assert "deletion" in out
    assert "occlusion" in out
    assert "gradcam" not in out
    assert err.count("sier-gui[explainers]") == 1  # once, not for each method and sample
    assert "Traceback" not in err


def test_a_split_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "--sample", "sad-test-01", "--method", "modality")
    assert status == 1
    assert err.strip().count("\n") == 0


def test_limits_are_positive(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["truth", DEMO, "--all", "--limit", "0"])
    assert stopped.value.code == 2
    assert "--limit" in capsys.readouterr().err
