"""The likelihood term of the chosen response that reference-free losses add."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from penchant.objectives.core.scored import Scored

__all__ = ["NLLAverage", "likelihood_couples", "likelihood_term", "with_likelihood"]

#: The tokens over which the negative log-likelihood is averaged: all of the batch, or those of each response.
NLLAverage = Literal["batch", "response"]


def likelihood_couples(weight: float, average: NLLAverage) -> bool:
    """Whether a likelihood term makes the loss of one example depend on the others.

    Args:
        weight: of the term.
        average: see `likelihood_term`.

    Example:
        >>> likelihood_couples(1.0, "batch"), likelihood_couples(0.0, "batch"), likelihood_couples(1.0, "response")
        (True, False, False)
    """
    return weight > 0 and average == "batch"


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


def with_likelihood(
    preference: Tensor, liked: Scored, weight: float, average: NLLAverage, name: str = "nll"
) -> tuple[Tensor, dict[str, Tensor]]:
    """A preference loss plus the likelihood of some responses, with both terms as statistics.

    loss = preference + w nll

    Args:
        preference: [B].
        liked: the responses to imitate, [B] rows.
        weight: w.
        average: see `likelihood_term`.
        name: of the likelihood among the statistics.

    Returns:
        [B], and the terms by name.

    Example:
        >>> import torch
        >>> view = Scored(-torch.ones(1, 3), None, torch.ones(1, 3, dtype=torch.bool))
        >>> with_likelihood(torch.zeros(1), view, 0.5, "response")
        (tensor([0.5000]), {'preference': tensor([0.]), 'nll': tensor([1.])})
    """
    nll = likelihood_term(liked, average)
    return preference + weight * nll, {"preference": preference, name: nll}
