"""Probabilities of win, tie and loss of two responses, from the difference of their rewards."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["davidson", "outcome_loss", "rao_kupper"]

# Below this a threshold counts as zero: the probability of a tie is then 0 in any floating-point type.
_SMALLEST = 1e-12


def rao_kupper(difference: Tensor, eta: float | Tensor) -> Tensor:
    """Log-probabilities of win, tie and loss with a threshold (Rao and Kupper, 1967, θ = e^η).

    P(win) = σ(s − η),   P(loss) = σ(−s − η),   P(tie) = 1 − P(win) − P(loss)

    Args:
        difference: [...] s, the reward of the first response less that of the second.
        eta: threshold η ≥ 0; with 0 there are no ties.

    Returns:
        [..., 3] in the order win, tie, loss; nats.

    Example:
        >>> rao_kupper(torch.tensor(0.0), math.log(2)).exp()
        tensor([0.3333, 0.3333, 0.3333])

    Reference:
        Rao and Kupper (1967), Ties in Paired-Comparison Experiments.
    """
    threshold = torch.as_tensor(eta, dtype=difference.dtype, device=difference.device).clamp(min=_SMALLEST)
    # σ(s + η) − σ(s − η) = σ(s + η) σ(η − s) (1 − e^(−2η)), without cancellation.
    both = logsigmoid(difference + threshold) + logsigmoid(threshold - difference)
    tie = both + torch.log(-torch.expm1(-2 * threshold))
    return torch.stack([logsigmoid(difference - threshold), tie, logsigmoid(-difference - threshold)], dim=-1)


def davidson(difference: Tensor, nu: float | Tensor) -> Tensor:
    """Log-probabilities of win, tie and loss in Davidson's model.

    P(win) ∝ e^(s/2),   P(loss) ∝ e^(−s/2),   P(tie) ∝ ν

    Args:
        difference: [...] s, the reward of the first response less that of the second.
        nu: ν ≥ 0, how often equal responses tie; with 0 there are no ties.

    Returns:
        [..., 3] in the order win, tie, loss; nats.

    Example:
        >>> davidson(torch.tensor(0.0), 2.0).exp()
        tensor([0.2500, 0.5000, 0.2500])

    Reference:
        Davidson (1970), On Extending the Bradley-Terry Model to Accommodate Ties in Paired Comparison Experiments.
    """
    weight = torch.as_tensor(nu, dtype=difference.dtype, device=difference.device).clamp(min=_SMALLEST)
    logits = torch.stack([difference / 2, weight.log().expand_as(difference), -difference / 2], dim=-1)
    return logits.log_softmax(dim=-1)


def outcome_loss(log_probabilities: Tensor, outcome: Tensor, eps: float = 1e-10) -> Tensor:
    """The surprise at an outcome, with a floor under its probability.

    loss = −log(P(outcome) + ε)

    Args:
        log_probabilities: [..., 3] of win, tie and loss, nats.
        outcome: [...] 1 for a win of the first response, ½ for a tie, 0 for a loss.
        eps: ε, at least 0. It bounds the loss, by 23 nats at 1e-10, and with it the pull of a surprising outcome.

    Returns:
        [...].

    Example:
        >>> outcome_loss(davidson(torch.tensor([0.0]), 2.0), torch.tensor([0.5]))
        tensor([0.6931])
    """
    place = torch.where(outcome > 0.5, 0, torch.where(outcome < 0.5, 2, 1)).unsqueeze(-1)
    found = log_probabilities.gather(-1, place).squeeze(-1)
    return -found if eps == 0 else -torch.logaddexp(found, torch.full_like(found, math.log(eps)))
