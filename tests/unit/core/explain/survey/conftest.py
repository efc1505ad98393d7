"""A generated dataset and a small real release, made once."""

from __future__ import annotations

import pytest
from datasets import make_dataset
from survey_samples import small_release

from sier_gui.core.dataset.catalogue import open_dataset

CLASSES = ("anger", "happy", "sad")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    return small_release(tmp_path_factory.mktemp("releases") / "small" / "1", CLASSES)


@pytest.fixture
def folder(tmp_path):
    """Ten samples in three classes."""
    return make_dataset(tmp_path / "data", rows=10, classes=CLASSES, seconds=0.5, image_size=(48, 40))


@pytest.fixture
def catalogue(folder):
    return open_dataset(folder)
