"""Distribution shifts of comparisons that leave the label right: both responses, or the prompt, get another form."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from penchant.diagnostics.judge_edits import padded, paraphrased, styled
from penchant.feedback.records import Comparison, Text

__all__ = ["SHIFTS", "Shift", "framed", "misspelled", "shifted"]

#: From a text to a text that says the same.
Shift = Callable[[str], str]

_FRAME = (
    "Here is something that I was asked today. Take it as if it came from you to me, and write what you would say:\n\n"
)


def framed(text: str) -> str:
    """A prompt inside another request.

    Example:
        >>> framed("How are you?").splitlines()[-1]
        'How are you?'
    """
    return _FRAME + text


def misspelled(text: str, share: float = 0.3) -> str:
    """The text with two neighbouring letters exchanged in a share of its longer words; equal words change alike.

    Args:
        text: any text.
        share: of the words of four letters or more.

    Example:
        >>> misspelled("the whole garden", share=1.0)
        'the whloe garedn'
    """
    return " ".join(_misspelled(word, share) for word in text.split(" "))


def _misspelled(word: str, share: float) -> str:
    draw = int(hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16)
    inner = len(word) - 3  # the first and the last letter stay
    if inner < 1 or not word.isalpha() or draw % 1000 >= 1000 * share:
        return word
    place = 1 + draw // 1000 % inner
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


#: The shifts by name: what they change, and how.
SHIFTS: Mapping[str, tuple[str, Shift]] = {
    "framed prompt": ("prompt", framed),
    "paraphrase": ("responses", paraphrased),
    "Markdown": ("responses", styled),
    "padding": ("responses", padded),
    "misspelling": ("responses", misspelled),
}


def shifted(record: Comparison, name: str) -> dict[str, Text]:
    """A comparison after a shift, as a row; its label is still right.

    Args:
        record: a comparison of texts.
        name: of the shift, see `SHIFTS`.

    Example:
        >>> shifted(Comparison(prompt="Hi", chosen="Do not.", rejected="It is."), "paraphrase")
        {'prompt': 'Hi', 'chosen': "Don't.", 'rejected': "It's."}
    """
    part, shift = SHIFTS[name]
    changed = {"prompt": ("prompt",), "responses": ("chosen", "rejected")}[part]
    row: dict[str, Text] = {"prompt": record.prompt, "chosen": record.chosen, "rejected": record.rejected}
    return {key: _edited(text, shift) if key in changed else text for key, text in row.items()}


def _edited(text: Text, shift: Shift) -> Text:
    """The text, or its last message, after the shift."""
    if isinstance(text, str):
        return shift(text)
    last = text[-1]
    return [*text[:-1], {**last, "content": shift(str(last["content"]))}]
