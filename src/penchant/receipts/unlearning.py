"""Published cases of unlearning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.errors import DataError
from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.unlearning.gradient_difference import GradientDifference
from penchant.receipts.adapters import receipt

__all__ = ["grad_diff"]

#: Parameters that the published code shares among its losses; this one reads the coefficients alone.
_UNREAD = ("beta", "kl_coeff", "loss_type")


@receipt("grad-diff")
def grad_diff(params: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The loss of the batch; the published code has one set of parameters for all its losses.

    Args:
        params: ``forget_coeff`` and ``retain_coeff``; ``loss_type`` must be ``grad_diff`` where it is given.
        inputs: ``forget`` and ``retain``.

    Raises:
        DataError: the case is of another loss.
    """
    if params.get("loss_type", "grad_diff") != "grad_diff":
        raise DataError(f"The loss_type is {params['loss_type']!r}, expected 'grad_diff'.", where="case grad-diff")
    own = {name: value for name, value in params.items() if name not in _UNREAD}
    return evaluate_plainly(GradientDifference(**own), inputs)
