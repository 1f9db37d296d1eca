"""Sums of several numbers with a written derivation, one line a step."""

from __future__ import annotations

import random
from typing import Any

from penchant.lab.worlds.sums.world import build_tokenizer

__all__ = ["LINES", "careless_derivations", "derivation", "line_tokenizer", "sums_with_answers"]

#: Lines of a derivation: one less than its numbers.
LINES = 3


def derivation(numbers: list[int], slips: list[int]) -> str:
    """The lines in which numbers are added one after the other.

    Args:
        numbers: at least two.
        slips: for each line what its result is off by; later lines go on from it.

    Example:
        >>> derivation([7, 5, 9], [0, 1])
        '7+5=12\\n12+9=22\\n'
    """
    lines, before = [], numbers[0]
    for number, slip in zip(numbers[1:], slips, strict=True):
        total = abs(before + number + slip)
        lines.append(f"{before}+{number}={total}\n")
        before = total
    return "".join(lines)


def sums_with_answers(seed: int, *, train: int = 240, held_out: int = 120) -> list[dict[str, Any]]:
    """Different sums of four numbers from 0 to 9, as ``{"prompt", "answer", "split"}``.

    Args:
        seed: of the draw.
        train: prompts to train on.
        held_out: prompts to measure on.

    Example:
        >>> [row["prompt"] for row in sums_with_answers(0, train=1, held_out=1)]
        ['6+6+0+4:', '8+7+6+4:']
    """
    rng, prompts = random.Random(seed), dict[str, str]()
    while len(prompts) < train + held_out:
        numbers = [rng.randint(0, 9) for _ in range(LINES + 1)]
        prompts["+".join(map(str, numbers)) + ":"] = str(sum(numbers))
    return [
        {"prompt": prompt, "answer": answer, "split": "test" if place < held_out else "train"}
        for place, (prompt, answer) in enumerate(prompts.items())
    ]


def careless_derivations(count: int = 4800, seed: int = 0, *, wrong: float = 0.25) -> list[dict[str, Any]]:
    """Derivations whose lines are off by one or two with probability ``wrong``.

    Args:
        count: how many.
        seed: of numbers and slips.
        wrong: share of wrong lines.
    """
    rng, shown = random.Random(seed), []
    for _ in range(count):
        numbers = [rng.randint(0, 9) for _ in range(LINES + 1)]
        slips = [rng.choice((-2, -1, 1, 2)) if rng.random() < wrong else 0 for _ in range(LINES)]
        shown.append({"prompt": "+".join(map(str, numbers)) + ":", "completion": derivation(numbers, slips)})
    return shown


def line_tokenizer() -> Any:
    """One token for each digit and sign, and one for the end of a line."""
    return build_tokenizer("\n:")
