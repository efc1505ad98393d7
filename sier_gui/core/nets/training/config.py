"""A training's config: one TOML file, a preset underneath, every key checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets import toml
from sier_gui.core.nets.releases import front_from_table

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")  # as Lightning Fabric names them
OPTIMISERS = ("adam", "adamw", "sgd")
SCHEDULES = ("plateau", "cosine", "none")
PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class ReleaseTable:
    """What the release is called; without a name, what its folder ``<name>/<version>`` says.

    ``notes``: lines for the card; ``half``: weights stored as float16.
    """

    name: str = ""
    version: str = "1"
    half: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Optimiser:
    """``early_stopping`` and ``plateau`` count epochs without a better validation loss; 0 switches off."""

    name: str = "adam"  # one of `OPTIMISERS`
    learning_rate: float = 8e-6
    weight_decay: float = 0.0
    momentum: float = 0.9  # of sgd
    batch: int = 64  # over all devices
    epochs: int = 30
    early_stopping: int = 5
    schedule: str = "plateau"  # one of `SCHEDULES`; cosine ends near 0 with the stage's last epoch
    plateau: int = 2
    plateau_factor: float = 0.1
    clip: float = 0.0  # largest norm of the gradient; 0: unlimited
    accumulate: int = 1  # batches per optimiser step
    precision: str = "32-true"  # one of `PRECISIONS`


@dataclass(frozen=True)
class Loss:
    """``cross_entropy``·CE + ``focal``·FL_γ (journal version §4.2)."""

    cross_entropy: float = 1.0
    focal: float = 0.5
    gamma: float = 2.0
    class_weights: str = "none"  # none | balanced: inverse frequency in the training part, mean 1
    sampling: str = "shuffle"  # shuffle: each sample once an epoch | balanced: each class as often


@dataclass(frozen=True)
class Split:
    """How the figures come about, and which part stops the training.

    ``groups``: a column whose samples stay together; without it each
    sample is its own. ``validation``: share of the training part held out to
    stop and to lower the learning rate; 0 trains for all epochs. For the kind ``column`` the dataset says
    itself what is for training, validation and test (`parts.COLUMN_WORDS`); rows that say nothing stay out.
    """

    kind: str = "holdout"  # holdout | folds | loso (leave one group out) | column
    column: str = "split"  # of the kind column
    fraction: float = 0.3
    k: int = 5
    groups: str = "speaker"
    validation: float = 0.15
    seed: int = 0


@dataclass(frozen=True)
class Augment:
    """Random changes of training inputs; 0 switches one off.

    Shares are of the picture's side or the log-mel's columns. ``drop_image`` and ``drop_speech``: chance
    that the stream is absent (``zeros``); ``image_patches`` and ``speech_segments``: largest share of an
    8×8 grid, or of 16 segments, set to zero. Those four show the network what explaining will ask of it.
    ``copies``: augmented copies of each sample for networks whose frozen part is computed once.
    """

    flip: bool = True
    shift: float = 0.08
    zoom: float = 0.1
    rotate: float = 0.0  # degrees
    brightness: float = 0.15
    contrast: float = 0.15
    saturation: float = 0.0
    cutout: float = 0.0
    image_patches: float = 0.0
    time_shift: float = 0.1
    gain: float = 0.05  # of the [0, 1] range, which is 80 dB
    frequency_mask: float = 0.1
    time_mask: float = 0.1
    noise: float = 0.0
    speech_segments: float = 0.0
    drop_image: float = 0.1
    drop_speech: float = 0.1
    copies: int = 8


@dataclass(frozen=True)
class Stage:
    """One round of training: the loss on ``stream``'s logits, parameters whose names start with ``train``."""

    stream: str = "fused"  # fused | image | speech
    train: tuple[str, ...] = ()  # empty: all that are not frozen
    epochs: int = 0  # 0: as [optimiser]
    learning_rate: float = 0.0  # 0: as [optimiser]


@dataclass(frozen=True)
class Run:
    """``seeds``: one evaluation each, the first is the shipped network's. ``fit``: what the shipped network
    learns from, "train" (the holdout's training part: it is the network the figures are about) or "all".
    ``alone``: also train networks on each stream alone, for comparison.
    """

    seeds: tuple[int, ...] = (0,)
    fit: str = "train"
    streams: tuple[str, ...] = ("image", "speech")
    alone: bool = False
    devices: int = 1  # GPUs, or processes on a CPU, that share each batch
    cache_gb: float = 20.0  # decoded samples kept between trainings
    tensorboard: bool = False


@dataclass(frozen=True)
class Grid:
    """Values to try, all combinations of them; an empty list keeps the value that stands elsewhere.

    The combination whose networks do best on the validation parts (balanced accuracy) is measured and ships.
    Without ``search`` nothing is tried.
    """

    search: bool = False
    learning_rate: tuple[float, ...] = ()
    cross_entropy: tuple[float, ...] = ()
    focal: tuple[float, ...] = ()


@dataclass(frozen=True)
class TrainingConfig:
    """``network``: the [network] table; its classes default to the dataset's. ``init``: part of the network →
    pretrained weights ("vgg16", "vgg19", or a safetensors file)."""

    network: Mapping[str, Any] = field(default_factory=lambda: {"kind": "parallelnet", "width": 1.0})
    front: FrontEnd = field(default_factory=FrontEnd)
    release: ReleaseTable = field(default_factory=ReleaseTable)
    optimiser: Optimiser = field(default_factory=Optimiser)
    loss: Loss = field(default_factory=Loss)
    split: Split = field(default_factory=Split)
    augment: Augment = field(default_factory=Augment)
    run: Run = field(default_factory=Run)
    grid: Grid = field(default_factory=Grid)
    stages: tuple[Stage, ...] = (Stage(),)
    init: Mapping[str, str] = field(default_factory=dict)
    preset: str = ""

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], where: str = "the config") -> TrainingConfig:
        """From TOML tables; ``preset = "paper" | "small"`` gives the defaults, key by key.

        Raises
        ------
        SierError : an unknown key or preset, a wrong type, or a value that cannot be.
        """
        tables = with_preset(tables)
        records: dict[str, Any] = {
            "release": ReleaseTable,
            "optimiser": Optimiser,
            "loss": Loss,
            "split": Split,
            "augment": Augment,
            "run": Run,
            "grid": Grid,
        }
        known = {*records, "network", "front", "stages", "init", "preset"}
        if unknown := sorted(set(tables) - known):
            raise SierError(f"{where}: unknown key {unknown[0]}.", f"Known: {', '.join(sorted(known))}.")
        values: dict[str, Any] = {
            name: toml.record(record, tables.get(name, {}), f"{where}: [{name}]")
            for name, record in records.items()
        }
        for name in ("network", "init"):
            if not isinstance(tables.get(name, {}), Mapping):
                raise SierError(f"{where}: {name} is not a table.", f"Write [{name}].")
        values["network"] = {"kind": "parallelnet", **tables.get("network", {})}
        values["init"] = dict(tables.get("init", {}))
        values["front"] = front_from_table(tables.get("front", {}), where)
        stages = tables.get("stages", [{}])
        if not isinstance(stages, list) or not stages:
            raise SierError(f"{where}: stages is not a list of tables.", "Write [[stages]].")
        values["stages"] = tuple(toml.record(Stage, stage, f"{where}: [[stages]]") for stage in stages)
        config = cls(**values, preset=tables.get("preset", ""))
        _check(config, where)
        return config

    def to_tables(self) -> dict[str, Any]:
        """As `from_tables` reads it, complete: nothing is left to a preset or default."""
        tables = asdict(self)
        tables["stages"] = [asdict(stage) for stage in self.stages]
        return tables


def load_config(file: str | Path) -> TrainingConfig:
    """A TOML file, or the name of a preset alone ("small").

    Raises
    ------
    SierError : as `TrainingConfig.from_tables`.
    """
    path = Path(file)
    if not path.suffix and not path.exists():
        return TrainingConfig.from_tables({"preset": str(file)})
    return TrainingConfig.from_tables(toml.read(path), str(path))


def with_preset(tables: Mapping[str, Any]) -> dict[str, Any]:
    """``tables`` over their preset: tables merge key by key, everything else replaces.

    The preset's [network] and [init] serve its own kind of network only.
    """
    name = tables.get("preset", "")
    if not name:
        return dict(tables)
    presets = sorted(file.stem for file in PRESETS.glob("*.toml"))
    if name not in presets:
        raise SierError(f"There is no preset {name!r}.", f"Known: {', '.join(presets)}.")
    merged = toml.read(PRESETS / f"{name}.toml")
    network = tables.get("network", {})
    if (
        isinstance(network, Mapping)
        and network.get("kind", merged["network"]["kind"]) != merged["network"]["kind"]
    ):
        # what the preset says of its network means nothing to another
        merged.pop("network")
        merged.pop("init", None)
    for key, value in tables.items():
        below = merged.get(key)
        merged[key] = {**below, **value} if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


def _check(config: TrainingConfig, where: str) -> None:
    """Refuse values that cannot be, each with the key's name."""
    o, s, r, a, g = config.optimiser, config.split, config.run, config.augment, config.grid
    modalities = {str(m) for m in Modality}
    chances = (a.drop_image, a.drop_speech, a.image_patches, a.speech_segments, a.drop_image + a.drop_speech)
    rules = {
        f"optimiser.name must be {', '.join(OPTIMISERS)}": o.name in OPTIMISERS,
        f"optimiser.schedule must be {', '.join(SCHEDULES)}": o.schedule in SCHEDULES,
        f"optimiser.precision must be {', '.join(PRECISIONS)}": o.precision in PRECISIONS,
        "optimiser.learning_rate must be above 0": o.learning_rate > 0,
        "optimiser.batch, epochs and accumulate must be at least 1": min(o.batch, o.epochs, o.accumulate)
        >= 1,
        "loss: weights and gamma must not be negative, and one weight above 0": (
            min(config.loss.cross_entropy, config.loss.focal, config.loss.gamma) >= 0
            and config.loss.cross_entropy + config.loss.focal > 0
        ),
        "loss.class_weights must be none or balanced": config.loss.class_weights in ("none", "balanced"),
        "loss.sampling must be shuffle or balanced": config.loss.sampling in ("shuffle", "balanced"),
        "loss.sampling and loss.class_weights: balance once": config.loss.sampling
        != config.loss.class_weights,
        "split.kind must be holdout, folds, loso or column": s.kind in ("holdout", "folds", "loso", "column"),
        "split.fraction must lie in (0, 1)": 0 < s.fraction < 1,
        "split.validation must lie in [0, 1)": 0 <= s.validation < 1,
        "split.k must be at least 2": s.k >= 2,
        "split.kind = loso needs split.groups": s.kind != "loso" or bool(s.groups),
        "run.seeds must be different whole numbers": (
            bool(r.seeds) and all(type(x) is int for x in r.seeds) and len(set(r.seeds)) == len(r.seeds)
        ),
        "run.fit must be train or all, and all for folds and loso": (
            r.fit == "all" or (r.fit == "train" and s.kind in ("holdout", "column"))
        ),
        "run.devices must be at least 1, and optimiser.batch twice as many": 1 <= r.devices <= o.batch / 2
        or r.devices == 1,
        "run.cache_gb must not be negative": r.cache_gb >= 0,
        "grid: learning rates must be above 0, weights not negative": (
            all(_number(x) and x > 0 for x in g.learning_rate)
            and all(_number(x) and x >= 0 for x in (*g.cross_entropy, *g.focal))
        ),
        "grid.search needs a list of values": not g.search
        or bool(g.learning_rate or g.cross_entropy or g.focal),
        "grid.search needs split.validation, or a split column": not g.search
        or s.kind == "column"
        or s.validation > 0,
        "grid.learning_rate has no effect on stages with their own learning_rate": not (
            g.search and g.learning_rate and any(stage.learning_rate for stage in config.stages)
        ),
        "run.streams must be image, speech or both": bool(r.streams) and set(r.streams) <= modalities,
        "augment: chances and shares must lie in [0, 1]": all(0 <= chance <= 1 for chance in chances),
        "augment.copies must be at least 0": a.copies >= 0,
        "stages.stream must be fused, image or speech": all(
            stage.stream in {"fused", *modalities} for stage in config.stages
        ),
        "init values must be names": all(isinstance(v, str) for v in config.init.values()),
    }
    for rule, holds in rules.items():
        if not holds:
            raise SierError(f"{where}: {rule}.", "Correct the config.")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
