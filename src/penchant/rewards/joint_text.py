"""The text in which a pair model reads a prompt and two responses, in training and in judging alike."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.feedback.records import Text, as_text
from penchant.rewards.judge_prompts import as_script

__all__ = ["LETTERS", "all_games", "joint_text"]

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


def all_games(responses: Sequence[Sequence[str]]) -> list[tuple[int, int, int]]:
    """Every ordered pair of different responses to each prompt.

    Args:
        responses: those to each prompt.

    Returns:
        The number of the prompt, of the response shown first, and of the other.

    Example:
        >>> all_games([["a", "b"]])
        [(0, 0, 1), (0, 1, 0)]
    """
    sizes = [len(several) for several in responses]
    return [(place, i, j) for place, size in enumerate(sizes) for i in range(size) for j in range(size) if i != j]
