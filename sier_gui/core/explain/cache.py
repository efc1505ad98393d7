"""Explanations kept on disk, so that a sample seen before reopens without asking the network."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sier_gui.core import paths
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import CODE_VERSION, Attribution, ExplainRequest
from sier_gui.core.explain.players import Players

_log = logging.getLogger(__name__)

LIMIT_BYTES = 256 * 2**20
LOOKED_THROUGH = 64  # times until a whole limit was written: how often the folder's size is looked at
_SCALARS = (
    *("sample_id", "target", "method", "evaluations", "seconds", "seed", "absence", "value"),
    *("release_hash", "sample_hash", "code_version"),
)
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)


def cache_key(release_hash: str, sample_hash: str, players: Players, request: ExplainRequest) -> str:
    """Names all that an explanation's numbers depend on. The class does not: every class is kept."""
    parts = {
        "release": release_hash,
        "sample": sample_hash,
        "players": players.describe(),
        "tree": "longer side halved",
        "absence": request.absence,
        "value": request.value,
        "method": request.method,
        "seed": request.seed,
        "budget": request.budget,
        "error": request.error,
        "seconds": request.seconds,
        "precision": request.precision,
        "code": CODE_VERSION,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class AttributionCache:
    """One file per explanation: an npz archive without pickles, its facts as JSON inside.

    Safe for several processes: files appear whole (`paths.atomic_file`), and one that another process
    has just evicted is a miss. A damaged file is logged, removed and computed again; a folder that
    cannot be written costs the cache, never the explanation.

    Parameters
    ----------
    folder : default: the user's cache folder.
    limit_bytes : the least recently used files go when the folder holds more, by a 64th at most.
    """

    _written: ClassVar[dict[Path, int]] = {}  # bytes since the folder's size was looked at, in this process

    def __init__(self, folder: Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder or paths.user_folder("cache") / "attributions"
        self.limit_bytes = limit_bytes

    def get(self, key: str) -> Attribution | None:
        """The explanation kept under ``key``, marked as used just now."""
        file = self._file(key)
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("Cannot read the kept explanation %s: %s.", file, error)
            return None
        try:
            attribution = _unpack(data)
        except _DAMAGE as error:
            _log.warning("The kept explanation %s is damaged (%s); it is computed again.", file, error)
            self._remove(file)
            return None
        self._date(file)
        return attribution

    def put(self, key: str, attribution: Attribution, *, asked_for: bool = True) -> None:
        """Keep a complete explanation.

        ``asked_for`` False: it was computed among many, and goes before anything that somebody looked at; one
        that is there stays as it is.
        """
        if not asked_for and self._file(key).is_file():
            return
        data = _pack(attribution)
        try:
            paths.write_bytes(self._file(key), data)
        except SierError as error:
            _log.warning("This explanation is not kept for later. %s", error)
            return
        if not asked_for:
            self._date(self._file(key), (0.0, 0.0))
        # looking at 40,000 files takes a fifth of a second: not for each of a survey's samples
        written = self._written.get(self.folder, self.limit_bytes) + len(data)
        if written * LOOKED_THROUGH >= self.limit_bytes:
            self._evict()
            written = 0
        self._written[self.folder] = written

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.npz"

    def _date(self, file: Path, times: tuple[float, float] | None = None) -> None:
        """When it was used last; None: just now."""
        try:
            os.utime(file, times)
        except OSError as error:  # evicted meanwhile, or a read-only folder: its place in the order is off
            _log.debug("Cannot mark %s as used: %s.", file, error)

    def _remove(self, file: Path) -> None:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("Cannot remove %s: %s.", file, error)

    def _evict(self) -> None:
        kept = []
        for entry in os.scandir(self.folder):
            try:
                facts = entry.stat()
            except FileNotFoundError:
                continue  # another process was faster
            if entry.name.endswith(".npz") and not entry.name.startswith("."):
                kept.append((facts.st_mtime_ns, facts.st_size, Path(entry.path)))
        excess = sum(size for _, size, _ in kept) - self.limit_bytes
        for _, size, file in sorted(kept):
            if excess <= 0:
                return
            self._remove(file)
            excess -= size


def _pack(attribution: Attribution) -> bytes:
    arrays = {
        "f_none": attribution.f_none,
        "f_all": attribution.f_all,
        "segment_edges_s": attribution.segment_edges_s,
    }
    arrays |= {f"values/{m}": v for m, v in attribution.values.items()}
    arrays |= {f"split/{m}": v for m, v in attribution.split.items()}
    arrays |= {f"stderr/{m}": v for m, v in (attribution.stderr or {}).items()}
    facts = {name: getattr(attribution, name) for name in _SCALARS}
    facts |= {"classes": attribution.classes, "provenance": dict(attribution.provenance)}
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpack(data: bytes) -> Attribution:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    facts: dict[str, Any] = json.loads(arrays["facts"].tobytes())

    def group(prefix: str) -> dict[Modality, Any]:
        return {m: arrays[f"{prefix}/{m}"] for m in Modality if f"{prefix}/{m}" in arrays}

    return Attribution(
        **{name: facts[name] for name in _SCALARS},
        classes=tuple(facts["classes"]),
        complete=True,
        values=group("values"),
        split=group("split"),
        f_none=arrays["f_none"],
        f_all=arrays["f_all"],
        stderr=group("stderr") or None,
        segment_edges_s=arrays["segment_edges_s"],
        provenance=facts["provenance"],
    )
