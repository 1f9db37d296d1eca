"""`Coala`, a judge that scores with a convex head on the features of a frozen language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.feedback.records import Text
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.loading import load_model
from penchant.objectives.functional.preferences import bradley_terry
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.convex.features import FrozenFeatures
from penchant.rewards.convex.head import load_head
from penchant.rewards.judge import Judge
from penchant.rewards.said import tokenizer_identity

__all__ = ["Coala"]


class Coala(Judge):
    """Scores with the head that `penchant coala` trained: θ₂ᵀ max(0, f Θ₁), f the pooled states of a frozen model.

    A difference of scores, times the head's beta, is a Bradley-Terry logit (arXiv 2605.23244).

    Args:
        settings: ``head`` and the others.

    Raises:
        ModelError: the folder holds no head, or its model cannot be loaded.
    """

    id = "coala"
    reads_messages = True

    head: Annotated[str, "folder that `penchant coala` wrote"]
    model: Annotated[str | None, "the frozen model, where it has moved since"] = None
    batch_size: Annotated[int, Gt(0), "sequences per forward pass"] = 16
    chat_template: Annotated[
        str | None, "plain, chatml, or a Jinja file; the one that the head was trained with if absent"
    ] = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._head = load_head(self.head)
        source = self.model or self._head.model
        template = self.chat_template or self._head.chat_template
        renderer = Renderer(load_tokenizer(source), chat_template=template)
        self.features = FrozenFeatures(load_model(source), renderer, self._head.pooling, self.batch_size)

    def to(self, device: Any) -> None:
        """See `Judge.to`."""
        self.features.network.to(device)

    def identity(self) -> str:
        """See `Judge.identity`."""
        numbers = [float(each.sum()) for each in (self._head.network.first, self._head.network.out)]
        read = f"{fingerprint(self.features.network)} {tokenizer_identity(self.features.renderer)}"
        return f"{self.id} {read} {self._head.pooling} {self._head.settings} {numbers}"

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`."""
        return self.score_all([prompt], [responses])[0]

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `Judge.score_all`."""
        found = self.features(prompts, responses)
        return [[float(value) for value in self._head.scores(each)] if len(each) else [] for each in found]

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`."""
        scores = torch.tensor(self.score(prompt, responses), dtype=torch.float64)
        return bradley_terry(self._head.settings.beta * scores)
