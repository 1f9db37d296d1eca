"""Evaluation of any method on plain numbers, under the names of its published cases if it has any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from penchant.errors import ConfigurationError
from penchant.objectives.core import registry
from penchant.objectives.core.evaluate import evaluate as evaluate_in_our_terms
from penchant.objectives.core.objective import Objective
from penchant.receipts.adapters import find_adapter, means_another
from penchant.receipts.cases import Case
from penchant.receipts.plain import in_our_terms, plain

__all__ = ["evaluate", "find_evaluation", "method_of"]


def find_evaluation(case: Case) -> Callable[[Case], dict[str, Any]] | None:
    """The function that evaluates a case: its adapter, or the objective with its id; None if the method is not built
    yet.

    Args:
        case: any case.

    Raises:
        ConfigurationError: the method is ambiguous.

    Example:
        >>> find_evaluation(Case("dpo", {}, {})) is not None, find_evaluation(Case("no-such-method", {}, {}))
        (True, None)
    """
    found = find_adapter(case)
    if found is not None:
        return found
    if not registry.is_method(case.method) or means_another(case):
        return None
    return lambda each: plain(each.method, each.params, each.inputs)


def method_of(case: Case) -> str:
    """The id of our method that a case evaluates.

    Args:
        case: a case for which `find_evaluation` returns a function.

    Example:
        >>> method_of(Case("dpo", {}, {}))
        'dpo'
    """
    found = find_adapter(case)
    return case.method if found is None else found.method(case)


def evaluate(
    objective: str | type[Objective] | Objective,
    params: Mapping[str, Any] | None,
    inputs: Mapping[str, Any],
    *,
    case: str = "",
    file: str = "",
) -> dict[str, Any]:
    """Evaluate a method on plain lists of numbers, in double precision.

    loss = mean of the losses,   grad = d loss / d (token log-probability)

    Args:
        objective: an id, an expression such as ``"clipped(dpo)"``, a class, or an instance (then ``params`` is empty).
        params: hyper-parameters by name.
        inputs: for each view ``{"policy": [[...]], "reference": [[...]]}`` with one inner list per response, nats; for
            each record field a list of numbers, its name in the singular or plural; for lists ``groups``, the indices
            of the responses of each example, and ``scores`` or ``ranks`` nested likewise; where an objective reads
            hidden states, ``hidden`` beside ``policy``: a list of numbers for each token. Ids whose published cases
            have other inputs take those.
        case: the name of a published case, if parameters and inputs do not determine the variant.
        file: the name of its file without suffix, if several files use the id.

    Returns:
        ``{"losses": [...], "loss": mean, "grad": {"chosen.policy": [[...]], ...}}`` and the objective's statistics by
        name; if the published cases of the id have other keys, those. Instances use our keys.

    Raises:
        ConfigurationError: an input is missing or malformed, a hyper-parameter is wrong, or the method or variant is
            ambiguous.

    Example:
        >>> view = {"policy": [[-1.0, -1.0]], "reference": [[-1.0, -1.0]]}
        >>> result = evaluate("dpo", {"beta": 0.1}, {"chosen": view, "rejected": view})
        >>> round(result["loss"], 4), result["grad"]["chosen.policy"]
        (0.6931, [[-0.05, -0.05]])
    """
    method = _published_id(objective)
    if method:
        published = Case(method, dict(params or {}), inputs, case, file)
        found = find_adapter(published)
        if found is not None:
            return found(published)
        if means_another(published):
            raise ConfigurationError(f"The method that {file}.json calls {method!r} is not built yet.")
    return evaluate_in_our_terms(objective, params, in_our_terms(inputs))


def _published_id(objective: str | type[Objective] | Objective) -> str:
    """The published id of an objective; empty for an instance and for a class without an id."""
    if isinstance(objective, str):
        return objective
    registered = isinstance(objective, type) and objective.id in registry.names()
    return objective.id if registered and registry.get(objective.id) is objective else ""
