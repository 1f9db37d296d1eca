"""Keys that a YAML file gives twice, of which only the last would count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penchant.errors import ConfigurationError

if TYPE_CHECKING:
    import yaml

__all__ = ["refuse_twice"]


def refuse_twice(document: yaml.Node | None, where: str) -> None:
    """Refuse a document with a mapping that has a key twice.

    Args:
        document: the composed file, whose aliases are the nodes that they name.
        where: name of the file.

    Raises:
        ConfigurationError: a key is given twice; both lines are named.
    """
    seen: set[int] = set()
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen or isinstance(node.value, str):
            continue
        seen.add(id(node))
        lines: dict[str, int] = {}
        for each in node.value:
            key, value = each if isinstance(each, tuple) else (None, each)
            waiting.append(value)
            if key is None or not isinstance(key.value, str) or key.value == "<<":
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                raise ConfigurationError(
                    f"The key {key.value!r} is given twice, in line {lines[key.value]} and in line {line}.",
                    where=where,
                    why="Only the last one would count.",
                    fix="Remove one of them.",
                )
            lines[key.value] = line
