"""Parsing of loss equations: polynomials in response probabilities to propositions."""

from __future__ import annotations

import ast
from itertools import combinations

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.logic.propositions import ATOMS, FALSE, Proposition, atom
from penchant.objectives.logic.writing import VARIABLES

__all__ = ["read_polynomial"]

_ATOM_OF = {variable: name for name, variable in VARIABLES.items()}

Polynomial = dict[frozenset[str], int]  # product of variables: its coefficient


def read_polynomial(text: str) -> Proposition:
    """The proposition whose weighted model count is the given polynomial.

    p_y ↦ M(y),   1 − t ↦ not t,   s · t ↦ s and t,   s + t ↦ s or t  (s and t excluding each other)

    A polynomial is a weighted count if and only if no variable is squared and its value is 0 or 1 whenever every
    variable is 0 or 1. The proposition holds in the worlds where the value is 1.

    Args:
        text: a polynomial in p_w, p_l, r_w, r_l, such as ``"p_w * (1 - p_l)"``.

    Raises:
        ConfigurationError: it is not such a polynomial.

    Example:
        >>> from penchant.objectives.logic.writing import write_formula
        >>> write_formula(read_polynomial("p_w * p_l + 1 - p_l"))
        'M(l) implies M(w)'

    Reference:
        Richardson, Srikumar, Sabharwal (2024), Understanding the Logic of Direct Preference Alignment through Logic.
    """
    try:
        terms = _expanded(ast.parse(text, mode="eval").body, text)
    except SyntaxError:
        raise _wrong(text, "it does not parse as arithmetic") from None
    found = FALSE
    for count in range(len(ATOMS) + 1):
        for true in combinations(_ATOM_OF, count):
            value = sum(number for product, number in terms.items() if product <= set(true))
            if value not in (0, 1):
                where = f"with {', '.join(true)} = 1 and the rest 0" if true else "with all variables 0"
                raise _wrong(text, f"{where} its value is {value}, expected 0 or 1")
            if value:
                found = found | _world({_ATOM_OF[variable] for variable in true})
    return found


def _world(true: set[str]) -> Proposition:
    """The one world in which exactly these atoms are true."""
    whole = ~FALSE
    for name in ATOMS:
        whole = whole & (atom(name) if name in true else ~atom(name))
    return whole


def _expanded(node: ast.expr, text: str) -> Polynomial:
    """The polynomial as a sum of products."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return {frozenset(): node.value}
    if isinstance(node, ast.Name):
        if node.id not in _ATOM_OF:
            raise _wrong(text, f"there is no variable {node.id!r}. {nearest(node.id, _ATOM_OF)}".rstrip("."))
        return {frozenset({node.id}): 1}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return {product: -number for product, number in _expanded(node.operand, text).items()}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        sign = 1 if isinstance(node.op, ast.Add) else -1
        total = _expanded(node.left, text)
        for product, number in _expanded(node.right, text).items():
            total[product] = total.get(product, 0) + sign * number
        return total
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _multiplied(_expanded(node.left, text), _expanded(node.right, text), text)
    raise _wrong(text, "only +, -, *, integers and variables are allowed")


def _multiplied(left: Polynomial, right: Polynomial, text: str) -> Polynomial:
    total: Polynomial = {}
    for first, one in left.items():
        for second, other in right.items():
            if first & second:
                raise _wrong(text, f"{min(first & second)!r} is multiplied by itself")
            total[first | second] = total.get(first | second, 0) + one * other
    return total


def _wrong(text: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{text!r} is not the weighted count of a formula: {reason}.",
        where="loss equation",
        fix="Write a polynomial such as 'p_w * (1 - p_l)', whose terms exclude each other.",
    )
