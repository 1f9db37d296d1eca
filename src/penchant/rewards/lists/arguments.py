"""Arguments and results of a reward function that takes lists, as TRL calls it: one call for all responses."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

from penchant.feedback.records import Text
from penchant.rewards.scores import one_number

__all__ = ["OURS", "list_arguments", "list_parameters", "list_scores", "takes_lists"]

#: What such a function may ask for besides the fields of the record.
OURS = ("prompts", "completions", "completion_ids")


def takes_lists(form: inspect.Signature) -> bool:
    """Whether a signature is that of a function of lists: it has a parameter ``completions``.

    Example:
        >>> takes_lists(inspect.signature(lambda completions, **kwargs: [0.0]))
        True
        >>> takes_lists(inspect.signature(lambda prompt, response: 0.0))
        False
    """
    return "completions" in form.parameters


def list_parameters(form: inspect.Signature, every: str) -> dict[str, bool]:
    """The parameters of such a function that a record must fill, each with whether it has no default.

    Args:
        form: its signature.
        every: the name that stands for ``**fields``.

    Example:
        >>> list_parameters(inspect.signature(lambda completions, answer, **kwargs: [0.0]), "**")
        {'answer': True, '**': False}
    """
    found = {}
    for each in form.parameters.values():
        if each.kind is inspect.Parameter.VAR_KEYWORD:
            found[every] = False
        elif each.kind is not inspect.Parameter.VAR_POSITIONAL and each.name not in OURS:
            found[each.name] = each.default is inspect.Parameter.empty
    return found


def list_arguments(
    form: inspect.Signature,
    prompt: Text,
    responses: Sequence[str],
    tokens: Sequence[list[int]] | None,
    fields: Mapping[str, Any],
) -> dict[str, list[Any]]:
    """The arguments of one call, each a list with an entry for every response.

    Args:
        form: the function's signature, whose parameters are filled.
        prompt: the prompt; to one of messages a response is a list with one message of the assistant.
        responses: K texts.
        tokens: the sampled tokens of each; None if they were not sampled.
        fields: of the record.

    Example:
        >>> form = inspect.signature(lambda completions, answer: [0.0])
        >>> list_arguments(form, "2 + 2?", ["4", "5"], None, {"answer": "4", "level": 1})
        {'completions': ['4', '5'], 'answer': ['4', '4']}
    """
    said: list[Any] = list(responses)
    if not isinstance(prompt, str):
        said = [[{"role": "assistant", "content": each}] for each in responses]
    count = len(responses)
    ids = [None] * count if tokens is None else list(tokens)
    known: dict[str, list[Any]] = {"prompts": [prompt] * count, "completions": said, "completion_ids": ids}
    known |= {name: [value] * count for name, value in fields.items() if name not in OURS}
    every = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in form.parameters.values())
    return {name: value for name, value in known.items() if every or name in form.parameters}


def list_scores(given: Any, count: int) -> list[float]:
    """The K numbers of a result; NaN for None, which is a response that the function cannot score.

    Args:
        given: what the function returned.
        count: K.

    Raises:
        ValueError: it is not a list of K numbers; the message ends a sentence: "not a list of 2 numbers".

    Example:
        >>> list_scores([1, None], 2)
        [1.0, nan]
        >>> list_scores(0.5, 2)
        Traceback (most recent call last):
        ValueError: not a list of 2 numbers
    """
    if hasattr(given, "tolist"):  # a tensor or an array
        given = given.tolist()
    if not isinstance(given, list | tuple) or len(given) != count:
        raise ValueError(f"not a list of {count} numbers")
    return [math.nan if each is None else one_number(each) for each in given]
