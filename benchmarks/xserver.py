"""A private X server, and the moment a process's first window is mapped: one clock for us and the peers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def x_server(size: str = "1600x1000") -> Iterator[str]:
    """Yield the name of a fresh display (needs Xvfb)."""
    read, write = os.pipe()
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            yield f":{pipe.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


def mapped_windows(display: object, smallest: int = 200) -> int:
    """Viewable top-level windows of at least ``smallest`` pixels each way (Qt keeps tiny hidden ones)."""
    from Xlib import X, error

    count = 0
    for window in display.screen().root.query_tree().children:  # type: ignore[attr-defined]
        with contextlib.suppress(error.BadWindow, error.BadDrawable):
            shape = window.get_geometry()
            big = shape.width >= smallest and shape.height >= smallest
            count += big and window.get_attributes().map_state == X.IsViewable
    return count


def cpu_seconds(pid: int) -> float:
    """Of the live threads of a process, from the kernel's scheduler."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def seconds_to_window(
    command: Sequence[str], display: str, environment: dict[str, str], limit: float = 60
) -> tuple[float, float]:
    """Start ``command`` and return seconds and CPU seconds until its first window is viewable; then end it.

    CPU seconds depend little on what else the machine does; they are the process's threads alive then.
    """
    from Xlib.display import Display

    connection = Display(display)
    started = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        env={**environment, "DISPLAY": display},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - started < limit:
            if mapped_windows(connection):
                return time.perf_counter() - started, cpu_seconds(process.pid)
            if process.poll() is not None:
                raise RuntimeError(
                    f"{command[0]} ended with status {process.returncode} before showing a window"
                )
        raise RuntimeError(f"{command[0]} showed no window within {limit} s")
    finally:
        process.kill()
        process.wait()
        connection.close()
