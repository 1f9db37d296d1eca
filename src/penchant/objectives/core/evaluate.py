"""Evaluation of any objective on plain lists of numbers, to check it against numbers from other implementations."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from penchant.errors import ConfigurationError
from penchant.objectives.core import registry
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.plain_inputs import PlainInputs
from penchant.objectives.core.requirements import EVERY_LAYER

__all__ = ["evaluate", "evaluate_plainly"]


def evaluate(
    objective: str | type[Objective] | Objective, params: Mapping[str, Any] | None, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Losses and gradients of an objective on plain lists of token log-probabilities, in double precision.

    loss = mean of the losses,   grad = d loss / d (token log-probability)

    Args:
        objective: an id, an expression such as ``"clipped(dpo)"``, a class, or an instance (then ``params`` is empty).
        params: hyper-parameters by name.
        inputs: for each view ``{"policy": [[...]], "reference": [[...]]}`` with one inner list per response, nats; for
            each record field a list of numbers, its name in the singular or plural; for lists ``groups``, the indices
            of the responses of each example, and ``scores`` or ``ranks`` nested likewise; where an objective reads
            hidden states, ``hidden`` beside ``policy``: a list of numbers for each token; where it reads those at the
            ends, ``end_state`` and ``start_state``: a list of numbers for each response.

    Returns:
        ``{"losses": [...], "loss": mean, "grad": {"chosen.policy": [[...]], ...}}`` and the objective's statistics by
        name.

    Raises:
        ConfigurationError: an input is missing or malformed, or a hyper-parameter is wrong.

    Example:
        >>> view = {"policy": [[-1.0, -1.0]], "reference": [[-1.0, -1.0]]}
        >>> result = evaluate("dpo", {"beta": 0.1}, {"chosen": view, "rejected": view})
        >>> round(result["loss"], 4), result["grad"]["chosen.policy"]
        (0.6931, [[-0.05, -0.05]])
    """
    if isinstance(objective, str) and not registry.is_method(objective):
        return evaluate_plainly(build(objective, **dict(params or {})), inputs)
    found = registry.get(objective) if isinstance(objective, str) else objective
    if isinstance(found, Objective):
        if params:
            raise ConfigurationError(f"{found!r} is already built and takes no further parameters: {dict(params)!r}.")
        return evaluate_plainly(copy.deepcopy(found), inputs)
    return evaluate_plainly(found(**dict(params or {})), inputs)


def evaluate_plainly(objective: Objective, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate a built objective on inputs under our own names; receipt adapters build on it.

    Args:
        objective: the objective; it is moved to double precision, and its state may change.
        inputs: as for `evaluate`.

    Returns:
        As `evaluate`.

    Raises:
        ConfigurationError: an input is missing or malformed.

    Example:
        >>> objective = build("nll")
        >>> evaluate_plainly(objective, {"chosen": {"policy": [[-1.0, -3.0]]}})["losses"]
        [2.0]
    """
    objective = objective.double()
    wanted = objective.requirements
    reader = PlainInputs(inputs, wanted, objective.id)
    arguments = {name: reader.view(name) for name in wanted.views} | {
        name: reader.field(name) for name in wanted.fields
    }
    for key, (leaf, _lengths) in reader.leaves.items():
        if key.endswith((".hidden", ".end_state", ".start_state")):
            objective.bind(leaf.shape[-1])
        if key.endswith(f".reference_activations.{EVERY_LAYER}"):
            objective.bind_layers(leaf.shape[-1], leaf.shape[-2])
    result = objective(**{name: each for name, each in arguments.items() if each is not None})
    loss = result.values.mean()
    leaves = {key: leaf for key, (leaf, _) in reader.leaves.items()}
    gradients = (
        torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        if loss.requires_grad
        else [None] * len(leaves)
    )
    grad = {}
    for (key, (leaf, lengths)), gradient in zip(reader.leaves.items(), gradients, strict=True):
        if gradient is None and not key.endswith(".policy"):
            continue  # a statistic that the loss does not depend on differentiably
        rows = (torch.zeros_like(leaf) if gradient is None else gradient).tolist()
        grad[key] = [row[:length] for row, length in zip(rows, lengths, strict=True)]
    found = {"losses": result.values.tolist(), "loss": loss.item(), "grad": grad}
    return found | {name: values.tolist() for name, values in result.statistics.items()}
