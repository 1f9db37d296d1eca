"""`FunctionJudge`, a judge that calls a Python function."""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text
from penchant.python_path import load_from
from penchant.rewards.judge import Judge
from penchant.rewards.scores import one_number

__all__ = ["FunctionJudge"]

Reward = Callable[[Text, str], float]


class FunctionJudge(Judge):
    """Scores each response with a function ``reward(prompt, response) -> float``.

    Args:
        reward: the function, or its place as for `penchant.python_path.load_from` (``rewards.py:brevity``), which a
            recipe gives as ``path``.
        settings: ``path``, if ``reward`` is not given.

    Raises:
        ConfigurationError: neither is given, the place may not be named or cannot be loaded, or the object cannot be
            called with a prompt and a response.

    Example:
        >>> FunctionJudge(lambda prompt, response: -len(response)).score("Say hi.", ["hi", "hello"])
        [-2.0, -5.0]
    """

    id = "function"

    path: Annotated[
        str,
        "place of reward(prompt, response): rewards.py:brevity, a file beside the recipe (or one of your own, on the "
        "command line), or a name of an installed package's entry points",
    ]

    def __init__(self, reward: Reward | str | None = None, **settings: Any) -> None:
        if reward is not None:
            settings["path"] = reward if isinstance(reward, str) else _place(reward)
        super().__init__(**settings)
        self.reward: Reward = reward if callable(reward) else _load(self.path)
        _check_signature(self.reward, self.path)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`; None, which the function returns for a response that it cannot score, becomes NaN.

        Raises:
            ConfigurationError: the function raises, or returns something else than one finite number or None.
        """
        return [self._score(prompt, response) for response in responses]

    def _score(self, prompt: Text, response: str) -> float:
        try:
            given = self.reward(prompt, response)
        except (Exception, SystemExit) as error:
            raise self._error(f"raised {type(error).__name__}: {error}{_line_of(error)}", prompt, response) from error
        if given is None:
            return math.nan
        try:
            return one_number(given)
        except ValueError as error:
            raise self._error(f"returned {_shown(given)}, which is {error}", prompt, response) from None

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


def _line_of(error: BaseException) -> str:
    """The line at which a function failed; empty if it failed before its first line."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _place(reward: Reward) -> str:
    named: Any = reward if hasattr(reward, "__qualname__") else type(reward)
    return f"{named.__module__}:{named.__qualname__}"


def _load(path: str) -> Reward:
    found = load_from(path, "judge")
    if not callable(found):
        raise ConfigurationError(f"{path!r} is a {type(found).__name__}, not a function.", where="judge")
    return found  # type: ignore[no-any-return]


def _check_signature(reward: Reward, path: str) -> None:
    """Refuse what cannot be called with a prompt and a response, before a model is loaded."""
    kinds: dict[str, Callable[[Any], bool]] = {
        "class": inspect.isclass,
        "coroutine function": inspect.iscoroutinefunction,
        "generator function": inspect.isgeneratorfunction,
    }
    fix = "Write a function reward(prompt, response); it returns one finite number, or None if it cannot score."
    for kind, applies in kinds.items():
        if applies(reward):
            raise ConfigurationError(f"{path!r} is a {kind}.", where="judge", fix=fix)
    try:
        form = inspect.signature(reward)
    except (TypeError, ValueError):  # some functions written in C have none
        return
    try:
        form.bind("prompt", "response")
    except TypeError as error:
        raise ConfigurationError(
            f"The reward function {path!r} has the signature {form} and cannot be called with a prompt and a response "
            f"({error}).",
            where="judge",
            fix=fix,
        ) from None
