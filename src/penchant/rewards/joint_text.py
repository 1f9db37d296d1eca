"""The text in which a pair model reads a prompt and two responses, in training and in judging alike."""

from __future__ import annotations

from penchant.feedback.records import Text, as_text
from penchant.rewards.judge_prompts import as_script

__all__ = ["LETTERS", "joint_text"]

#: The two answers of a generative pair model: the response shown first, or the other.
LETTERS = ("A", "B")


def joint_text(prompt: Text, first: Text, second: Text) -> str:
    """Prompt and responses under their headings.

    Args:
        prompt: a text or a conversation, which becomes a script.
        first: the response shown first.
        second: the other.

    Example:
        >>> print(joint_text("Hi", "Hello!", "What?"), end="")
        [CONTEXT] Hi
        [RESPONSE A] Hello!
        [RESPONSE B] What?
        [BETTER]
    """
    parts = {"CONTEXT": as_script(prompt), "RESPONSE A": as_text(first), "RESPONSE B": as_text(second)}
    return "".join(f"[{name}] {text.strip()}\n" for name, text in parts.items()) + "[BETTER]\n"
