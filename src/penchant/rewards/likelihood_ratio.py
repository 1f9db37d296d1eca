"""Judges that need no training: how much likelier one model finds a response than another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Gt

from penchant.errors import ModelError
from penchant.feedback.records import Text
from penchant.forest.layout import TokenSequence
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.loading import load_model
from penchant.likelihood.logps import response_logps
from penchant.rendering.renderer import Renderer
from penchant.rendering.same_vocabulary import check_same_vocabulary
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.judge import Judge

__all__ = ["DensityRatio", "ImplicitReward", "density_ratio"]


class _Side:
    """One of the two models, with its tokenizer."""

    def __init__(self, source: str) -> None:
        self.source, self.tokenizer = source, load_tokenizer(source)
        self.renderer = Renderer(self.tokenizer)
        self.network = load_model(source).eval()

    def logps(self, prompt: Text, responses: Sequence[Any]) -> list[torch.Tensor]:
        """The log-probabilities of the tokens of each response, in nats; the prompt is computed once."""
        asked = self.renderer.prompt_ids(prompt)
        rows = [TokenSequence(asked, self.renderer.response_ids(prompt, each)) for each in responses]
        scorer = ForestScorer(self.network)
        try:
            return response_logps(scorer, rows)
        finally:
            scorer.close()


class ImplicitReward(Judge):
    """The reward that a model trained by DPO implies.

    r = β (log π(y|x) − log π_ref(y|x)),   summed over tokens, nats

    Args:
        settings: ``model``, ``reference`` and ``beta``.

    Raises:
        ModelError: a model cannot be loaded, or the two have different vocabularies.

    Reference:
        Rafailov et al. (2023), Direct Preference Optimization, arXiv:2305.18290, section 4.
    """

    id = "implicit"

    model: Annotated[str, "folder or hub id of the trained model"]
    reference: Annotated[str, "folder or hub id of the model that it started from"]
    beta: Annotated[float, Gt(0), "scale of the reward, that of the training"] = 0.1

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.policy, self.base = _Side(self.model), _Side(self.reference)
        check_same_vocabulary(self.model, self.policy.tokenizer, self.reference, self.base.tokenizer)

    def to(self, device: Any) -> None:
        """Move both models to a device."""
        self.policy.network.to(device)
        self.base.network.to(device)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The reward of each response."""
        own, other = (side.logps(prompt, responses) for side in (self.policy, self.base))
        return [self.beta * float((a - b).double().sum()) for a, b in zip(own, other, strict=True)]


class DensityRatio(Judge):
    """Customised density ratio of a strongly and a weakly aligned model (Xu et al., 2024), "Dr.SoW".

    r = log π_strong(y | c, x) − log π_weak(y | x),   summed over the tokens of the response, nats

    c is an ``instruction``, which stands before the prompt of the strong model alone: criteria, or examples. Each model
    has its own tokenizer. With ``average``, r is divided by the strong model's number of tokens. The two models may be
    any two checkpoints; the further apart they are aligned, the more the ratio says.

    Args:
        settings: ``strong``, ``weak``, ``instruction`` and ``average``.

    Raises:
        ModelError: a model cannot be loaded.

    Reference:
        Xu et al. (2024), Dr. SoW: Density Ratio of Strong-over-weak LLMs, arXiv:2411.02481.
    """

    id = "density_ratio"

    strong: Annotated[str, "folder or hub id of the better aligned model"]
    weak: Annotated[str, "folder or hub id of the other model, such as its base"]
    instruction: Annotated[str, "what stands before the prompt of the strong model"] = ""
    average: Annotated[bool, "divide by the number of tokens"] = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.sides = _Side(self.strong), _Side(self.weak)

    def to(self, device: Any) -> None:
        """Move both models to a device."""
        for side in self.sides:
            side.network.to(device)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The density ratio of each response, nats."""
        strong = self.sides[0].logps(self._customised(prompt), responses)
        weak = self.sides[1].logps(prompt, responses)
        return [density_ratio(own, other, average=self.average) for own, other in zip(strong, weak, strict=True)]

    def _customised(self, prompt: Text) -> Text:
        if not self.instruction:
            return prompt
        if isinstance(prompt, str):
            return f"{self.instruction}\n\n{prompt}"
        first, *rest = prompt
        if first["role"] == "system":
            return [{**first, "content": f"{self.instruction}\n\n{first['content']}"}, *rest]
        return [{"role": "system", "content": self.instruction}, *prompt]


def density_ratio(strong: torch.Tensor, weak: torch.Tensor, *, average: bool = False) -> float:
    """The density ratio of one response, nats.

    r = Σ_t log π_strong − Σ_t log π_weak

    Args:
        strong: [T] log-probabilities of the response's tokens under the strong model.
        weak: [T'] the same under the weak one, whose tokens may be others.
        average: divide by T.

    Raises:
        ModelError: the response has no tokens, and the mean is asked for.

    Example:
        >>> density_ratio(torch.tensor([-1.0, -2.0]), torch.tensor([-2.0, -2.0]), average=True)
        0.5
    """
    ratio = float(strong.double().sum() - weak.double().sum())
    if not average:
        return ratio
    if not len(strong):
        raise ModelError("A response without tokens has no mean density ratio.")
    return ratio / len(strong)
