"""Which source files a claim's numbers depend on, and a hash that changes when their code does."""

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
#: What a claim states about its numbers.
STATEMENTS = ("paper", "sentence", "quantity", "contrasts", "remark")


def depends_on(claim: type[Claim]) -> list[Path]:
    """The files of the package that a claim's measurements depend on, sorted.

    These are the claim's own file, the files of the objectives that its text names, every file of the package from
    which one of these imports a name, directly or through others, also inside functions, and the recipes beside them.
    The machinery of claims is left out.

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
    """A hash of the code in the files that `depends_on` lists, and of the claim's world.

    Changes of comments, docstrings or layout do not change it, nor do changes of the claim's wording or contrasts.

    Args:
        claim: the claim.

    Returns:
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256(repr(claim.world).encode())
    for path in depends_on(claim):
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
        own = claim.__name__ if path == Path(inspect.getfile(claim)) else ""
        digest.update(f"\n{name}\n".encode() + _code(path, own))
    return digest.hexdigest()[:16]


@cache
def _code(path: Path, claim: str = "") -> bytes:
    """A file without what changes no number: of a Python file its comments, docstrings and layout.

    Of the class ``claim`` what it states about the numbers is left out as well: verdicts are judged from recorded
    numbers, so a new wording or threshold needs no measurement.
    """
    if path.suffix != ".py":
        return path.read_bytes()
    tree = ast.parse(path.read_text(encoding="utf-8"))  # a tree of its own, for it is changed
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.ClassDef) and node.name == claim:
            node.body = [each for each in node.body if not _is_statement(each)]
    return ast.unparse(tree).encode()


def _is_statement(node: ast.stmt) -> bool:
    """Whether a line of a claim's class is about its numbers and not for measuring them."""
    return isinstance(node, ast.Assign) and all(
        isinstance(target, ast.Name) and target.id in STATEMENTS for target in node.targets
    )


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
    """What is in a file, without the imports that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield child
            yield from _executed(child)


def _origin(module: str, name: str) -> list[Path]:
    """Where a name comes from that is imported from a module.

    Where a package re-exports a name, the file that defines the name counts, not everything the package exports.
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
