"""The registry of judges, and how a recipe's ``judge`` is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from penchant.feedback.records import Record
from penchant.named import build_named
from penchant.registry import Registry

if TYPE_CHECKING:
    from penchant.rewards.judge import Judge

__all__ = ["JUDGES", "build_judge", "unread_judge"]

#: All judges by name.
JUDGES: Registry[type[Judge]] = Registry("judge", "penchant.rewards", group="penchant.judges")


def build_judge(settings: Mapping[str, Any], records: Iterable[Record] = (), device: Any = "cpu") -> Judge | None:
    """The judge that a recipe selects, ready to score.

    Args:
        settings: ``name`` and the judge's keys: ``{"name": "verifier", "rule": "number"}``,
            ``{"name": "function", "path": "rewards:brevity"}``, ``{"name": "reward_model", "model": "folder"}``, or
            ``{"name": "none"}``.
        records: the records to judge; a verifier reads the answers from them.
        device: the device of a reward model.

    Returns:
        The judge, or None if the recipe selects ``none``.

    Raises:
        ConfigurationError: there is no such judge or key, or a value has the wrong type or is out of range.
        DataError: a record lacks what the judge needs.
        ModelError: a reward model cannot be loaded.

    Example:
        >>> build_judge({"name": "none"}) is None
        True
    """
    judge = unread_judge(settings)
    if judge is None:
        return None
    judge.read(records)
    judge.to(device)
    return judge


def unread_judge(settings: Mapping[str, Any], where: str = "judge") -> Judge | None:
    """The judge that a recipe selects, before it has read any record.

    Judges made of others build their members with it: the records come later, to all of them, through `Judge.read`.

    Args:
        settings: as for `build_judge`.
        where: the recipe key of the settings, for messages.

    Returns:
        The judge, or None if it never scores.

    Raises:
        ConfigurationError: there is no such judge or key, or a value has the wrong type or is out of range.
        ModelError: a reward model cannot be loaded.

    Example:
        >>> unread_judge({"name": "verifier", "rule": "exact"}).answers
        {}
    """
    judge = build_named(JUDGES, settings, where)
    return None if judge.silent else judge
