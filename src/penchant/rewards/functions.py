"""`FunctionJudge`, a judge that calls a Python function."""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Record, Text, as_text
from penchant.python_path import load_from
from penchant.rewards.judge import Judge
from penchant.rewards.lists.arguments import OURS, list_arguments, list_parameters, list_scores, takes_lists
from penchant.rewards.scores import one_number

if TYPE_CHECKING:
    from penchant.generation.responses import Response

__all__ = ["FunctionJudge"]

Reward = Callable[..., float]

#: What a function may ask for besides the prompt, the response and the fields of the record.
FURTHER = ("record", "tokens", "finished")
#: Stands for all fields, which ``**fields`` takes.
EVERY = "**"


class FunctionJudge(Judge):
    """Scores each response with a function ``reward(prompt, response, ...) -> float``.

    Further parameters of the function are filled by their names: a field of the prompt's record (``answer``),
    ``record`` (all its fields), ``tokens`` (the ids that were sampled, end token included) and ``finished`` (whether it
    ended before the length limit). The last two are None for a response that was not sampled. With ``**fields`` it gets
    all of these.

    A function with a parameter ``completions`` is called as TRL calls it, once for all responses to a prompt:
    ``prompts``, ``completions``, ``completion_ids`` and the fields of the record are lists, and it returns a list.

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
        >>> FunctionJudge(lambda completions, **fields: [-len(each) for each in completions]).score("Hi", ["hi", "no"])
        [-2.0, -2.0]
    """

    id = "function"
    formula = "what the function returns"
    span = "any finite number, higher is better"
    advice = "It is as good as the function; a response without a score is left out and counted."

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
        self.lists = _signature_of_lists(self.reward)
        checked = _checked_signature(self.reward, self.path, self.lists)
        self.asked = checked if self.lists is None else list_parameters(self.lists, EVERY)
        self.fields: dict[str, dict[str, Any]] = {}

    def read(self, records: Iterable[Record]) -> None:
        """Read the fields that the function asks for.

        Raises:
            DataError: a record lacks one that has no default.
        """
        if not self.asked:
            return
        beside = FURTHER if self.lists is None else OURS
        for record in records:
            known = {*record.fields, *beside}
            lacking = [name for name, needed in self.asked.items() if needed and name not in known]
            if lacking:
                raise DataError(
                    f"The reward function {self.path!r} asks for {lacking[0]!r}, which the record does not have.",
                    where=str(record.source),
                    fix=f"Its fields: {', '.join(sorted(record.fields)) or 'none'}; others: {', '.join(beside)}. Give "
                    "the parameter a default for records without it.",
                )
            self.fields[as_text(record.prompt)] = record.fields

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`; None, which the function returns for a response that it cannot score, becomes NaN.

        Raises:
            ConfigurationError: the function raises, or returns something else than one finite number or None.
        """
        fields = self.fields.get(as_text(prompt), {})
        if self.lists is not None:
            return self._together(self.lists, prompt, responses, None, fields)
        return [self._score(prompt, each, self._further(fields, None, None)) for each in responses]

    def sampled(self, record: Record, responses: Sequence[Response]) -> tuple[list[float], dict[str, list[float]]]:
        """See `Judge.sampled`."""
        if self.lists is not None:
            texts, tokens = [each.text for each in responses], [list(each.ids) for each in responses]
            return self._together(self.lists, record.prompt, texts, tokens, record.fields), {}
        return [
            self._score(record.prompt, each.text, self._further(record.fields, list(each.ids), each.finished))
            for each in responses
        ], {}

    def _further(self, fields: dict[str, Any], tokens: list[int] | None, finished: bool | None) -> dict[str, Any]:
        """The further arguments by name: those that the function asks for, and are there."""
        if not self.asked:
            return {}
        known = {**fields, "record": fields, "tokens": tokens, "finished": finished}
        return {name: value for name, value in known.items() if name in self.asked or EVERY in self.asked}

    def _together(
        self,
        form: inspect.Signature,
        prompt: Text,
        responses: Sequence[str],
        tokens: list[list[int]] | None,
        fields: dict[str, Any],
    ) -> list[float]:
        """The scores of a function of lists."""
        first = responses[0] if responses else ""
        try:
            given = self.reward(**list_arguments(form, prompt, responses, tokens, fields))
        except (Exception, SystemExit) as error:
            raise self._error(f"raised {type(error).__name__}: {error}{_line_of(error)}", prompt, first) from error
        try:
            return list_scores(given, len(responses))
        except ValueError as error:
            raise self._error(f"returned {_shown(given)}, which is {error}", prompt, first) from None

    def _score(self, prompt: Text, response: str, further: dict[str, Any]) -> float:
        try:
            given = self.reward(prompt, response, **further)
        except (Exception, SystemExit) as error:
            raise self._error(f"raised {type(error).__name__}: {error}{_line_of(error)}", prompt, response) from error
        if given is None:
            return math.nan
        try:
            return one_number(given)
        except ValueError as error:
            raise self._error(f"returned {_shown(given)}, which is {error}", prompt, response) from None

    def _error(self, what: str, prompt: Text, response: str) -> ConfigurationError:
        fix = "It gets one prompt and one response, and returns one finite number, or None if it cannot score."
        if self.lists is not None:
            fix = "It gets all responses to a prompt, as lists, and returns a list with a number or None for each."
        return ConfigurationError(
            f"The reward function {self.path!r} {what}, for the prompt {_shown(prompt)} and the response "
            f"{_shown(response)}.",
            where="judge",
            fix=fix,
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


def _signature_of_lists(reward: Reward) -> inspect.Signature | None:
    """The signature of a function that takes all responses to a prompt; None for one of another form."""
    try:
        form = inspect.signature(reward)
    except (TypeError, ValueError):
        return None
    return form if takes_lists(form) else None


def _checked_signature(reward: Reward, path: str, lists: inspect.Signature | None) -> dict[str, bool]:
    """The further parameters of a function, each with whether it has no default; `EVERY` for ``**fields``.

    Args:
        reward: the function.
        path: its place, for errors.
        lists: its signature if it takes lists, whose parameters are all given by name.

    Raises:
        ConfigurationError: it cannot be called with a prompt and a response.
    """
    kinds: dict[str, Callable[[Any], bool]] = {
        "class": inspect.isclass,
        "coroutine function": inspect.iscoroutinefunction,
        "generator function": inspect.isgeneratorfunction,
    }
    fix = (
        "Write a function reward(prompt, response); it returns one finite number, or None if it cannot score. Further "
        f"parameters are fields of the record, or one of {', '.join(FURTHER)}."
    )
    for kind, applies in kinds.items():
        if applies(reward):
            raise ConfigurationError(f"{path!r} is a {kind}.", where="judge", fix=fix)
    try:
        form = inspect.signature(reward)
    except (TypeError, ValueError):  # some functions written in C have none
        return {}
    if lists is not None:
        return {}
    further = _further_of(form)
    try:
        form.bind("prompt", "response", **dict.fromkeys(further.keys() - {EVERY}))
    except TypeError as error:
        raise ConfigurationError(
            f"The reward function {path!r} has the signature {form} and cannot be called with a prompt and a response "
            f"({error}).",
            where="judge",
            fix=fix,
        ) from None
    return further


def _further_of(form: inspect.Signature) -> dict[str, bool]:
    """The parameters after the first two that can be given by name."""
    names = list(form.parameters.values())
    taken = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    first = [each for each in names if each.kind in taken][:2]
    found = {}
    for each in names:
        if each.kind is inspect.Parameter.VAR_KEYWORD:
            found[EVERY] = False
        elif each not in first and each.kind in (inspect.Parameter.KEYWORD_ONLY, taken[0]):
            found[each.name] = each.default is inspect.Parameter.empty
    return found
