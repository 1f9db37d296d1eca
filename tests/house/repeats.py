"""No block of six code lines stands twice."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

from house.source import Module

BLOCK = 6

Line = tuple[str, int, str]  # file, line number, folded text


def repeated_blocks(modules: list[Module]) -> list[str]:
    """Places where a block that stands elsewhere begins again (each run of equal lines once)."""
    first: dict[tuple[str, ...], int] = {}
    lines = [line for module in modules for line in _code_lines(module)]
    found: list[str] = []
    previous_match = None
    for start in range(len(lines) - BLOCK + 1):
        window = lines[start : start + BLOCK]
        if window[0][0] != window[-1][0]:
            continue  # two files
        earlier = first.setdefault(tuple(text for _, _, text in window), start)
        if earlier == start:
            continue
        if previous_match != (earlier - 1, start - 1):
            found.append(f"{_place(window[0])}: the block that begins here also stands at {_place(lines[earlier])}")
        previous_match = (earlier, start)
    return found


def _place(line: Line) -> str:
    return f"{line[0]}:{line[1]}"


def _code_lines(module: Module) -> Iterator[Line]:
    """The lines that say something: without comments, blanks, imports and docstrings, white space folded."""
    skipped = _skipped_lines(module.tree)
    comments = {
        token.start[0]: token.start[1]
        for token in tokenize.generate_tokens(io.StringIO(module.text).readline)
        if token.type == tokenize.COMMENT
    }
    for number, line in enumerate(module.text.split("\n"), start=1):
        text = " ".join(line[: comments.get(number)].split())
        if text and number not in skipped:
            yield module.path.as_posix(), number, text


def _skipped_lines(tree: ast.Module) -> set[int]:
    """The numbers of lines that belong to imports and docstrings."""
    nodes: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            nodes.append(node)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            nodes.extend(node.body[:1] if ast.get_docstring(node) is not None else [])
    return {number for node in nodes for number in range(node.lineno, node.end_lineno + 1)}  # type: ignore[attr-defined]
