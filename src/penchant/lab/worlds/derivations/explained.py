"""The same sums asked for in two ways: for the answer alone, and for a written derivation that ends in it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from penchant.lab.solving import solve
from penchant.lab.worlds.derivations.world import derivation

__all__ = ["accuracy", "answer_pairs", "answers", "derivations", "reasoned_pairs", "sums_of"]

#: What follows the numbers where the answer alone is asked for, and where a derivation is demanded.
DIRECT, EXPLAINED = "=", ":"
SLIPS = (-3, -2, -1, 1, 2, 3)


def sums_of(count: int, seed: int, numbers: int = 3) -> list[list[int]]:
    """Different sums of digits, in a random order.

    Args:
        count: how many.
        seed: of the draw.
        numbers: of each sum.

    Example:
        >>> sums_of(2, seed=0)
        [[6, 6, 0], [4, 8, 7]]
    """
    rng, found = random.Random(seed), dict[tuple[int, ...], None]()
    while len(found) < count:
        found[tuple(rng.randint(0, 9) for _ in range(numbers))] = None
    return [list(each) for each in found]


def _asked(numbers: Sequence[int], demand: str) -> str:
    return "+".join(map(str, numbers)) + demand


def answers(sums: Sequence[Sequence[int]]) -> list[dict[str, str]]:
    """Demonstrations of the answer alone.

    Example:
        >>> answers([[6, 6, 1]])
        [{'prompt': '6+6+1=', 'completion': '13'}]
    """
    return [{"prompt": _asked(each, DIRECT), "completion": str(sum(each))} for each in sums]


def derivations(sums: Sequence[Sequence[int]]) -> list[dict[str, str]]:
    """Demonstrations of the derivation, whose last line ends in the answer.

    Example:
        >>> derivations([[6, 6, 1]])
        [{'prompt': '6+6+1:', 'completion': '6+6=12\\n12+1=13\\n'}]
    """
    none = [0] * len(sums[0])
    return [{"prompt": _asked(each, EXPLAINED), "completion": derivation(list(each), none[1:])} for each in sums]


def answer_pairs(sums: Sequence[Sequence[int]], seed: int) -> list[dict[str, str]]:
    """Pairs of the right answer alone and a wrong one.

    Args:
        sums: one pair each.
        seed: of the slips.

    Example:
        >>> answer_pairs([[6, 6, 1]], seed=0)
        [{'prompt': '6+6+1=', 'chosen': '13', 'rejected': '14'}]
    """
    rng = random.Random(seed)
    rows = zip(sums, answers(sums), strict=True)
    return [
        {"prompt": row["prompt"], "chosen": row["completion"], "rejected": str(_other(sum(each), rng))}
        for each, row in rows
    ]


def _other(right: int, rng: random.Random) -> int:
    """A number near another one, at least 0."""
    return rng.choice([right + slip for slip in SLIPS if right + slip >= 0])


def reasoned_pairs(sums: Sequence[Sequence[int]], seed: int) -> list[dict[str, str]]:
    """Pairs of a right derivation, and one that slips in one line and so ends in a wrong answer.

    Args:
        sums: one pair each.
        seed: of the slips.

    Example:
        >>> reasoned_pairs([[6, 6, 1]], seed=0)
        [{'prompt': '6+6+1:', 'chosen': '6+6=12\\n12+1=13\\n', 'rejected': '6+6=12\\n12+1=14\\n'}]
    """
    rng, found = random.Random(seed), []
    for each, shown in zip(sums, derivations(sums), strict=True):
        slips = [0] * (len(each) - 1)
        while abs(_end(each, slips)) == sum(each):
            slips = [0] * (len(each) - 1)
            slips[rng.randrange(len(slips))] = rng.choice(SLIPS)
        wrong = derivation(list(each), slips)
        found.append({"prompt": shown["prompt"], "chosen": shown["completion"], "rejected": wrong})
    return found


def _end(numbers: Sequence[int], slips: Sequence[int]) -> int:
    """The last number of a derivation."""
    return int(derivation(list(numbers), list(slips)).strip().rpartition("=")[2])


def accuracy(model: Any, tokenizer: Any, sums: Sequence[Sequence[int]], *, explained: bool, seed: int) -> float:
    """Share of sampled responses, four a sum, that end in the right answer.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        sums: what is asked.
        explained: whether a derivation is demanded.
        seed: of the samples.
    """
    demand = EXPLAINED if explained else DIRECT
    rows = [{"prompt": _asked(each, demand)} for each in sums]
    given = solve(model, tokenizer, rows, samples=4, seed=seed, longest=24 if explained else 4)
    pairs = zip(sums, given, strict=True)
    right = [_answer(text) == str(sum(each)) for each, texts in pairs for text in texts]
    return sum(right) / (4 * len(sums))


def _answer(text: str) -> str:
    """The last number of a response."""
    return text.strip().rpartition("=")[2]
