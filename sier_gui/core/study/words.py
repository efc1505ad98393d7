"""What a rater reads and hears, in the protocol's language; nothing here names a sample or a source.

Another language is one more entry of `LANGUAGES`; the consent text itself belongs to the protocol.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RaterWords:
    """Every text of a rater's pages; English unless a language says otherwise. ``{…}`` are filled in."""

    consent_title: str = "Before you begin"
    agree: str = "I agree"
    decline: str = "I do not agree"
    about_title: str = "About you"
    about: str = "You may leave any of this empty."
    age: str = "Age"
    gender: str = "Gender"
    language: str = "First language"
    hearing: str = "Hearing"
    not_said: str = "not said"
    hearing_choices: tuple[str, ...] = ("no difficulty", "some difficulty", "hearing aid")
    gender_choices: tuple[str, ...] = ("woman", "man", "another")
    go_on: str = "Go on"
    headphones_title: str = "Headphones"
    headphones: str = (
        "Put your headphones on. You will hear three tones, {rounds} times. Say each time which of "
        "the three is the quietest, with the keys 1 to 3."
    )
    headphones_round: str = "Round {number} of {rounds}: which tone was the quietest?"
    tone: str = "Tone {number}"
    listen: str = "Listen…"
    play: str = "Play"
    volume_title: str = "Volume"
    volume: str = (
        "Play the sound and set your computer's volume so that you hear it well. "
        "Then leave it as it is until the end."
    )
    practice_title: str = "A few to practise"
    practice: str = (
        "You will see a picture, hear a recording, or both, and say which emotion it shows. Answer with the "
        "keys 1 to {keys}, then say how sure you are with the keys 1 to {sure}. The keys work once the "
        "recording has ended. You may hear a recording again {replays} times. Say what comes to mind first."
    )
    begin_title: str = "Now it begins"
    begin: str = "That was the practice. There are {count} more, with breaks in between."
    break_title: str = "Time for a break"
    pause: str = "{done} of {count} are done. Rest your eyes and ears, and go on when you like."
    thanks_title: str = "Thank you"
    thanks: str = "That was the last one. Please tell the person who runs the study."
    stop_title: str = "Stop here?"
    stop: str = "What you answered is kept, and you can go on another time."
    stop_now: str = "Stop"
    keep_on: str = "Go on"
    stopped_title: str = "You stopped"
    stopped: str = "What you answered is kept. Please tell the person who runs the study."
    declined: str = "Nothing was stored. Please tell the person who runs the study."
    failed_title: str = "Something went wrong"
    failed: str = (
        "What you answered before is kept. Go on to try once more, or tell the person who runs the study."
    )
    mute: str = (
        "The recording cannot be played: there are no headphones and no loudspeaker. Connect them, then go "
        "on. What you answered before is kept."
    )
    silent_title: str = "The sound stopped"
    silent: str = (
        "The headphones or the loudspeaker went away while a recording was played. Connect them again, then "
        "go on: that recording is left out. What you answered before is kept."
    )
    late_title: str = "Enough for one session"
    late: str = (
        "You have been here for {minutes} minutes; {done} of {count} are done. You may stop now: what you "
        "answered is kept, and you go on another time. Or rest, and go on now."
    )
    question: str = "Which emotion is it?"
    sure_question: str = "How sure are you?"
    sure: tuple[str, ...] = ("guessing", "fairly sure", "sure")
    mark_question: str = "What decided it? Mark it, if you can say."
    mark_help: str = (
        "Drag with the mouse, or move with the arrow keys, size with Shift and the arrow keys, and set with "
        "Space, as often as you like. Tab changes between picture and recording."
    )
    mark_picture: str = "Picture, to mark what decided it"
    mark_sound: str = "Recording, to mark what decided it"
    marked_box: str = "from {left} % to {right} % across, from {top} % to {bottom} % down"
    marked_span: str = "from {start} to {end} seconds"
    mark_keep: str = "Keep and go on"
    mark_skip: str = "Go on without a mark"
    mark_undo: str = "Take back"
    again: str = "Play again"
    problem: str = "Technical problem"
    playing: str = "playing"
    played: str = "played"
    look: str = "Look…"
    picture: str = "Picture"
    progress: str = "{number} of {count}"
    practising: str = "Practice {number} of {count}"
    trap: str = "This one is only a check. Please choose {answer}."


LANGUAGES = {"en": RaterWords()}


def words(language: str) -> RaterWords:
    """The texts in ``language``, English where it has none."""
    return LANGUAGES.get(language, LANGUAGES["en"])
