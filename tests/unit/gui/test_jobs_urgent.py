"""What is more urgent goes first at each check of a token, between yields."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from fixture_jobs import Log, wait_for
from pytestqt.qtbot import QtBot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import JobRunner, Priority


def test_what_is_more_urgent_goes_first_at_each_check_of_the_token(qtbot: QtBot, runner: JobRunner) -> None:
    order: list[str] = []
    started, go_on = threading.Event(), threading.Event()

    def survey(_report: Report, token: CancelToken) -> str:
        started.set()
        go_on.wait(5)
        for batch in range(3):
            token.check()
            order.append(f"batch {batch}")
        return "surveyed"

    def explain(_report: Report, _token: CancelToken) -> Iterator[str]:
        for step in ("coarse", "fine"):
            order.append(step)
            yield step

    slow = Log(runner.start("survey", survey, Priority.IDLE))
    assert started.wait(5)
    shown = Log(runner.start("explain", explain))
    go_on.set()
    qtbot.waitUntil(lambda: ("succeeded", "surveyed") in slow.said, timeout=5000)
    assert order == ["coarse", "fine", "batch 0", "batch 1", "batch 2"]
    assert shown.said == [("partial", "coarse"), ("partial", "fine"), ("succeeded", "fine")]


def test_within_what_goes_first_still_more_urgent_work_goes_first(qtbot: QtBot, runner: JobRunner) -> None:
    order: list[str] = []
    entered = {name: threading.Event() for name in ("survey", "check")}
    go_on = {name: threading.Event() for name in ("survey", "check")}

    def waiting(name: str) -> Any:
        def work(_report: Report, token: CancelToken) -> None:
            entered[name].set()
            go_on[name].wait(5)
            token.check()
            order.append(name)

        return work

    survey = Log(runner.start("survey", waiting("survey"), Priority.IDLE))
    assert entered["survey"].wait(5)
    runner.start("check", waiting("check"), Priority.ASKED)
    go_on["survey"].set()
    assert entered["check"].wait(5)  # it runs inside the survey's check
    runner.start("sample", lambda _report, _token: order.append("sample"), Priority.URGENT)
    runner.start("later", lambda _report, _token: order.append("later"), Priority.IDLE)
    go_on["check"].set()
    wait_for(qtbot, survey)
    qtbot.waitUntil(lambda: len(order) == 4, timeout=5000)
    assert order == ["sample", "check", "survey", "later"]


def test_what_fails_or_is_cancelled_inside_a_check_leaves_the_outer_work_alone(
    qtbot: QtBot, runner: JobRunner
) -> None:
    started, go_on = threading.Event(), threading.Event()

    def outer(_report: Report, token: CancelToken) -> str:
        started.set()
        go_on.wait(5)
        token.check()
        return "whole"

    def broken(_report: Report, _token: CancelToken) -> None:
        raise SierError("It broke.")

    slow = Log(runner.start("survey", outer, Priority.IDLE))
    assert started.wait(5)
    failed = Log(runner.start("explain", broken))
    dropped = Log(runner.start("predict", lambda _report, _token: 1))
    runner.cancel("predict")
    go_on.set()
    wait_for(qtbot, slow)
    assert slow.said == [("succeeded", "whole")]
    assert failed.said[0][0] == "failed"
    assert dropped.said == [("cancelled", None)]


def test_cancelling_the_outer_work_while_it_waits_ends_it_afterwards(qtbot: QtBot, runner: JobRunner) -> None:
    started, go_on, finished = threading.Event(), threading.Event(), threading.Event()
    batches: list[int] = []

    def outer(_report: Report, token: CancelToken) -> None:
        started.set()
        go_on.wait(5)
        token.check()
        batches.append(1)

    def urgent(_report: Report, _token: CancelToken) -> str:
        finished.wait(5)
        return "shown"

    slow = Log(runner.start("survey", outer, Priority.IDLE))
    assert started.wait(5)
    quick = Log(runner.start("explain", urgent))
    go_on.set()
    runner.cancel("survey")
    finished.set()
    wait_for(qtbot, slow)
    wait_for(qtbot, quick)
    assert slow.said == [("cancelled", None)]
    assert quick.said == [("succeeded", "shown")]
    assert batches == []


def test_closing_while_work_waits_inside_a_check(qtbot: QtBot) -> None:
    runner = JobRunner("nested")
    started, nested = threading.Event(), threading.Event()

    def outer(_report: Report, token: CancelToken) -> None:
        started.set()
        while True:
            token.check()

    def inner(_report: Report, token: CancelToken) -> None:
        nested.set()
        while True:
            token.check()

    runner.start("survey", outer, Priority.IDLE)
    assert started.wait(5)
    runner.start("explain", inner)
    assert nested.wait(5)
    assert runner.shutdown(2)


def test_a_hush_holds_work_at_its_next_check(qtbot: QtBot, runner: JobRunner) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(_report: Report, token: CancelToken) -> float:
        started.set()
        go_on.wait(5)
        token.check()
        return time.monotonic()

    log = Log(runner.start("survey", work, Priority.IDLE))
    assert started.wait(5)
    runner.hush(0.05)
    hushed = time.monotonic()
    go_on.set()
    wait_for(qtbot, log)
    assert log.said[0][1] - hushed >= 0.049


def test_a_token_asked_from_another_thread_only_answers(qtbot: QtBot, runner: JobRunner) -> None:
    begun, end = threading.Event(), threading.Event()

    def busy(_report: Report, _token: CancelToken) -> None:
        begun.set()
        end.wait(5)

    job = runner.start("survey", busy, Priority.IDLE)
    log = Log(job)
    assert begun.wait(5)
    runner.start("explain", lambda _report, _token: None)
    job.token.check()  # on this thread: neither waits nor works
    end.set()
    wait_for(qtbot, log)
