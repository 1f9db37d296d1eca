"""`LogitsProcessor` objects for ``generate`` of transformers: several models mixed, and token-level reward guidance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from penchant.inference.following import Follower

__all__ = ["MixingProcessor", "RewardProcessor", "within_vocabulary"]

#: From the logits of the generating model and those of its followers to the logits to sample from.
Combine = Callable[[Tensor, Sequence[Tensor]], Tensor]
#: From token ids [R, L] and candidates [R, k] to the reward of each continuation, [R, k].
Reward = Callable[[Tensor, Tensor], Tensor]


def within_vocabulary(own: Tensor, others: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """The logits of the tokens that every model has; models pad their vocabularies to different sizes.

    Example:
        >>> [each.shape[-1] for each in within_vocabulary(torch.zeros(1, 8), [torch.zeros(1, 6)])[1]]
        [6]
    """
    size = min(each.shape[-1] for each in (own, *others))
    return own[..., :size], [each[..., :size].float() for each in others]


class MixingProcessor(LogitsProcessor):
    """Replaces the logits of the generating model by a combination with those of other models.

    Temperature, top-p and the like of ``generate`` then apply to the combination. Tokens beyond the vocabulary of one
    of the models become impossible. Use a new object for each call of ``generate``.

    Args:
        followers: the other models.
        combine: from the generating model's logits [R, V] and theirs to the combined logits [R, V].

    Example:
        >>> from penchant.inference.mixtures import geometric_mixture
        >>> processor = MixingProcessor([], lambda own, others: geometric_mixture([own, *others], [2.0]))
        >>> bool(torch.allclose(processor(torch.zeros(1, 1).long(), torch.zeros(1, 2)).softmax(-1), torch.tensor(0.5)))
        True
    """

    def __init__(self, followers: Sequence[Follower], combine: Combine) -> None:
        self.followers, self.combine = list(followers), combine

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """The combined logits [R, V] of tokens that follow ``input_ids`` [R, L]."""
        own, others = within_vocabulary(scores, [follower(input_ids) for follower in self.followers])
        found = torch.full_like(scores, -torch.inf)
        found[..., : own.shape[-1]] = self.combine(own.float(), others).to(scores.dtype)
        return found


class RewardProcessor(LogitsProcessor):
    """Adds the reward of each of the k most likely continuations to its log-probability; all others are impossible.

    score(v) = log π(v | x, y_<t) + w r(x, y_<t v) for the k most likely v

    Greedy decoding takes the best, sampling draws from its softmax (ARGS).

    Args:
        reward: rewards of continuations.
        weight: w; 0 for plain decoding among the k.
        candidates: k.

    Example:
        >>> processor = RewardProcessor(lambda ids, tokens: -tokens.float(), weight=9.0, candidates=2)
        >>> processor(torch.zeros(1, 1).long(), torch.tensor([[0.0, 1.0, 2.0]])).argmax(-1)
        tensor([1])

    Reference:
        Khanov, Burapacheep, Li (2024), ARGS: Alignment as Reward-Guided Search, arXiv:2402.01694.
    """

    def __init__(self, reward: Reward, *, weight: float, candidates: int) -> None:
        self.reward, self.weight, self.candidates = reward, weight, candidates

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """The guided logits [R, V] of tokens that follow ``input_ids`` [R, L]."""
        logps = scores.float().log_softmax(-1)
        best = logps.topk(min(self.candidates, scores.shape[-1]), dim=-1)
        rewards = self.reward(input_ids, best.indices).to(logps)
        found = torch.full_like(logps, -torch.inf)
        return found.scatter(-1, best.indices, best.values + self.weight * rewards).to(scores.dtype)
