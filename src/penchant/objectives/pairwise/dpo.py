"""Direct Preference Optimization (DPO)."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.former import Former
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["DPO"]


class DPO(Objective):
    """Direct Preference Optimization (Rafailov et al., 2023), eq. 7.

    loss = −log σ(β (Δ_chosen − Δ_rejected)),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    The same formula is published as InfoNCA on pairs (Chen et al., 2024) and as the sigmoid-norm loss of statistical
    rejection sampling (Liu et al., 2023; its γ is β here, 0.05 in the paper; that method differs only in how its pairs
    are sampled).

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> DPO(beta=0.1)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Rafailov, Sharma, Mitchell, Ermon, Manning, Finn (2023), Direct Preference Optimization: Your Language Model is
        Secretly a Reward Model. Chen, He, Yuan, Cui, Su, Zhu (2024), Noise Contrastive Alignment of Language Models
        with Explicit Rewards. Liu, Zhao, Joshi, Khalman, Saleh, Liu, Liu (2023), Statistical Rejection Sampling
        Improves Preference Optimization.
    """

    id = "dpo"
    paper = "arXiv:2305.18290"
    aliases = ("infonca", "rso-sigmoid-norm", "dno-prct")
    former = (Former("gamma", "Use beta, which is the γ of RSO."),)
    evidence = OFFICIAL_CODE
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    reference_free: Annotated[bool, "assume a uniform reference: Δ = log π(y|x)"] = False

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if self.reference_free:
            self.needs = Needs()

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return -logsigmoid(self.beta * (self._delta(chosen) - self._delta(rejected)))

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β Δ of each response, [R], without gradient."""
        return (self.beta * self._delta(view)).detach()

    def _delta(self, view: Scored) -> Tensor:
        return view.logp if self.reference_free else view.logratio
