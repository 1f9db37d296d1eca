"""The shape of files: their names, their docstrings, and what a package file may hold."""

from __future__ import annotations

import ast
import re

from house.source import Module

NAMES = re.compile(r"^_?(utils?|helpers?|managers?|misc)$|_(utils?|helpers?|manager|misc)$", re.IGNORECASE)
MODALITIES = re.compile(r"diffusion|denois|vision|image|modality\.name|CausalScorer", re.IGNORECASE)
LAZY_EXPORTS = {"__getattr__", "__dir__"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def working_package_files(modules: list[Module]) -> list[str]:
    """Statements in an ``__init__.py`` that do more than export names."""
    return [
        f"{module.at(statement)}: an __init__.py only imports and names what it exports"
        for module in modules
        if module.path.name == "__init__.py"
        for statement in module.tree.body
        if not _only_exports(statement)
    ]


def _only_exports(statement: ast.stmt) -> bool:
    """Whether a statement is an import, a literal, a docstring or a function for lazy export."""
    if isinstance(statement, ast.If):
        return "TYPE_CHECKING" in ast.unparse(statement.test) and all(map(_only_exports, statement.body))
    if isinstance(statement, ast.FunctionDef):
        return statement.name in LAZY_EXPORTS
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr):
        return statement.value is not None and _is_literal(statement.value)
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except ValueError:
        return False
    return True


def forbidden_names(modules: list[Module]) -> list[str]:
    """Files and folders whose name says nothing about their subject."""
    return [
        f"{module.path.as_posix()}: {part!r} names no subject"
        for module in modules
        for part in module.path.with_suffix("").parts
        if NAMES.search(part)
    ]


def borrowed_private_names(modules: list[Module]) -> list[str]:
    """Names with an underscore that are imported from another file: what two files use is public."""
    return [
        f"{module.at(node)}: {alias.name} is private to {node.module}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]


def missing_docstrings(modules: list[Module]) -> list[str]:
    """Modules, public classes and public functions without a docstring."""
    found = []
    for module in modules:
        if not ast.get_docstring(module.tree):
            found.append(f"{module.path.as_posix()}:1: the module has no docstring")
        for node in module.tree.body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not _documented(node):
                found.append(f"{module.at(node)}: {node.name} has no docstring")
    return found


def _documented(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    overloaded = any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list)
    return overloaded or bool(ast.get_docstring(node))


def modality_branches(modules: list[Module]) -> list[str]:
    """Conditions on the modality in code that is written once for every modality."""
    return [
        f"{module.at(condition)}: branches on the modality: {ast.unparse(condition)}"
        for module in modules
        if module.folder in {"objectives", "training"}
        for node in ast.walk(module.tree)
        for condition in _conditions(node)
        if MODALITIES.search(ast.unparse(condition))
    ]


def _conditions(node: ast.AST) -> list[ast.expr]:
    """The expressions by which a node decides what runs."""
    if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
        return [node.test]
    if isinstance(node, ast.comprehension):
        return node.ifs
    if isinstance(node, ast.Match):
        guards = [case.guard for case in node.cases if case.guard is not None]
        values = [p.value for case in node.cases for p in ast.walk(case.pattern) if isinstance(p, ast.MatchValue)]
        return [node.subject, *guards, *values]
    return []
