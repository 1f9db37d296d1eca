"""IDK: imitates refusals of what is to be forgotten, together with the records to keep."""

from __future__ import annotations

from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.token_average import TokenAveraged

__all__ = ["IDK"]


class IDK(TokenAveraged):
    """Refusal training, a baseline of TOFU (Maini et al., 2024): "I do not know" as the answer to forget prompts.

    loss = nll(y_idk|x_forget, y_retain|x_retain),   one mean over the tokens of both, nats per token

    The mean over examples is the cross-entropy over all tokens of refusals and retain answers together, as in published
    code (``average=batch``); with ``response`` the mean is taken for each example's two responses. Refusals come with
    the forget records (`penchant data build refusals`).

    Example:
        >>> import torch
        >>> view = Scored(torch.full((1, 2), -1.0), None, torch.ones(1, 2, dtype=torch.bool))
        >>> IDK()(idk=view, retain=view).values
        tensor([1.])

    Reference:
        Maini, Feng, Schwarzschild, Lipton, Kolter (2024), TOFU: A Task of Fictitious Unlearning for LLMs.
    """

    id = "idk"
    paper = "arXiv:2401.06121"
    evidence = PAPER
    tags = ("batch", "supervised")

    def loss(self, idk: Scored, retain: Scored) -> Tensor:
        """The loss per example, [B], nats per token."""
        tokens = idk.total_weight + retain.total_weight
        if self.average == "batch":
            tokens = tokens.mean()
        return -(idk.logp + retain.logp) / tokens
