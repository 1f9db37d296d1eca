"""DiscoPOP, pair by pair: losses that a language model's search over programs found."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import bounded_exp, logsigmoid
from penchant.objectives.functional.pairs import logratio_margin

__all__ = ["CELL", "LRML", "PADLL", "PFL", "Discovered"]


class Discovered(Objective):
    """What the losses found by DiscoPOP share (Lu et al., 2024), section 4.

    z = β (Δ_chosen − Δ_rejected),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    It is no loss itself: a subclass writes one.

    Example:
        >>> [each.id for each in Discovered.__subclasses__()][:2]
        ['discopop-lrml', 'discopop-cell']

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    paper = "arXiv:2406.08414"
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.05
    )

    def scaled_margin(self, chosen: Scored, rejected: Scored) -> Tensor:
        """z of each pair, [B]."""
        return self.beta * logratio_margin(chosen, rejected)


class LRML(Discovered):
    """DiscoPOP, Log-Ratio Modulated Loss (Lu et al., 2024), eq. 27.

    loss = −(1 − m) log σ(z) + m e⁻ᶻ,   m = σ(z / τ),   z = β (Δ_chosen − Δ_rejected),   Δ = log π − log π_ref

    Logistic far below zero, exponential far above. It is not convex: at τ = 0.05 there is a local minimum at z = −0.119
    (0.786) and a local maximum at z = 0.072 (0.878), so a pair near the minimum may stay there, and at z = 0 the
    gradient lowers the chosen response. Nothing is detached. m e⁻ᶻ is one exponential, of log σ(z / τ) − z; only where
    τ > 1 can that exceed 50, and is then continued by its tangent.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> LRML()(chosen=equal, rejected=equal).values
        tensor([0.8466])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-lrml"

    tau: Annotated[float, Gt(0), "width, in z, of the passage from the logistic to the exponential loss"] = 0.05

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        return torch.sigmoid(-z / self.tau) * -logsigmoid(z) + bounded_exp(logsigmoid(z / self.tau) - z)


class CELL(Discovered):
    """DiscoPOP, Combined Exponential and Logistic Loss (Lu et al., 2024), eq. 26.

    loss = ½ e⁻ᶻ − ½ log σ(z),   z = β (Δ_chosen − Δ_rejected),   Δ = log π − log π_ref   (summed over tokens, nats)

    It is the limit of LRML for τ → ∞. Below z = −50 the exponential is continued by its tangent.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> CELL()(chosen=equal, rejected=equal).values
        tensor([0.8466])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-cell"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        return 0.5 * bounded_exp(-z) - 0.5 * logsigmoid(z)


class PADLL(Discovered):
    """DiscoPOP, Performance Adaptive Decay Logistic Loss (Lu et al., 2024), eq. 18.

    loss = −0.9 (1 − ½ [z < 0]) log σ(z),   z = β (Δ_chosen − Δ_rejected),   Δ = log π − log π_ref   (nats)

    Pairs that the policy has come to prefer the wrong way count half; the loss jumps at z = 0.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> PADLL()(chosen=equal, rejected=equal).values
        tensor([0.6238])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-padll"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        values = -0.9 * logsigmoid(z)
        return torch.where(z < 0, 0.5 * values, values)


class PFL(Discovered):
    """DiscoPOP, Policy Focused Loss (Lu et al., 2024), appendix E.7.

    loss = −½ log σ(z) where log π(y_chosen) > log π(y_rejected), else 2 max(0, 1 − z),   z = β (Δ_chosen − Δ_rejected)

    Pairs that the policy orders wrongly, whatever the reference thinks, are pushed by a hinge with four times the
    weight; Δ = log π − log π_ref, and all log-probabilities are summed over tokens (nats).

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> PFL()(chosen=equal, rejected=equal).values
        tensor([2.])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-pfl"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        return torch.where(chosen.logp > rejected.logp, -0.5 * logsigmoid(z), 2 * torch.relu(1 - z))
