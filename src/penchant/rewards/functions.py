"""`FunctionJudge`, a judge that calls a Python function."""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text
from penchant.rewards.judge import Judge

__all__ = ["FunctionJudge"]

Reward = Callable[[Text, str], float]


class FunctionJudge(Judge):
    """Scores each response with a function ``reward(prompt, response) -> float``.

    Args:
        reward: the function, or its import path ``module:function``, which a recipe gives as ``path``.
        settings: ``path``, if ``reward`` is not given.

    Raises:
        ConfigurationError: neither is given, the module or the function cannot be found, or the object is not callable.

    Example:
        >>> FunctionJudge(lambda prompt, response: -len(response)).score("Say hi.", ["hi", "hello"])
        [-2.0, -5.0]
    """

    id = "function"

    path: Annotated[str, "module:function of reward(prompt, response); the module is a file here or is installed"]

    def __init__(self, reward: Reward | str | None = None, **settings: Any) -> None:
        if reward is not None:
            settings["path"] = reward if isinstance(reward, str) else _place(reward)
        super().__init__(**settings)
        self.reward: Reward = reward if callable(reward) else _load(self.path)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`; None, which the function returns for a response that it cannot score, becomes NaN."""
        given = [self.reward(prompt, response) for response in responses]
        return [math.nan if value is None else float(value) for value in given]


def _place(reward: Reward) -> str:
    named: Any = reward if hasattr(reward, "__qualname__") else type(reward)
    return f"{named.__module__}:{named.__qualname__}"


def _load(path: str) -> Reward:
    module, _, name = path.partition(":")
    if os.getcwd() not in sys.path:  # an installed command does not look there; last, so that it hides no package
        sys.path.append(os.getcwd())
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"The reward function {path!r} cannot be loaded ({error}).",
            where="judge",
            fix="Write it as module:function; the module is a file in this folder or in an installed package.",
        ) from error
    if not callable(found):
        raise ConfigurationError(f"{path!r} is a {type(found).__name__}, not a function.", where="judge")
    return found  # type: ignore[no-any-return]
