"""The program by its command line, in its own process and its own home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the whole session, so that the cache is tested as a user meets it."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def sier(home: Path) -> Run:
    """Run ``sier-gui`` with arguments; checks the exit status (default 0)."""

    def run(*arguments: object, status: int = 0, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        environment = dict(
            os.environ, SIER_GUI_HOME=str(home), QT_QPA_PLATFORM="offscreen", OMP_NUM_THREADS="1"
        )
        environment.pop("DISPLAY", None)
        environment["PYTHONPATH"] = str(ROOT)
        result = subprocess.run(
            [sys.executable, "-m", "sier_gui", *map(str, arguments)],
            env=environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert result.returncode == status, f"{arguments}\n{result.stdout}\n{result.stderr}"
        assert "Traceback" not in result.stderr, result.stderr
        return result

    return run


@pytest.fixture
def sier_json(sier: Run) -> Callable[..., Any]:
    """Run with ``--json -`` and return what was printed."""

    def run(*arguments: object, status: int = 0) -> Any:
        return json.loads(sier(*arguments, "--json", "-", status=status).stdout)

    return run


@pytest.fixture(scope="session")
def demo() -> Path:
    return ROOT / "resources" / "demo"


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the project-internal test material is not beside this checkout")
    return folder
