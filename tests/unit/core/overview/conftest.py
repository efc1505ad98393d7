"""A table of labels, known, foreign and absent ones, and predictions of most of its rows."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import write_table
from overview_tables import CLASSES, predicted

from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.query import PredictionTable

LABELS = (*CLASSES, "", "surprise")
ROWS = 150


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    rng = np.random.default_rng(1)
    rows = [
        {
            "sample_id": f"{n:03d}",
            "image": "i",
            "speech": "s",
            "text": "words",
            "label": str(rng.choice(LABELS)),
            "split": "test" if n % 3 == 0 else "train",
        }
        for n in range(ROWS)
    ]
    return open_dataset(write_table(tmp_path_factory.mktemp("overview") / "samples.csv", rows))


@pytest.fixture(scope="session")
def table(catalogue: Catalogue) -> PredictionTable:
    return predicted(catalogue, 2)
