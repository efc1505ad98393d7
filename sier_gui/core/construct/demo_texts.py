"""The sentences of the demo set, written for it: a neutral frame and one phrase that carries the feeling."""

from __future__ import annotations

# Ordinary things, said evenly. A text is frame + phrase, phrase + frame, or opening + phrase + end.
FRAMES = (
    "I opened the letter", "We came home at six", "The train is here", "She read the news",
    "He called this morning", "They painted the door", "The parcel came today", "I found the keys",
    "We sat by the window", "The shop is closed", "I saw the garden", "The meeting is over",
    "You left a note", "The lights are on", "We took the bus", "I looked at the menu",
    "The photos are ready", "He moved the table", "She wrote back", "The kettle is on", "We met at noon",
    "I walked to the lake", "The film has ended", "They changed the plan", "I heard the song",
    "The bread is done", "You sent the file", "We watched the match", "The room is empty",
    "I counted the chairs",
)  # fmt: skip
OPENINGS = ("Well", "You know", "As I said", "So", "Listen", "To be honest", "Once more", "Look")
ENDS = ("they said", "it says here", "he told me", "she wrote", "you see", "they told us", "she said")

PHRASES: dict[str, tuple[str, ...]] = {
    "anger": (
        "this is outrageous", "stop it right now", "how dare you", "I have had enough",
        "that is so unfair", "you broke it again", "nobody ever listens", "get out of my way",
        "I am furious", "do not lie to me", "you had no right", "that makes me mad", "give it back now",
        "you promised me", "this has to stop", "leave it alone",
),
    "happy": (
        "what a lovely surprise", "I am so glad", "this is wonderful", "we did it", "it is my best day",
        "I love this so much", "that is brilliant", "we won the prize", "what fun we had",
        "everyone was smiling", "I could sing", "that is great news", "it made me laugh",
        "how beautiful it is", "we are so lucky", "it worked at last",
),
    "hate": (
        "it smells revolting", "I cannot stand it", "that is disgusting", "it is truly vile",
        "what a horrid mess", "I loathe this soup", "it makes me sick", "take it away from me",
        "such a nasty trick", "I despise that noise", "it is all rotten", "how very ugly",
        "I detest that smell", "it tastes foul", "what utter rubbish", "I hate this place",
),
    "sad": (
        "I miss her so much", "it is all over now", "nobody came to see me", "I feel so alone",
        "we lost everything", "he is not coming back", "it broke my heart", "I could only cry",
        "there is no hope left", "she has gone away", "I wish I had known", "it hurts to remember",
        "my old dog died", "we said goodbye", "I am so sorry", "it was for nothing",
    ),
}  # fmt: skip
NEUTRAL = (
    "it is on the table", "the bus was on time", "there are four of them", "it opens at nine",
    "the second one is blue", "it takes ten minutes", "the door is on the left", "we need two copies",
    "it is the usual size", "the list is on page three", "it was a quarter past",
    "they use the other room",
)  # fmt: skip
