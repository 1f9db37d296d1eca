"""Texts from elsewhere in a Markdown page: names of models and files stay names, whatever signs they have."""

from __future__ import annotations

import re

from penchant.terminal import shown

__all__ = ["as_code", "as_text", "fenced"]

_SIGNS = re.compile(r"([\\`*_\[\]<>#|~&$])")


def as_text(text: object) -> str:
    """A text on one line, with a backslash before each sign that Markdown or HTML would act on.

    Example:
        >>> print(as_text("[a](b) <script>"))
        \\[a\\](b) \\<script\\>
    """
    return _SIGNS.sub(r"\\\1", shown(text, in_one_line=True))


def as_code(text: object) -> str:
    """A text on one line as code, between more backticks than it has in a row.

    Example:
        >>> as_code("a.jsonl"), as_code("a`b")
        ('`a.jsonl`', '`` a`b ``')
    """
    written = shown(text, in_one_line=True)
    mark = "`" * (_longest(written) + 1)
    return f"{mark}{written}{mark}" if len(mark) == 1 else f"{mark} {written} {mark}"


def fenced(text: str, language: str) -> list[str]:
    """The lines of a block of code, between fences that are not in it.

    Example:
        >>> fenced("a: 1", "yaml")
        ['```yaml', 'a: 1', '```']
    """
    mark = "`" * max(3, _longest(text) + 1)
    return [f"{mark}{language}", shown(text), mark]


def _longest(text: str) -> int:
    """The most backticks in a row."""
    return max(map(len, re.findall("`+", text)), default=0)
