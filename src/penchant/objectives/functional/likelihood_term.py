"""The likelihood term of the chosen response that reference-free losses add."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from penchant.objectives.core.scored import Scored

__all__ = ["NLLAverage", "likelihood_term"]

#: The tokens over which the negative log-likelihood is averaged: all of the batch, or those of each response.
NLLAverage = Literal["batch", "response"]


def likelihood_term(chosen: Scored, average: NLLAverage) -> Tensor:
    """Negative log-likelihood per token of each chosen response, averaged over the batch or per response.

    batch: nll_i = −log π(y_i|x_i) · B / Σ_j |y_j|,   response: nll_i = −log π(y_i|x_i) / |y_i|

    With ``batch``, the mean over examples is the cross-entropy over all chosen tokens of the batch, as in most
    published code: long responses count more, and the token count couples the examples. With ``response`` every
    response counts the same.

    Args:
        chosen: the responses to imitate, [R] rows, one per example.
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
