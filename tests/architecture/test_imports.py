"""The house's rules hold, and the linter that says so can be seen to fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, PYTHONPATH=str(folder))
    return subprocess.run(
        [str(LINTER), "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copied_tree(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "sier_gui", tmp_path / "sier_gui", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("core/audio/features.py", "from PySide6 import QtCore", "Core knows no Qt"),
        ("core/dataset/query.py", "import torch", "torch only in nets"),
        ("core/dataset/query.py", "from sier_gui.core.nets import releases", "Core: imports run downwards"),
        ("core/domain.py", "from sier_gui.gui import state", "The house"),
        ("gui/state.py", "from sier_gui.gui import main_window", "GUI: imports run downwards"),
        ("gui/modes/record/page.py", "from sier_gui.gui.workflows import record", "GUI: imports run"),
        ("gui/panels/samples.py", "from sier_gui.gui.panels import speech", "Panels never import each other"),
    ],
)
def test_planted_violation_is_caught(copied_tree: Path, file: str, line: str, contract: str) -> None:
    target = copied_tree / "sier_gui" / file
    target.write_text(target.read_text(encoding="utf-8") + f"\n{line}  # noqa\n", encoding="utf-8")
    result = lint(copied_tree)
    assert result.returncode != 0
    broken = [row for row in result.stdout.splitlines() if "BROKEN" in row]
    assert any(contract in row for row in broken), result.stdout


def test_a_module_outside_the_layers_is_caught(copied_tree: Path) -> None:
    (copied_tree / "sier_gui" / "core" / "utils.py").write_text("", encoding="utf-8")
    assert lint(copied_tree).returncode != 0


IMPORT_ALL = """
import importlib, pkgutil, sys
import sier_gui.core
for module in pkgutil.walk_packages(sier_gui.core.__path__, "sier_gui.core."):
    importlib.import_module(module.name)
print(",".join(m for m in ("PySide6", "pyqtgraph", "matplotlib", "torch", "pandas", "librosa")
               if m in sys.modules))
"""


def test_core_loads_without_the_heavy_libraries() -> None:
    result = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
