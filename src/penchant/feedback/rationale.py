"""The prompt of a rationale: which of two responses is preferable, and why."""

from __future__ import annotations

import hashlib

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Text, as_text

__all__ = ["FIRST", "rationale_prompt"]

#: Values of the field ``rationale_first``: which response is shown as Assistant 1.
FIRST = ("chosen", "rejected", "hash")

_QUESTION = """Two assistants answered the same prompt.

### Prompt
{prompt}

### Assistant 1
{first}

### Assistant 2
{second}

### Which response is preferable, and why?
"""


def rationale_prompt(record: Comparison) -> Text:
    """The prompt of a rationale: prompt and responses of a comparison, and the question which response is preferable.

    The chosen response is Assistant 1, as in the published code, unless the record's field ``rationale_first`` is
    ``rejected``, or ``hash``: then a hash of prompt and responses decides, deterministically. A rationale that refers
    to "Assistant 1" needs the order it was written for.

    Args:
        record: the comparison.

    Returns:
        A text if the record's prompt is a text, else one user turn.

    Raises:
        DataError: ``rationale_first`` has another value.

    Example:
        >>> asked = rationale_prompt(Comparison(prompt="Hi", chosen="Hello!", rejected="What?"))
        >>> asked.index("Hello!") < asked.index("What?")
        True
    """
    first = record.fields.get("rationale_first", "chosen")
    if first not in FIRST:
        raise DataError(
            f"'rationale_first' is {first!r}, expected {' or '.join(map(repr, FIRST))}.",
            where=str(record.source),
            fix="Correct it, or remove the field; then the chosen response comes first.",
        )
    texts = [_transcript(record.prompt), _transcript(record.chosen), _transcript(record.rejected)]
    if first == "hash":
        # Hashed in alphabetical order, so that the order does not reveal which response was chosen.
        whole = "\0".join([texts[0], *sorted(texts[1:])])
        even = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).digest()[0] % 2 == 0
        first = "chosen" if even == (texts[1] < texts[2]) else "rejected"
    shown = texts[1:] if first == "chosen" else [texts[2], texts[1]]
    question = _QUESTION.format(prompt=texts[0], first=shown[0], second=shown[1])
    return question if isinstance(record.prompt, str) else [{"role": "user", "content": question}]


def _transcript(value: Text) -> str:
    """A text, or the turns of a conversation, with their roles if there are several."""
    if not isinstance(value, list) or len(value) == 1:
        return as_text(value).strip()
    return "\n".join(f"{turn['role']}: {as_text([turn])}" for turn in value)
