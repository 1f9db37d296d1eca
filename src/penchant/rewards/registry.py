"""Judges by name, as recipes write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penchant.errors import ConfigurationError, nearest
from penchant.feedback.records import Record
from penchant.rewards.functions import FunctionJudge
from penchant.rewards.judge import Judge
from penchant.rewards.models import RewardModel
from penchant.rewards.verifiers import Verifier

__all__ = ["JUDGES", "build_judge"]

#: Kinds of judges and the keys that each takes.
JUDGES: dict[str, tuple[str, ...]] = {
    "verifier": ("rule",),
    "function": ("path",),
    "reward_model": ("model", "batch_size", "max_length"),
    "none": (),
}


def build_judge(settings: Mapping[str, Any], records: Iterable[Record], device: Any = "cpu") -> Judge | None:
    """The judge that a recipe names.

    Args:
        settings: ``name`` and its keys: ``{"name": "verifier", "rule": "number"}``,
            ``{"name": "function", "path": "rewards:brevity"}``, ``{"name": "reward_model", "model": "folder"}``, or
            ``{"name": "none"}``.
        records: those whose responses will be judged; a verifier finds the answers in them.
        device: where a reward model goes.

    Raises:
        ConfigurationError: an unknown name or key.

    Example:
        >>> build_judge({"name": "none"}, []) is None
        True
    """
    name = str(settings.get("name"))
    if name not in JUDGES:
        raise ConfigurationError(f"There is no judge {name!r}. {nearest(name, JUDGES)}", where="judge")
    keys = {key: value for key, value in settings.items() if key != "name"}
    if unknown := sorted(set(keys) - set(JUDGES[name])):
        told = nearest(unknown[0], JUDGES[name]) if JUDGES[name] else "It takes none."
        raise ConfigurationError(f"The judge {name!r} has no key {unknown[0]!r}. {told}", where="judge")
    required = {"function": "path", "reward_model": "model"}.get(name)
    if required and required not in keys:
        raise ConfigurationError(f"The judge {name!r} needs the key {required!r}.", where="judge")
    if name == "none":
        return None
    if name == "verifier":
        return Verifier.of_records(records, **keys)
    return FunctionJudge(keys["path"]) if name == "function" else RewardModel(**keys, device=device)
