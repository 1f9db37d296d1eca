"""No circles between files: what a file imports, in whatever way, does not import the file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from house.source import Module, absolute_base, imported_by_call, parts_of, running_nodes

Name = tuple[str, ...]


def file_circles(modules: list[Module]) -> list[str]:
    """Files that import each other, directly or through others; imports in functions count, those for types do not."""
    files = {parts_of(module): module for module in modules}
    arrows = {name: sorted(set(_imported_files(module, files)) - {name}) for name, module in files.items()}
    found = []
    while circle := _a_circle(arrows):
        found.append(" → ".join(files[name].path.as_posix() for name in circle))
        arrows[circle[0]].remove(circle[1])
    return found


def _a_circle(arrows: dict[Name, list[Name]]) -> list[Name]:
    """One circle of importers and what they import, from the first file in order and back to it; empty without one."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        circle = error.args[1][:0:-1]
        start = circle.index(min(circle))
        return [*circle[start:], *circle[: start + 1]]
    return []


def _imported_files(module: Module, files: dict[Name, Module]) -> Iterator[Name]:
    """The files that a module runs when it is imported or called."""
    for _, name in imported_names(module):
        yield from file_of(name, files)


def imported_names(module: Module) -> Iterator[tuple[ast.AST, Name]]:
    """Every dotted name that a module imports when it runs, with what is taken from it."""
    for node in running_nodes(module.tree):
        yield from ((node, name) for name in _names(module, node))


def _names(module: Module, node: ast.AST) -> Iterator[Name]:
    """The dotted names that a node imports, each with what is taken from it."""
    if isinstance(node, ast.Import):
        yield from (tuple(alias.name.split(".")) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = absolute_base(module, node)
        yield from ((*base, alias.name) for alias in node.names)
    elif imported_by_call(node):
        yield imported_by_call(node)


def file_of(name: Name, files: dict[Name, Module]) -> Iterator[Name]:
    """The file that a dotted name comes from; through the door of a folder, the file behind the door."""
    while name and name not in files:
        *rest, last = name
        name = tuple(rest)
        if name in files and _is_door(files[name]):
            yield from _behind(files[name], last, files)
            return
    if name and not _is_door(files[name]):
        yield name
    elif name and len(name) > 1:  # a folder as a whole: everything that its door imports at once
        yield from (file for each in names_brought_in(files[name]).values() for file in file_of(each, files))


def _behind(door: Module, name: str, files: dict[Name, Module]) -> Iterator[Name]:
    """The file that a door takes a name from; nothing where the door only names it (a registry looks it up)."""
    exported = names_brought_in(door).get(name)
    if exported is not None:
        yield from file_of(exported, files)


def names_brought_in(module: Module) -> dict[str, Name]:
    """What a file imports, by the name that it has there, with where it comes from."""
    return {
        alias.asname or alias.name: (*absolute_base(module, node), alias.name)
        for node in running_nodes(module.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _is_door(module: Module) -> bool:
    return module.path.name == "__init__.py"
