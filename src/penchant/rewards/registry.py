"""The registry of judges, and how a recipe's ``judge`` is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from penchant.feedback.records import Record
from penchant.named import build_named
from penchant.registry import Registry

if TYPE_CHECKING:
    from penchant.rewards.judge import Judge

__all__ = ["JUDGES", "build_judge"]

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
    judge = build_named(JUDGES, settings, "judge")
    if judge.silent:
        return None
    judge.read(records)
    judge.to(device)
    return judge
