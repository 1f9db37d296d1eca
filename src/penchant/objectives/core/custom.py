"""`objective_of`: an objective from an object, a class or a plain function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any

from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored

__all__ = ["objective_of"]


def objective_of(thing: Any, **hyper: Any) -> Objective:
    """An objective from an object, a class, or a function.

    A function takes views (``chosen``, ``rejected``, ...) and record fields, and returns one loss per example, [B]. A
    parameter annotated ``Tensor`` is a field, one whose default is a number, a text or a truth value is a
    hyper-parameter, and any other is a view. The log-probabilities of the reference are computed unless the function
    has an attribute ``needs`` that says otherwise; a class says what it needs itself.

    Args:
        thing: an `Objective`, a subclass of it, or a function.
        hyper: hyper-parameters by name.

    Raises:
        ConfigurationError: it is something else, or a hyper-parameter is unknown or out of range.

    Example:
        >>> def hinge(chosen, rejected, beta=0.1):
        ...     return (1 - beta * (chosen.logratio - rejected.logratio)).clamp(min=0)
        >>> objective_of(hinge, beta=0.5).hyper, objective_of(hinge).requirements.views
        ({'beta': 0.5}, ('chosen', 'rejected'))
    """
    if isinstance(thing, Objective):
        if hyper:
            raise ConfigurationError(
                f"{thing!r} is built already, so {', '.join(hyper)} cannot be set.",
                where="objective",
                fix="Name the class instead.",
            )
        return thing
    if inspect.isclass(thing) and issubclass(thing, Objective):
        made = thing(**hyper)
        made.id = made.id or thing.__name__
        return made
    if inspect.isfunction(thing):
        return _class_of(thing)(**hyper)
    raise ConfigurationError(
        f"{thing!r} is a {type(thing).__name__}, not an objective.",
        where="objective",
        fix="Give an Objective, a subclass of it, or a function such as loss(chosen, rejected, beta=0.1).",
    )


def _class_of(function: Callable[..., Any]) -> type[Objective]:
    """A class whose ``loss`` is the function, with its hyper-parameters as settings."""
    inputs: list[inspect.Parameter] = []
    hyper: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if _is_setting(parameter):
            hyper[name] = parameter.default
        else:
            inputs.append(parameter.replace(annotation=_kind(parameter), kind=inspect.Parameter.KEYWORD_ONLY))

    def loss(self: Objective, **given: Any) -> Any:
        return function(**given, **{name: getattr(self, name) for name in hyper})

    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    loss.__signature__ = inspect.Signature([this, *inputs])  # type: ignore[attr-defined]
    loss.__annotations__ = {each.name: each.annotation for each in inputs}
    loss.__module__, loss.__qualname__ = function.__module__, function.__qualname__
    kinds = {name: float if type(value) is int else type(value) for name, value in hyper.items()}
    members: dict[str, Any] = {
        **hyper,
        "__annotations__": {name: Annotated[kind, f"argument of {function.__name__}"] for name, kind in kinds.items()},
        "__module__": function.__module__,
        "__doc__": function.__doc__,
        "loss": loss,
        "needs": getattr(function, "needs", Needs(reference=True)),
        "batch_coupled": getattr(function, "batch_coupled", False),
    }
    made: type[Objective] = type(function.__name__, (Objective,), members)
    made.id = function.__name__  # set afterwards, because a class that is defined with an id is registered
    return made


def _is_setting(parameter: inspect.Parameter) -> bool:
    words = _words(parameter)
    return isinstance(parameter.default, bool | int | float | str) and not words & {"Scored", "Tensor"}


def _kind(parameter: inspect.Parameter) -> Any:
    words = _words(parameter)
    if "Tensor" in words and "Scored" not in words:
        return Tensor
    return list[Scored] if words & {"list", "Sequence", "tuple"} else Scored


def _words(parameter: inspect.Parameter) -> set[str]:
    return set(re.findall(r"\w+", str(parameter.annotation)))
