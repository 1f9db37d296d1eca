"""Which source files a claim's numbers depend on, and a hash that changes when one of them does."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import penchant
from penchant.lab.claims.claim import Claim

__all__ = ["depends_on", "source_hash"]

ROOT = Path(penchant.__file__).parent
#: Finding, judging and showing claims changes no measurement.
MACHINERY = ROOT / "lab" / "claims"


def depends_on(claim: type[Claim]) -> list[Path]:
    """The files of the package that a claim's measurements depend on, sorted.

    These are the claim's own file, the files of the objectives that its text names, and every file of the package that
    one of these imports a name from, directly or by way of others, inside functions too, with the recipes that lie
    beside them; the machinery of claims is left out.

    Args:
        claim: the claim.

    Example:
        >>> from penchant.lab.claims import find_claim
        >>> {"dpo.py", "rdpo.py", "world.py"} < {path.name for path in depends_on(find_claim("rdpo-flipped-labels"))}
        True
    """
    own = Path(inspect.getfile(claim))
    found: set[Path] = set()
    waiting = [own, *_named_objectives(own, claim)]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(each for each in _imports(path) if each.parent != MACHINERY)
    recipes = {each for path in found for each in path.parent.glob("recipes/*.yaml")}
    return sorted(found | recipes)


def source_hash(claim: type[Claim]) -> str:
    """A hash of the files that `depends_on` lists and of the claim's world.

    Args:
        claim: the claim.

    Returns:
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256(repr(claim.world).encode())
    for path in depends_on(claim):
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
        digest.update(f"\n{name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _named_objectives(path: Path, claim: type[Claim]) -> Iterator[Path]:
    """The files of objectives whose ids stand in a string of the claim's file, alone or in a sum."""
    from penchant.objectives import get, is_method

    words = {*claim.methods, *claim.baselines}
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.update(node.value.replace("+", " ").replace("*", " ").split())
    yield from (Path(inspect.getfile(get(name))) for name in words if is_method(name))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """The files of the package that a file imports by name, in the order of its text."""
    found: list[Path] = []
    for node in _executed(_tree(path)):
        if isinstance(node, ast.Import):
            found += [each for alias in node.names for each in _file_of(alias.name)]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "penchant":
            found += _origin("penchant", node.attr)  # what the root package loads when it is asked for
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [each for alias in node.names for each in _origin(node.module or "", alias.name)]
    return tuple(dict.fromkeys(found))


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """What is in a file but for the imports that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield child
            yield from _executed(child)


def _origin(module: str, name: str) -> list[Path]:
    """Where a name comes from that is imported from a module.

    A package passes on what others define: the file of the one that defines it counts, and not all that stands beside.
    """
    if itself := _file_of(f"{module}.{name}"):
        return itself
    home = _file_of(module)
    if not home or home[0].name != "__init__.py":
        return home
    for node in ast.walk(_tree(home[0])):
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _origin(node.module or "", alias.name)
    return home


def _file_of(module: str) -> list[Path]:
    parts = module.split(".")
    if parts[0] != "penchant":
        return []
    place = ROOT.joinpath(*parts[1:])
    return [path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()]
