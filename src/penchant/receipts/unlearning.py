"""Published cases of unlearning."""

from __future__ import annotations

from typing import Any

from penchant.errors import DataError
from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.unlearning.gradient_difference import GradientDifference
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["grad_diff"]

#: Parameters that the published code shares among its losses; gradient difference reads only the coefficients.
_UNREAD = ("beta", "kl_coeff", "loss_type")


@adapter("grad-diff")
def grad_diff(case: Case) -> dict[str, Any]:
    """Gradient difference: the loss of the batch; the published code has one set of parameters for all its losses.

    Parameters are ``forget_coeff`` and ``retain_coeff``, and ``loss_type``, which must be ``grad_diff``; inputs are
    ``forget`` and ``retain``.

    Raises:
        DataError: the case is for another loss.
    """
    named = case.params.get("loss_type", "grad_diff")
    if named != "grad_diff":
        raise DataError(f"The loss_type is {named!r}, expected 'grad_diff'.", where="case grad-diff")
    own = {name: value for name, value in case.params.items() if name not in _UNREAD}
    return evaluate_plainly(GradientDifference(**own), case.inputs)
