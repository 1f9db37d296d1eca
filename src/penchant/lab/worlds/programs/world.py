"""Short arithmetic programs as text, and an interpreter for them."""

from __future__ import annotations

import random
import re

from penchant.errors import DataError

__all__ = ["NAMES", "run_program", "write_program"]

NAMES = "xyz"

_LINE = re.compile(r"([a-z]) = (\w+)(?: ([-+*]) (\w+))?")
_PRINT = re.compile(r"print\(([a-z])\)")


def write_program(rng: random.Random, *, lines: int = 3, largest: int = 9, most: int = 99, signs: str = "+-") -> str:
    """Generate a program of assignments that prints a number from 0 to ``most``.

    The first line assigns a number to a variable; further lines compute with a known variable and a number or another
    variable; the last line prints the last assigned variable.

    Args:
        rng: source of randomness.
        lines: number of lines including the print, at least 2.
        largest: the largest number in the text.
        most: upper bound of every variable; the lower bound is 0.
        signs: operators, a subset of ``+-*``.

    Example:
        >>> write_program(random.Random(0))
        'y = 6; y = y - y; print(y)'
    """
    while True:
        target = rng.choice(NAMES)
        values = {target: rng.randint(0, largest)}
        written = [f"{target} = {values[target]}"]
        for _ in range(lines - 2):
            known = rng.choice(sorted(values))
            other = rng.choice([str(rng.randint(0, largest)), *sorted(values)])
            target, sign = rng.choice(NAMES), rng.choice(signs)
            written.append(f"{target} = {known} {sign} {other}")
            values[target] = _computed(values[known], sign, _value(other, values))
            if not 0 <= values[target] <= most:
                break
        else:
            return "; ".join([*written, f"print({target})"])


def run_program(program: str) -> int:
    """The output of a program.

    Args:
        program: lines ``name = term`` or ``name = term sign term``, and a last line ``print(name)``, separated by
            ``;``.

    Raises:
        DataError: it is malformed, or uses an undefined variable.

    Example:
        >>> run_program("x = 3; y = x + 4; print(y)")
        7
    """
    *lines, last = [line.strip() for line in program.strip().split(";")]
    values: dict[str, int] = {}
    try:
        for line in lines:
            target, first, sign, second = _LINE.fullmatch(line).groups()  # type: ignore[union-attr]
            value = _value(first, values)
            values[target] = _computed(value, sign, _value(second, values)) if sign else value
        return values[_PRINT.fullmatch(last)[1]]  # type: ignore[index]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"This is not a valid program of the lab: {program!r}.",
            why="A line is neither 'name = term' nor 'name = term sign term', or uses an undefined variable.",
            fix="Write it as: x = 3; y = x + 4; print(y)",
        ) from error


def _value(term: str, values: dict[str, int]) -> int:
    return values[term] if term in NAMES else int(term)


def _computed(first: int, sign: str, second: int) -> int:
    return {"+": first + second, "-": first - second, "*": first * second}[sign]
