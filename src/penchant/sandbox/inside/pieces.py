"""Tests in a piece of Python code: each top-level ``assert``, ``check(...)`` call and ``test_*`` function is one."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import CodeType

__all__ = ["Piece", "split"]

_CHECK = "check"
_FILE = "tests.py"


@dataclass(frozen=True)
class Piece:
    """One top-level statement of the tests.

    Args:
        code: the compiled statement.
        names: the names that it reads.
        counts: whether it is a test.
        function: the function that it defines and that is to be called, for a test of that form.
    """

    code: CodeType
    names: tuple[str, ...]
    counts: bool
    function: str = ""


def split(tests: str) -> list[Piece]:
    """The statements of some tests, in order; without any of the three forms, all of it is one test, if there is any.

    Args:
        tests: Python code.

    Raises:
        SyntaxError, ValueError: it is not Python.

    Example:
        >>> [piece.counts for piece in split("from math import pi\\nassert area(1) == pi\\nassert area(0) == 0")]
        [False, True, True]
    """
    tree = ast.parse(tests, _FILE)
    pieces = [_piece([statement]) for statement in tree.body]
    if any(piece.counts for piece in pieces):
        return pieces
    if not tree.body:
        return []
    whole = _piece(tree.body)
    return [Piece(whole.code, whole.names, True)]


def _piece(statements: list[ast.stmt]) -> Piece:
    code = compile(ast.Module(statements, []), _FILE, "exec", dont_inherit=True)
    found = [node for statement in statements for node in ast.walk(statement)]
    names = {node.id for node in found if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    first = statements[0]
    function = first.name if isinstance(first, ast.FunctionDef) and _is_test(first) else ""
    counts = bool(function) or isinstance(first, ast.Assert) or _is_check(first)
    return Piece(code, tuple(sorted(names)), counts, function)


def _is_test(function: ast.FunctionDef) -> bool:
    arguments = function.args
    return function.name.startswith("test_") and not (arguments.args or arguments.posonlyargs or arguments.kwonlyargs)


def _is_check(statement: ast.stmt) -> bool:
    called = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id == _CHECK
