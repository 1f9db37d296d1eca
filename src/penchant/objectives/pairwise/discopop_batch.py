"""DiscoPOP with statistics of the batch: found losses that blend two losses by how the batch's margins lie."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import bounded_exp, logsigmoid
from penchant.objectives.pairwise.discopop import Discovered

__all__ = ["AQFL", "AQL", "DBAQL"]

_TAU = "scale of z in the statistics of the batch"


def _variance(values: Tensor) -> Tensor:
    """The unbiased variance of a batch; 0 for a batch of one, whose variance is not defined."""
    return (values - values.mean()).square().sum() / max(len(values) - 1, 1)


def _deviation(values: Tensor) -> Tensor:
    """Its square root; where the batch does not vary it is 0 with gradient 0, not the root's infinite slope."""
    variance = _variance(values)
    return torch.where(variance > 0, torch.where(variance > 0, variance, 1.0).sqrt(), 0.0)


def _blend(weight: Tensor, z: Tensor) -> Tensor:
    """The logistic loss with ``weight``, the hinge with the rest, [B]."""
    return weight * -logsigmoid(z) + (1 - weight) * torch.relu(1 - z)


class AQL(Discovered):
    """DiscoPOP, Adaptive Quantile Loss (Lu et al., 2024), appendix E.2, as in its published code.

    loss = −w log σ(z) + (1 − w) max(0, 1 − z),   w = σ(q − z / τ),   q = ½ + 0.01 (σ(mean z / τ) − ½)

    z = β (Δ_chosen − Δ_rejected), Δ = log π − log π_ref (summed over tokens, nats). Through q the examples see one
    another; nothing is detached. At z = 0 the gradient lowers the chosen response. The equation printed in the paper
    (τ times the quantile, mean of σ) is not what its code computes; this is the code.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> AQL()(chosen=equal, rejected=equal).values
        tensor([0.8090])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-aql"
    batch_coupled = True

    tau: Annotated[float, Gt(0), _TAU] = 0.05

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        quantile = 0.5 + 0.01 * (torch.sigmoid((z / self.tau).mean()) - 0.5)
        return _blend(torch.sigmoid(quantile - z / self.tau), z)


class AQFL(Discovered):
    """DiscoPOP, Adaptive Quantile Feedback Loss (Lu et al., 2024), appendix E.4, as in its published code.

    loss = −b log σ(z) + (1 − b) max(0, 1 − z),   b = σ(0.1 |u − a|),   a = 0.95 std(u) mean(σ(−u)) + 0.05 σ(mean u)

    u = z / τ, z = β (Δ_chosen − Δ_rejected), Δ = log π − log π_ref (summed over tokens, nats). std is the unbiased one
    of the batch; for a batch of one, where it is not defined, it is 0, and so is its gradient where no margin differs.
    Nothing is detached. The paper's equation has the variance in place of the deviation; this is the code.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> AQFL()(chosen=equal, rejected=equal).values
        tensor([0.8464])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-aqfl"
    batch_coupled = True

    tau: Annotated[float, Gt(0), _TAU] = 0.05

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        u = z / self.tau
        quantile = _deviation(u) * torch.sigmoid(-u).mean()
        quantile = quantile + 0.05 * (torch.sigmoid(u.mean()) - quantile)
        return _blend(torch.sigmoid(0.1 * (u - quantile).abs()), z)


class DBAQL(Discovered):
    """DiscoPOP, Dynamic Blended Adaptive Quantile Loss (Lu et al., 2024), appendix E.1.

    loss = −c log σ(z / 0.9) + (1 − c) exp(−0.9 z),   c = σ(var(z / τ)),   z = β (Δ_chosen − Δ_rejected)

    Δ = log π − log π_ref (summed over tokens, nats). var is the unbiased variance of the batch; for a batch of one,
    where it is not defined, it is 0. Nothing is detached. (1 − c) exp(−0.9 z) is one exponential, of
    log σ(−var) − 0.9 z, and beyond 50 is continued by its tangent. The quantile of its name is computed by the
    code and never used.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> DBAQL()(chosen=equal, rejected=equal).values
        tensor([0.8466])

    Reference:
        Lu, Holt, Fanconi, Chan, Foerster, van der Schaar, Lange (2024), Discovering Preference Optimization Algorithms
        with and for Large Language Models.
    """

    id = "discopop-dbaql"
    batch_coupled = True

    tau: Annotated[float, Gt(0), _TAU] = 0.05

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        z = self.scaled_margin(chosen, rejected)
        spread = _variance(z / self.tau)
        return torch.sigmoid(spread) * -logsigmoid(z / 0.9) + bounded_exp(logsigmoid(-spread) - 0.9 * z)
