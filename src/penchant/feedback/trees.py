"""Trajectories of a tree of steps: the paths from its first steps to its leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from penchant.errors import DataError, nearest
from penchant.feedback import validation
from penchant.feedback.records import Source
from penchant.feedback.values import described, wrong

__all__ = ["NODES", "Trajectory", "joined", "trajectories"]

#: The column that holds the nodes of a tree.
NODES = "nodes"
_TEXTS = ("text", "step", "content")


class Trajectory(NamedTuple):
    """One path from a first step to a leaf.

    Attributes:
        text: the whole response.
        steps: the text of each step.
        value: the value of the leaf.
        nodes: the ids of its nodes.
    """

    text: str
    steps: tuple[str, ...]
    value: float
    nodes: tuple[Any, ...]


def joined(steps: Sequence[str]) -> str:
    """The response of several steps: a line break stands between two steps that have no white space there.

    Example:
        >>> joined(["2 + 2 = 4", "So the answer is 4", "\\nDone."])
        '2 + 2 = 4\\nSo the answer is 4\\nDone.'
    """
    text = ""
    for step in steps:
        apart = not text or text[-1].isspace() or step[0].isspace()
        text += step if apart else f"\n{step}"
    return text


def trajectories(nodes: Sequence[Mapping[str, Any]], source: Source) -> list[Trajectory]:
    """All paths from a first step to a leaf, in the order of the leaves.

    Args:
        nodes: objects with ``id``, ``parent`` (the id of the step before, or null), ``text`` and ``value`` (a number;
            only leaves need one).
        source: file and line, for errors.

    Raises:
        DataError: two nodes have one id, a parent is missing, the nodes form a cycle, a step is empty, or a leaf has no
            value.

    Example:
        >>> tree = [{"id": 1, "parent": None, "text": "a"}, {"id": 2, "parent": 1, "text": "b", "value": 1},
        ...         {"id": 3, "parent": 1, "text": "c", "value": 0}]
        >>> [(each.text, each.value) for each in trajectories(tree, Source())]
        [('a\\nb', 1.0), ('a\\nc', 0.0)]
    """
    known = _by_id(nodes, source)
    parents = {_parent(node) for node in known.values()} - {None}
    for name, node in known.items():
        if (parent := _parent(node)) is not None and parent not in known:
            raise DataError(
                f"The node {name!r} has the parent {parent!r}, which is not in the tree.",
                where=str(source),
                fix=f"{nearest(str(parent), map(str, known))} A first step has the parent null.",
            )
    paths = {name: _path(name, known, source) for name in known}  # of every node, so that no cycle stays hidden
    return [_trajectory(paths[name], known, source) for name in known if name not in parents]


def _by_id(nodes: Sequence[Mapping[str, Any]], source: Source) -> dict[Any, Mapping[str, Any]]:
    known: dict[Any, Mapping[str, Any]] = {}
    for at, node in enumerate(nodes):
        name = node.get("id")
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise wrong(f"{NODES}[{at}].id", name, "a text or a whole number", source)
        if name in known:
            raise DataError(
                f"Two nodes of the tree have the id {name!r}.", where=str(source), fix="Rename one of them."
            )
        known[name] = node
    return known


def _parent(node: Mapping[str, Any]) -> Any:
    return node.get("parent")


def _path(name: Any, known: Mapping[Any, Mapping[str, Any]], source: Source) -> tuple[Any, ...]:
    path, at = [name], _parent(known[name])
    while at is not None:
        if at in path:
            cycle = " → ".join(map(repr, [at, *reversed(path[path.index(at) :])]))
            raise DataError(
                f"The nodes of the tree form a cycle: {cycle}.",
                where=str(source),
                why="A step cannot come before itself.",
                fix="Correct the parent of one of them.",
            )
        path.append(at)
        at = _parent(known[at])
    return tuple(reversed(path))


def _trajectory(path: tuple[Any, ...], known: Mapping[Any, Mapping[str, Any]], source: Source) -> Trajectory:
    leaf = known[path[-1]]
    if leaf.get("value") is None:
        raise DataError(
            f"The leaf {path[-1]!r} of the tree has no value.",
            where=str(source),
            why="The value of its leaf ranks a trajectory.",
            fix="Give every node without children a number 'value'.",
        )
    steps = tuple(_step(name, known[name], source) for name in path)
    value = validation.number(leaf["value"], f"value of node {path[-1]}", source)
    return Trajectory(joined(steps), steps, value, path)


def _step(name: Any, node: Mapping[str, Any], source: Source) -> str:
    text = next((node[key] for key in _TEXTS if key in node), None)
    if not isinstance(text, str) or not text.strip():
        raise DataError(
            f"The text of the node {name!r} is {described(text)}, expected a step.",
            where=str(source),
            fix="Give every node a 'text'.",
        )
    return text
