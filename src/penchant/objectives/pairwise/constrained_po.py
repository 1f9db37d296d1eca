"""Constrained preference optimization: the policy itself must prefer the chosen response, whatever the reference."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor, relu

from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["ConstrainedPO"]

# A reference that is certain of a response has a mean log-probability of 0, whose inverse is held here.
_LEAST_SURPRISE = 1e-6


class ConstrainedPO(Objective):
    """Constrained Preference Optimization ("Conditional Equivalence of DPO and RLHF"), as in its published code.

    loss = −log σ(β (d − d_ref − m / α)),   d = mean log π(y_chosen|x) − mean log π(y_rejected|x)

    d_ref is d of the reference; all log-probabilities are means over tokens (nats a token). DPO is content with any d
    above d_ref, so where d_ref is far below 0, with a policy that prefers the rejected response. The margin m raises
    the target:

    - ``cpo``: m = (1/τ) log(1 + exp(τ (γ − d_ref))); for τ → ∞ and α = 1 the target is max(d_ref, γ). α > 1 softens it.
    - ``clip``: m = max(0, −d_ref), α = 1: the target is max(0, d_ref).
    - ``easy``: loss = −log σ(β (d − d_ref) − m), m = s γ (1 / r_chosen + 1 / r_rejected), r = mean log π_ref(y|x), held
      below −1e-6. With s = ``margin_sign`` = 1, as in the code, m < 0 loosens the target; −1 tightens it, as seems
      meant.

    Statistics: ``margin`` (m), ``undesirable`` (1 where d_ref < d < 0: DPO's loss has fallen, yet the policy prefers
    the rejected response) and ``below_target`` (1 where d_ref < γ). Confidence: high for the code, medium for how it
    maps to the paper, whose equations were not seen. It is not Contrastive Preference Optimization (``cpo``).

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> ConstrainedPO(variant="cpo", beta=2.5)(chosen=equal, rejected=equal).values
        tensor([1.8186])

    Reference:
        Conditional Equivalence of DPO and RLHF, https://github.com/visitworld123/CPO.
    """

    id = "constrained-po"
    paper = "github:visitworld123/CPO"
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "slope per nat a token of the margin; the demonstration takes 2.5"] = 0.1
    variant: Annotated[Literal["cpo", "easy", "clip"], "how the target is raised"] = "clip"
    gamma: Annotated[float, Ge(0), "least margin of the policy (cpo), nats a token; weight of m (easy)"] = 0.5
    tau: Annotated[float, Gt(0), "sharpness of the target's corner (cpo)"] = 2.0
    alpha: Annotated[float, Gt(0), "divides m; above 1 the constraint is soft (cpo)"] = 1.0
    margin_sign: Annotated[Literal[1, -1], "1: m as in the code, which loosens; −1: tightens (easy)"] = 1

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of each pair, [B], with its margin and what is undesirable about it."""
        policy, reference = chosen.mean_logp - rejected.mean_logp, chosen.mean_ref_logp - rejected.mean_ref_logp
        margin, scale = self._margin(reference, chosen, rejected)
        values = logistic(self.beta * logratio_margin(chosen, rejected, average=True) - scale * margin)
        return values, {
            "margin": margin,
            "undesirable": ((policy < 0) & (policy > reference)).to(policy.dtype),
            "below_target": (reference < self.gamma).to(policy.dtype),
        }

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β (mean log π − mean log π_ref) of each response, [R], without gradient."""
        return (self.beta * view.mean_logratio).detach()

    def _margin(self, reference: Tensor, chosen: Scored, rejected: Scored) -> tuple[Tensor, float]:
        """The margin m, [B], and what it is multiplied with before it is taken from β (d − d_ref)."""
        if self.variant == "cpo":
            return -logsigmoid(self.tau * (reference - self.gamma)) / self.tau, self.beta / self.alpha
        if self.variant == "clip":
            return relu(-reference), self.beta
        inverses = [1 / view.mean_ref_logp.clamp(max=-_LEAST_SURPRISE) for view in (chosen, rejected)]
        return self.margin_sign * self.gamma * (inverses[0] + inverses[1]), 1.0
