"""DiscoPOP: losses found by a language-model-driven search, some with batch statistics."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import bounded_exp, logsigmoid
from penchant.objectives.functional.pairs import hinge, logratio_margin

__all__ = ["AQFL", "AQL", "CELL", "DBAQL", "LRML", "PADLL", "PFL", "Discovered"]


class Discovered(Objective):
    """Base class of the losses found by DiscoPOP (Lu et al., 2024), section 4.

    z = β (Δ_chosen − Δ_rejected),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    A subclass implements the loss.

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
        """z per pair, [B]."""
        return self.beta * logratio_margin(chosen, rejected)


class LRML(Discovered):
    """DiscoPOP, Log-Ratio Modulated Loss (Lu et al., 2024), eq. 27.

    loss = −(1 − m) log σ(z) + m e⁻ᶻ,   m = σ(z / τ),   z = β (Δ_chosen − Δ_rejected),   Δ = log π − log π_ref

    Logistic far below zero, exponential far above. The loss is not convex: at τ = 0.05 it has a local minimum at z =
    −0.119 (0.786) and a local maximum at z = 0.072 (0.878), so a pair near the minimum can get stuck, and at z = 0 the
    gradient lowers the chosen response. Nothing is detached. m e⁻ᶻ is computed as exp(log σ(z / τ) − z); the exponent
    exceeds 50 only if τ > 1, and is then continued by its tangent.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> LRML()(chosen=equal, rejected=equal).values
        tensor([0.8466])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-lrml"
    evidence = OFFICIAL_CODE
    tags = ("searched", "robust")
    exempt = Exempt(zero_margin="not convex: between its minimum and its maximum it lowers the chosen response")

    tau: Annotated[float, Gt(0), "width, in z, of the transition from the logistic to the exponential loss"] = 0.05

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        return torch.sigmoid(-z / self.tau) * -logsigmoid(z) + bounded_exp(logsigmoid(z / self.tau) - z)


class CELL(Discovered):
    """DiscoPOP, Combined Exponential and Logistic Loss (Lu et al., 2024), eq. 26.

    loss = ½ e⁻ᶻ − ½ log σ(z),   z = β (Δ_chosen − Δ_rejected),   Δ = log π − log π_ref   (summed over tokens, nats)

    The limit of LRML for τ → ∞. Below z = −50 the exponential is continued by its tangent.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> CELL()(chosen=equal, rejected=equal).values
        tensor([0.8466])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-cell"
    evidence = PAPER
    tags = ("searched",)

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        return 0.5 * bounded_exp(-z) - 0.5 * logsigmoid(z)


class PADLL(Discovered):
    """DiscoPOP, Performance Adaptive Decay Logistic Loss (Lu et al., 2024), eq. 18.

    loss = −0.9 (1 − ½ [z < 0]) log σ(z),   z = β (Δ_chosen − Δ_rejected),   Δ = log π − log π_ref   (nats)

    Pairs with a negative margin count half; the loss is discontinuous at z = 0.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> PADLL()(chosen=equal, rejected=equal).values
        tensor([0.6238])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-padll"
    evidence = PAPER
    tags = ("searched",)

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        values = -0.9 * logsigmoid(z)
        return torch.where(z < 0, 0.5 * values, values)


class PFL(Discovered):
    """DiscoPOP, Policy Focused Loss (Lu et al., 2024), appendix E.7.

    loss = −½ log σ(z) if log π(y_chosen) > log π(y_rejected), else 2 max(0, 1 − z),   z = β (Δ_chosen − Δ_rejected)

    Pairs that the policy ranks wrongly, whatever the reference, get a hinge with four times the weight; Δ = log π − log
    π_ref, and all log-probabilities are summed over tokens (nats).

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> PFL()(chosen=equal, rejected=equal).values
        tensor([2.])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-pfl"
    evidence = PAPER
    tags = ("searched",)

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        return torch.where(chosen.logp > rejected.logp, -0.5 * logsigmoid(z), 2 * hinge(z))


def _variance(values: Tensor) -> Tensor:
    """The unbiased variance over the batch; 0 for a batch of one, where it is undefined."""
    return (values - values.mean()).square().sum() / max(len(values) - 1, 1)


def _deviation(values: Tensor) -> Tensor:
    """The standard deviation over the batch; if it is 0, its gradient is 0 too, not infinite."""
    variance = _variance(values)
    return torch.where(variance > 0, torch.where(variance > 0, variance, 1.0).sqrt(), 0.0)


def _blend(weight: Tensor, z: Tensor) -> Tensor:
    """The logistic loss with ``weight`` and the hinge with 1 − ``weight``, [B]."""
    return weight * -logsigmoid(z) + (1 - weight) * hinge(z)


class _OfBatch(Discovered):
    """Base class of the losses with batch statistics."""

    evidence = PAPER
    tags = ("searched", "batch")
    batch_coupled = True

    tau: Annotated[float, Gt(0), "scale of z in the batch statistics"] = 0.05


class AQL(_OfBatch):
    """DiscoPOP, Adaptive Quantile Loss (Lu et al., 2024), appendix E.2, as in its published code.

    loss = −w log σ(z) + (1 − w) max(0, 1 − z),   w = σ(q − z / τ),   q = ½ + 0.01 (σ(mean z / τ) − ½)

    z = β (Δ_chosen − Δ_rejected), Δ = log π − log π_ref (summed over tokens, nats). q couples the examples of the
    batch; nothing is detached. At z = 0 the gradient lowers the chosen response. The equation printed in the paper (τ
    times the quantile, mean of σ) differs from the code; this follows the code.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> AQL()(chosen=equal, rejected=equal).values
        tensor([0.8090])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-aql"
    exempt = Exempt(zero_margin="its weight falls faster than its losses, so the gradient lowers the chosen response")

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        quantile = 0.5 + 0.01 * (torch.sigmoid((z / self.tau).mean()) - 0.5)
        return _blend(torch.sigmoid(quantile - z / self.tau), z)


class AQFL(_OfBatch):
    """DiscoPOP, Adaptive Quantile Feedback Loss (Lu et al., 2024), appendix E.4, as in its published code.

    loss = −b log σ(z) + (1 − b) max(0, 1 − z),   b = σ(0.1 |u − a|),   a = 0.95 std(u) mean(σ(−u)) + 0.05 σ(mean u)

    u = z / τ, z = β (Δ_chosen − Δ_rejected), Δ = log π − log π_ref (summed over tokens, nats). std is the unbiased
    standard deviation over the batch; it is 0 for a batch of one, where it is undefined, and its gradient is 0 if all
    margins are equal. Nothing is detached. The equation in the paper has the variance instead; this follows the code.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> AQFL()(chosen=equal, rejected=equal).values
        tensor([0.8464])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-aqfl"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        u = z / self.tau
        quantile = _deviation(u) * torch.sigmoid(-u).mean()
        quantile = quantile + 0.05 * (torch.sigmoid(u.mean()) - quantile)
        return _blend(torch.sigmoid(0.1 * (u - quantile).abs()), z)


class DBAQL(_OfBatch):
    """DiscoPOP, Dynamic Blended Adaptive Quantile Loss (Lu et al., 2024), appendix E.1.

    loss = −c log σ(z / 0.9) + (1 − c) exp(−0.9 z),   c = σ(var(z / τ)),   z = β (Δ_chosen − Δ_rejected)

    Δ = log π − log π_ref (summed over tokens, nats). var is the unbiased variance over the batch; it is 0 for a batch
    of one, where it is undefined. Nothing is detached. (1 − c) exp(−0.9 z) is computed as exp(log σ(−var) − 0.9 z),
    continued by its tangent above 50. The quantile in its name is computed by the published code but never used.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> DBAQL()(chosen=equal, rejected=equal).values
        tensor([0.8466])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-dbaql"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        spread = _variance(z / self.tau)
        return torch.sigmoid(spread) * -logsigmoid(z / 0.9) + bounded_exp(logsigmoid(-spread) - 0.9 * z)
