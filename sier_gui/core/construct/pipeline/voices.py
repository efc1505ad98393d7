"""Stage 4: speech of all texts, and their pictures, into the dataset's folder."""

from __future__ import annotations

import hashlib

from sier_gui.core.construct.pipeline.context import Context, image_file, lost_files, size_of, speech_file
from sier_gui.core.construct.pipeline.request import SynthVoice
from sier_gui.core.construct.pipeline.speech import Failed, Said, Spoken, order_of, say, usable
from sier_gui.core.construct.pipeline.texts import Finding, Text
from sier_gui.core.construct.synthesizers import version_of
from sier_gui.core.errors import SierError
from sier_gui.core.paths import write_bytes


def speak_all(run: Context) -> None:
    """Stage 4. What is noted as done, but whose files are lost, is done again.

    Raises
    ------
    SierError : no voice can be used, or one that the build was begun with no longer can; the disk is full;
        a picture has changed or gone.
    """
    with run.stage("speech"):
        lost = lost_files(run.out, run.state)
        if lost:
            with run.state.transaction():
                run.state.forget_speech(lost)
        texts = {text.row: text for text in run.state.texts()}
        pairs, done, hashes = run.state.pairs(), run.state.speech(), run.state.hash_of()
        todo = [texts[row] for row in pairs if row not in done]
        voices = choose_voices(run, bool(todo))

        def said(text: Text) -> tuple[Said | None, list[Failed]]:
            order = order_of(voices, text.row, run.request.seed)
            spoken, failures = say(text.text, order, run.request.prosody)
            return (None if spoken is None else _keep(run, text, spoken, pairs, hashes)), failures

        for text, (kept, failures) in run.each("speech", todo, said, len(done)):
            with run.state.transaction():
                run.state.add_speech(text.row, kept)
                run.state.find(_findings(text, kept, failures))


def _findings(text: Text, kept: Said | None, failures: list[Failed]) -> list[Finding]:
    kind = "synthesis" if kept is None else "other-voice"
    after = "" if kept is None else f"; said by {kept.program} {kept.voice}"
    return [
        Finding("speech", text.line, text.sample_id, kind, f"{f.voice.label}: {f.reason}{after}")
        for f in failures
    ]


def _keep(run: Context, text: Text, spoken: Spoken, pairs: dict[int, str], hashes: dict[str, str]) -> Said:
    write_bytes(run.out / speech_file(text.row), spoken.flac)
    file = pairs[text.row]
    copied = _copy(run, file, hashes[file])
    voice = spoken.voice
    return Said(voice.program, voice.name, spoken.seconds, len(spoken.flac), copied)


def _copy(run: Context, file: str, sha256: str) -> int:
    """The picture into the dataset, under its hash; returns its size."""
    source, target = run.request.images / file, run.out / image_file(file, sha256)
    try:
        data = source.read_bytes()
    except OSError as error:
        raise SierError(
            f"Cannot read {source}: {error.strerror or error}.", "Put it back and start again."
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SierError(
            f"{source} has changed since the build began.", "Put it back, or build into another folder."
        )
    if size_of(target) != len(data):
        write_bytes(target, data)
    return len(data)


def choose_voices(run: Context, needed: bool) -> list[SynthVoice]:
    """Those that speak here; found once, then the same for as long as the build lasts."""
    if run.state.fact("voices") is None:
        able, unable = usable(run.request.voices, run.request.prosody)
        if not able:
            raise SierError(
                f"No synthesizer can be used. {' '.join(f.reason for f in unable)}",
                "Install espeak-ng, flite or festival, or name another one.",
            )
        with run.state.transaction():
            run.state.note("voices", [(voice.program, voice.name) for voice in able])
            run.state.note("versions", {v.program: version_of(v.program) for v in able})
            run.state.note("missing_voices", [(f.voice.label, f.reason) for f in unable])
            run.state.find(Finding("speech", None, f.voice.label, "missing", f.reason) for f in unable)
        needed = False
    voices = [SynthVoice(*voice) for voice in run.state.fact("voices")]
    if needed:
        _, unable = usable(voices, run.request.prosody)
        if unable:
            raise SierError(
                f"{run.out} was begun with the voice {unable[0].voice.label}. {unable[0].reason}",
                "Make it available again, or build into another folder.",
            )
        _check_versions(run)
    run.notes += [f"{name} is not used. {reason}" for name, reason in run.state.fact("missing_voices")]
    return voices


def _check_versions(run: Context) -> None:
    """Another version of a program says the same text otherwise: the build would be of two kinds."""
    for program, before in run.state.fact("versions").items():
        now = version_of(program)
        if now != before:
            raise SierError(
                f"{run.out} was begun with {program} {before}; here is {now}.",
                f"Install {before} again, or build into another folder.",
            )
