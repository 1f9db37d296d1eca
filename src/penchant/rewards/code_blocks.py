"""The program in a response: its fenced block of code."""

from __future__ import annotations

__all__ = ["code_in"]

_FENCES = ("```", "~~~")
_LANGUAGES = ("", "python", "python3", "py")


def code_in(response: str) -> str:
    """The last fenced block of Python in a response, or the whole response if it has no block.

    Blocks of other languages are passed over; a block that is not closed ends with the response. Linear in its length.

    Args:
        response: a text, with Markdown or only code.

    Example:
        >>> code_in("Add them:\\n```python\\ndef add(a, b):\\n    return a + b\\n```\\nDone.")
        'def add(a, b):\\n    return a + b\\n'
    """
    blocks: list[str] = []
    inside: list[str] | None = None
    mark = language = ""
    fenced = False
    for line in response.splitlines(keepends=True):
        bare = line.strip()
        if inside is None and bare.startswith(_FENCES):
            length = len(bare) - len(bare.lstrip(bare[0]))
            mark, language = bare[:length], bare[length:].strip().lower().partition(" ")[0]
            inside, fenced = [], True
        elif inside is not None and bare.startswith(mark) and not bare.strip(mark[0]):
            blocks += ["".join(inside)] if language in _LANGUAGES else []
            inside = None
        elif inside is not None:
            inside.append(line)
    if inside is not None and language in _LANGUAGES:
        blocks.append("".join(inside))
    return blocks[-1] if blocks else "" if fenced else response
