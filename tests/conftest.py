"""What every test needs: no display, no network threads, and a home of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's project with drawn items and prepared stimuli, to be copied (see `rating`)."""
    from rating import write_study

    return write_study(tmp_path_factory.mktemp("made"))


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, cache and data of the program lie in a fresh folder; subprocesses inherit it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SIER_GUI_HOME", str(home))
    return home
