"""The way through the prompts."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.study.reading import Reading, prompts_of
from sier_gui.core.study.takes import Prompt

FIVE = [Prompt(name, name, name) for name in "abcde"]


def at(reading: Reading) -> str:
    assert reading.current is not None
    return reading.current.sample_id


def test_accepting_goes_on_skipping_comes_back_at_the_end() -> None:
    reading = Reading(FIVE, accepted="b")
    seen = []
    for step in (reading.accept, reading.skip, reading.accept, reading.accept):
        seen.append(at(reading))
        step()
    assert seen == ["a", "c", "d", "e"]
    assert at(reading) == "c"
    assert not reading.finished
    reading.accept()
    assert reading.finished
    assert at(reading) == "c"


def test_back_reaches_what_was_accepted_and_rejecting_opens_it_again() -> None:
    reading = Reading(FIVE)
    reading.accept()
    reading.accept()
    reading.back()
    assert at(reading) == "b"
    reading.mark("b", accepted=False)
    assert "b" not in reading.accepted
    reading.mark("d", accepted=True)
    reading.accept()
    assert at(reading) == "c"
    reading.accept()
    assert at(reading) == "e"
    for _ in range(9):
        reading.back()
    assert at(reading) == "a"


def test_reopening_resumes_at_the_first_open_prompt() -> None:
    assert at(Reading(FIVE, accepted="ab", skipped="c")) == "d"
    assert at(Reading(FIVE, accepted="abde", skipped="c")) == "c"
    assert Reading(FIVE, accepted="abcdexyz").finished
    assert Reading([]).current is None
    assert Reading([]).finished


@given(st.lists(st.sampled_from(["accept", "skip", "back"]), max_size=40))
def test_accepting_from_anywhere_ends(steps: list[str]) -> None:
    reading = Reading(FIVE)
    for step in steps:
        getattr(reading, step)()
    for _ in range(len(FIVE)):
        if reading.finished:
            break
        assert at(reading) not in reading.accepted or "back" in steps
        if at(reading) in reading.accepted:
            reading._to_next_open(reading.index)
        reading.accept()
    assert reading.finished
    assert not reading.skipped


def test_prompts_carry_no_label_and_the_raw_text_beside(tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text(
        "sample_id,image,speech,text,label\n"
        's1,a.png,a.wav,"@anna see https://x.yz/1 #joy now",happy\n'
        "s2,b.png,b.wav,http://only.a/link,sad\n",
        encoding="utf-8",
    )
    prompts = prompts_of(open_dataset(tmp_path))
    assert prompts == [Prompt("s1", "see joy now", "@anna see https://x.yz/1 #joy now")]
