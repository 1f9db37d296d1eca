"""`FunctionJudge`, a judge that calls a Python function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text
from penchant.python_path import load_from
from penchant.rewards.judge import Judge

__all__ = ["FunctionJudge"]

Reward = Callable[[Text, str], float]


class FunctionJudge(Judge):
    """Scores each response with a function ``reward(prompt, response) -> float``.

    Args:
        reward: the function, or its import path ``rewards.py:brevity`` or ``module:function``, which a recipe gives as
            ``path``.
        settings: ``path``, if ``reward`` is not given.

    Raises:
        ConfigurationError: neither is given, the module or the function cannot be found, or the object is not callable.

    Example:
        >>> FunctionJudge(lambda prompt, response: -len(response)).score("Say hi.", ["hi", "hello"])
        [-2.0, -5.0]
    """

    id = "function"

    path: Annotated[
        str, "place of reward(prompt, response): rewards.py:brevity (beside the recipe or here) or module:function"
    ]

    def __init__(self, reward: Reward | str | None = None, **settings: Any) -> None:
        if reward is not None:
            settings["path"] = reward if isinstance(reward, str) else _place(reward)
        super().__init__(**settings)
        self.reward: Reward = reward if callable(reward) else _load(self.path)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`; None, which the function returns for a response that it cannot score, becomes NaN.

        Raises:
            ConfigurationError: the function raises, or gives something else than a finite number or None.
        """
        return [self._score(prompt, response) for response in responses]

    def _score(self, prompt: Text, response: str) -> float:
        try:
            given = self.reward(prompt, response)
        except (Exception, SystemExit) as error:
            raise self._error(f"raised {type(error).__name__}: {error}", prompt, response) from error
        if given is None:
            return math.nan
        try:
            number = math.inf if isinstance(given, str | bytes) else float(given)
        except Exception as error:
            raise self._error(f"returned {_shown(given)}, which is not one number", prompt, response) from error
        if math.isinf(number):
            what = "not a number" if isinstance(given, str | bytes) else "not finite"
            raise self._error(f"returned {_shown(given)}, which is {what}", prompt, response)
        return number

    def _error(self, what: str, prompt: Text, response: str) -> ConfigurationError:
        return ConfigurationError(
            f"The reward function {self.path!r} {what}, for the prompt {_shown(prompt)} and the response "
            f"{_shown(response)}.",
            where="judge",
            fix="It gets one prompt and one response, and returns one finite number, or None if it cannot score.",
        )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _place(reward: Reward) -> str:
    named: Any = reward if hasattr(reward, "__qualname__") else type(reward)
    return f"{named.__module__}:{named.__qualname__}"


def _load(path: str) -> Reward:
    found = load_from(path, "judge")
    if not callable(found):
        raise ConfigurationError(f"{path!r} is a {type(found).__name__}, not a function.", where="judge")
    return found  # type: ignore[no-any-return]
