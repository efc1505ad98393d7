"""The files of a release: hashes, weights, expected logits. Everything here distrusts what it reads."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import SHAPES, Network
from sier_gui.core.paths import write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

CONFIG, WEIGHTS, EXPECTED, SUMS, CARD = (
    "config.toml",
    "weights.safetensors",
    "expected.json",
    "SHA256SUMS",
    "CARD.md",
)
REQUIRED = (CONFIG, WEIGHTS, EXPECTED)
_SUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
BROKEN = "Fetch or train the release again."


def read_sums(folder: Path) -> dict[str, str]:
    """File name → sha256 from SHA256SUMS. Names must be plain, so that no line can point outside the folder.

    Raises
    ------
    SierError : a line is malformed, a name has a path in it, a required file is not listed.
    """
    sums: dict[str, str] = {}
    file = folder / SUMS
    for number, line in enumerate(read_text(file).splitlines(), 1):
        match = _SUM_LINE.fullmatch(line)
        if match is None:
            raise SierError(f"{file}, line {number} is not 'sha256  file'.", BROKEN)
        name = match[2]
        if name in (".", "..") or name != Path(name).name or "\\" in name or "\0" in name or ":" in name:
            raise SierError(f"{file}, line {number} names {name!r}, which is no file of a release.", BROKEN)
        sums[name] = match[1]
    for name in REQUIRED:
        if name not in sums:
            raise SierError(f"{file} lists no hash for {name}.", BROKEN)
    return sums


def check_sums(folder: Path) -> None:
    """Hold every listed file to its hash.

    Raises
    ------
    SierError : a file is missing, is a link out of the folder, or differs.
    """
    for name, expected in read_sums(folder).items():
        file = folder / name
        if not file.is_file():
            raise SierError(f"Release {folder} lacks {name}.", BROKEN)
        if file.resolve().parent != folder.resolve():
            raise SierError(f"{file} is a link that leaves the release.", "Put the file itself there.")
        if _sha256(file) != expected:
            raise SierError(f"{file} is damaged: its sha256 is not the one in {SUMS}.", BROKEN)


def load_weights(network: Network, file: Path) -> None:
    """Put the tensors of a safetensors file (any float type) into ``network`` as float32.

    Raises
    ------
    SierError : not safetensors (a pickle is never opened), other names or shapes, or values not finite.
    """
    tensors = read_tensors(file)
    own = network.module.state_dict()
    missing, surplus = sorted(set(own) - set(tensors)), sorted(set(tensors) - set(own))
    if missing or surplus:
        names = ", ".join([*(f"no {n}" for n in missing[:3]), *(f"unknown {n}" for n in surplus[:3])])
        raise SierError(f"{file} does not fit its network: {names}.", "Check [network] in config.toml.")
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            shapes = f"{tuple(tensor.shape)}, the network's is {tuple(own[name].shape)}"
            raise SierError(f"{file}: the shape of {name} is {shapes}.", "Check [network] in config.toml.")
        if tensor.is_floating_point():
            tensors[name] = tensor = tensor.float()
        if not tensor.isfinite().all():
            raise SierError(f"{file}: {name} has values that are not numbers (NaN or infinite).", BROKEN)
    network.module.load_state_dict(tensors)


def read_tensors(file: Path) -> dict[str, Any]:
    """The tensors of a safetensors file.

    Raises
    ------
    SierError : the file is anything else. Its first bytes decide, so a pickle is never opened.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            head = stream.read(9)
    except OSError as error:
        raise SierError(f"Cannot read {file}: {error.strerror}.", BROKEN) from error
    # 8 bytes: length of the JSON header, little endian; then the header's brace
    if len(head) < 9 or head[8:9] != b"{" or int.from_bytes(head[:8], "little") > size - 8:
        raise SierError(f"{file} is not a safetensors file; other kinds of weights are never opened.", BROKEN)
    try:
        return dict(load_file(file))
    except SafetensorError as error:
        raise SierError(f"{file} is a damaged safetensors file: {error}.", BROKEN) from error


def expected_inputs(seed: int, samples: int) -> dict[Modality, NDArray[np.float32]]:
    """The seeded input of ``expected.json``: uniform in [0, 1), the same on every machine."""
    generator = np.random.default_rng(seed)
    return {m: generator.random((samples, *shape), dtype=np.float32) for m, shape in SHAPES.items()}


def expected_logits(network: Network, seed: int, samples: int) -> NDArray[np.float64]:
    """(samples, C) logits of the seeded input; the network must be in evaluation mode on the CPU."""
    import torch

    inputs = expected_inputs(seed, samples)
    with torch.inference_mode():
        logits = network.forward(*(torch.from_numpy(inputs[m]) for m in (Modality.IMAGE, Modality.SPEECH)))
    return logits.double().numpy()


def check_expected(network: Network, file: Path) -> None:
    try:
        table = json.loads(read_text(file))
        wanted = np.asarray(table["logits"], np.float64)
        seed, tolerance = int(table["seed"]), float(table["tolerance"])
    except (ValueError, KeyError, TypeError) as error:
        raise SierError(f"{file} cannot be read: {error!r}.", BROKEN) from error
    if wanted.ndim != 2 or wanted.shape[1] != len(network.classes) or not 1 <= len(wanted) <= 16:
        raise SierError(f"{file} has logits of shape {wanted.shape}.", BROKEN)
    worst = float(np.abs(expected_logits(network, seed, len(wanted)) - wanted).max())
    if not worst <= tolerance:
        raise SierError(
            f"{file.parent}: logits are {worst:.3g} away from {EXPECTED} (tolerance {tolerance:g}).",
            "Its code and its weights do not belong together: fetch the release again.",
        )


def read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SierError(f"Cannot read {file}: {error}.", BROKEN) from error


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SierError(f"Cannot read {file}: {error.strerror}.", BROKEN) from error


# ---------------------------------------------------------------- writing


def write_sums(folder: Path) -> None:
    """List every plain file of ``folder`` in SHA256SUMS."""
    names = sorted(f.name for f in folder.iterdir() if f.is_file() and f.name != SUMS)
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in names]
    write_bytes(folder / SUMS, "".join(lines).encode())


def write_tensors(
    file: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """As safetensors, atomically. Tensors are copied to contiguous memory on the CPU."""
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(
        file, save(plain, dict(metadata or {}))
    )  # save_file would make it readable to its owner alone
