"""Imports, withdrawal and merging from Record mode's menu."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from fixture_booth import Desk
from PySide6.QtCore import Qt
from voices import RATE, room, spoken

from sier_gui.core.audio.files import Audio, write_wav
from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Rater

Key = Qt.Key


def test_imports_are_checked_and_accepted_together(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    ids = [prompt.sample_id for prompt in desk.reading.prompts]
    for number, name in enumerate((ids[0], ids[1], "stranger")):
        sound = spoken(1.6 + number / 10) if number != 1 else np.zeros(RATE, np.float32)
        write_wav(tmp_path / "in" / f"{name}.wav", Audio(sound[:, None], RATE))
    desk.bench.record.booth.refresh()
    desk.bench.upkeep.import_files([str(path) for path in (tmp_path / "in").iterdir()])
    desk.until(lambda: any("2 recordings imported, 1 of them did not pass" in text for text in desk.told()))
    assert "stranger.wav" in desk.told()[-1]
    desk.bench.actions.trigger("record.accept_all")
    desk.until(lambda: len(desk.reading.accepted) == 1)
    assert set(desk.project.accepted_takes()) == {("anna", ids[0])}


def test_withdrawal_is_told_and_the_list_is_empty_again(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    desk.say()
    desk.accept()
    desk.keys(Key.Key_Space)
    desk.microphone.deliver(spoken(1.0))  # a take is under way
    desk.bench.upkeep.withdraw()
    desk.microphone.deliver(room(1.0))
    desk.until(lambda: any("Withdrawn: reader anna" in text for text in desk.told()))
    assert desk.project.takes() == []
    assert not list((tmp_path / "study").glob("takes/anna/**/*"))
    assert not desk.page.people.known.isVisible()


def test_a_copy_is_merged_and_conflicts_are_listed(desk: Desk, tmp_path: Path) -> None:
    desk.make_project(tmp_path / "study")
    desk.add_reader("anna")
    desk.project._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(tmp_path / "study", tmp_path / "copy")
    with open_project(tmp_path / "copy") as copy:
        copy.add_reader(replace(copy.readers()[0], accent="Leeds"))
        copy.add_rater(Rater("r01"))
    desk.bench.upkeep.merge(str(tmp_path / "copy"))
    desk.until(lambda: any("Merged: 1 raters" in text for text in desk.told()))
    assert "1 conflicts" in desk.told()[-1]
    assert "'Leeds'" in desk.page.people.notices.text()
    assert [r.rater for r in desk.project.raters()] == ["r01"]
