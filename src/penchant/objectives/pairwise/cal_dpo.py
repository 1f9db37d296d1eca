"""Cal-DPO: DPO with a term that calibrates both implicit rewards to an absolute scale."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["CalDPO"]


class CalDPO(Objective):
    """Calibrated DPO (Xiao, Yuan, Zhu, Li, Honavar, 2024), as in its published code.

    loss = −log σ(s (Δ_chosen − Δ_rejected)) + c [(Δ_chosen − 1 / (2 β))² + (Δ_rejected + 1 / (2 β))²]

    Δ = log π(y|x) − log π_ref(y|x), summed over tokens (nats), or averaged with ``average_log_prob``. β appears only in
    the targets: the logistic term has the scale s = 1 instead. The published code uses c = ½, the paper c = 1. The code
    adds the batch mean of the squares to every pair; here each pair has its own squares, with the same mean and the
    same gradients. Unlike in DPO, a common shift of both Δ changes the loss.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> CalDPO(beta=0.5)(chosen=equal, rejected=equal).values  # log 2 + ½ (1 + 1)
        tensor([1.6931])

    Reference:
        Xiao, Yuan, Zhu, Li, Honavar (2024), Cal-DPO: Calibrated Direct Preference Optimization for Language Model
        Alignment.
    """

    id = "cal-dpo"
    paper = "arXiv:2412.14516"
    evidence = OFFICIAL_CODE
    tags = ("likelihood",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature; the targets of the log-ratios are ± 1 / (2 beta) nats"] = 0.002
    calibration_weight: Annotated[float, Ge(0), "weight c of the squared distances from the targets"] = 0.5
    logistic_scale: Annotated[float, Gt(0), "factor s of the margin in the logistic term"] = 1.0
    average_log_prob: Annotated[bool, "average the log-ratios over the tokens of each response instead of summing"] = (
        False
    )

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], and its weighted squares as ``calibration``."""
        up, down = (view.mean_logratio if self.average_log_prob else view.logratio for view in (chosen, rejected))
        aim = 1 / (2 * self.beta)
        calibration = self.calibration_weight * ((up - aim) ** 2 + (down + aim) ** 2)
        return logistic(self.logistic_scale * (up - down)) + calibration, {"calibration": calibration}
