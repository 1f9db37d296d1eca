"""DPO with a scaled reference margin: interpolates between DPO and a reference-free loss."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["GammaReferenceDPO"]


class GammaReferenceDPO(Objective):
    """DPO with a scaled reference (in Chen et al., 2024, and their code).

    loss = −log σ(β (d_π − γ d_ref)),   d = log p(y_chosen|x) − log p(y_rejected|x)   (summed over tokens, nats)

    γ = 1 is DPO, γ = 0 ignores the reference. In between, the policy margin d_π has to be smaller than under DPO if the
    reference ranks the pair correctly, and larger if it ranks it wrongly. The paper sweeps γ; the default is DPO.

    Example:
        >>> import torch
        >>> one = torch.ones(1, 1, dtype=torch.bool)
        >>> chosen = Scored(torch.tensor([[-1.0]]), torch.tensor([[-3.0]]), one)
        >>> rejected = Scored(torch.tensor([[-1.0]]), torch.tensor([[-1.0]]), one)
        >>> objective = GammaReferenceDPO(beta=1.0, gamma=0.5)
        >>> objective(chosen=chosen, rejected=rejected).values  # −log σ(0 − 0.5 · (−2))
        tensor([0.3133])

    Reference:
        Chen, Malladi, Zhang, Chen, Zhang, Ranganath, Cho (2024), Preference Learning Algorithms Do Not Learn Preference
        Rankings.
    """

    id = "dpo-gamma-ref"
    paper = "arXiv:2405.19534"
    evidence = OFFICIAL_CODE
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    gamma: Annotated[float, Ge(0), "share γ of the reference margin that is subtracted from the policy margin"] = 1.0

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return logistic(self.beta * (self._delta(chosen) - self._delta(rejected)))

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β (log π − γ log π_ref) of each response, [R], without gradient."""
        return (self.beta * self._delta(view)).detach()

    def _delta(self, view: Scored) -> Tensor:
        """log π − γ log π_ref, computed from the log-ratio, which is more precise than the difference of two sums."""
        return view.logratio + (1 - self.gamma) * view.ref_logp
