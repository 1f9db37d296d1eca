"""Gradient difference: raises the NLL of forget records and lowers that of retain records."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.likelihood_term import NLLAverage, likelihood_term

__all__ = ["GradientDifference"]


class GradientDifference(Objective):
    """Gradient difference, the unlearning baseline of TOFU (Maini et al., 2024), as in published code.

    loss = −c_F nll(y_forget|x_forget) + c_R nll(y_retain|x_retain),   nll per token, nats

    The data have two named sources, ``forget`` and ``retain``; an example is one record of each. Each likelihood is
    averaged over all tokens of its view in the batch, as in published code (``nll_average=batch``; the token count
    couples the examples, so a split step takes one more forward pass). With ``response`` examples
    are independent. The loss is unbounded below: long training damages more than the forget records.

    Example:
        >>> import torch
        >>> same = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> GradientDifference(retain_coeff=2.0)(forget=same, retain=same).values
        tensor([1.])

    Reference:
        Maini, Feng, Schwarzschild, Lipton, Kolter (2024), TOFU: A Task of Fictitious Unlearning for LLMs; Liu, Liu,
        Stone (2022), Continual Learning and Private Unlearning.
    """

    id = "grad-diff"
    paper = "arXiv:2401.06121"
    evidence = PAPER
    tags = ("batch",)

    forget_coeff: Annotated[float, Ge(0), "weight c_F of the forget term"] = 1.0
    retain_coeff: Annotated[float, Ge(0), "weight c_R of the retain term"] = 1.0
    nll_average: Annotated[NLLAverage, "average the likelihood over the tokens of the batch or of each response"] = (
        "batch"
    )

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.batch_coupled = self.nll_average == "batch"

    def loss(self, forget: Scored, retain: Scored) -> Tensor:
        """The loss per example, [B], nats per token."""
        lowered, raised = (likelihood_term(view, self.nll_average) for view in (forget, retain))
        return self.retain_coeff * raised - self.forget_coeff * lowered
