"""Reward functions and reward models of another library as judges."""

from __future__ import annotations

from typing import Any

from penchant.errors import ConfigurationError
from penchant.training.coming_from.translation import Translation, finite, words

__all__ = ["put_judge"]

#: Reward functions that TRL brings along, by what they do.
THEIRS = {
    "accuracy_reward": "compares LaTeX answers with the column solution by math-verify; nearest here is "
    "judge: {name: verifier, rule: number} with mapping: {answer: solution}, which compares numbers",
    "reasoning_accuracy_reward": "compares what follows </think> with the column solution by math-verify; nearest "
    "here is judge: {name: verifier, rule: number} with mapping: {answer: solution}, which compares numbers",
    "think_format_reward": "is 1 for a response of the form <think>...</think>...; nearest here is a function of "
    "your own with that regular expression",
}
#: TRL's length penalty as its script makes it: responses of that many tokens, of which the last ones cost.
OVERLONG, LIMIT, BUFFER = "get_soft_overlong_punishment", 1280, 256


def put_judge(found: Translation) -> None:
    """Translate what scores responses: reward models, functions and their weights.

    Raises:
        ConfigurationError: a function is the library's own, or there are more or fewer weights than rewards.
    """
    members: list[dict[str, Any]] = []
    for key in ("reward_model_name_or_path", "reward_model_path", "reward_model"):
        members += [{"name": "reward_model", "model": place} for place in words(found.take(key))]
    names = words(found.take("reward_funcs"))
    members += [_member(name) for name in names if name != OVERLONG]
    weights = [finite(each, "reward_weights") for each in words(found.take("reward_weights"))]
    if OVERLONG in names:
        weight = _overlong_weight(weights, len(members) + 1, names.index(OVERLONG) - len(names))
        _overlong(found, weight)
    if weights and len(weights) != len(members):
        raise ConfigurationError(
            f"There are {len(weights)} weights and {len(members)} rewards.",
            where="reward_weights",
            fix="Give one weight for each reward: reward models first, then functions.",
        )
    if any(weight != 1 for weight in weights):
        members = [{**each, "weight": weight} for each, weight in zip(members, weights, strict=True)]
    _put(found, members)


def _put(found: Translation, members: list[dict[str, Any]]) -> None:
    """Set the judge, and say where its functions must lie."""
    files = sorted({each["path"].partition(":")[0] for each in members if each["name"] == "function"})
    if files:
        found.note(
            f"A recipe reads functions from files beside it, or in folders below: {', '.join(files)}. A function with "
            "a parameter completions is called with lists, as TRL calls it."
        )
    if not members:
        found.note(
            "The file names no reward, which the library then gets in Python: write judge (docs/online.md). Until then "
            "a verifier compares the last number of a response with the record's field answer."
        )
    elif len(members) == 1 and "weight" not in members[0]:
        found.put("judge", members[0])
    else:
        found.put("judge", members)


def _member(name: str) -> dict[str, Any]:
    """One reward: a function of a module or file, or a reward model.

    Example:
        >>> _member("rewards.brevity"), _member("rewards.py:brevity")["path"], _member("org/reward-1b")["model"]
        ({'name': 'function', 'path': 'rewards.py:brevity'}, 'rewards.py:brevity', 'org/reward-1b')
    """
    if name in THEIRS:
        raise ConfigurationError(
            f"The reward function {name!r} is TRL's own, and a recipe names functions of your files alone.",
            where="reward_funcs",
            why=f"It {THEIRS[name]}.",
            fix=f"Write it into rewards.py beside the recipe and name rewards.{name} here: "
            f"`from trl.rewards import {name} as theirs`, then `def {name}(completions, **fields): return "
            "theirs(completions, **fields)`.",
        )
    if ":" in name:
        return {"name": "function", "path": name}
    if "/" in name:
        return {"name": "reward_model", "model": name}
    *module, function = name.split(".")
    if not module:
        raise ConfigurationError(
            f"The reward {name!r} names neither a module nor a file.",
            where="reward_funcs",
            fix=f"Write FILE.py:{name} (or MODULE.{name}), a file beside the recipe.",
        )
    return {"name": "function", "path": f"{'/'.join(module)}.py:{function}"}


def _overlong_weight(weights: list[float], rewards: int, place: int) -> float:
    """The weight of the length penalty, which is taken out of the list."""
    return weights.pop(place) if len(weights) == rewards else 1.0


def _overlong(found: Translation, weight: float) -> None:
    """Translate TRL's penalty of long responses, which its script makes for 1280 tokens."""
    given = found.given.get("max_completion_length", found.given.get("max_new_tokens", 512))
    length = finite(given, "max_completion_length")
    if length <= LIMIT - BUFFER:
        found.note(f"Left out: {OVERLONG}: it begins at {LIMIT - BUFFER} tokens, which no response has.")
    elif length == LIMIT and weight == 1:
        found.put("overlong_buffer", BUFFER)
    else:
        raise ConfigurationError(
            f"TRL's {OVERLONG} is made for {LIMIT} tokens with weight 1; here are {length:g} with weight {weight:g}.",
            where="reward_funcs",
            why=f"overlong_buffer: {BUFFER} penalises the last {BUFFER} tokens before max_new_tokens, by up to 1.",
            fix=f"Remove {OVERLONG}, and add overlong_buffer to the converted recipe.",
        )
