"""Functions and classes that a recipe names by their place: ``rewards.py:brevity`` or ``package.module:brevity``."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, nearest
from penchant.plain_files import stands, usable

__all__ = ["beside", "load_from"]

FORM = "Write it as file.py:function, or as module:function for a module in this folder or in an installed package."


def load_from(path: str, where: str) -> Any:
    """The function or class at a place.

    Args:
        path: ``rewards.py:brevity`` (a file, relative to the current folder) or ``package.module:brevity``.
        where: the recipe key that names it, for messages.

    Raises:
        ConfigurationError: there is no such file, module or name, or the file cannot be run.

    Example:
        >>> load_from("penchant.errors:nearest", "judge").__name__
        'nearest'
    """
    source, colon, name = path.rpartition(":")
    if not colon or not source or not name:
        raise ConfigurationError(f"{path!r} does not name a function.", where=where, fix=FORM)
    module = _file(Path(source), where) if source.endswith(".py") else _module(source, where)
    if not hasattr(module, name):
        own = [each for each in vars(module) if not each.startswith("_")]
        hint = nearest(name, own)
        raise ConfigurationError(f"{path!r} cannot be loaded: there is no {name!r} in {source}. {hint}", where=where)
    return getattr(module, name)


def _file(path: Path, where: str) -> Any:
    if not usable(path, ConfigurationError).is_file():
        raise ConfigurationError(
            f"There is no file {path}.", where=where, fix="A path is relative to the recipe, or to the current folder."
        )
    # The same file always has the same module name, so that what it defines counts as the same when it is read again.
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))  # so that it may import what lies beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _unreadable(str(path), error, where) from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _module(name: str, where: str) -> Any:
    if name.partition(".")[0] in sys.stdlib_module_names:
        # Such a function would be called with texts of the data: shutil.rmtree(prompt, response).
        raise ConfigurationError(
            f"{name} is a module of Python itself and has no function for this.", where=where, fix=FORM
        )
    if os.getcwd() not in sys.path:  # an installed command does not look there; last, so that it hides no package
        sys.path.append(os.getcwd())
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise _unreadable(name, error, where) from error


def _unreadable(source: str, error: Exception, where: str) -> ConfigurationError:
    line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    return ConfigurationError(
        f"{source} cannot be loaded ({type(error).__name__}: {' '.join(str(error).split())[:200]}{line}).",
        where=where,
        fix=FORM if isinstance(error, ImportError) else "Correct the file.",
    )


def beside(path: str, folder: Path) -> str:
    """A place whose file lies beside a recipe, as a full path; any other place unchanged.

    Args:
        path: as the recipe names it.
        folder: of the recipe.
    """
    source, colon, name = path.rpartition(":")
    file = Path(source if source.endswith(".py") else f"{source.replace('.', '/')}.py")
    here = stands(file) and not source.endswith(".py")
    if not colon or file.is_absolute() or here or not stands(folder / file):
        return path
    return f"{(folder / file).resolve()}:{name}"
