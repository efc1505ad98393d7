"""Beside the network's row: which of the items it had learnt from, as far as the release says."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.nets.releases import Release, open_release
from sier_gui.core.study.caveats import Setting
from sier_gui.core.study.design import Design
from sier_gui.core.study.network import UNKNOWN, Learnt
from sier_gui.core.study.predicting import learnt_of
from sier_gui.core.study.protocol import load
from sier_gui.core.study.records import Kind, Modality, Response
from sier_gui.core.study.report import StudyReport, make_report, with_network

DEMO = str(paths.resources() / "demo")


@cache
def demo() -> tuple[Catalogue, Release]:
    return open_dataset(paths.resources() / "demo"), open_release(paths.models() / "demo" / "1")


def learnt(**training: object) -> Learnt:
    catalogue, release = demo()
    config = {**release.config, "training": {**release.config["training"], **training}}
    planned = Design(load("default"), DEMO, catalogue.classes, {}, {}, ())
    return learnt_of(replace(release, config=config), planned)


def report(samples: list[str]) -> StudyReport:
    said = [
        Response(
            "r1", 0, Modality.I.block, n, Kind.MAIN, 0, "", name, "sad", Modality.I, "sad", 2, 900.0, 0, True
        )
        for n, name in enumerate(samples)
    ]
    return make_report(said, Setting(models=False))


def test_the_release_says_which_samples_it_learnt_from() -> None:
    catalogue, release = demo()
    parts = dict(zip(catalogue.column("sample_id"), catalogue.column("split"), strict=True))
    # the demo release kept the dataset's own parts together, so that its column is what it learnt from
    assert learnt().samples == {name for name, part in parts.items() if part == "train"}
    run = {**release.config["training"]["run"], "fit": "all"}
    assert learnt(run=run).samples == set(parts)


def test_where_it_does_not_say_it_is_unknown_and_why() -> None:
    assert learnt(dataset="faces", dataset_hash="0" * 64) == Learnt(
        why="it was trained on faces, which may hold some of them"
    )
    assert learnt(dataset_hash="0" * 64).why == "it was trained on another state of demo"
    split = demo()[1].config["training"]["split"]
    assert learnt(split={**split, "seed": 5, "fraction": 0.9, "groups": ""}).samples is None


def test_the_row_has_a_self_check_of_its_own() -> None:
    catalogue, _release = demo()
    ids, parts = catalogue.column("sample_id").tolist(), catalogue.column("split").tolist()
    seen = [name for name, part in zip(ids, parts, strict=True) if part == "train"]
    unseen = [name for name, part in zip(ids, parts, strict=True) if part == "test"]
    known = learnt()

    def said(samples: list[str], by: Learnt) -> list[str]:
        table = report(samples)
        flags = with_network(table, {}, "demo/1", by).flags
        assert flags[: len(table.flags)] == table.flags
        return [flag.message for flag in flags if flag.check == "network"]

    assert said(seen[:3] + unseen[:5], known) == [
        "demo/1 was trained on 3 of the 8 items: on them its row is in-sample."
    ]
    assert said(unseen[:5], known) == []
    assert said(unseen[:5], UNKNOWN) == [
        "Whether demo/1 was trained on these items is unknown: its answers are a file's."
    ]
