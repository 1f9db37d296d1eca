"""Formatting of propositions as short formulas, and of their weighted counts as polynomials."""

from __future__ import annotations

from itertools import combinations, product

from penchant.objectives.logic.propositions import ATOMS, FALSE, TRUE, Proposition, atom

__all__ = ["VARIABLES", "atoms_written", "log_text", "polynomial_text", "write_formula"]

#: The probability of each atom: of the winner and the loser under the policy (p) and the reference (r).
VARIABLES = dict(zip(ATOMS, ("p_w", "p_l", "r_w", "r_l"), strict=True))

Literal = tuple[str, bool]  # an atom, and whether it is true
Cube = tuple[Literal, ...]  # all of them together


def _literal(literal: Literal) -> Proposition:
    return atom(literal[0]) if literal[1] else ~atom(literal[0])


def _proposition(cube: Cube) -> Proposition:
    whole = TRUE
    for literal in cube:
        whole = whole & _literal(literal)
    return whole


def _prime_cubes(proposition: Proposition) -> list[Cube]:
    """The prime implicants, those with fewer literals first."""
    found: list[Cube] = []
    names = proposition.atoms
    for size in range(len(names) + 1):
        for chosen in combinations(names, size):
            for values in product((True, False), repeat=size):
                cube = tuple(zip(chosen, values, strict=True))
                if _proposition(cube).entails(proposition) and not any(set(each) <= set(cube) for each in found):
                    found.append(cube)
    return found


def _cover(proposition: Proposition) -> list[Cube]:
    """A small cover of the proposition by prime cubes, chosen greedily by the number of added worlds."""
    cubes, covered, chosen = _prime_cubes(proposition), FALSE, list[Cube]()
    while covered != proposition:
        best = max(cubes, key=lambda cube: (_proposition(cube) & ~covered).worlds.bit_count())
        covered = covered | _proposition(best)
        chosen.append(best)
    return sorted(chosen, key=lambda cube: [(ATOMS.index(name), not true) for name, true in cube])


def _positive_first(cube: Cube) -> Cube:
    """``M(l) and not M(w)`` reads better than ``not M(w) and M(l)``."""
    return tuple(sorted(cube, key=lambda literal: not literal[1]))


def _joined(clauses: list[Cube], inner: str, outer: str) -> str:
    words = []
    for clause in clauses:
        text = f" {inner} ".join(name if true else f"not {name}" for name, true in _positive_first(clause))
        words.append(f"({text})" if len(clause) > 1 and len(clauses) > 1 else text)
    return f" {outer} ".join(words)


def write_formula(proposition: Proposition) -> str:
    """A short formula equivalent to the proposition.

    Args:
        proposition: any set of worlds.

    Returns:
        Text that `read_formula` parses to the same proposition.

    Example:
        >>> from penchant.objectives.logic.reading import read_formula
        >>> write_formula(read_formula("not (M(l) and not M(w))"))
        'M(l) implies M(w)'
    """
    if proposition in (TRUE, FALSE):
        return "true" if proposition == TRUE else "false"
    names = proposition.atoms
    if len(names) == 2:
        first, second = map(atom, names)
        for word, meant, order in (
            ("xor", first ^ second, names),
            ("iff", ~(first ^ second), names),
            ("implies", first.implies(second), names),
            ("implies", second.implies(first), names[::-1]),
        ):
            if proposition == meant:
                return f"{order[0]} {word} {order[1]}"
    ors = _cover(proposition)
    ands = [tuple((name, not true) for name, true in cube) for cube in _cover(~proposition)]
    if sum(map(len, ands)) < sum(map(len, ors)):
        return _joined(ands, "or", "and")
    return _joined(ors, "and", "or")


def atoms_written(formula: str) -> int:
    """The number of atoms in a formula, the measure of its length.

    Example:
        >>> atoms_written("M(w) and not M(l) or M(w)")
        3
    """
    return sum(formula.count(name) for name in ATOMS)


def _factors(cube: Cube) -> list[str]:
    return [VARIABLES[name] if true else f"(1 − {VARIABLES[name]})" for name, true in _positive_first(cube)]


def polynomial_text(proposition: Proposition) -> str:
    """The weighted count of a proposition as a polynomial in the probabilities of its atoms.

    WMC(F) = Σ_{worlds of F} Π_{true atoms} p Π_{false atoms} (1 − p)

    Args:
        proposition: any set of worlds.

    Returns:
        A product if the proposition is a conjunction, one minus a product if its negation is, otherwise the sum of all
        terms.

    Example:
        >>> from penchant.objectives.logic.reading import read_formula
        >>> polynomial_text(read_formula("M(l) implies M(w)")), polynomial_text(read_formula("M(w) xor M(l)"))
        ('1 − p_l (1 − p_w)', 'p_w + p_l − 2 p_w p_l')
    """
    if proposition in (TRUE, FALSE):
        return "1" if proposition == TRUE else "0"
    primes, negated = _prime_cubes(proposition), _prime_cubes(~proposition)
    if len(primes) == 1:
        return " ".join(_factors(primes[0]))
    if len(negated) == 1:
        return "1 − " + " ".join(_factors(negated[0]))
    text = ""
    for size in range(len(proposition.atoms) + 1):
        for chosen in combinations(proposition.atoms, size):
            # The coefficient of a product of atoms, by inclusion-exclusion over the worlds below it.
            parts = (part for count in range(size + 1) for part in combinations(chosen, count))
            number = sum((-1) ** (size - len(part)) * proposition.holds(part) for part in parts)
            if number:
                variables = " ".join(VARIABLES[name] for name in chosen)
                size_of_it = " ".join(
                    filter(None, (str(abs(number)) if abs(number) > 1 or not chosen else "", variables))
                )
                text += f" {'+' if number > 0 else '−'} {size_of_it}"
    return text.strip().removeprefix("+ ")


def log_text(proposition: Proposition) -> list[str]:
    """The logarithm of the weighted count as a list of summands.

    Args:
        proposition: any but the contradiction.

    Example:
        >>> from penchant.objectives.logic.reading import read_formula
        >>> log_text(read_formula("M(w) and not M(l)")), log_text(read_formula("M(l) implies M(w)"))
        (['log p_w', 'log(1 − p_l)'], ['log(1 − p_l (1 − p_w))'])
    """
    primes = _prime_cubes(proposition)
    if proposition == TRUE:
        return []
    if len(primes) == 1:
        return [f"log{factor}" if factor.startswith("(") else f"log {factor}" for factor in _factors(primes[0])]
    return [f"log({polynomial_text(proposition)})"]
