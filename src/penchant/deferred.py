"""Imports of transformers that Penchant has no use for, made only when something uses them.

``transformers.trainer`` imports ``datasets`` to ask whether the training data are one of its tables, and the losses of
object detection import ``scipy.optimize``. With what these import in turn that is about 115 MiB of every process that
trains and time at its start, though nothing of theirs is used. The modules of `DEFERRED` get a stand-in instead, which
imports the real module at the first attribute that is read; ``sys.modules`` and all other modules stay as they are.
Importing this module is enough.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["DEFERRED", "install"]

#: For each module or package that imports another module needlessly: that one, and which of its functions by name.
DEFERRED = {
    "transformers.trainer": ("datasets", ()),
    "transformers.loss": ("scipy.optimize", ("linear_sum_assignment",)),
}


class _StandIn(ModuleType):
    """A module that is imported when an attribute is read."""

    def __init__(self, spec: ModuleSpec, functions: Sequence[str]) -> None:
        super().__init__(spec.name)
        # Those that walk over all modules read these, and they are known without an import.
        self.__spec__, self.__loader__, self.__file__ = spec, spec.loader, spec.origin
        if functions:  # an import of names looks for a path; without one, an import of submodules loads the package
            self.__path__ = spec.submodule_search_locations or []
        for each in functions:
            setattr(self, each, functools.partial(_call, spec.name, each))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__version__", "__path__"):
            raise AttributeError(f"module {self.__name__!r} has not been imported yet and has no {name!r}")
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def _call(module: str, function: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(import_module(module), function)(*args, **kwargs)


class _Finder(MetaPathFinder):
    """Finds the modules of `DEFERRED` as usual, and gives them the stand-in while they are executed."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if not fullname.startswith("transformers."):
            return None
        wanted = next((DEFERRED[each] for each in DEFERRED if f"{fullname}.".startswith(f"{each}.")), None)
        spec = None if wanted is None else PathFinder.find_spec(fullname, path, target)
        if wanted is not None and spec is not None and spec.loader is not None:
            # On the loader itself, which also knows the source of the module.
            execute = functools.partial(_executed, spec.loader.exec_module, *wanted)
            spec.loader.exec_module = execute  # type: ignore[method-assign]
        return spec


def _executed(execute: Callable[[ModuleType], None], name: str, functions: Sequence[str], module: ModuleType) -> None:
    spec = None if name in sys.modules else find_spec(name)
    if spec is None:  # already imported, or not installed
        return execute(module)
    stand_in = _StandIn(spec, functions)
    sys.modules[name] = stand_in
    try:
        return execute(module)
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]


def install() -> None:
    """Defer the imports of `DEFERRED`, once in a process; modules that are loaded already stay as they are."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


install()
