"""Functions and classes that a recipe or a command names: which ones may be named, and how they are loaded.

What is named here is called with texts of the data, so a name must not reach every function of every package. Allowed
are a file beside the recipe (``rewards.py:brevity``), a module file of the current folder that the command line names
(``rewards:brevity``), and a name that an installed package lists in its entry points (``brevity``).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import inspect
import site
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from penchant.errors import ConfigurationError, nearest

__all__ = ["GROUPS", "Place", "beside", "find", "imported_beside", "load_from", "paths_of", "with_paths"]

#: The entry-point group of each part of a recipe whose ``path`` names a function or class.
GROUPS = {"judge": "penchant.judges", "objective": "penchant.objectives"}

#: The key of a part that lists members, each a part of its own.
MEMBERS = "judges"

FORM = (
    "Write it as file.py:function, for a file beside the recipe or one of your own that the command line names, or as "
    "a name that an installed package lists in its entry points."
)


# The files that were imported from each folder by a file in it.
_BESIDE: dict[Path, set[Path]] = {}


@dataclass(frozen=True)
class Place:
    """Where a function or class is.

    Args:
        name: its name there.
        file: the file that defines it, with links resolved; None for an entry point.
        entry: the entry point.
    """

    name: str
    file: Path | None = None
    entry: EntryPoint | None = None

    def __str__(self) -> str:
        if self.entry is not None:
            of = f", of {self.entry.dist.name}" if self.entry.dist else ""
            return f"{self.entry.value} (entry point {self.name} of {self.entry.group}{of})"
        return f"{self.name} of {self.file}"


def with_paths(part: Any, change: Callable[[str], str]) -> Any:
    """A part of a recipe with every ``path`` changed, also those of the members that it lists.

    Args:
        part: ``{"path": ...}``, ``{"judges": [...]}``, or a list of such; anything else stays as it is.
        change: from the path given to the new one.

    Example:
        >>> with_paths({"judges": [{"path": "a.py:f"}, {"name": "verifier"}]}, str.upper)
        {'judges': [{'path': 'A.PY:F'}, {'name': 'verifier'}]}
    """
    if isinstance(part, list):
        return [with_paths(each, change) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: with_paths(each, change) if name == MEMBERS else each for name, each in part.items()}
    return {**found, "path": change(found["path"])} if isinstance(found.get("path"), str) else found


def paths_of(part: Any) -> list[str]:
    """Every ``path`` of a part of a recipe and of the members that it lists, each once, in order.

    Args:
        part: as for `with_paths`.

    Example:
        >>> paths_of([{"path": "a.py:f"}, {"path": "a.py:g"}])
        ['a.py:f', 'a.py:g']
    """
    found: list[str] = []
    with_paths(part, lambda path: found.append(path) or path)  # type: ignore[func-returns-value]
    return list(dict.fromkeys(found))


def find(path: str, where: str) -> Place:
    """What a path names; nothing is imported.

    Args:
        path: ``rewards.py:brevity`` (a file, relative to the current folder), ``module:brevity`` (a module file of the
            current folder), or ``brevity`` (an entry point).
        where: the part of the recipe that names it: ``judge`` or ``objective``.

    Raises:
        ConfigurationError: it is malformed, there is no such file or entry point, or the file belongs to Python or to
            an installed package.
    """
    source, colon, name = path.rpartition(":")
    if not colon:
        return _entry(path, where)
    if not source or not name.isidentifier():
        raise ConfigurationError(f"{path!r} does not name a function.", where=where, fix=FORM)
    file = _file_of(source, where)
    if not _is_file(file):
        if not source.endswith(".py"):
            raise ConfigurationError(
                f"{path!r} cannot be loaded: there is no file {file} in this folder.",
                where=where,
                why="Functions of installed packages are not called with texts of the data.",
                fix=FORM,
            )
        raise ConfigurationError(
            f"There is no file {file}.", where=where, fix="A path is relative to the recipe, or to the current folder."
        )
    found = file.resolve()
    if _installed(found):
        raise ConfigurationError(
            f"{path!r} cannot be loaded: {found} belongs to Python or to an installed package.",
            where=where,
            why="Its functions were not written to be called with texts of the data.",
            fix=FORM,
        )
    return Place(name, file=found)


def load_from(path: str, where: str) -> Any:
    """The function or class that a path names; its file is run.

    Args:
        path: as for `find`.
        where: as for `find`.

    Raises:
        ConfigurationError: as for `find`; or the file cannot be run, has no such name, or only imports it from
            elsewhere.

    Example:
        >>> load_from("shutil:rmtree", "judge")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: judge: shutil is a module of Python itself...
    """
    place = find(path, where)
    if place.entry is not None:
        try:
            return place.entry.load()
        except (Exception, SystemExit) as error:
            raise _unreadable(str(place), error, where) from error
    assert place.file is not None
    module = _run(place.file, where)
    if not hasattr(module, place.name):
        own = [name for name, each in vars(module).items() if not name.startswith("_") and _defined_in(each, module)]
        hint = nearest(place.name, own)
        raise ConfigurationError(
            f"{path!r} cannot be loaded: there is no {place.name!r} in {place.file}. {hint}", where=where
        )
    found = getattr(module, place.name)
    if not _defined_in(found, module):
        raise ConfigurationError(
            f"{path!r} cannot be loaded: {place.name!r} is not defined in {place.file}, but comes from elsewhere.",
            where=where,
            fix="Name the file that defines it, or write a function there that calls it.",
        )
    return found


def beside(path: str, folder: Path, where: str) -> str:
    """What a recipe's file names, as a full path: only a file beside the recipe, or an entry point.

    Args:
        path: as the recipe names it.
        folder: of the recipe.
        where: the part of the recipe.

    Raises:
        ConfigurationError: it names anything else.
    """
    source, colon, name = path.rpartition(":")
    if not colon or not source or not name:
        return path  # an entry point, or malformed, which `find` says
    file, home = folder / _file_of(source, where), folder.resolve()
    if not _is_file(file):
        raise ConfigurationError(
            f"There is no file {_file_of(source, where)} beside the recipe, which names {path!r}.",
            where=where,
            why="A recipe may name only functions of a file beside it, or of an entry point of an installed package.",
            fix=f"Put the file there, or name your own file on the command line: {where}.path=FILE.py:{name}.",
        )
    found = file.resolve()
    if not found.is_relative_to(home):
        raise ConfigurationError(
            f"The recipe names {path!r}, but {found} is not beside it.",
            where=where,
            why="A recipe that comes from elsewhere must not choose what is called on this machine.",
            fix=f"Put the file there, or name it on the command line: {where}.path={found}:{name}.",
        )
    return f"{found}:{name}"


def imported_beside(file: Path) -> list[Path]:
    """The files in a file's folder that it, or another file there, has imported when it was loaded."""
    return sorted(_BESIDE.get(file.parent, set()))


def _entry(name: str, where: str) -> Place:
    """The entry point of a name without a colon."""
    group = GROUPS.get(where, f"penchant.{where}s")
    known = {each.name: each for each in entry_points(group=group)}
    if name in known:
        return Place(name, entry=known[name])
    found = f"{name!r} does not name a function, and no installed package has it as entry point in {group}."
    raise ConfigurationError(found, where=where, fix=f"{nearest(name, known)} {FORM}" if known else FORM)


def _file_of(source: str, where: str) -> Path:
    """The file that the part before the colon names, as a path or as a module.

    Raises:
        ConfigurationError: it is neither, or is the name of a module of Python.
    """
    if source.endswith(".py"):
        return Path(source)
    parts = source.split(".")
    if parts[0] in sys.stdlib_module_names:
        # Such a function would be called with texts of the data: shutil.rmtree(prompt, response).
        raise ConfigurationError(
            f"{source} is a module of Python itself and has no function for this.", where=where, fix=FORM
        )
    if not all(each.isidentifier() for each in parts):
        raise ConfigurationError(f"{source!r} is neither a file.py nor a module.", where=where, fix=FORM)
    return Path(*parts[:-1], f"{parts[-1]}.py")


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return False


def _installed(file: Path) -> bool:
    """Whether a file is part of Python, of an installed package, or of Penchant."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    base = {"base": sys.base_prefix, "platbase": sys.base_prefix, "installed_base": sys.base_prefix}
    roots = {sysconfig.get_path(kind) for kind in kinds} | {sysconfig.get_path(kind, vars=base) for kind in kinds}
    roots |= {*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).parent)}
    named = {"site-packages", "dist-packages"}
    return bool(named & set(file.parts)) or any(file.is_relative_to(Path(root).resolve()) for root in roots if root)


def _run(path: Path, where: str) -> ModuleType:
    # The same file always has the same module name, so that what it defines counts as the same when it is read again.
    name = f"{path.stem}_{hashlib.sha256(str(path).encode(errors='surrogateescape')).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.parent)
    sys.path.append(folder)  # so that it may import what lies beside it; last, so that it hides no other module
    importlib.invalidate_caches()
    known = set(sys.modules)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _unreadable(str(path), error, where) from error
    finally:
        sys.path.remove(folder)
    new = [getattr(sys.modules[each], "__file__", None) for each in set(sys.modules) - known]
    files = {Path(each).resolve() for each in new if each}
    mine = {each for each in files if each.is_relative_to(path.parent) and not _installed(each)}
    _BESIDE.setdefault(path.parent, set()).update(mine)
    return module


def _defined_in(thing: Any, module: ModuleType) -> bool:
    """Whether the code of a function or class, or the class of an object, stands in a module's file."""
    while isinstance(thing, partial):
        thing = thing.func
    with contextlib.suppress(ValueError):  # what is wrapped in itself
        thing = inspect.unwrap(thing)
    code = getattr(thing, "__code__", None)
    if code is not None:
        return bool(code.co_filename == module.__file__)
    if inspect.isclass(thing) or inspect.isroutine(thing):
        return getattr(thing, "__module__", None) == module.__name__
    owner = str(type(thing).__module__)
    return owner == module.__name__ or owner.startswith("penchant.")  # an objective that is built in the file


def _unreadable(source: str, error: BaseException, where: str) -> ConfigurationError:
    said = " ".join(str(error).split())[:200]
    fix = "Install it, or put it beside the file." if isinstance(error, ImportError) else "Correct the file."
    return ConfigurationError(f"{source} cannot be loaded ({type(error).__name__}: {said}).", where=where, fix=fix)
