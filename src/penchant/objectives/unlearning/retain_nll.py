"""The retain term of unlearning: the NLL of records to keep."""

from __future__ import annotations

from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.likelihood_term import likelihood_term
from penchant.objectives.functional.token_average import TokenAveraged

__all__ = ["RetainNLL"]


class RetainNLL(TokenAveraged):
    """Negative log-likelihood of the records to keep, added to a forget loss: ``npo + retain-nll``.

    loss = nll(y_retain|x_retain),   nats per token

    Example:
        >>> import torch
        >>> same = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> RetainNLL()(retain=same).values
        tensor([1.])

    Reference:
        Maini, Feng, Schwarzschild, Lipton, Kolter (2024), TOFU: A Task of Fictitious Unlearning for LLMs.
    """

    id = "retain-nll"
    paper = "arXiv:2401.06121"
    evidence = PAPER

    def loss(self, retain: Scored) -> Tensor:
        """The loss per example, [B], nats per token."""
        return likelihood_term(retain, self.average)
