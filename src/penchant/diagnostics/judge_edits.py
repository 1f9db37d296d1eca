"""Edits of a text that change no content: other words, empty words, other looks; what judges should not be moved by."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["EDITS", "Edit", "padded", "paraphrased", "styled"]

#: From a text to the edited text.
Edit = Callable[[str], str]

# Pairs that mean the same; each is replaced by the other.
_PHRASES = {
    "do not": "don't",
    "does not": "doesn't",
    "did not": "didn't",
    "is not": "isn't",
    "are not": "aren't",
    "cannot": "can't",
    "will not": "won't",
    "it is": "it's",
    "that is": "that's",
    "i am": "I'm",
    "you are": "you're",
    "we are": "we're",
    "they are": "they're",
    "i will": "I'll",
    "you will": "you'll",
    "let us": "let's",
    "for example": "for instance",
    "however": "nevertheless",
    "because": "since",
    "in order to": "so as to",
    "a lot of": "many",
    "help": "assist",
    "begin": "start",
    "large": "big",
    "answer": "reply",
    "also": "too",
    "such as": "like",
    "maybe": "perhaps",
    "quickly": "fast",
    "sorry": "apologies",
}
_BOTH = {**_PHRASES, **{other.lower(): own for own, other in _PHRASES.items()}}
_ANY = re.compile(r"\b(" + "|".join(sorted(map(re.escape, _BOTH), key=len, reverse=True)) + r")\b", re.IGNORECASE)
_EMPTY = (
    "To put it another way, the above is what there is to say about this.",
    "I have written down here what seems to answer the request as it was made.",
    "With this, the points that were to be made have been made.",
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def paraphrased(text: str) -> str:
    """The text with contractions and common words replaced by others of the same meaning.

    Example:
        >>> paraphrased("I don't know. However, it is large.")
        "I do not know. Nevertheless, it's big."
    """
    return _ANY.sub(_replaced, text)


def _replaced(found: re.Match[str]) -> str:
    own = found[0]
    other = _BOTH[own.lower()]
    return other[:1].upper() + other[1:] if own[:1].isupper() else other


def padded(text: str) -> str:
    """The text followed by sentences without content, about twice as long.

    Example:
        >>> padded("Yes.").startswith("Yes. To put it another way")
        True
    """
    parts, place = [text.rstrip()], 0
    while sum(map(len, parts[1:])) < len(text) or place < 1:
        parts.append(_EMPTY[place % len(_EMPTY)])
        place += 1
    return " ".join(parts)


def styled(text: str) -> str:
    """The text with a heading, its sentences as bold-led bullet points: the same words with Markdown.

    Example:
        >>> print(styled("It rains. Take a coat."))
        ## Answer
        <BLANKLINE>
        - **It** rains.
        - **Take** a coat.
    """
    sentences = [each.strip() for line in text.splitlines() for each in _SENTENCE.split(line) if each.strip()]
    points = [
        f"- **{first}**{' ' if rest else ''}{rest}" for first, _, rest in (each.partition(" ") for each in sentences)
    ]
    return "\n".join(["## Answer", "", *points])


#: The edits by name.
EDITS: dict[str, Edit] = {"paraphrase": paraphrased, "length": padded, "style": styled}
