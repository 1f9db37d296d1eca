"""`Coala`, a judge that scores with a convex head on the features of a frozen language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from penchant.feedback.records import Text
from penchant.likelihood.loading import load_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.convex.features import FrozenFeatures
from penchant.rewards.convex.head import load_head
from penchant.rewards.frozen import FrozenModelJudge

__all__ = ["Coala"]


class Coala(FrozenModelJudge):
    """Scores with the head that `penchant coala` trained: θ₂ᵀ max(0, f Θ₁), f the pooled states of a frozen model.

    A difference of scores, times the head's beta, is a Bradley-Terry logit (arXiv 2605.23244).

    Args:
        settings: ``head`` and the others.

    Raises:
        ModelError: the folder holds no head, or its model cannot be loaded.
    """

    id = "coala"
    formula = "θ₂ᵀ max(0, f Θ₁) of the pooled states f"
    span = "any, higher is better; times the head's beta, a difference is a Bradley-Terry logit"
    advice = "Only differences within a prompt mean anything; held-out accuracy says how far to trust it."
    head: Annotated[str, "folder that `penchant coala` wrote"]
    chat_template: Annotated[
        str | None, "plain, chatml, or a Jinja file; the one that the head was trained with if absent"
    ] = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._head = load_head(self.head)
        self.scale = self._head.settings.beta
        source = self.model or self._head.model
        template = self.chat_template or self._head.chat_template
        renderer = Renderer(load_tokenizer(source), chat_template=template)
        self.features = FrozenFeatures(load_model(source), renderer, self._head.pooling, self.batch_size)

    def identity(self) -> str:
        """See `Judge.identity`."""
        numbers = [float(each.sum()) for each in (self._head.network.first, self._head.network.out)]
        return f"{self.id} {self.read_by} {self._head.pooling} {self._head.settings} {numbers}"

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `Judge.score_all`."""
        found = self.features(prompts, responses)
        return [[float(value) for value in self._head.scores(each)] if len(each) else [] for each in found]
