"""One thread, many wishes: superseding, cancelling, giving way and ending."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from fixture_jobs import Log, wait_for
from pytestqt.qtbot import QtBot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Progress, Report
from sier_gui.gui.jobs import JobRunner, Priority


def test_a_function_delivers_its_result_on_the_gui_thread(qtbot: QtBot, runner: JobRunner) -> None:
    where: list[str] = []

    def work(_report: Report, _token: CancelToken) -> int:
        where.append(threading.current_thread().name)
        return 7

    log = Log(runner.start("sum", work))
    wait_for(qtbot, log)
    assert log.said == [("succeeded", 7)]
    assert where == ["sier-gui test"]
    assert not runner.busy("sum")


def test_a_generator_delivers_partials_and_its_last_value(qtbot: QtBot, runner: JobRunner) -> None:
    def work(_report: Report, _token: CancelToken) -> Iterator[int]:
        yield from (1, 2, 3)

    log = Log(runner.start("count", work))
    wait_for(qtbot, log, count=4)
    assert log.said == [("partial", 1), ("partial", 2), ("partial", 3), ("succeeded", 3)]


def test_failure_is_delivered_and_the_thread_lives_on(qtbot: QtBot, runner: JobRunner) -> None:
    def broken(_report: Report, _token: CancelToken) -> None:
        raise SierError("It broke.", "Mend it.")

    log = Log(runner.start("work", broken))
    wait_for(qtbot, log)
    (what, error), *rest = log.said
    assert what == "failed"
    assert isinstance(error, SierError)
    assert not rest
    again = Log(runner.start("work", lambda _report, _token: "fine"))
    wait_for(qtbot, again)
    assert again.said == [("succeeded", "fine")]


def test_a_newer_job_supersedes_and_the_older_is_never_heard(qtbot: QtBot, runner: JobRunner) -> None:
    go = threading.Event()

    def first(_report: Report, token: CancelToken) -> str:
        go.wait(5)
        return "stale"  # ignores its token: the result must be dropped all the same

    old = Log(runner.start("look", first))
    new = Log(runner.start("look", lambda _report, _token: "fresh"))
    go.set()
    wait_for(qtbot, new)
    assert new.said == [("succeeded", "fresh")]
    assert old.said == []


def test_a_result_already_on_its_way_is_dropped(qtbot: QtBot, runner: JobRunner) -> None:
    done = threading.Event()

    def quick(_report: Report, _token: CancelToken) -> str:
        done.set()
        return "too late"

    old = Log(runner.start("look", quick))
    assert done.wait(5)  # no event loop has run: the delivery waits in the queue
    new = Log(runner.start("look", lambda _report, _token: "fresh"))
    wait_for(qtbot, new)
    assert old.said == []


def test_cancel_keeps_partials_and_runs_the_generators_end(qtbot: QtBot, runner: JobRunner) -> None:
    closed: list[bool] = []

    def endless(_report: Report, _token: CancelToken) -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.append(True)

    job = runner.start("explain", endless)
    log = Log(job)
    wait_for(qtbot, log)
    runner.cancel("explain")
    qtbot.waitUntil(lambda: ("cancelled", None) in log.said, timeout=5000)
    assert log.said[0] == ("partial", 0)
    assert log.said[-1] == ("cancelled", None)
    assert closed == [True]


def test_background_work_gives_way_at_its_next_yield(qtbot: QtBot, runner: JobRunner) -> None:
    order: list[str] = []
    started = threading.Event()
    go_on = threading.Event()

    def background(_report: Report, _token: CancelToken) -> Iterator[int]:
        started.set()
        go_on.wait(5)
        for number in range(3):
            order.append(f"background {number}")
            yield number

    def urgent(_report: Report, _token: CancelToken) -> None:
        order.append("urgent")

    slow = Log(runner.start("dataset", background, Priority.BACKGROUND))
    assert started.wait(5)
    runner.start("sample", urgent, Priority.URGENT)
    go_on.set()
    qtbot.waitUntil(lambda: ("succeeded", 2) in slow.said, timeout=5000)
    assert order == ["background 0", "urgent", "background 1", "background 2"]


def test_pause_and_resume(qtbot: QtBot, runner: JobRunner) -> None:
    def work(_report: Report, _token: CancelToken) -> Iterator[int]:
        yield from range(5)

    runner.pause("dataset", "user")
    log = Log(runner.start("dataset", work, Priority.BACKGROUND))
    after = Log(runner.start("other", lambda _report, _token: None))
    wait_for(qtbot, after)
    assert log.said == []
    runner.resume("dataset", "user")
    qtbot.waitUntil(lambda: ("succeeded", 4) in log.said, timeout=5000)


def test_what_two_hold_waits_for_both(runner: JobRunner) -> None:
    runner.pause("dataset", "user")
    runner.pause("dataset", "painting")
    runner.pause("dataset", "painting")
    runner.resume("dataset", "painting")
    assert runner.paused("dataset")
    runner.resume("dataset", "nobody")
    assert runner.paused("dataset")
    runner.resume("dataset", "user")
    assert not runner.paused("dataset")


def test_hushed_work_begins_when_the_time_is_over(qtbot: QtBot, runner: JobRunner) -> None:
    runner.hush(0.05)
    hushed = time.monotonic()
    log = Log(runner.start("work", lambda _report, _token: time.monotonic()))
    wait_for(qtbot, log)
    assert log.said[0][0] == "succeeded"
    assert log.said[0][1] - hushed >= 0.05  # never earlier; how much later is not this test's matter


def test_a_hushed_runner_still_closes(qtbot: QtBot, runner: JobRunner) -> None:
    runner.hush(3600)
    runner.start("work", lambda _report, _token: None)
    assert runner.shutdown(5)


def test_a_paused_job_can_be_cancelled(qtbot: QtBot, runner: JobRunner) -> None:
    runner.pause("dataset", "user")
    log = Log(runner.start("dataset", lambda _report, _token: 1))
    after = Log(runner.start("other", lambda _report, _token: None))
    wait_for(qtbot, after)
    runner.cancel("dataset")
    wait_for(qtbot, log)
    assert log.said == [("cancelled", None)]


def test_progress_comes_at_most_twenty_times_a_second_and_always_the_last(
    qtbot: QtBot, runner: JobRunner
) -> None:
    def busy(report: Report, _token: CancelToken) -> float:
        begun = time.monotonic()
        for number in range(1, 20_001):
            report(Progress(number, 20_000))
        return time.monotonic() - begun

    log = Log(runner.start("work", busy))
    qtbot.waitUntil(lambda: bool(log.said) and log.said[-1][0] == "succeeded", timeout=10_000)
    seconds = log.said[-1][1]
    shown = [value for what, value in log.said if what == "progressed"]
    assert shown[-1].done == 20_000
    assert len(shown) <= seconds * 20 + 2


def test_activity_and_end_are_announced(qtbot: QtBot, runner: JobRunner) -> None:
    ended: list[str] = []
    runner.ended.connect(ended.append)
    log = Log(runner.start("a", lambda _report, _token: 1))
    assert runner.busy("a")
    wait_for(qtbot, log)
    assert ended == ["a"]


def test_shutdown_ends_a_running_job_within_a_second(qtbot: QtBot) -> None:
    runner = JobRunner("short")

    def endless(_report: Report, token: CancelToken) -> Iterator[int]:
        while True:
            token.check()
            yield 1

    log = Log(runner.start("explain", endless))
    wait_for(qtbot, log)
    begun = time.monotonic()
    assert runner.shutdown(1.0)
    assert time.monotonic() - begun < 1.0
    said = len(log.said)
    qtbot.waitUntil(lambda: True)
    assert len(log.said) == said  # nothing arrives after the end
