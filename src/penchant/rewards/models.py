"""Reward models: a sequence classifier with one output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from penchant.errors import ModelError
from penchant.feedback.records import Text
from penchant.rendering.rendering import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.judge import Judge

__all__ = ["RewardModel"]


class RewardModel(Judge):
    """Scores prompt and response with a sequence-classification model of one label.

    Args:
        model: a folder, a hub id, or such a model in memory.
        tokenizer: where the model is given in memory.
        batch_size: sequences a forward pass.
        max_length: longest sequence in tokens; longer ones lose tokens on the left. The model's own where absent.
        device: where a model that is loaded goes.

    Raises:
        ModelError: it cannot be loaded, or has another number of outputs.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any = None,
        *,
        batch_size: int = 16,
        max_length: int | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        if isinstance(model, str | Path):
            tokenizer = tokenizer or load_tokenizer(str(model))
            model = _loaded(str(model)).to(device)
        if tokenizer is None:
            raise ModelError("The reward model is given in memory, without a tokenizer.")
        if model.config.num_labels != 1:
            raise ModelError(
                f"The model has {model.config.num_labels} outputs, expected 1: the reward.",
                why="Which of several would be the reward is not known.",
                fix="Give a reward model, trained with num_labels=1.",
            )
        self.model, self.batch_size = model.eval(), batch_size
        self.renderer = Renderer(tokenizer)
        self.max_length = max_length or getattr(model.config.get_text_config(), "max_position_embeddings", None)
        # The classifier reads at the last token that is not padding, and that must be the end token.
        known = (tokenizer.pad_token_id, 0, 1)
        self.pad = next(each for each in known if each is not None and each != self.renderer.end_token_id)
        model.config.get_text_config().pad_token_id = self.pad
        model.config.pad_token_id = self.pad

    @torch.no_grad()
    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The model's output for each response, a logit of preference."""
        prompt_ids = self.renderer.prompt_ids(prompt)
        rows = [prompt_ids + self.renderer.response_ids(prompt, response) for response in responses]
        rows = rows if self.max_length is None else [row[-self.max_length :] for row in rows]
        scores: list[float] = []
        for start in range(0, len(rows), self.batch_size):
            scores += self._forward(rows[start : start + self.batch_size])
        return scores

    def _forward(self, rows: list[list[int]]) -> list[float]:
        device = next(self.model.parameters()).device
        longest = max(map(len, rows))
        ids = torch.tensor([row + [self.pad] * (longest - len(row)) for row in rows], device=device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        mask = (torch.arange(longest, device=device)[None] < lengths[:, None]).long()
        scores: list[float] = self.model(input_ids=ids, attention_mask=mask).logits[:, 0].float().tolist()
        return scores


def _loaded(name: str) -> Any:
    from transformers import AutoModelForSequenceClassification

    try:
        return AutoModelForSequenceClassification.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The reward model cannot be loaded ({str(error).splitlines()[0][:200]}).",
            where=name,
            fix="Give a folder or hub id of a sequence-classification model with one output.",
        ) from error
