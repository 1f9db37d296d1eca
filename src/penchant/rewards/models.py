"""`RewardModel`, a judge that scores with a sequence-classification model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.errors import ModelError
from penchant.feedback.records import Text
from penchant.likelihood.loading import load_reward_model
from penchant.likelihood.reward_folder import MEANING, other_than, read_meaning
from penchant.rendering.renderer import Renderer
from penchant.rewards.judge import Judge
from penchant.rewards.named_models import name_model, tokenizer_of

__all__ = ["RewardModel"]


class RewardModel(Judge):
    """Scores prompt and response with a sequence-classification model with one output.

    Args:
        model: a folder, a hub id, or a model in memory.
        tokenizer: required if the model is given in memory.
        settings: ``batch_size`` and ``max_length``.

    Raises:
        ModelError: the model cannot be loaded, or does not have exactly one output.
    """

    id = "reward_model"
    #: The objective that trained the model, which says what its outputs mean; None for other models.
    meaning: Any = None

    model: Annotated[str, "folder or hub id of a sequence-classification model with one output"]
    batch_size: Annotated[int, Gt(0), "sequences per forward pass"] = 16
    max_length: Annotated[
        int | None, Gt(0), "maximum number of tokens, longer inputs are cut on the left; the model's limit if absent"
    ] = None

    def __init__(self, model: Any = None, tokenizer: Any = None, **settings: Any) -> None:
        named = name_model(model, settings)
        super().__init__(**settings)
        tokenizer = tokenizer_of(self.model if named else None, tokenizer, "reward model")
        self.network = (load_reward_model(self.model) if named else model).eval()
        self.renderer = Renderer(tokenizer)
        self.meaning = read_meaning(self.model) if named else None
        self._check_outputs()
        config = self.network.config.get_text_config()
        self.longest = self.max_length or getattr(config, "max_position_embeddings", None)
        # The classifier reads the last token that is not padding; that must be the end token.
        self.pad = other_than(self.renderer.end_token_id, tokenizer.pad_token_id)
        config.pad_token_id = self.network.config.pad_token_id = self.pad

    def _check_outputs(self) -> None:
        outputs = self.network.config.num_labels
        if self.meaning is not None and self.meaning.reward_head.outputs != outputs:
            raise ModelError(
                f"The model has {outputs} outputs, but {MEANING} describes {self.meaning.reward_head.outputs}.",
                where=self.model,
                fix="Restore the model folder of the run.",
            )
        if self.meaning is None and outputs != 1:
            raise ModelError(
                f"The model has {self.network.config.num_labels} outputs, expected 1: the reward.",
                why="It is unknown which output is the reward.",
                fix="Use a reward model trained with num_labels=1.",
            )

    def to(self, device: Any) -> None:
        """Move the model to a device."""
        self.network.to(device)

    @torch.no_grad()
    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The reward of each response: the model's output, or what its objective makes of several outputs.

        Raises:
            ModelError: an output is not finite, or the model only compares.
        """
        if self.meaning is not None and not self.meaning.scalar:
            raise ModelError(
                f"The model was trained with {self.meaning.id}, which compares responses and gives no rewards.",
                where=self.model,
                fix="Use it where responses are compared.",
            )
        outputs = self._outputs(prompt, responses)
        return [float(each) for each in (outputs[:, 0] if self.meaning is None else self.meaning.judged(outputs))]

    @torch.no_grad()
    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """The probability that response i is preferred to response j, as the model's objective defines it; [K, K].

        Raises:
            ModelError: an output is not finite.
        """
        if self.meaning is None:
            return super().compare(prompt, responses)
        state = self._prompt_state(prompt) if getattr(self.meaning, "gate", False) else None
        return self.meaning.preferences(self._outputs(prompt, responses).double(), state).clamp(0.0, 1.0)

    def _prompt_state(self, prompt: Text) -> Tensor:
        """[D] the hidden state at the last token of the prompt."""
        ids = torch.tensor([self.renderer.prompt_ids(prompt)], device=next(self.network.parameters()).device)
        found: Tensor = self.network.base_model(input_ids=ids)[0][0, -1].double().cpu()
        return found

    def _outputs(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """[K, n] the outputs at the last token of each response."""
        prompt_ids = self.renderer.prompt_ids(prompt)
        # A sampled text is scored as it was written; a template could leave out what it does not expect.
        rows = [
            prompt_ids
            + (
                self.renderer.sampled_ids(prompt, response)
                if isinstance(response, str)
                else self.renderer.response_ids(prompt, response)
            )
            for response in responses
        ]
        rows = rows if self.longest is None else [row[-self.longest :] for row in rows]
        scores: list[list[float]] = []
        for start in range(0, len(rows), self.batch_size):
            scores += self._forward(rows[start : start + self.batch_size])
        bad = next((place for place, row in enumerate(scores) if not all(map(math.isfinite, row))), None)
        if bad is not None:
            raise ModelError(
                f"The reward model {self.model} gives {', '.join(map(str, scores[bad]))}, "
                f"for the prompt {str(prompt)[:80]!r} and the "
                f"response {str(responses[bad])[:80]!r}.",
                why="A score must be a finite number.",
                fix="Check its weights for values that are not finite.",
            )
        return torch.tensor(scores, dtype=torch.float64).reshape(len(rows), self.network.config.num_labels)

    def _forward(self, rows: list[list[int]]) -> list[list[float]]:
        device = next(self.network.parameters()).device
        longest = max(map(len, rows))
        ids = torch.tensor([row + [self.pad] * (longest - len(row)) for row in rows], device=device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        mask = (torch.arange(longest, device=device)[None] < lengths[:, None]).long()
        scores: list[list[float]] = self.network(input_ids=ids, attention_mask=mask).logits.float().tolist()
        return scores
