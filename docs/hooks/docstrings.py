"""Lets the reference read two forms of this package's docstrings that its parser does not know.

The section "Example:", shown as code (the parser knows "Examples:"), and "Args:" of a named tuple, whose fields are
attributes to the parser.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

SINGULAR = re.compile(r"^(\s*)Example:$", re.MULTILINE)
ARGUMENTS = re.compile(r"^(\s*)Args:$", re.MULTILINE)


class Sections(griffe.Extension):
    """Renames the sections before they are parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for every module, class, function and attribute that was read."""
        if obj.docstring is None:
            return
        obj.docstring.value = SINGULAR.sub(r"\1Examples:", obj.docstring.value)
        if isinstance(obj, griffe.Class) and any(str(base) == "NamedTuple" for base in obj.bases):
            obj.docstring.value = ARGUMENTS.sub(r"\1Attributes:", obj.docstring.value)
