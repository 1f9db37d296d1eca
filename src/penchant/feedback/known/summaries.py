"""Summaries of a post or an article that people compared, as in OpenAI's summarize_from_feedback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.feedback.known.layout import Layout, Row, figure, object_in, ordered, unnamed
from penchant.feedback.literals import literal
from penchant.feedback.records import Source
from penchant.feedback.values import wrong

__all__ = ["SUMMARIES"]


def _two(row: Row) -> list[str]:
    """The texts of two summaries; empty for a row of another layout."""
    given = row.get("summaries")
    given = literal(given) if isinstance(given, str) else given
    if not isinstance(given, list | tuple) or len(given) != 2:
        return []
    texts = [each.get("text") if isinstance(each, Mapping) else None for each in given]
    return texts if all(isinstance(text, str) for text in texts) else []  # type: ignore[return-value]


def _asked(row: Row) -> str:
    """The post or article as the paper's policies read it (Stiennon et al., 2020, appendix B); empty without one."""
    about = object_in(row.get("info"))
    said = {name: about[name] for name in ("subreddit", "title", "post", "article") if isinstance(about.get(name), str)}
    if "post" in said:
        head = [f"SUBREDDIT: r/{said['subreddit']}"] if "subreddit" in said else []
        head += [f"TITLE: {said['title']}"] if "title" in said else []
        return "\n\n".join([*head, f"POST: {said['post']}", "TL;DR:"])
    return f"Article:\n\n{said['article']}\n\nTL;DR:" if "article" in said else ""


def _from_two(row: Row, source: Source) -> dict[str, Any]:
    choice = figure(row["choice"], "choice", source)
    if choice not in (0, 1):
        raise wrong("choice", row["choice"], "0 or 1, the number of the better summary", source)
    first, second = (f" {text.strip()}" for text in _two(row))  # behind "TL;DR:" stands a space
    rest = unnamed(row, ["info", "summaries", "choice"])
    return {"prompt": _asked(row), **rest, **ordered((first, second), int(choice))}


SUMMARIES = (
    Layout(
        name="two summaries",
        used_by="OpenAI summarize_from_feedback (comparisons)",
        columns="`info` (`post`, `title`, `subreddit`, or `article`), `summaries` (two objects with `text`), `choice`",
        kind="comparison",
        says="choice is the number of the better summary; the prompt is the post or article, and TL;DR",
        matches=lambda row: "choice" in row and bool(_two(row)) and bool(_asked(row)),
        convert=_from_two,
    ),
)
