"""The stub file of ``penchant.objectives``, which lets editors and type checkers resolve ``objectives.DPO``.

``python -m penchant.objectives.core.stub`` regenerates it after a method has been added; a test fails if it is out of
date.
"""

from __future__ import annotations

import ast
from pathlib import Path

from penchant.objectives.core.registry import OBJECTIVES

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
        >>> "from penchant.objectives.pairwise.dpo import DPO as DPO" in stub_text()
        True
    """
    tree = ast.parse((_PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    named = {
        alias.name: str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is None
    }
    named |= {
        cls.__name__: cls.__module__ for cls in OBJECTIVES.things() if cls.__module__.startswith("penchant.objectives.")
    }
    lines = sorted(f"from {module} import {name} as {name}" for name, module in named.items())
    return "\n".join(["# Written by `python -m penchant.objectives.core.stub`.", *lines, ""])


if __name__ == "__main__":
    stub_path().write_text(stub_text(), encoding="utf-8")
    print(f"Written: {stub_path()}")
