"""The question that a rationale answers: which of two responses is preferable, and why."""

from __future__ import annotations

import hashlib

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Text, as_text

__all__ = ["FIRST", "rationale_prompt"]

#: What the field ``rationale_first`` may say: which response is shown as Assistant 1.
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
    """The prompt of a rationale: prompt and both responses of a comparison, and the question which one is better.

    The chosen response is Assistant 1, as in the published code, unless the record's field ``rationale_first`` says
    ``rejected``, or ``hash``: then what prompt and responses say decides, and always in the same way. A rationale that
    names "Assistant 1" needs the order in which it was written.

    Args:
        record: the comparison.

    Returns:
        A text where the record's prompt is one, else one turn of a user.

    Raises:
        DataError: ``rationale_first`` is something else.

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
            fix="Mend it, or remove the field: then the chosen response comes first.",
        )
    texts = [_told(record.prompt), _told(record.chosen), _told(record.rejected)]
    if first == "hash":
        # Of the pair in alphabetical order, so that it does not depend on which of them was chosen.
        whole = "\0".join([texts[0], *sorted(texts[1:])])
        even = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).digest()[0] % 2 == 0
        first = "chosen" if even == (texts[1] < texts[2]) else "rejected"
    shown = texts[1:] if first == "chosen" else [texts[2], texts[1]]
    question = _QUESTION.format(prompt=texts[0], first=shown[0], second=shown[1])
    return question if isinstance(record.prompt, str) else [{"role": "user", "content": question}]


def _told(value: Text) -> str:
    """A text; of a conversation its turns, with their roles where there are several."""
    if not isinstance(value, list) or len(value) == 1:
        return as_text(value).strip()
    return "\n".join(f"{turn['role']}: {as_text([turn])}" for turn in value)
