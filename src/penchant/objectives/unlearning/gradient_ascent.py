"""Gradient ascent: raises the NLL of forget records."""

from __future__ import annotations

from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.likelihood_term import likelihood_term
from penchant.objectives.functional.token_average import TokenAveraged

__all__ = ["GradientAscent"]


class GradientAscent(TokenAveraged):
    """Gradient ascent on what is to be forgotten, the simplest baseline of TOFU (Maini et al., 2024).

    loss = −nll(y|x),   nll per token, nats

    Unbounded below: long training destroys the model. ``npo`` has the same gradient at the start and stops by itself.

    Example:
        >>> import torch
        >>> same = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> GradientAscent()(forget=same).values
        tensor([-1.])

    Reference:
        Maini, Feng, Schwarzschild, Lipton, Kolter (2024), TOFU: A Task of Fictitious Unlearning for LLMs.
    """

    id = "gradient-ascent"
    paper = "arXiv:2401.06121"
    evidence = PAPER

    def loss(self, forget: Scored) -> Tensor:
        """The loss per example, [B], nats per token."""
        return -likelihood_term(forget, self.average)
