"""The package's modules, parsed, and what each of them imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "penchant"


@dataclass(frozen=True)
class Module:
    """One source file of the package."""

    path: Path  # relative to the package's folder
    text: str
    tree: ast.Module

    @property
    def folder(self) -> str:
        """The floor's folder, or an empty string for a file that stands directly in the package."""
        return self.path.parts[0] if len(self.path.parts) > 1 else ""

    @property
    def package(self) -> tuple[str, ...]:
        """The dotted parts of the package that relative imports of this file start from."""
        return (PACKAGE, *self.path.parent.parts)

    def at(self, node: ast.AST) -> str:
        """``file:line`` of a node."""
        return f"{self.path.as_posix()}:{getattr(node, 'lineno', 1)}"


@dataclass(frozen=True)
class Import:
    """One imported module: its dotted parts, where it is imported, and whether that happens only when called."""

    parts: tuple[str, ...]
    node: ast.AST
    lazy: bool

    @property
    def internal(self) -> bool:
        """Whether the package itself is imported."""
        return self.parts[0] == PACKAGE

    @property
    def target(self) -> str:
        """Within the package: the folder or top-level file that is imported (empty for the package itself)."""
        return self.parts[1] if len(self.parts) > 1 else ""


def read_package(root: Path) -> list[Module]:
    """All modules below ``root``, in the order of their paths."""
    modules = []
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        modules.append(Module(path.relative_to(root), text, ast.parse(text, filename=str(path))))
    return modules


def imports(module: Module) -> Iterator[Import]:
    """Every import of a module: statements anywhere in it, ``import_module("...")``, and ``penchant.folder`` in use."""
    for node, lazy in _walk(module.tree, lazy=False):
        for parts in _imported_parts(module, node):
            yield Import(parts, node, lazy)


def parts_of(module: Module) -> tuple[str, ...]:
    """The dotted parts of a module's name."""
    own = () if module.path.name == "__init__.py" else (module.path.stem,)
    return (*module.package, *own)


def absolute_base(module: Module, node: ast.ImportFrom) -> tuple[str, ...]:
    """The dotted parts of the module that an import takes names from, relative ones resolved."""
    base = tuple(node.module.split(".")) if node.module else ()
    return module.package[: len(module.package) - node.level + 1] + base if node.level else base


def imported_by_call(node: ast.AST) -> tuple[str, ...]:
    """The dotted parts of the module that ``import_module("...")`` imports; empty for any other node."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args):
        return ()
    return tuple(str(node.args[0].value).split(".")) if isinstance(node.args[0], ast.Constant) else ()


def running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes that run: those for a type checker alone are left out."""
    for child in ast.iter_child_nodes(node):
        if not _for_types(child):
            yield child
            yield from running_nodes(child)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _walk(node: ast.AST, lazy: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes, each with whether it runs only in a function or for a type checker."""
    for child in ast.iter_child_nodes(node):
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield child, lazy
        yield from _walk(child, lazy or inside or _for_types(child))


def _imported_parts(module: Module, node: ast.AST) -> Iterator[tuple[str, ...]]:
    if isinstance(node, ast.Import):
        yield from (tuple(alias.name.split(".")) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = absolute_base(module, node)
        if base == (PACKAGE,):
            yield from ((PACKAGE, alias.name) for alias in node.names)
        else:
            yield base
    elif imported_by_call(node):
        yield imported_by_call(node)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == PACKAGE:
        yield (PACKAGE, node.attr)
