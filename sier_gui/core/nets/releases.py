"""Releases: a network that can be shipped, found, checked and loaded.

``<root>/<name>/<version>/`` holds ``CARD.md``, ``config.toml``, ``weights.safetensors``, ``expected.json``,
``SHA256SUMS`` and whatever else the trainer adds (``metrics.json``). Listing reads two small text files of
each and needs no torch; loading checks hashes first, then the weights, then the logits of a seeded input.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sier_gui.core import paths
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets import toml
from sier_gui.core.nets.networks import SHAPES, Network, NetworkConfig, build
from sier_gui.core.nets.release_files import (
    BROKEN,
    CARD,
    CONFIG,
    EXPECTED,
    REQUIRED,
    SUMS,
    WEIGHTS,
    check_expected,
    check_sums,
    expected_logits,
    load_weights,
    read_sums,
    write_sums,
    write_tensors,
)

TABLES = {"release", "network", "front", "training"}
RELEASE_KEYS = {"name", "version", "schema"}
EXPECTED_SEED, EXPECTED_SAMPLES = 20261121, 2


@dataclass(frozen=True)
class Release:
    """One folder of ``models/``. ``config``: its config.toml; ``card``: the text of CARD.md."""

    name: str
    version: str
    folder: Path
    config: Mapping[str, Any]
    card: str
    weights_hash: str  # sha256 of weights.safetensors as SHA256SUMS says; `load` holds the file to it

    @property
    def label(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def network(self) -> NetworkConfig:
        return NetworkConfig.from_table(self.config["network"])

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.config["network"]["classes"])

    @property
    def streams(self) -> tuple[Modality, ...]:
        """The modalities it looks at; another one that it is given changes nothing."""
        given = self.config["network"].get("streams", [str(m) for m in Modality])
        return tuple(m for m in Modality if str(m) in given)

    @property
    def front(self) -> FrontEnd:
        return front_from_table(self.config.get("front", {}), self.label)

    @property
    def dataset_hash(self) -> str | None:
        """Of the dataset it was trained on."""
        return self.config.get("training", {}).get("dataset_hash")


# ---------------------------------------------------------------- finding


def roots() -> tuple[Path, ...]:
    """Where releases are looked for: the shipped ones, then the user's own."""
    return paths.models(), paths.user_folder("data") / "models"


def list_releases() -> list[Release]:
    """All readable releases by name and ascending version. Damaged folders are left out."""
    found: dict[str, Release] = {}
    for root in roots():
        for config in sorted(root.glob(f"*/*/{CONFIG}")):
            try:
                release = open_release(config.parent)
            except SierError:
                continue  # one damaged folder must not hide the others; opened by name, it says what is wrong
            found[release.label] = release
    return sorted(found.values(), key=lambda r: (r.name, _version_key(r.version)))


def open_release(folder: Path) -> Release:
    """Read config, card and the list of hashes of ``folder``; nothing is verified yet.

    Raises
    ------
    SierError : a file is missing or cannot be read, or the config has unknown keys or values.
    """
    if not folder.is_dir():
        raise SierError(f"There is no release folder at {folder}.", "Check the path.")
    for name in (*REQUIRED, SUMS):
        if not (folder / name).is_file():
            raise SierError(f"Release {folder} lacks {name}.", BROKEN)
    config = _read_config(folder / CONFIG)
    about = config["release"]
    card = folder / CARD
    return Release(
        name=str(about["name"]),
        version=str(about["version"]),
        folder=folder,
        config=config,
        card=card.read_text(encoding="utf-8", errors="replace") if card.is_file() else "",
        weights_hash=read_sums(folder)[WEIGHTS],
    )


def choose_release(
    classes: Collection[str], dataset_hash: str | None = None, name: str | None = None
) -> Release:
    """The release called ``name`` (``name``, ``name/version`` or a folder), else the one that fits the data.

    Without a name: those whose classes are ``classes`` in any order, else those that know more classes; of
    these the one trained on ``dataset_hash`` first, then one that looks at all modalities, then the newest
    version of the first name. Without classes (a loose pair, an unlabelled dataset) any release fits;
    ``demo``, which knows only generated data, comes last.

    Raises
    ------
    SierError : none fits; lists those there are.
    """
    if name is not None and (Path(name) / CONFIG).is_file():
        return open_release(Path(name).resolve())
    available = list_releases()
    if name is not None:
        fitting = [r for r in available if name in (r.name, r.label)]
        if not fitting:
            raise SierError(f"There is no release {name!r}.", _listing(available))
        return max(fitting, key=lambda r: _version_key(r.version))
    # a dataset may lack a class; a network that lacks one would be wrong about every sample of it
    fitting = [r for r in available if set(r.classes) == set(classes)]
    fitting = fitting or [r for r in available if set(r.classes) >= set(classes)]
    if not fitting:
        wanted = f" for the classes {', '.join(classes)}" if classes else ""
        raise SierError(f"No release fits{wanted}.", _listing(available))
    trained_here = [r for r in fitting if dataset_hash is not None and r.dataset_hash == dataset_hash]
    first = min(trained_here or fitting, key=_rank)
    named = (r for r in trained_here or fitting if _rank(r) == _rank(first))
    return max(named, key=lambda r: _version_key(r.version))


def _rank(release: Release) -> tuple[int, bool, str]:
    """What sees all modalities comes first, then by name."""
    return -len(release.streams), release.name == "demo", release.name


def _listing(releases: list[Release]) -> str:
    if not releases:
        return "No release is installed: train one with sier-gui train, or give its folder."
    known = "; ".join(f"{r.label} ({', '.join(r.classes)})" for r in releases)
    return f"Installed: {known}."


def _version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers by value, words by alphabet: 10 follows 9."""
    parts = re.findall(r"\d+|[^\d.]+", version)
    return tuple((1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts)


# ---------------------------------------------------------------- checking and loading


def verify(release: Release) -> list[str]:
    """What is wrong with ``release``, one sentence each; empty when it loads and answers as expected."""
    try:
        load(release, "cpu")
    except SierError as error:
        return [str(error)]
    return []


def load(release: Release, device: str) -> Network:
    """The release's network in evaluation mode on ``device`` ("cpu" or "cuda"), weights as float32.

    Checked in this order: SHA256SUMS, the form of the weights file, its tensors' names, shapes and
    values, then ``expected.json`` on the CPU.

    Raises
    ------
    SierError : the first thing that is wrong.
    """
    check_sums(release.folder)
    network = build(release.network)
    load_weights(network, release.folder / WEIGHTS)
    network.module.eval()
    for parameter in network.module.parameters():
        parameter.requires_grad_(False)
    check_expected(network, release.folder / EXPECTED)
    network.module.to(device)
    return network


# ---------------------------------------------------------------- reading the config


def front_from_table(table: Mapping[str, Any], where: str) -> FrontEnd:
    """A front end from a TOML table; keys left out have FrontEnd's defaults.

    Raises
    ------
    SierError : an unknown key, a value of another type, or fitting that does not exist.
    """
    front = toml.record(FrontEnd, table, f"{where}: [front]")
    if front.image_fit not in ("crop", "stretch", "pad") or front.time not in ("stretch", "window"):
        raise SierError(f"{where}: unknown image_fit or time in [front].", "See models.md on fitting.")
    if (3, front.image_size, front.image_size) != SHAPES[Modality.IMAGE] or (
        (1, front.mels, front.frames) != SHAPES[Modality.SPEECH]
    ):
        raise SierError(
            f"{where}: networks take 128×128 inputs, [front] says otherwise.", "Correct the sizes."
        )
    return front


def _read_config(file: Path) -> dict[str, Any]:
    config = toml.read(file)
    unknown = sorted(set(config) - TABLES)
    if unknown:
        raise SierError(
            f"{file} has unknown keys: {', '.join(unknown)}.", f"Known: {', '.join(sorted(TABLES))}."
        )
    for key in ("release", "network"):
        if not isinstance(config.get(key), dict):
            raise SierError(f"{file} has no table [{key}].", BROKEN)
    about = config["release"]
    if set(about) - RELEASE_KEYS or not {"name", "version"} <= set(about):
        raise SierError(f"{file}: [release] must have name and version and nothing unknown.", BROKEN)
    NetworkConfig.from_table(config["network"])
    front_from_table(config.get("front", {}), str(file))
    return config


# ---------------------------------------------------------------- writing


def write_release(
    folder: Path,
    network: Network,
    config: Mapping[str, Any],
    card: str,
    *,
    half: bool = False,
    extra: Mapping[str, bytes] | None = None,
) -> Release:
    """Write a complete release into ``folder`` and verify it by loading it again.

    Parameters
    ----------
    network : moved to the CPU, put in evaluation mode, and rounded to float16 where ``half``.
    config : the tables of config.toml: ``release``, ``network``, ``front``, ``training``.
    card : text of CARD.md.
    half : store kernels and matrices as float16, half the size; they are loaded as float32.
    extra : further files by name, such as ``metrics.json``.

    Raises
    ------
    SierError : the folder cannot be written, or the result does not verify.
    """
    network.module.cpu().eval()
    state = network.module.state_dict()
    if half:
        # only matrices and kernels: they are the size, and batch-norm's variances can pass float16's 65,504
        state = {n: t.half() if t.is_floating_point() and t.ndim > 1 else t for n, t in state.items()}
        # expected.json must come from the numbers that are stored
        network.module.load_state_dict(
            {n: t.float() if t.is_floating_point() else t for n, t in state.items()}
        )
    logits = expected_logits(network, EXPECTED_SEED, EXPECTED_SAMPLES)
    expected = {
        "seed": EXPECTED_SEED,
        "tolerance": 1e-3 * max(1.0, float(np.abs(logits).max())),
        "logits": logits.tolist(),
    }
    (folder / SUMS).unlink(missing_ok=True)  # written last: an interrupted write is no release
    write_tensors(folder / WEIGHTS, state)
    paths.write_json(folder / EXPECTED, expected)
    paths.write_bytes(folder / CONFIG, toml.dumps(config).encode())
    paths.write_bytes(folder / CARD, card.encode())
    for name, content in (extra or {}).items():
        paths.write_bytes(folder / name, content)
    write_sums(folder)
    release = open_release(folder)
    load(release, "cpu")
    return release
