"""Evaluation of an objective on inputs under our names or known synonyms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build

__all__ = ["in_our_terms", "plain"]

#: Our names of record fields by their names in published files.
_FIELDS = {"rewards": "scores", "reward_chosen": "chosen_score", "reward_rejected": "rejected_score"}


def in_our_terms(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with record fields renamed to our names.

    Args:
        inputs: inputs by name.

    Example:
        >>> in_our_terms({"rewards": [1.0], "groups": [[0]]})
        {'scores': [1.0], 'groups': [[0]]}
    """
    return {name if _FIELDS.get(name, name) in inputs else _FIELDS[name]: values for name, values in inputs.items()}


def plain(method: str, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate an objective, translating only the names of record fields.

    Args:
        method: the id of an objective.
        params: hyper-parameters by name.
        inputs: as for `penchant.objectives.core.evaluate.evaluate`.

    Returns:
        ``losses``, ``loss``, ``grad``, and the objective's statistics by name.

    Raises:
        ConfigurationError: an input or a hyper-parameter is missing or wrong.

    Example:
        >>> plain("nll", {}, {"chosen": {"policy": [[-1.0, -3.0]]}})["losses"]
        [2.0]
    """
    return evaluate_plainly(build(method, **params), in_our_terms(inputs))
