"""Layouts of answers with parts: one answer whose items have a relevance, and a tree of steps with values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback.items import is_item_list
from penchant.feedback.known.layout import Layout, Row, empty, filled, unnamed
from penchant.feedback.known.prompts import asked, has_prompt
from penchant.feedback.passages import STEPS_BEFORE
from penchant.feedback.records import Source
from penchant.feedback.trees import NODES, trajectories

__all__ = ["STRUCTURED"]

#: The column of the steps before, in the collection of Step-DPO.
_STEPS = "initial_reason_steps"


def _is_items(row: Row) -> bool:
    return is_item_list(row) and has_prompt(row)


def _from_items(row: Row, source: Source) -> dict[str, Any]:
    prompt, used = asked(row, source)
    return {"prompt": prompt, **unnamed(row, [name for name in used if name != "response"])}


def _is_tree(row: Row) -> bool:
    nodes = row.get(NODES)
    if not isinstance(nodes, list | tuple) or not all(isinstance(each, Mapping) for each in nodes):
        return False
    valued = any("parent" in each and "value" in each for each in nodes)
    return has_prompt(row) and bool(nodes) and (valued or all({"id", "parent", "text"} <= set(each) for each in nodes))


def _from_tree(row: Row, source: Source) -> dict[str, Any]:
    prompt, used = asked(row, source)
    found = trajectories(row[NODES], source)
    if len(found) < 2:
        raise DataError(
            f"The tree has {len(found)} trajectory, expected at least 2 leaves.",
            where=str(source),
            why="A ranking compares trajectories with one another.",
            fix="Remove the record.",
        )
    if all(each.text == found[0].text for each in found):
        raise DataError("All trajectories of the tree are identical.", where=str(source), fix="Remove the record.")
    rest = {name: value for name, value in unnamed(row, [*used, NODES]).items() if not empty(value)}
    return {
        "prompt": prompt,
        **rest,
        "completions": [each.text for each in found],
        "scores": [each.value for each in found],
        "steps": [list(each.steps) for each in found],
    }


def _is_step(row: Row) -> bool:
    return filled(row, _STEPS, "chosen", "rejected") and has_prompt(row)


def _from_step(row: Row, source: Source) -> dict[str, Any]:
    prompt, used = asked(row, source)
    return {"prompt": prompt, STEPS_BEFORE: row[_STEPS], **unnamed(row, [*used, _STEPS])}


STRUCTURED = (
    Layout(
        name="answer with items",
        columns="a prompt; `response` (a text), `items` (texts of it, or `[start, end]` in characters), `relevance` "
        "(one number per item)",
        kind="ranking",
        says="each item is a response of which only its own tokens are learned; relevance decides",
        matches=_is_items,
        convert=_from_items,
    ),
    Layout(
        name="tree of steps",
        columns="a prompt; `nodes`: objects with `id`, `parent` (null for a first step), `text`, `value` (at least of "
        "the leaves)",
        kind="ranking",
        says="each path to a leaf is a response; the leaf's value decides",
        matches=_is_tree,
        convert=_from_tree,
    ),
    Layout(
        name="Step-DPO",
        columns="a prompt; `initial_reason_steps` (the steps before), `chosen`, `rejected` (the next step)",
        kind="comparison",
        used_by="Math-Step-DPO-10K",
        says="only the next step is learned",
        matches=_is_step,
        convert=_from_step,
    ),
)
