"""CE-U: cross-entropy against the model's own distribution without the token to forget."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.token_statistic import TokenStatistic
from penchant.objectives.functional.token_average import TokenAveraged, token_average

__all__ = ["CEU", "ceu_cross_entropy"]


def ceu_cross_entropy(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """Cross-entropy of the policy against its own distribution with the true token removed, nats.

    Args:
        log_probs: [K, V] of the policy.
        ids: [K] the true tokens.
        reference: unused.

    Returns:
        [K]; the target carries no gradient.

    Example:
        >>> row = torch.tensor([[0.5, 0.25, 0.25]]).log()
        >>> round(ceu_cross_entropy(row, torch.tensor([0]), None).item(), 4)
        1.3863
    """
    removed = log_probs.detach().scatter(-1, ids[:, None], float("-inf"))
    return -(torch.softmax(removed, dim=-1) * log_probs).sum(-1)


_STATISTIC = TokenStatistic(ceu_cross_entropy)


class CEU(TokenAveraged):
    """Cross-entropy unlearning (Yang, 2025), as in open-unlearning.

    loss = −mean_t Σ_v q_t(v) log π(v|x, y_<t),   q_t = softmax(z_t without y_t),   nats per token

    z_t are the policy's own logits, without gradient: probability moves from the true token to all others in
    proportion. The first ``ignore_first_n_answer_tokens`` tokens of a response are left out.

    Example:
        >>> one = torch.full((1, 2), -1.0)
        >>> view = Scored(one, None, one < 0, stats={"ceu_cross_entropy": torch.tensor([[1.0, 2.0]])})
        >>> CEU(ignore_first_n_answer_tokens=1)(forget=view).values
        tensor([2.])

    Reference:
        Yang (2025), CE-U: Cross Entropy Unlearning.
    """

    id = "ce-u"
    paper = "arXiv:2503.01224"
    evidence = OFFICIAL_CODE
    needs = Needs(stats=frozenset({_STATISTIC}))

    ignore_first_n_answer_tokens: Annotated[int, Ge(0), "tokens at the start of a response that are left out"] = 1

    def loss(self, forget: Scored) -> Tensor:
        """The loss per example, [B], nats per token; 0 for a response that is left out as a whole."""
        later = forget.mask.cumsum(-1) > self.ignore_first_n_answer_tokens
        kept = Scored(forget.policy, None, forget.mask & later, forget.stats, forget.group, weights=forget.weights)
        return token_average(kept, kept.stat(_STATISTIC), self.average)
