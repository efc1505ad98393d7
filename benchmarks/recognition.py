"""How much of clear speech the recognisers understand, before anything is muted.

    python benchmarks/recognition.py TABLE… [--every N]

For each table of samples (columns speech, text, and language if any): the share of the text's words that each
recogniser finds in its order, and CPU seconds per second of speech. Muted speech is not understood better.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from sier_gui.core.audio.alignment import split_words
from sier_gui.core.audio.files import load_speech
from sier_gui.core.audio.recognition import agreeing, recognise, recognisers
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.inputs import language_of
from sier_gui.core.domain import Modality

RATE = 16_000


def measure(table: Path, every: int) -> None:
    catalogue = open_dataset(table)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in recognisers()}
    for row in range(0, len(catalogue), every):
        sample = catalogue.sample(row)
        words = split_words(sample.text)
        if not words or not recognisers(language_of(sample)):
            continue
        speech = load_speech(sample.paths[Modality.SPEECH], RATE)
        for name, figures in found.items():
            begun = time.process_time()
            heard = [word.word for word in recognise(speech, RATE, method=name).words]
            spent = time.process_time() - begun
            figures.append((sum(agreeing(heard, sample.text)) / len(words), spent / (len(speech) / RATE)))
    for name, figures in found.items():
        if figures:
            recall, cost = zip(*figures, strict=True)
            share = f"{100 * statistics.mean(recall):.0f} % of words"
            spent_s = f"{statistics.median(cost):.2f} s of CPU per second"
            print(f"{table.name} {name}: {len(figures)} samples, {share}, {spent_s}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", type=Path, metavar="TABLE")
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    for table in arguments.tables:
        measure(table, arguments.every)


if __name__ == "__main__":
    main()
