"""CARD.md: what a release is, what it was trained on, how good it is, where it must not be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sier_gui.core.nets.training.config import TrainingConfig


def make_card(config: TrainingConfig, metrics: Mapping[str, Any], dataset: str, parameters: int) -> str:
    """The card's Markdown. ``metrics``: what metrics.json has (see `Session.measure`)."""
    classes = metrics["classes"]
    lines = [
        f"# {config.release.name}/{config.release.version}",
        "",
        f"Emotion from speech and image: {', '.join(classes)}.",
        "",
        *config.release.notes,
        "",
        "## Network",
        "",
        f"Kind {config.network['kind']}, width {config.network['width']:g}, {parameters:,} parameters"
        f"{', weights stored as float16' if config.release.half else ''}.",
        *_network_notes(config),
        "",
        "## Data and split",
        "",
        f"Dataset {dataset} (sha256 {metrics['dataset_hash'][:16]}…), {metrics['samples']} samples used, "
        f"{len(metrics['skipped'])} unreadable ones left out.",
        "",
        _split_text(config, metrics),
        "",
        _shipped_text(config),
        "",
        "## Figures",
        "",
        "Predictions pooled over the parts of the split; mean over seeds. ± is the standard error of the "
        "balanced accuracy that comes from the number of samples, the other spread that between seeds.",
        "",
        *_table(metrics),
        "",
        *_by_class(metrics),
        "## Training",
        "",
        *_training_lines(config, metrics),
        "",
        "## Limits",
        "",
        "- The figures hold for speakers, pictures and recordings like those of the dataset; for others they "
        "are unknown.",
        "- “Absent” means zeros: a black picture, silence. The network has seen that in training "
        f"{_dropped(config)}.",
        "- Emotion classes are the dataset's labels, not what a person feels: not for deciding about people.",
        "",
    ]
    return "\n".join(lines)


def _network_notes(config: TrainingConfig) -> list[str]:
    if config.network["kind"] != "parallelnet":
        return []
    return [
        "Trunk and conv network are N1 and N2 of the journal version's overview (its captions swap the two "
        f"names). Fusion {config.network.get('fusion', 'crisscross')}, "
        f"F_mul by {config.network.get('fusion_op', 'product')}."
    ]


def _split_text(config: TrainingConfig, metrics: Mapping[str, Any]) -> str:
    s, groups = config.split, metrics["split"]["groups"]
    sizes = ", ".join(f"{train} + {test}" for train, test in metrics["split"]["parts"])
    kinds = {
        "holdout": f"{s.fraction:.0%} held out",
        "folds": f"{len(metrics['split']['parts'])} folds",
        "loso": "leave one group out",
    }
    kept = (
        f"samples of the same {s.groups} kept together ({len(groups)} groups)"
        if groups
        else "the dataset names no groups: the same speaker or picture may be on both sides"
    )
    stopping = (
        f"{s.validation:.0%} of each training part decides when to stop"
        if s.validation
        else "no validation part: a fixed number of epochs"
    )
    return f"Split: {kinds[s.kind]}, stratified, {kept}; {stopping}. Training + test sizes: {sizes}."


def _shipped_text(config: TrainingConfig) -> str:
    if config.run.fit == "train":
        return "The shipped network is the measured one: it has not seen the test part."
    return (
        "The shipped network was trained again, by the same recipe and the first seed, on all samples; the "
        "figures below come from networks that had not seen what they were tested on. On this dataset "
        "itself the shipped network therefore does better than the table says."
    )


def _table(metrics: Mapping[str, Any]) -> list[str]:
    lines = [
        "| network | balanced accuracy | seeds' sd | accuracy | macro F1 | Cohen's κ | n |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, f in metrics["networks"].items():
        lines.append(
            f"| {name} | {f['balanced_accuracy']:.3f} ± {f['standard_error']:.3f} | {f['seed_sd']:.3f} "
            f"| {f['accuracy']:.3f} | {f['macro_f1']:.3f} | {f['kappa']:.3f} | {f['n']} |"
        )
    return lines


def _by_class(metrics: Mapping[str, Any]) -> list[str]:
    """Confusion matrix of the first network (the release's kind), first seed."""
    name, figures = next(iter(metrics["networks"].items()))
    run = figures["runs"][0]
    classes = metrics["classes"]
    lines = [f"Confusion ({name}, seed {run['seed']}; rows are labels, columns predictions):", ""]
    lines += ["| | " + " | ".join(classes) + " |", "|---" * (len(classes) + 1) + "|"]
    for label, row in zip(classes, run["confusion"], strict=True):
        lines.append(f"| {label} | " + " | ".join(map(str, row)) + " |")
    return [*lines, ""]


def _training_lines(config: TrainingConfig, metrics: Mapping[str, Any]) -> list[str]:
    o, loss = config.optimiser, config.loss
    return [
        f"Preset {config.preset or 'none'}; seeds {', '.join(map(str, metrics['seeds']))}; {o.name}, "
        f"batch {o.batch}, {_stages_text(config)}; early stopping {o.early_stopping}, plateau {o.plateau}; "
        f"loss {loss.cross_entropy:g}·cross entropy + {loss.focal:g}·focal "
        f"(γ = {loss.gamma:g}), class weights {loss.class_weights}.",
        *(f"Pretrained: {part} from {source}." for part, source in config.init.items()),
        f"The shipped network trained for {len(metrics['history'])} epochs. Every setting is in config.toml.",
    ]


def _stages_text(config: TrainingConfig) -> str:
    """Epochs and learning rate of each stage; a stage's own go before the optimiser's."""
    o = config.optimiser
    if not config.stages:
        return f"at most {o.epochs} epochs at learning rate {o.learning_rate:g}"
    stages = (
        f"{s.stream} {s.epochs or o.epochs} at {s.learning_rate or o.learning_rate:g}" for s in config.stages
    )
    return f"stages (network, epochs at most, learning rate): {', '.join(stages)}"


def _dropped(config: TrainingConfig) -> str:
    a = config.augment
    return f"(picture {a.drop_image:.0%}, speech {a.drop_speech:.0%} of the time, where both are trained)"
