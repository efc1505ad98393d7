"""Render the dataset's page into a folder, offscreen, from generated numbers: to be looked at.

Usage: python tests/pictures/overview_gallery.py FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))

import numpy as np
import reports
from datasets import write_table
from PySide6.QtWidgets import QApplication

from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.query import PredictionTable, Query, select
from sier_gui.core.overview.modalities import collapse_warning, share_lines
from sier_gui.core.overview.picking import Points
from sier_gui.core.overview.projection import Layout
from sier_gui.core.overview.sides import side_by_side
from sier_gui.core.overview.summary import summarise
from sier_gui.core.settings import Settings
from sier_gui.core.tasks import Progress
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.panels.overview.page import DEGREE, MAP, SIDES, DatasetPage
from sier_gui.gui.state import AppState
from sier_gui.gui.theme import Theme

FOUR = ("anger", "happy", "hate", "sad")
EIGHT = (*FOUR, "calm", "disgust", "fearful", "surprised")
SIZES = ((872, 832), (752, 650))  # what the table leaves of 1400×900 and 1280×720


def predicted(catalogue: Catalogue, classes: tuple[str, ...], seed: int, share: float) -> PredictionTable:
    rng, n = np.random.default_rng(seed), len(catalogue)
    table = PredictionTable(catalogue, classes)
    logits = rng.normal(size=(n, len(classes)))
    logits[np.arange(n), np.maximum(table.labels, 0)] += 2.5
    shares = np.exp(logits)
    table.fill(np.arange(n), shares / shares.sum(axis=1, keepdims=True))
    table.image_share[:] = np.clip(rng.normal(share, 0.15 * min(share, 1.02 - share) * 2, n), 0, 1)
    table.disagree[:] = rng.random(n) < 0.2
    return table


def page_of(folder: Path, classes: tuple[str, ...], rows: int, share: float) -> tuple[AppState, DatasetPage]:
    rng = np.random.default_rng(1)
    labels = [*classes, "", "contempt"] if len(classes) > 4 else list(classes)
    cells = [
        {"sample_id": f"s{i:04d}", "image": "i", "speech": "s", "text": "t", "label": str(rng.choice(labels))}
        for i in range(rows)
    ]
    catalogue = open_dataset(write_table(folder / f"{rows}.csv", cells))
    state = AppState()
    actions = ActionTable(state, Settings(folder / "settings.json"))
    page = DatasetPage(state, actions)
    page.actions_shown = actions  # type: ignore[attr-defined] # a table that is let go takes its actions along
    state.set_dataset(catalogue)
    table = predicted(catalogue, classes, 2, share)
    state.set_predictions(table)
    state.set_rows(np.arange(rows))
    page.show_summary(summarise(catalogue, table), "pairs by demo/1")
    lines = share_lines(catalogue, table)
    page.show_warning(collapse_warning(lines))
    page.degree.show_shares(lines, bool(collapse_warning(lines)))
    centres = rng.normal(0, 4, (len(classes) + 1, 2))
    places = centres[table.labels] + rng.normal(size=(rows, 2))
    layout = Layout(np.arange(rows), places.astype(np.float32), "PCA", (0.31, 0.12))
    page.map.show_layout(layout, Points(layout.positions))
    page.sides.show_releases(["other/2"])
    second = predicted(catalogue, classes, 9, share)
    page.sides.show_sides(side_by_side(catalogue, table, second, ("demo/1", "other/2")))
    return state, page


def main(target: Path) -> None:
    application = QApplication([])
    target.mkdir(parents=True, exist_ok=True)
    for look in ("light", "dark"):
        theme = Theme(application, look)
        theme.use_font()
        with TemporaryDirectory() as folder:
            for kind, classes, rows, share in (
                ("four", FOUR, 144, 0.6),
                ("eight", EIGHT, 4000, 0.5),
                ("collapsed", FOUR, 300, 0.99),
            ):
                state, page = page_of(Path(folder), classes, rows, share)
                shots(target, page, state, f"overview-{kind}", look)
                page.deleteLater()
            empty = DatasetPage(
                state := AppState(), actions := ActionTable(state, Settings(Path(folder) / "s"))
            )
            actions.setParent(empty)
            empty.resize(*SIZES[0])
            empty.show()
            empty.grab().save(str(target / f"overview-nothing-{look}.png"))
            empty.close()


def shots(target: Path, page: DatasetPage, state: AppState, name: str, look: str) -> None:
    application = QApplication.instance()
    assert application is not None
    for size in SIZES:
        page.resize(*size)
        page.show()
        for tab, word in ((MAP, "map"), (DEGREE, "degree"), (SIDES, "sides")):
            page.tabs.setCurrentIndex(tab)
            if word == "degree" and "collapsed" in name:
                page.degree.show_degrees(reports.degree_table(0.985))
            if word == "map" and "eight" in name:
                assert state.dataset is not None
                query = Query(label="happy")
                state.set_rows(select(state.dataset, query, state.predictions))
                page.show_query(query)
                page.show_doubt("37 of 4,000 labels are likely wrong. demo/1 was trained on other data.")
                page.map.show_progress(Progress(3, 10, "UMAP"))
            application.sendPostedEvents()
            assert page.grab().save(str(target / f"{name}-{word}-{size[0]}-{look}.png"))
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
