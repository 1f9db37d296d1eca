"""The spellings of good and bad, and of grades, in tables of single responses."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["BAD", "GOOD", "grade", "spelled"]

GOOD = (
    "true", "t", "1", "1.0", "+1", "+1.0", "+", "yes", "y", "good", "thumbs up", "thumb up", "thumbsup", "up", "👍",
    "desirable", "desired", "like", "liked", "positive", "pos", "chosen", "preferred", "accept", "accepted", "approve",
    "approved", "correct", "right", "helpful", "upvote", "upvoted", "satisfied", "win", "✓", "✔", "✅",
    "好", "赞", "喜欢", "是", "对", "正确", "满意", "正", "正例",
)  # fmt: skip
BAD = (
    "false", "f", "0", "0.0", "-1", "-1.0", "-", "no", "n", "bad", "thumbs down", "thumb down", "thumbsdown", "down",
    "👎", "undesirable", "undesired", "dislike", "disliked", "negative", "neg", "rejected", "not preferred", "reject",
    "disapprove", "disapproved", "incorrect", "wrong", "unhelpful", "downvote", "downvoted", "unsatisfied",
    "dissatisfied", "loss", "lose", "✗", "✘", "❌",
    "坏", "差", "踩", "不喜欢", "否", "错", "错误", "不正确", "不满意", "负", "负例",
)  # fmt: skip
_LOOKS = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")


def spelled(value: Any) -> bool | None:
    """Whether a value means good (true) or bad (false); None if it means neither.

    Example:
        >>> spelled("Thumbs_Up"), spelled(-1.0), spelled("👎🏽"), spelled("maybe"), spelled(None)
        (True, False, False, None, None)
    """
    if value is None:
        return None
    word = _LOOKS.sub("", str(value)).strip().lower()
    word = word.strip(":") if re.search("[a-z]", word) else word
    for each in (word, re.sub(r"[\s_-]+", " ", word)):
        if each in GOOD:
            return True
        if each in BAD:
            return False
    return None


#: A grade as text: ``4.0/5``, ``80 %``, ``4 stars``.
_GRADE = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*(?:/\s*\d+|%|stars?|points?|votes?|out of \d+)?", re.IGNORECASE)


def grade(value: Any) -> float | None:
    """The number of a grade, which may be written as text or in stars; None if it is none.

    Example:
        >>> grade(4), grade("4.0/5"), grade("80 %"), grade("★★★☆☆"), grade("good"), grade(True)
        (4.0, 4.0, 80.0, 3.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, int | float):
        return float(value)
    text = value.strip()
    if text and set(text) <= set("★☆⭐"):
        return float(text.count("★") + text.count("⭐"))
    found = _GRADE.fullmatch(text)
    return float(found[1].replace(",", ".")) if found else None
