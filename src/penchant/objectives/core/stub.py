"""The stub file of ``penchant.objectives``, which lets editors and type checkers know ``objectives.DPO(beta=0.1)``.

``python -m penchant.objectives.core.stub`` regenerates it after a method has been added; a test fails if it is out of
date.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import get_args

from penchant.objectives.core.objective import Objective
from penchant.objectives.core.registry import OBJECTIVES
from penchant.settings import Setting, plain_type

__all__ = ["stub_path", "stub_text"]

_PACKAGE = Path(__file__).resolve().parents[1]


def stub_path() -> Path:
    """The path of the stub, next to the package's ``__init__.py``.

    Example:
        >>> stub_path().name
        '__init__.pyi'
    """
    return _PACKAGE / "__init__.pyi"


def stub_text() -> str:
    """The text of the stub: the names that the package imports, and the classes that it resolves lazily.

    Example:
        >>> [line for line in stub_text().splitlines() if "beta: float = ..., reference_free: bool = ..." in line]
        ['    def __init__(self, *, beta: float = ..., reference_free: bool = ...) -> None: ...']
    """
    tree = ast.parse((_PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    named = {
        alias.name: str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is None
    }
    lines = sorted(f"from {module} import {name} as {name}" for name, module in named.items())
    methods = sorted(
        (cls for cls in OBJECTIVES.things() if cls.__module__.startswith("penchant.objectives.")),
        key=lambda cls: cls.__name__,
    )
    lines += sorted(f"from {cls.__module__} import {cls.__name__} as _{cls.__name__}" for cls in methods)
    classes = [line for cls in methods for line in ("", *_class_lines(cls))]
    heading = [
        "# Written by `python -m penchant.objectives.core.stub`.",
        "from typing import Any, Callable, Literal",
        "",
    ]
    return "\n".join([*heading, "from torch import Tensor", "", *lines, *classes, ""])


def _class_lines(cls: type[Objective]) -> list[str]:
    """A class whose constructor names the hyper-parameters: the method's own, which takes them as keywords."""
    parameters = [
        f"{each.name}: {each.annotation}{'' if each.default is inspect.Parameter.empty else ' = ...'}"
        for each in list(inspect.signature(cls.__init__).parameters.values())[1:]
        if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    hyper = [f"{each.attribute}: {_type_text(each)} = ..." for each in cls.hyperparameters()]
    listed = ", ".join(["self", *parameters, *(["*", *hyper] if hyper else [])])
    return [f"class {cls.__name__}(_{cls.__name__}):", f"    def __init__({listed}) -> None: ..."]


def _type_text(setting: Setting) -> str:
    """The type of a hyper-parameter, without its range."""
    return plain_type(get_args(setting.annotation)[0])


if __name__ == "__main__":
    stub_path().write_text(stub_text(), encoding="utf-8")
    print(f"Written: {stub_path()}")
