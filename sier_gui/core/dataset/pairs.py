"""One picture and one sound file, without a dataset."""

from __future__ import annotations

import os
from pathlib import Path

from sier_gui.core.domain import Modality, Sample


def loose_pair(image: Path, speech: Path, text: str = "") -> Sample:
    """A sample of two files that belong to no dataset: row −1, no label, called by both files' stems."""
    image, speech = Path(os.path.abspath(image)), Path(os.path.abspath(speech))
    name = image.stem if image.stem == speech.stem else f"{image.stem} + {speech.stem}"
    return Sample(name, -1, {Modality.IMAGE: image, Modality.SPEECH: speech}, text)
