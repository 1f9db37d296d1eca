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
#: Code that finds, judges and shows claims does not affect measurements, nor does code that reads commands.
MACHINERY = (ROOT / "lab" / "claims", ROOT / "cli", ROOT / "training" / "coming_from")
#: Of the package's own folder one file computes; the others find files, validate settings and word errors.
COMPUTING = "statistics.py"
#: Files of `penchant.objectives.core` that describe a method: its family, tags, laws, evidence and id.
DESCRIBING = ("evidence.py", "family.py", "former.py", "laws.py", "registry.py", "tags.py")
#: Attributes of a claim that do not affect its numbers.
STATEMENTS = ("paper", "sentence", "quantity", "contrasts", "remark")


def depends_on(claim: type[Claim]) -> list[Path]:
    """The files of the package that a claim's measurements depend on, sorted.

    These are the file of the claim, the files of the objectives that it names, every file of the package that these
    import directly or indirectly, also inside functions, and the recipes next to them. Files that compute nothing are
    left out (`MACHINERY`, `COMPUTING`, `DESCRIBING`): the claims machinery, commands, errors, settings, descriptions.

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
            waiting.extend(each for each in _imports(path) if _may_compute(each))
    recipes = {each for path in found for each in path.parent.glob("recipes/*.yaml")}
    return sorted(found | recipes)


def source_hash(claim: type[Claim]) -> str:
    """A hash of the code in the files that `depends_on` lists, and of the claim's world.

    It does not change with comments, docstrings or layout, with what an error says or what is imported for types, nor
    with the wording or the contrasts of the claim.

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


def _may_compute(path: Path) -> bool:
    """Whether the code of a file can affect a number that a claim measures."""
    if path.parent == ROOT:
        return path.name == COMPUTING
    if path.parent == ROOT / "objectives" / "core" and path.name in DESCRIBING:
        return False
    return not any(path.is_relative_to(folder) for folder in MACHINERY)


@cache
def _code(path: Path, claim: str = "") -> bytes:
    """The content of a file for hashing: of Python files, the code without comments, docstrings, imports and messages.

    What is imported is among the files of the claim, and a run that raises has no number. The class ``claim`` also
    loses the attributes in `STATEMENTS`: verdicts are computed from recorded numbers, so a new wording or threshold
    needs no measurement.
    """
    if path.suffix != ".py":
        return path.read_bytes()
    # parsed again, since the tree is modified
    tree = ast.fix_missing_locations(_Numbers().visit(ast.parse(path.read_text(encoding="utf-8"))))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.ClassDef) and node.name == claim:
            node.body = [each for each in node.body if not _is_statement(each)]
    return ast.unparse(tree).encode()


class _Numbers(ast.NodeTransformer):
    """Leaves what a number can depend on: no imports, no exported names, and of an error only that it is raised."""

    def visit_Import(self, node: ast.Import) -> None:
        """Leave it out."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Leave it out."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.copy_location(ast.Raise(exc=None, cause=None), node)

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        exported = [target.id for target in node.targets if isinstance(target, ast.Name)] == ["__all__"]
        return None if exported else node


def _is_statement(node: ast.stmt) -> bool:
    """Whether a line in the class of a claim sets one of `STATEMENTS`."""
    return isinstance(node, ast.Assign) and all(
        isinstance(target, ast.Name) and target.id in STATEMENTS for target in node.targets
    )


def _named_objectives(path: Path, claim: type[Claim]) -> Iterator[Path]:
    """The files of objectives whose ids occur in strings of the claim's file, alone or in a sum."""
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
    """The files of the package that a file imports from, in order."""
    found: list[Path] = []
    for node in _executed(_tree(path)):
        if isinstance(node, ast.Import):
            found += [each for alias in node.names for each in _file_of(alias.name)]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "penchant":
            found += _origin("penchant", node.attr)  # a lazily loaded name of the root package
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [each for alias in node.names for each in _origin(node.module or "", alias.name)]
    return tuple(dict.fromkeys(found))


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a file, without imports under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield child
            yield from _executed(child)


def _origin(module: str, name: str) -> list[Path]:
    """The file that defines a name imported from a module.

    If a package re-exports a name, only the defining file counts, not everything that the package exports.
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
