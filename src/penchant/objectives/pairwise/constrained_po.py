"""Constrained Preference Optimization: the policy must prefer the chosen response, whatever the reference prefers."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor, relu

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.former import Former
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["ConstrainedPO", "ConstrainedPOEasy", "ConstrainedPOSoft"]

# The bound of 1 / r for a reference that is certain of a response, whose mean log-probability r is 0.
_LEAST_SURPRISE = 1e-6


class _Constrained(Objective):
    """Base class of the three forms: mean log-probabilities, and a margin above that of the reference."""

    paper = "github:visitworld123/CPO"
    tags = ("margin", "normalized", "robust")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "slope per nat per token of margin; the published example uses 2.5"] = 0.1

    def _against(
        self, margin: Tensor, scale: float, chosen: Scored, rejected: Scored
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], for a margin times ``scale``, with the statistics of the pair."""
        policy, reference = chosen.mean_logp - rejected.mean_logp, _reference_lead(chosen, rejected)
        values = logistic(self.beta * logratio_margin(chosen, rejected, average=True) - scale * margin)
        return values, {"margin": margin, "undesirable": ((policy < 0) & (policy > reference)).to(policy.dtype)}

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β (mean log π − mean log π_ref) of each response, [R], without gradient."""
        return (self.beta * view.mean_logratio).detach()


def _reference_lead(chosen: Scored, rejected: Scored) -> Tensor:
    """d_ref: chosen minus rejected mean log-probability under the reference, [B], nats per token."""
    return chosen.mean_ref_logp - rejected.mean_ref_logp


class ConstrainedPO(_Constrained):
    """Constrained Preference Optimization ("Conditional Equivalence of DPO and RLHF"), as in its published code.

    loss = −log σ(β (d − max(0, d_ref))),   d = mean log π(y_chosen|x) − mean log π(y_rejected|x)

    d_ref is d of the reference; all log-probabilities are means over tokens (nats per token). DPO accepts any d above
    d_ref; if d_ref is far below 0, that includes policies that prefer the rejected response. Here the policy itself
    must prefer the chosen one; if the reference already does, this is DPO on means. ``constrained-po-soft`` has a
    target that can be above 0, ``constrained-po-easy`` a different margin.

    Statistics: ``margin`` (how far the target is above d_ref) and ``undesirable`` (1 if d_ref < d < 0: the DPO loss has
    fallen, but the policy prefers the rejected response). This follows the code; its mapping to the equations of the
    paper is not verified. Not to be confused with Contrastive Preference Optimization (``cpo``).

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> ConstrainedPO()(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Conditional Equivalence of DPO and RLHF, https://github.com/visitworld123/CPO.
    """

    id = "constrained-po"
    evidence = OFFICIAL_CODE
    former = (
        Former(
            "variant",
            by_value={
                "clip": "Leave it out.",
                "cpo": "Use objective constrained-po-soft.",
                "easy": "Use objective constrained-po-easy.",
            },
        ),
        Former("gamma", "Use objective constrained-po-soft or constrained-po-easy."),
        Former("tau", "Use objective constrained-po-soft."),
        Former("alpha", "Use objective constrained-po-soft."),
        Former("margin_sign", "Use objective constrained-po-easy."),
    )

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its statistics."""
        margin = relu(-_reference_lead(chosen, rejected))
        return self._against(margin, self.beta, chosen, rejected)


class ConstrainedPOSoft(_Constrained):
    """Constrained PO with a soft target ("Conditional Equivalence of DPO and RLHF"), as in its published code.

    loss = −log σ(β (d − d_ref − m / α)),   m = (1/τ) log(1 + exp(τ (γ − d_ref)))

    d = mean log π(y_chosen|x) − mean log π(y_rejected|x), d_ref the same for the reference. The margin m raises the
    target smoothly: for τ → ∞ and α = 1 the target is max(d_ref, γ); α > 1 softens it. Statistics as for
    ``constrained-po``, and ``below_target`` (1 if d_ref < γ).

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> ConstrainedPOSoft(beta=2.5)(chosen=equal, rejected=equal).values
        tensor([1.8186])

    Reference:
        Conditional Equivalence of DPO and RLHF, https://github.com/visitworld123/CPO.
    """

    id = "constrained-po-soft"
    evidence = OFFICIAL_CODE
    gamma: Annotated[float, Ge(0), "least margin γ of the policy, nats per token"] = 0.5
    tau: Annotated[float, Gt(0), "sharpness τ of the target's corner"] = 2.0
    alpha: Annotated[float, Gt(0), "divides m; above 1 the constraint is soft"] = 1.0

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its statistics."""
        reference = _reference_lead(chosen, rejected)
        margin = -logsigmoid(self.tau * (reference - self.gamma)) / self.tau
        values, statistics = self._against(margin, self.beta / self.alpha, chosen, rejected)
        return values, {**statistics, "below_target": (reference < self.gamma).to(reference.dtype)}


class ConstrainedPOEasy(_Constrained):
    """Constrained PO with a margin of inverses ("Conditional Equivalence of DPO and RLHF"), as in its published code.

    loss = −log σ(β (d − d_ref) − m),   m = s γ (1 / r_chosen + 1 / r_rejected),   r = mean log π_ref(y|x)

    d = mean log π(y_chosen|x) − mean log π(y_rejected|x), d_ref the same for the reference; r is clamped to at most
    −1e-6. With s = ``margin_sign`` = 1, as in the code, m < 0 and the target is lower; −1 raises it, which seems to be
    the intention. Statistics as for ``constrained-po``.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> ConstrainedPOEasy(gamma=0.0)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Conditional Equivalence of DPO and RLHF, https://github.com/visitworld123/CPO.
    """

    id = "constrained-po-easy"
    evidence = OFFICIAL_CODE

    gamma: Annotated[float, Ge(0), "weight γ of the margin"] = 0.5
    margin_sign: Annotated[Literal[1, -1], "sign s: 1 lowers the target, as in the code; −1 raises it"] = 1

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its statistics."""
        inverses = [1 / view.mean_ref_logp.clamp(max=-_LEAST_SURPRISE) for view in (chosen, rejected)]
        return self._against(self.margin_sign * self.gamma * (inverses[0] + inverses[1]), 1.0, chosen, rejected)
