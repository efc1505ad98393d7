"""What a study is made of: frozen records, no behaviour beyond naming their own parts.

Identities are pseudonyms throughout. The rater's screen is built from `BlindTrial` alone, which has no
field for a label, source, text or file name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
Box = tuple[float, float, float, float]

SIMULATED = "simulated-"  # how the pseudonym of a rater who is a program begins: seen in every table and file


class Modality(StrEnum):
    """A column of Table 1: what a rater is shown. (What a network senses is `core.domain.Modality`.)"""

    I = "i"  # noqa: E741 - the code of the long CSV
    SS = "ss"
    HS = "hs"
    SS_I = "ss-i"
    HS_I = "hs-i"

    @property
    def picture(self) -> bool:
        return self in (Modality.I, Modality.SS_I, Modality.HS_I)

    @property
    def human(self) -> bool:
        return self in (Modality.HS, Modality.HS_I)

    @property
    def synthetic(self) -> bool:
        return self in (Modality.SS, Modality.SS_I)

    @property
    def sound(self) -> bool:
        return self is not Modality.I

    @property
    def block(self) -> Block:
        """Synthetic and human speech share a block, so that raters do not know which is which."""
        if not self.sound:
            return Block.IMAGE
        return Block.BOTH if self.picture else Block.SPEECH


class Block(StrEnum):
    """What a rater sees as one part of the session."""

    IMAGE = "image"
    SPEECH = "speech"
    BOTH = "speech+image"


class Kind(StrEnum):
    """Why a trial is there. Only main and reserve trials count for Table 1."""

    MAIN = "main"
    PRACTICE = "practice"
    GOLD = "gold"
    TRAP = "trap"
    RESERVE = "reserve"  # stands in for a main trial that was interrupted after its stimulus began


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"


# ---------------------------------------------------------------- people


@dataclass(frozen=True, slots=True)
class Reader:
    """A person who is recorded. ``stand_in``: a synthesizer playing a reader, as in the demo set."""

    reader: str
    sex: Sex
    age_band: str = ""
    accent: str = ""
    language: str = ""
    consent_version: str = ""
    consented_at: str = ""  # ISO 8601, UTC
    stand_in: bool = False


@dataclass(frozen=True, slots=True)
class Rater:
    """A person who judges, or a program that plays one (``simulated``)."""

    rater: str
    number: int = 0  # 0, 1, … in the order of enrolment: decides the button order
    group: int = 0
    order: int = 0  # index into `assignment.ORDERS`
    consent_version: str = ""
    consented_at: str = ""
    age_band: str = ""
    gender: str = ""
    language: str = ""
    hearing: str = ""
    headphones: str = ""  # "passed", "failed" or "" where it was not tried
    excluded: str = ""  # the rule that excludes this rater; "" counts
    finished: bool = False

    @property
    def simulated(self) -> bool:
        return self.rater.startswith(SIMULATED)


@dataclass(frozen=True, slots=True)
class Take:
    """One recording of one text: ``takes/<reader>/<sample>/003.wav`` below the project."""

    reader: str
    sample_id: str
    number: int  # from 1 on; never reused
    path: str  # relative to the project
    sha256: str
    rate: int
    duration_s: float
    verdict: str = ""  # "pass", "warn" or "fail"
    reasons: tuple[str, ...] = ()
    accepted: bool = False
    start_s: float = 0.0  # the trim, as offsets into the untouched file
    end_s: float = 0.0
    recorded_at: str = ""
    imported: bool = False


# ---------------------------------------------------------------- the protocol


@dataclass(frozen=True, slots=True)
class ItemRules:
    """How many samples of each kind (study.md §2)."""

    lists: int = 5
    per_class: int = 2  # of each class in each list
    reserve: int = 1  # of each class in each list
    practice: int = 5
    gold: int = 4
    traps: int = 4


@dataclass(frozen=True, slots=True)
class DesignRules:
    """Who sees what when. ``visits`` above 1 is the repeat design: every item again, in another modality."""

    raters: int = 30
    visits: int = 1
    wash_out_days: int = 0


@dataclass(frozen=True, slots=True)
class TrialRules:
    answer_after_ms: int = 500  # where there is no sound whose end could open the keys
    replays: int = 2
    confidence: int = 3
    rationale: bool = False
    break_every: int = 20
    session_minutes: int = 30


@dataclass(frozen=True, slots=True)
class StimulusRules:
    level: str = "source"  # "source": one gain per reader and session; "clip": each clip; "none"
    lufs: float = -23.0
    true_peak_dbtp: float = -1.0
    rate: int = 48_000
    band_limit_hz: int = 0  # 0: none


@dataclass(frozen=True, slots=True)
class BeforeRules:
    """Pages before the first trial."""

    consent: str = ""
    consent_version: str = "1"
    demographics: bool = True
    headphones: bool = True
    volume: bool = True


@dataclass(frozen=True, slots=True)
class ExclusionRules:
    """Fixed beforehand. A rater is excluded who misses more than this."""

    traps_missed: int = 1
    gold_missed: int = 2
    fast_ms: int = 300  # the median response time must not lie below
    headphones: bool = False  # exclude who fails the headphone check


@dataclass(frozen=True, slots=True)
class TestRules:
    """What is tested, and with which margin: fixed beforehand."""

    alpha: float = 0.05
    margin: float = 0.05  # of equivalence, as a difference of shares
    draws: int = 10_000


@dataclass(frozen=True, slots=True)
class Protocol:
    """A study's whole plan, as its TOML file says; copied into the project and frozen at the first answer."""

    name: str = ""
    title: str = ""
    language: str = "en"
    seed: int = 0
    items: ItemRules = field(default_factory=ItemRules)
    design: DesignRules = field(default_factory=DesignRules)
    trial: TrialRules = field(default_factory=TrialRules)
    stimuli: StimulusRules = field(default_factory=StimulusRules)
    before: BeforeRules = field(default_factory=BeforeRules)
    exclusion: ExclusionRules = field(default_factory=ExclusionRules)
    tests: TestRules = field(default_factory=TestRules)

    @property
    def repeats(self) -> bool:
        """Whether raters meet items again: only then are paired tests on rater and item allowed."""
        return self.design.visits > 1


# ---------------------------------------------------------------- items and trials


@dataclass(frozen=True, slots=True)
class Item:
    """A sample's place in the design. ``list`` −1 for practice, gold, traps; ``k`` within list and class."""

    sample_id: str
    label: str
    kind: Kind
    list: int = -1
    k: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One planned trial, as the experimenter's side knows it."""

    trial: int  # from 1 on, over all of a rater's visits
    visit: int
    block: Block
    kind: Kind
    list: int
    sample_id: str
    label: str
    modality: Modality
    sex: Sex | None = None  # of the voice; None without sound


@dataclass(frozen=True, slots=True)
class BlindTrial:
    """All that a rater's screen is given: what to show and play, and which answers to offer.

    Attributes
    ----------
    picture : uint8 (height, width, 3), or None.
    sound : float32 (n, channels) at ``rate`` Hz, or None.
    answers : the classes in this rater's button order.
    instruction : written traps only; shown in place of a picture.
    mark : whether to ask what decided it.
    """

    number: int
    of: int
    practice: bool
    block: Block
    answers: tuple[str, ...]
    picture: NDArray[np.uint8] | None = None
    sound: NDArray[np.float32] | None = None
    rate: int = 0
    instruction: str = ""
    mark: bool = False


# ---------------------------------------------------------------- what raters say


@dataclass(frozen=True, slots=True)
class Rationale:
    """What decided it, as the rater marked it, in the order of marking.

    ``spans``: (start, end) in seconds: of the stimulus on the rater's page, of the original recording where
    it is stored (`presenting.Presenter.located`). ``boxes``: (left, top, right, bottom) in shares 0–1 of the
    oriented picture.
    """

    spans: tuple[Span, ...] = ()
    boxes: tuple[Box, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.spans or self.boxes)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: a row of the long CSV, whose columns are these fields up to ``counted``, in this order.

    Attributes
    ----------
    group, trial, list, confidence, rt_ms, replays : None where not known (a CSV of five columns).
    answer : the class chosen; "" where the rater reported a technical problem.
    counted : whether it enters Table 1.
    """

    rater: str
    group: int | None
    block: str
    trial: int | None
    kind: Kind
    list: int | None
    reader: str
    sample_id: str
    label: str
    modality: Modality
    answer: str
    confidence: int | None
    rt_ms: float | None
    replays: int | None
    counted: bool
    rationale: Rationale | None = None

    @property
    def correct(self) -> bool:
        """Agreement with the dataset's label; "accuracy" means no more than this."""
        return self.answer == self.label

    @property
    def simulated(self) -> bool:
        return self.rater.startswith(SIMULATED)
