"""What an evaluator of solutions thinks: the share of one word among two, from their first tokens."""

from __future__ import annotations

from torch import Tensor

from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_sum

__all__ = ["first_logp", "log_odds", "won"]


def first_logp(view: Scored) -> Tensor:
    """The log-probability of the first token of each response, [R], nats; 0 for an empty one.

    Example:
        >>> import torch
        >>> first_logp(Scored(torch.tensor([[-0.5, -9.0]]), None, torch.ones(1, 2, dtype=torch.bool)))
        tensor([-0.5000])
    """
    return masked_sum(view.policy, view.mask & (view.mask.cumsum(-1) == 1))


def log_odds(correct: Scored, incorrect: Scored) -> Tensor:
    """log S − log (1 − S), [B], where S = p("correct") / (p("correct") + p("incorrect")) for the next token.

    Args:
        correct: the word for a right solution.
        incorrect: the word for a wrong one, after the same solution.
    """
    return first_logp(correct) - first_logp(incorrect)


def won(lead: Tensor) -> Tensor:
    """1 where a lead is above 0, ½ where it is 0, else 0, without gradient.

    Example:
        >>> import torch
        >>> won(torch.tensor([0.3, 0.0, -1.0]))
        tensor([1.0000, 0.5000, 0.0000])
    """
    return (lead.detach().sign() + 1) / 2
