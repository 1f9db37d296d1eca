"""`CachedRewards`: rewards of the candidates for a next token, with the keys and values of a reward model kept."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from penchant.feedback.records import Text
from penchant.generation.cached_forward import CachedForward
from penchant.likelihood.core import cache_name, cache_of, taken_by
from penchant.rewards.judge import Judge
from penchant.rewards.models import RewardModel

__all__ = ["CachedRewards", "TokenRewards"]


class TokenRewards(nn.Module):
    """A sequence-classification model as one that gives a reward after every token.

    Args:
        network: a model of transformers whose class head is called ``score``.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.backbone, self.head, self.config = network.base_model, network.score, network.config

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        past_key_values: Any = None,
        use_cache: bool = True,
    ) -> SimpleNamespace:
        """``logits`` [R, T, 1], the reward after each token, and the cache."""
        output = self.backbone(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            use_cache=use_cache,
            **{cache_name(self.backbone): past_key_values},
        )
        return SimpleNamespace(logits=self.head(output.last_hidden_state), past_key_values=cache_of(output))


class CachedRewards:
    """Rewards of the candidates for the next token; each candidate costs two tokens, itself and the end token.

    The reward is that of the response up to the candidate, ended there, as the judge scores a text. Use a new object
    for each call of ``generate``.

    Args:
        judge: a reward model with the vocabulary of the policy.
        prompts: the prompts of the batch; their samples share them.
    """

    def __init__(self, judge: RewardModel, prompts: Sequence[Text]) -> None:
        self.model, self.pad = TokenRewards(judge.network), judge.pad
        self.end = judge.renderer.end_id(prompts[0])
        self.prompts = [judge.renderer.prompt_ids(prompt) for prompt in prompts]
        self.start: int | None = None
        self._forward: CachedForward | None = None
        self._seen = torch.zeros(0, 0, dtype=torch.long)

    @staticmethod
    def fits(judge: Judge, tokenizer: Any, prompts: Sequence[Text], room: int) -> bool:
        """Whether a judge can be asked this way: a reward model with the policy's tokens, and room for them all.

        Args:
            judge: any judge.
            tokenizer: that of the policy.
            prompts: those of the batch.
            room: tokens of the longest response, with its end token.
        """
        if not isinstance(judge, RewardModel) or not hasattr(judge.network, "score"):
            return False
        backbone = judge.network.base_model
        if not {"position_ids", cache_name(backbone)} <= set(taken_by(backbone)):
            return False
        if judge.renderer.tokenizer.get_vocab() != tokenizer.get_vocab():
            return False
        longest = max(len(judge.renderer.prompt_ids(prompt)) for prompt in prompts) + room
        return judge.longest is None or longest <= judge.longest

    @torch.no_grad()
    def __call__(self, ids: Tensor, tokens: Tensor) -> Tensor:
        """The rewards [R, k] of the rows ``ids`` [R, L] extended by ``tokens`` [R, k]."""
        if self.start is None:
            self.start = ids.shape[1]
        read = self._read(ids[:, self.start :])
        rows, count = tokens.shape
        place = torch.arange(rows, device=read.ids.device).repeat_interleave(count)
        drawn = tokens.flatten().to(read.ids.device)
        ended = torch.stack([drawn, torch.full_like(drawn, self.end)], 1)
        rewards = read.fork().advance(ended, place)[..., 0]
        # A candidate that is the end token ends the response itself.
        return torch.where(drawn == self.end, rewards[:, 0], rewards[:, 1]).reshape(rows, count).to(ids.device)

    def _read(self, response: Tensor) -> CachedForward:
        """The reward model after the responses so far."""
        known = len(self._seen) == len(response) and self._seen.shape[1] == response.shape[1] - 1
        if self._forward is not None and known and torch.equal(self._seen, response[:, :-1]):
            self._forward.advance(response[:, -1].to(self._forward.ids.device))
        else:  # the first step, or rows in another order
            self._forward = CachedForward(self.model, self.prompts, self.pad)
            self._forward.repeat(len(response) // len(self.prompts))
            if response.shape[1]:
                self._forward.advance(response.to(self._forward.ids.device))
        self._seen = response.clone()
        return self._forward
