"""What raters will hear, prepared before the first session; the originals are only read.

Each clip is trimmed alike, brought to one rate and one channel, given its source's gain, held below a true
peak, and written as PCM. One gain per source (a reader in one session, or one synthetic voice) brings the
sources' means together and leaves the differences within a source, since loudness carries emotion.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sier_gui.core.audio.files import Audio, read_audio, resample, write_wav
from sier_gui.core.audio.levels import active_span, noise_floor
from sier_gui.core.audio.loudness import integrated_lufs, limited, true_peak_dbtp
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError
from sier_gui.core.paths import write_json
from sier_gui.core.study.project import Project
from sier_gui.core.study.project.sidecars import file_hash, sample_folder
from sier_gui.core.study.records import StimulusRules
from sier_gui.core.study.verdicts import LEAD_S, TAIL_S
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

MANIFEST = "stimuli.json"


@dataclass(frozen=True, slots=True)
class Clip:
    """One original.

    Attributes
    ----------
    owner : the reader, or the synthetic voice.
    source : whose gain it shares: the owner in one session.
    start_s, end_s : the trim; ``end_s`` 0 finds the speech and leaves 0.1 s before and 0.2 s after it.
    """

    owner: str
    source: str
    sample_id: str
    path: Path
    start_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One prepared file and what was done to it; all levels are of the trimmed sound.

    Attributes
    ----------
    path : below the folder of stimuli: ``<owner>/<sample>.wav``.
    start_s : where it begins in the original.
    gain_db : the source's, or the clip's own where the protocol says so.
    limited_db : how far the limiter lowered its highest peak; 0 where it did nothing.
    """

    owner: str
    source: str
    sample_id: str
    path: str
    start_s: float
    duration_s: float
    lufs_before: float
    lufs: float
    gain_db: float
    limited_db: float
    true_peak_dbtp: float
    original_sha256: str


def prepare(
    clips: Sequence[Clip],
    rules: StimulusRules,
    folder: Path,
    *,
    report: Report = silent,
    token: CancelToken | None = None,
) -> list[Stimulus]:
    """Write all stimuli below ``folder``, with a manifest that holds ``rules`` and what was done.

    Raises
    ------
    SierError : an original cannot be read or is silent, two clips would be one file, or the folder cannot be
        written.
    """
    names = {(clip.owner, clip.sample_id) for clip in clips}
    if len(names) < len(clips):
        raise SierError("Two clips of one sample have the same owner.", "Accept one take for each.")
    measured = []
    for done, clip in enumerate(clips):
        if token is not None:
            token.check()
        report(Progress(done, 2 * len(clips), clip.path.name))
        measured.append(_loudness(clip, rules))
    gains = _gains(clips, measured, rules)
    stimuli = []
    for done, (clip, lufs, gain) in enumerate(zip(clips, measured, gains, strict=True)):
        if token is not None:
            token.check()
        report(Progress(len(clips) + done, 2 * len(clips), clip.path.name))
        stimuli.append(_write(clip, lufs, gain, rules, folder))
    write_json(
        folder / MANIFEST,
        {"schema": 1, "rules": asdict(rules), "stimuli": [asdict(stimulus) for stimulus in stimuli]},
    )
    return stimuli


def human_clips(project: Project) -> list[Clip]:
    """The accepted takes of all readers, trimmed as the project says; a reader's sessions are sources apart:
    from one day to the next the microphone may stand elsewhere."""
    return [
        Clip(
            owner=take.reader,
            source=f"{take.reader}/{project.session_of(take)}",
            sample_id=take.sample_id,
            path=project.folder / take.path,
            start_s=take.start_s,
            end_s=take.end_s,
        )
        for take in project.accepted_takes().values()
    ]


def source_means(stimuli: Sequence[Stimulus]) -> dict[str, float]:
    """Mean loudness of each source in LUFS, as prepared."""
    by_source: dict[str, list[float]] = defaultdict(list)
    for stimulus in stimuli:
        by_source[stimulus.source].append(stimulus.lufs)
    return {source: float(np.mean(values)) for source, values in by_source.items()}


def _loudness(clip: Clip, rules: StimulusRules) -> float:
    lufs = integrated_lufs(_sound(clip, rules)[0], rules.rate)
    if not math.isfinite(lufs):
        raise SierError(f"{clip.path} is silent where it should speak.", "Record it again, or leave it out.")
    return lufs


def _gains(clips: Sequence[Clip], measured: Sequence[float], rules: StimulusRules) -> list[float]:
    """In dB, for each clip."""
    if rules.level == "none":
        return [0.0] * len(clips)
    if rules.level == "clip":
        return [rules.lufs - lufs for lufs in measured]
    if rules.level != "source":
        raise SierError(f"The protocol levels by {rules.level!r}.", "It can level by source, clip or none.")
    by_source: dict[str, list[float]] = defaultdict(list)
    for clip, lufs in zip(clips, measured, strict=True):
        by_source[clip.source].append(lufs)
    means = {source: float(np.mean(values)) for source, values in by_source.items()}
    return [rules.lufs - means[clip.source] for clip in clips]


def _write(clip: Clip, lufs: float, gain_db: float, rules: StimulusRules, folder: Path) -> Stimulus:
    sound, start_s = _sound(clip, rules)
    sound = (sound * 10 ** (gain_db / 20)).astype(np.float32)
    sound, lowered = limited(sound, rules.rate, rules.true_peak_dbtp)
    path = f"{clip.owner}/{sample_folder(clip.sample_id)}.wav"
    write_wav(folder / path, Audio(sound[:, None], rules.rate))
    return Stimulus(
        owner=clip.owner,
        source=clip.source,
        sample_id=clip.sample_id,
        path=path,
        start_s=start_s,
        duration_s=len(sound) / rules.rate,
        lufs_before=lufs,
        lufs=integrated_lufs(sound, rules.rate),
        gain_db=gain_db,
        limited_db=lowered,
        true_peak_dbtp=true_peak_dbtp(sound, rules.rate),
        original_sha256=file_hash(clip.path),
    )


def _sound(clip: Clip, rules: StimulusRules) -> tuple[FloatArray, float]:
    """Mono at the protocol's rate, trimmed and, where it says so, without what lies above the limit; and the
    second of the original at which it begins."""
    audio = read_audio(clip.path)
    sound = resample(audio.samples.mean(axis=1, dtype=np.float32), audio.rate, rules.rate)
    start, end = clip.start_s, clip.end_s
    if end <= 0:
        span = active_span(sound, rules.rate, noise_floor(sound, rules.rate))
        start, end = (span[0] - LEAD_S, span[1] + TAIL_S) if span else (0.0, len(sound) / rules.rate)
    first = max(0, round(start * rules.rate))
    sound = sound[first : round(end * rules.rate)]
    return _below(sound, rules) if rules.band_limit_hz else sound, first / rules.rate


def _below(sound: FloatArray, rules: StimulusRules) -> FloatArray:
    """Low-pass of 8th order, forwards and backwards: no phase shift."""
    from scipy.signal import butter, sosfiltfilt

    if not 0 < rules.band_limit_hz < rules.rate / 2:
        raise SierError(
            f"The protocol limits the band to {rules.band_limit_hz} Hz at a rate of {rules.rate} Hz.",
            "Take less than half the rate, or 0 for no limit.",
        )
    sections = butter(8, rules.band_limit_hz, fs=rules.rate, output="sos")
    padding = min(3 * (2 * len(sections) + 1), len(sound) - 1)
    filtered: FloatArray = sosfiltfilt(sections, sound, padlen=padding).astype(np.float32)
    return filtered
