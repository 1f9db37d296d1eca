"""A judge from a plain function: a reward that is a line of Python."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text
from penchant.rewards.judge import Judge

__all__ = ["FunctionJudge"]

Reward = Callable[[Text, str], float]


class FunctionJudge(Judge):
    """Scores each response with ``reward(prompt, response) -> float``.

    Args:
        reward: the function, or where it is: ``module:name``.

    Raises:
        ConfigurationError: the module or the function cannot be found, or is no function.

    Example:
        >>> FunctionJudge(lambda prompt, response: -len(response)).score("Say hi.", ["hi", "hello"])
        [-2.0, -5.0]
    """

    def __init__(self, reward: Reward | str) -> None:
        self.reward: Reward = _load(reward) if isinstance(reward, str) else reward

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`; what the function gives for a response it cannot score (None) becomes NaN."""
        given = [self.reward(prompt, response) for response in responses]
        return [math.nan if value is None else float(value) for value in given]


def _load(path: str) -> Reward:
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"The reward function {path!r} cannot be loaded ({error}).",
            where="judge",
            fix="Write it as module:function; the module must be importable from here.",
        ) from error
    if not callable(found):
        raise ConfigurationError(f"{path!r} is {type(found).__name__}, not a function.", where="judge")
    return found  # type: ignore[no-any-return]
