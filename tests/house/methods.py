"""What a method may use: core and functional parts, and never another method."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from house.circles import Name, file_of, imported_names, names_brought_in
from house.source import Module, parts_of

OBJECTIVES = "objectives"
SHARED_ROOMS = {"core", "functional"}


def methods_that_use_methods(modules: list[Module]) -> list[str]:
    """Imports of one method's file by another: what two methods share is a function, or a wrapper around both."""
    return [
        f"{module.at(node)}: a method imports core and functional only, not {'.'.join(name)}"
        for module in modules
        if _room(parts_of(module))
        for node, name in imported_names(module)
        if name[:2] == ("penchant", OBJECTIVES) and not _allowed(module, name)
    ]


def _room(name: Name) -> str:
    """The room of methods that a dotted name lies in; empty for the shared ones and for all that is no objective."""
    room = name[2] if len(name) > 3 and name[1] == OBJECTIVES else ""
    return "" if room in SHARED_ROOMS else room


def _allowed(module: Module, name: Name) -> bool:
    """Whether a file of methods may import a name: shared rooms are open; `logic` is one method in several files."""
    room = _room(parts_of(module))
    return name[2:3] in {(shared,) for shared in SHARED_ROOMS} or name[2:3] == (room,) == ("logic",)


@dataclass(frozen=True)
class _Class:
    """A class as it is written: where, the dotted names of its bases, and whether it has an id of its own."""

    module: Module
    node: ast.ClassDef
    bases: tuple[Name, ...]
    has_id: bool


def subclassed_concrete_classes(modules: list[Module]) -> list[str]:
    """Classes below a class that has an id: what has an id is final."""
    files = {parts_of(module): module for module in modules}
    classes = {(*parts_of(each.module), each.node.name): each for module in modules for each in _classes(module)}
    return [
        f"{each.module.at(each.node)}: {each.node.name} is a subclass of {above.node.name}, whose id makes it final"
        for each in classes.values()
        for above in _ancestors(each, classes, files)
        if above.has_id
    ]


def _classes(module: Module) -> Iterator[_Class]:
    imported = names_brought_in(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            written = [tuple(ast.unparse(base).split("[")[0].split(".")) for base in node.bases]
            bases = (imported.get(first, (*parts_of(module), first)) + tuple(rest) for first, *rest in written)
            yield _Class(module, node, tuple(bases), any(map(_is_id, node.body)))


def _is_id(statement: ast.stmt) -> bool:
    """Whether a statement of a class gives it an id: a text that is not empty."""
    if isinstance(statement, ast.Assign):
        named = [target.id for target in statement.targets if isinstance(target, ast.Name)]
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        named = [statement.target.id]
    else:
        return False
    value = statement.value
    return "id" in named and isinstance(value, ast.Constant) and isinstance(value.value, str) and bool(value.value)


def _ancestors(each: _Class, classes: dict[Name, _Class], files: dict[Name, Module]) -> Iterator[_Class]:
    """The classes of the package above a class."""
    for base in each.bases:
        for file in file_of(base, files):
            above = classes.get((*file, base[-1]))
            if above is not None and above is not each:
                yield above
                yield from _ancestors(above, classes, files)
