"""DPO with a likelihood term, as the paper on DPO's 3D-properties regularises it."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin, negative_log_likelihood

__all__ = ["DPOSFT"]


class DPOSFT(Objective):
    """DPO with the likelihood of the chosen response (in Yan et al., 2024).

    loss = −log σ(β (Δ_chosen − Δ_rejected)) − λ log π(y_chosen|x),   Δ = log π − log π_ref   (summed, nats)

    ``sft_average=True`` takes the likelihood per token. The same function as ``rpo-regularized`` with λ = η β. The
    paper's λ is not known to us; the default is a choice of this library.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> DPOSFT(lambda_=0.1)(chosen=equal, rejected=equal).values  # log 2 + 0.1 · 3
        tensor([0.9931])

    Reference:
        Yan, Miao, Li, Zhang, Xie, Deng, Yan (2024), 3D-Properties: Identifying Challenges in DPO and Charting a Path
        Forward.
    """

    id = "dpo-sft"
    paper = "arXiv:2406.07327"
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    lambda_: Annotated[float, Ge(0), "weight λ of the likelihood of the chosen response"] = 0.1
    sft_average: Annotated[bool, "take the likelihood per token instead of summed"] = False

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        likelihood = self.lambda_ * negative_log_likelihood(chosen, average=self.sft_average)
        return logistic(self.beta * logratio_margin(chosen, rejected)) + likelihood
