"""The source code that a run depends on: of a callable named by its place, and of a class that is not ours."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penchant.python_path import find

__all__ = ["code_of_class", "code_of_place"]

# Their versions are recorded in the summary; an upgrade is not another run.
LIBRARIES = {"penchant", "torch", "transformers", "builtins", "abc", "typing"}


def code_of_place(place: str, where: str) -> str | None:
    """SHA-256 of the file of a callable, and of the files beside it or below that it imports.

    Args:
        place: as for `penchant.python_path.find`.
        where: the part of the recipe that names it.

    Returns:
        None for an entry point of an installed package.

    Raises:
        ConfigurationError: it may not be named, or there is no such file.
    """
    file = find(place, where).file
    if file is None:
        return None
    root = file.parent
    while (root / "__init__.py").is_file() and root != root.parent:
        root = root.parent
    found: dict[str, bytes] = {}
    _collect(file, root, found)
    digest = hashlib.sha256()
    for name, content in sorted(found.items()):
        digest.update(f"\n{name} {len(content)}\n".encode("utf-8", "surrogatepass") + content)
    return digest.hexdigest()


def code_of_class(kind: type) -> str | None:
    """SHA-256 of the source of a class and of its bases, those of the libraries aside.

    Args:
        kind: the class; one that was made of a function is known by the function.

    Returns:
        None if every class is of a library, or the source is not to be had (of a notebook that is closed).
    """
    parts = []
    for each in kind.__mro__:
        if each.__module__.partition(".")[0] in LIBRARIES:
            continue
        try:
            parts.append(inspect.getsource(_written(each)))
        except (OSError, TypeError):
            return None
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest() if parts else None


def _written(kind: type) -> Any:
    """The class, or the function that it was made of."""
    loss = vars(kind).get("loss")
    if inspect.isfunction(loss) and (wrapped := inspect.getclosurevars(loss).nonlocals.get("function")) is not None:
        return wrapped
    return kind


def _collect(file: Path, root: Path, found: dict[str, bytes]) -> None:
    """Add a file, and the files below the root that it imports."""
    name = file.relative_to(root).as_posix()
    if name in found:
        return
    found[name] = file.read_bytes()
    try:
        tree = ast.parse(found[name])
    except (SyntaxError, ValueError):
        return
    for parts, base in _imports(tree, file, root):
        for length in range(1, len(parts) + 1):
            module = base.joinpath(*parts[:length])
            for each in (module.with_suffix(".py"), module / "__init__.py"):
                if each.is_file():
                    _collect(each, root, found)


def _imports(tree: ast.AST, file: Path, root: Path) -> Iterator[tuple[list[str], Path]]:
    """The names that a file imports, each with the folder in which they are looked up."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split("."), root
        elif isinstance(node, ast.ImportFrom):
            base = file.parents[node.level - 1] if 0 < node.level <= len(file.parents) else root
            if not base.is_relative_to(root):
                continue
            start = node.module.split(".") if node.module else []
            for alias in node.names:
                if alias.name != "*" or start:
                    yield [*start, *([] if alias.name == "*" else [alias.name])], base
