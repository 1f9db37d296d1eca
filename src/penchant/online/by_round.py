"""Hyper-parameters of the objective that change from round to round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.core.composition import WeightedSum
from penchant.objectives.core.objective import Objective

__all__ = ["check_by_round", "of_round"]


def check_by_round(objective: Objective, by_round: Mapping[str, Sequence[Any]]) -> None:
    """Refuse values that the objective cannot have, before a model is loaded.

    Args:
        objective: whose hyper-parameters change.
        by_round: values by name.

    Raises:
        ConfigurationError: the objective is a sum, there is no such hyper-parameter, there are no values, or one is of
            the wrong type or range.
    """
    if by_round and isinstance(objective, WeightedSum):
        raise ConfigurationError(
            f"The objective {objective.id} is a sum, and its hyper-parameters stay as they are.",
            where="by_round",
            fix="Remove by_round, or choose a single objective.",
        )
    for name, values in by_round.items():
        if name not in objective.hyper:
            raise ConfigurationError(
                f"The objective {objective.id} has no hyper-parameter {name!r}. {nearest(name, objective.hyper)}",
                where="by_round",
            )
        if not values:
            raise ConfigurationError(f"There is no value of {name!r}.", where="by_round", fix="Give one a round.")
        for value in values:
            type(objective)(**{**objective.hyper, name: value})


@contextmanager
def of_round(objective: Objective, by_round: Mapping[str, Sequence[Any]], number: int) -> Iterator[None]:
    """The objective as it is in a round; the last value holds in all later rounds.

    The values follow from the number of the round alone, so a resumed run has the same.

    Args:
        objective: changed while the context lasts.
        by_round: values by name, as `check_by_round` accepts them.
        number: of the round, from 0.

    Example:
        >>> from penchant.objectives import build
        >>> xpo = build("xpo", alpha=0.5)
        >>> with of_round(xpo, {"alpha": [1e-5, 5e-6, 0.0]}, 7):
        ...     print(xpo.alpha)
        0.0
        >>> xpo.alpha
        0.5
    """
    if not by_round:
        yield
        return
    attributes = {each.name: each.attribute for each in objective.hyperparameters()}
    before = {attributes[name]: getattr(objective, attributes[name]) for name in by_round}
    now = type(objective)(
        **{**objective.hyper, **{name: each[min(number, len(each) - 1)] for name, each in by_round.items()}}
    )
    for attribute in before:
        setattr(objective, attribute, getattr(now, attribute))
    try:
        yield
    finally:
        for attribute, value in before.items():
            setattr(objective, attribute, value)
