"""Layouts whose columns have Chinese names."""

from __future__ import annotations

from typing import Any

from penchant.feedback.known.layout import Layout, Row, empty
from penchant.feedback.records import Source

__all__ = ["CHINESE"]

_PROMPTS = {
    "指令": "instruction",
    "输入": "input",
    "问题": "question",
    "提问": "question",
    "提示": "prompt",
    "提示词": "prompt",
}
_RESPONSES = {"输出": "output", "回答": "response", "回复": "response", "标签": "label"}
#: The better response and the worse one.
_PAIRS = (
    ("正例", "负例"),
    ("选择", "拒绝"),
    ("选中", "拒绝"),
    ("接受", "拒绝"),
    ("好回答", "坏回答"),
    ("优选", "劣选"),
)
_BESIDE = {"系统": "system", "系统提示": "system", "历史": "history"}
_KNOWN = {*_PROMPTS, *_RESPONSES, *(name for names in _PAIRS for name in names)}


def _names(row: Row) -> dict[str, str]:
    """Our names of the row's columns; empty if they are not a prompt with a response or a pair."""
    there = {name for name in row if name in _KNOWN and not empty(row[name])}
    asked = [name for name in _PROMPTS if name in there]
    pair = next(
        (names for names in _PAIRS if set(names) <= there and all(isinstance(row[name], str) for name in names)), None
    )
    answers = [] if pair else [name for name in _RESPONSES if name in there]
    if not asked or not (pair or [name for name in answers if name != "标签"]):
        return {}
    known = _PROMPTS | _BESIDE
    found = {name: known[name] for name in row if name in known} | {name: _RESPONSES[name] for name in answers}
    found |= dict(zip(pair or (), ("chosen", "rejected"), strict=False))
    return found if len(set(found.values())) == len(found) and not set(found.values()) & set(row) else {}


def _renamed(row: Row, source: Source) -> dict[str, Any]:
    names = _names(row)
    return {names.get(name, name): value for name, value in row.items()}


CHINESE = (
    Layout(
        name="Chinese columns",
        columns="`指令`, `输入` (or `问题`, `提问`, `提示`); `输出`, `回答` or `回复`, and `标签`; "
        "or `正例`, `负例` (also `选择`, `拒绝`; `接受`, `拒绝`; `好回答`, `坏回答`); also `系统`, `历史`",
        kind="comparison or judgement or demonstration",
        says="each is read as the English column of its meaning",
        matches=lambda row: bool(_names(row)),
        convert=_renamed,
        unwraps=True,
    ),
)
