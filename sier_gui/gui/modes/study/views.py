"""What the rater's pages show; made by the workflows, painted by the pages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class About:
    """What a rater says about themselves; "" where not said."""

    age_band: str = ""
    gender: str = ""
    language: str = ""
    hearing: str = ""


class Stage(Enum):
    """Where a trial is."""

    STIMULUS = auto()  # the answer keys are asleep
    ANSWER = auto()
    SURE = auto()
    MARK = auto()  # what decided it, which nobody needs to say
    STORING = auto()
