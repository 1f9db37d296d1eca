"""The text of ``recipe_keywords.py``, by which editors and type checkers know ``train(learning_rate=...)``.

``python -m penchant.training.keywords`` writes it anew after a key has been added; a test fails if it is out of date.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from penchant.training.recipe import Recipe

__all__ = ["keywords_path", "keywords_text"]

# Parameters of `train` itself.
NAMED = ("model", "data", "objective", "output", "eval_data", "reference")

# Short forms beside the type of a key.
SHORT = {"lora": "bool"}

HEADING = '''"""`RecipeKeywords`: the keys of a recipe. Written by ``python -m penchant.training.keywords``."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

IMPORTS
__all__ = ["RecipeKeywords"]


class RecipeKeywords(TypedDict, total=False):
    """Keys of a `penchant.training.Recipe`, which `penchant.train` takes as keywords."""
'''


def keywords_path() -> Path:
    """The path of the written file.

    Example:
        >>> keywords_path().name
        'recipe_keywords.py'
    """
    return Path(__file__).resolve().parent / "recipe_keywords.py"


def keywords_text() -> str:
    """The text of the file: every key with the type of its values.

    Example:
        >>> [line for line in keywords_text().splitlines() if "batch_size" in line]
        ['    batch_size: int']
    """
    lines = [_line(name, field) for name, field in Recipe.model_fields.items() if name not in NAMED]
    shown = [field for name, field in Recipe.model_fields.items() if name not in NAMED]
    parts = {each for field in shown for each in _parts(field.annotation)}
    imports = sorted(f"from {part.__module__} import {part.__name__}\n" for part in parts)
    return "\n".join([HEADING.replace("IMPORTS\n", "".join([*imports, "\n"])), *lines, ""])


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """The classes of a key's parts."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def _line(name: str, field: FieldInfo) -> str:
    kinds = dict.fromkeys(_kinds(field.annotation))
    if name in SHORT:
        kinds[SHORT[name]] = None
    return f"    {name}: {' | '.join(sorted(kinds, key=lambda kind: kind == 'None'))}"


def _kinds(annotation: Any) -> list[str]:
    """The types of a key's values as Python text; a part may be given as a mapping."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return [kind for each in inner for kind in _kinds(each)]
    if origin is Literal:
        return [f"Literal[{', '.join(json.dumps(each) for each in inner)}]"]
    if annotation is type(None):
        return ["None"]
    if origin in (list, dict):
        parts = [" | ".join(dict.fromkeys(_kinds(each))) for each in inner]
        return [f"{origin.__name__}[{', '.join(parts)}]"]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation.__name__, "dict[str, Any]"]
    if hasattr(annotation, "__metadata__"):
        return _kinds(inner[0])
    return [getattr(annotation, "__name__", "Any")]


if __name__ == "__main__":
    keywords_path().write_text(keywords_text(), encoding="utf-8")
    print(f"Written: {keywords_path()}")
