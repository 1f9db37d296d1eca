"""The term that preference losses without a reference add: the likelihood of the chosen response."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from penchant.objectives.core.scored import Scored

__all__ = ["NLLAverage", "likelihood_term"]

#: Over which tokens the negative log-likelihood is averaged: all of the batch, or each response's own.
NLLAverage = Literal["batch", "response"]


def likelihood_term(chosen: Scored, average: NLLAverage) -> Tensor:
    """The negative log-likelihood per token of each chosen response, averaged in one of two ways.

    batch: nll_i = −log π(y_i|x_i) · B / Σ_j |y_j|,   response: nll_i = −log π(y_i|x_i) / |y_i|

    The mean of the first over the examples is the cross entropy of all chosen tokens of the batch, as in most published
    code: a long response counts more, and examples see one another through the number of tokens. In the second every
    response counts the same.

    Args:
        chosen: the responses to learn, [R] rows, one an example.
        average: ``batch`` or ``response``.

    Returns:
        [B], nats per token.

    Example:
        >>> import torch
        >>> both = Scored(-torch.ones(2, 3), None, torch.tensor([[True, True, True], [True, False, False]]))
        >>> likelihood_term(both, "batch"), likelihood_term(both, "response")
        (tensor([1.5000, 0.5000]), tensor([1., 1.]))
    """
    if average == "response":
        return -chosen.mean_logp
    mean_length = chosen.length.sum().clamp(min=1) / max(len(chosen.length), 1)
    return -chosen.logp / mean_length
