"""Exploratory Preference Optimization (XPO): DPO or IPO with a bonus for leaving what the reference samples."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import INDEPENDENT_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin, squared

__all__ = ["XPO"]


class XPO(Objective):
    """Exploratory Preference Optimization (Xie et al., 2024), eq. 7.

    loss = −log σ(β (Δ_chosen − Δ_rejected)) + α log π(ỹ|x),   Δ = log π(y|x) − log π_ref(y|x)   (summed, nats)

    A pair is a sample of the policy and a sample ỹ of the reference. The second term lowers the likelihood of what the
    reference samples: optimism about everything else. The fields ``chosen_from_reference`` and
    ``rejected_from_reference`` say which of the two is ỹ (1, otherwise 0). ``loss_type="ipo"`` has the squared loss of
    ``ipo`` with sums in place of the logistic one. Statistics: ``preference`` and ``exploration``, the two terms.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> whose = {"chosen_from_reference": torch.tensor([0.0]), "rejected_from_reference": torch.tensor([1.0])}
        >>> XPO(alpha=0.1)(chosen=equal, rejected=equal, **whose).values
        tensor([0.3931])

    Reference:
        Xie, Foster, Krishnamurthy, Rosset, Awadallah, Rakhlin (2024), Exploratory Preference Optimization: Harnessing
        Implicit Q*-Approximation for Sample-Efficient RLHF.
    """

    id = "xpo"
    paper = "arXiv:2405.21046"
    evidence = INDEPENDENT_CODE
    tags = ("online",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    alpha: Annotated[float, Ge(0), "weight of the bonus, per nat; small, and falling from round to round"] = 1e-5
    loss_type: Annotated[Literal["sigmoid", "ipo"], "logistic loss, or squared to 1 / (2 beta)"] = "sigmoid"

    def loss(
        self, chosen: Scored, rejected: Scored, chosen_from_reference: Tensor, rejected_from_reference: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        margin = logratio_margin(chosen, rejected)
        ipo = self.loss_type == "ipo"
        preference = squared(margin, self.beta) if ipo else logistic(self.beta * margin)
        bonus = self.alpha * (chosen_from_reference * chosen.logp + rejected_from_reference * rejected.logp)
        return preference + bonus, {"preference": preference, "exploration": bonus}
