"""CARD.md: what a release is, what it was trained on, how good it is, where it must not be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sier_gui.core.nets.parallelnet import OPTIONS
from sier_gui.core.nets.training.config import TrainingConfig

FIGURES_HEADING = "## Figures"
FROM_NETWORKS = (
    "- The dataset's labels came from two networks: the figures say how well these are imitated, not how well"
    " an emotion is recognised. The labelling networks themselves would score near 100 % (000 §5.4)."
)


def make_card(
    config: TrainingConfig,
    metrics: Mapping[str, Any],
    dataset: str,
    parameters: int,
    charts: Sequence[str] = (),
) -> str:
    """The card's Markdown. ``metrics``: what metrics.json has (see `Session.metrics`); ``charts``: names of
    `card_charts` that lie beside the card.
    """
    classes = metrics["classes"]
    lines = [
        f"# {config.release.name}/{config.release.version}",
        "",
        f"Emotion from {' and '.join(sorted(config.run.streams, reverse=True))}: {', '.join(classes)}.",
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
        *figures_section(metrics, charts),
        "## Training",
        "",
        *_training_lines(config, metrics),
        "",
        "## Limits",
        "",
        "- The figures hold for speakers, pictures and recordings like those of the dataset; for others they "
        "are unknown.",
        f"- {_absent_text(config)}",
        *([FROM_NETWORKS] if metrics.get("labels_from_networks") else []),
        "- Emotion classes are the dataset's labels, not what a person feels: not for deciding about people.",
        "",
    ]
    return "\n".join(lines)


def _network_notes(config: TrainingConfig) -> list[str]:
    """What the papers call the parts, as far as this member of the family has them."""
    if config.network["kind"] != "parallelnet":
        return []
    options = {**OPTIONS, **config.network}
    trunks = [f"{options[f'{stream}_trunk']} for {stream}" for stream in options["streams"]]
    lines = [
        f"Trunk network: {', '.join(trunks)}. Trunk and conv network are N1 and N2 of the journal version's "
        "overview (its captions swap the two names)."
    ]
    if len(options["streams"]) == 1:
        return [*lines, f"It looks at {options['streams'][0]} only: nothing is fused."]
    where = {"after": "after", "before": "before", "both": "before and after"}[options["cross_at"]]
    how = f"Modalities meet {where} the trunks"
    if options["cross_at"] != "before":  # where they only meet before, equation 1 has no part
        how += f" (equation 1: {options['fusion']})"
    return [*lines, f"{how}, F_mul by {options['fusion_op']}."]


def _split_text(config: TrainingConfig, metrics: Mapping[str, Any]) -> str:
    s, groups = config.split, metrics["split"]["groups"]
    sizes = ", ".join(f"{train} + {test}" for train, test in metrics["split"]["parts"])
    kinds = {
        "holdout": f"{s.fraction:.0%} held out, stratified",
        "folds": f"{len(metrics['split']['parts'])} folds, stratified",
        "loso": "leave one group out",
        "column": f"as the dataset's column {s.column!r} says",
    }
    if s.kind == "column":
        apart = metrics["split"].get("straddling", 0)
        kept = f"{apart} of {len(groups)} groups ({s.groups}) on both sides" if groups else "no groups named"
    elif groups:
        kept = f"samples of the same {s.groups} kept together ({len(groups)} groups)"
    else:
        kept = "the dataset names no groups: the same speaker or picture may be on both sides"
    stopping = (
        f"{s.validation:.0%} of each training part decides when to stop"
        if s.validation
        else "no validation part: a fixed number of epochs"
    )
    return f"Split: {kinds[s.kind]}, {kept}; {stopping}. Training + test sizes: {sizes}."


def _shipped_text(config: TrainingConfig) -> str:
    if config.run.fit == "train":
        return "The shipped network is the measured one: it has not seen the test part."
    return (
        "The shipped network was trained again, by the same recipe and the first seed, on all samples; the "
        "figures below come from networks that had not seen what they were tested on. On this dataset "
        "itself the shipped network therefore does better than the table says."
    )


# ---------------------------------------------------------------- figures


def figures_section(metrics: Mapping[str, Any], charts: Sequence[str] = ()) -> list[str]:
    """Everything under the card's heading `FIGURES`. ``charts``: files beside the card that show it."""
    titles = {
        "confusion.svg": "Confusion matrices",
        "reliability.svg": "Reliability",
        "classes.svg": "F1 by class",
    }
    return [
        FIGURES_HEADING,
        "",
        "Predictions pooled over the parts of the split; mean over seeds. ± is the standard error of the "
        "balanced accuracy that comes from the number of samples, the other spread that between seeds."
        + _interval_text(metrics),
        "",
        *_table(metrics),
        "",
        *_by_class(metrics),
        *_confusion(metrics),
        *_calibration(metrics),
        *_emotional(metrics),
        *(f"![{titles[name]}]({name})" for name in charts if name in titles),
        *([""] if charts else []),
    ]


def with_figures(card: str, section: Sequence[str]) -> str:
    """``card`` with ``section`` in the place of its figures; at the end where it had none."""
    lines = card.splitlines()
    heads = [i for i, line in enumerate(lines) if line.startswith("## ")]
    start = next((i for i in heads if lines[i] == FIGURES_HEADING), len(lines))
    end = next((i for i in heads if i > start), len(lines))
    return "\n".join([*lines[:start], *section, *lines[end:]]).rstrip("\n") + "\n"


def _interval_text(metrics: Mapping[str, Any]) -> str:
    counts = [f["intervals"]["groups"] for f in metrics["networks"].values() if "intervals" in f]
    if not counts:
        return ""
    few = ", too narrow with so few" if counts[0] < 20 else ""
    return f" In brackets 95 % by bootstrap over {counts[0]} groups{few}."


def _table(metrics: Mapping[str, Any]) -> list[str]:
    """One line for each network: alone, fused, and fused with one stream absent."""
    calibrated = all("ece" in f for f in metrics["networks"].values())
    heads = ["network", "balanced accuracy", "seeds' sd", "accuracy", "macro F1", "Cohen's κ"]
    heads += ["ECE", "Brier"] if calibrated else []
    lines = [f"| {' | '.join([*heads, 'n'])} |", "|---" * (len(heads) + 1) + "|"]
    for name, f in metrics["networks"].items():
        cells = [
            name,
            f"{f['balanced_accuracy']:.3f} ± {f['standard_error']:.3f}{_ends(f, 'balanced_accuracy')}",
        ]
        cells += [f"{f['seed_sd']:.3f}"]
        cells += [f"{f[key]:.3f}{_ends(f, key)}" for key in ("accuracy", "macro_f1", "kappa")]
        cells += [f"{f[key]:.3f}{_ends(f, key)}" for key in ("ece", "brier")] if calibrated else []
        lines.append(f"| {' | '.join(cells)} | {f['n']} |")
    return lines


def _ends(figures: Mapping[str, Any], key: str) -> str:
    pair = figures.get("intervals", {}).get(key)
    return f" [{pair[0]:.3f}, {pair[1]:.3f}]" if pair else ""


def _by_class(metrics: Mapping[str, Any]) -> list[str]:
    """Precision, recall and F1 of every class and network, mean over seeds."""
    classes = metrics["classes"]
    if not all("per_class" in run for f in metrics["networks"].values() for run in f["runs"]):
        return []
    lines = ["Precision / recall / F1 by class:", "", f"| network | {' | '.join(classes)} |"]
    lines.append("|---" * (len(classes) + 1) + "|")
    for name, f in metrics["networks"].items():
        cells = []
        for number, label in enumerate(classes):
            found = [run["per_class"][label] for run in f["runs"]]
            mean = [sum(one[key] for one in found) / len(found) for key in ("precision", "recall", "f1")]
            pair = f.get("intervals", {}).get("per_class", {}).get("f1", [None] * len(classes))[number]
            ends = f" [{pair[0]:.2f}, {pair[1]:.2f}]" if pair else ""
            cells.append(" / ".join(f"{value:.2f}" for value in mean) + ends)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _confusion(metrics: Mapping[str, Any]) -> list[str]:
    """Confusion matrix of the first network (the release's kind), first seed."""
    name, figures = next(iter(metrics["networks"].items()))
    run = figures["runs"][0]
    classes = metrics["classes"]
    lines = [f"Confusion ({name}, seed {run['seed']}; rows are labels, columns predictions):", ""]
    lines += ["| | " + " | ".join(classes) + " |", "|---" * (len(classes) + 1) + "|"]
    for label, row in zip(classes, run["confusion"], strict=True):
        lines.append(f"| {label} | " + " | ".join(map(str, row)) + " |")
    return [*lines, ""]


def _calibration(metrics: Mapping[str, Any]) -> list[str]:
    """How far the shipped kind's probabilities can be believed, bin by bin."""
    name, figures = next(iter(metrics["networks"].items()))
    found = figures["runs"][0].get("calibration")
    if not found:
        return []
    lines = [
        f"Calibration ({name}, seed {figures['runs'][0]['seed']}): ECE over bins of equal mass "
        f"{found['ece']:.3f}, Brier score (sum over classes) {found['brier']:.3f}.",
        "",
        "| mean confidence | accuracy | n |",
        "|---|---|---|",
        *(f"| {b['confidence']:.3f} | {b['accuracy']:.3f} | {b['n']} |" for b in found["bins"]),
    ]
    return [*lines, ""]


def _emotional(metrics: Mapping[str, Any]) -> list[str]:
    """Neutral against everything else, where the dataset has a neutral class."""
    found = {
        name: f["runs"][0]["emotional"]
        for name, f in metrics["networks"].items()
        if "emotional" in f["runs"][0]
    }
    if not found:
        return []
    lines = [
        "Emotion or none: dual accuracy is the mean of two recalls; the thesis' formula as printed is plain "
        "accuracy on the two classes.",
        "",
        "| network | dual accuracy | as printed | neutral P / R / F1 | other P / R / F1 |",
        "|---|---|---|---|---|",
    ]
    for name, e in found.items():
        sides = (
            " / ".join(f"{e[side][key]:.2f}" for key in ("precision", "recall", "f1"))
            for side in ("neutral", "other")
        )
        lines.append(
            f"| {name} | {e['dual_accuracy']:.3f} | {e['dual_accuracy_printed']:.3f} | {' | '.join(sides)} |"
        )
    return [*lines, ""]


# ---------------------------------------------------------------- training


def _training_lines(config: TrainingConfig, metrics: Mapping[str, Any]) -> list[str]:
    o, loss = config.optimiser, config.loss
    return [
        f"Preset {config.preset or 'none'}; seeds {', '.join(map(str, metrics['seeds']))}; {o.name}, "
        f"batch {o.batch}, {_stages_text(config)}; early stopping {o.early_stopping}, "
        f"{f'plateau {o.plateau}' if o.schedule == 'plateau' else f'schedule {o.schedule}'}; "
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


def _absent_text(config: TrainingConfig) -> str:
    if len(config.run.streams) == 1:
        return f"Of a sample it takes the {config.run.streams[0]} only: nothing else counts."
    a = config.augment
    return (
        "“Absent” means zeros: a black picture, silence. The network has seen that in training "
        f"(picture {a.drop_image:.0%}, speech {a.drop_speech:.0%} of the time, where both are trained)."
    )
