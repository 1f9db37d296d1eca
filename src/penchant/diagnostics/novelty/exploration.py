"""Contrastive generation (CGE): texts that a tuned model writes and its base model would not."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor, nn
from transformers import LogitsProcessor

from penchant.diagnostics.novelty.contrast import contrast_scores, plausible
from penchant.errors import ConfigurationError, TrainingError
from penchant.generation.engine import generate
from penchant.inference.following import Follower
from penchant.inference.processors import within_vocabulary
from penchant.registry import Configurable

__all__ = ["ContrastProcessor", "Exploration", "NewText", "text_scores"]


@dataclass(frozen=True)
class NewText:
    """A text that the tuned model writes.

    Args:
        ids: its tokens, without what they follow.
        scores: c of each of them, nats, against the base model as it was given; above 0 is likelier after tuning.
    """

    ids: list[int]
    scores: list[float]

    @property
    def novelty(self) -> float:
        """Mean of c over the tokens, nats."""
        return sum(self.scores) / len(self.scores)


class ContrastProcessor(LogitsProcessor):
    """Replaces the logits of a tuned model by the scores c; implausible and forbidden tokens become impossible.

    Use a new object for each call of ``generate``.

    Args:
        base: the model before tuning, which reads along.
        gamma: γ of `contrast_scores`.
        alpha: α of `plausible`.
        forbidden: tokens that are never written, such as the end token.
    """

    def __init__(self, base: Follower, gamma: float, alpha: float, forbidden: Sequence[int] = ()) -> None:
        self.base, self.gamma, self.alpha, self.forbidden = base, gamma, alpha, list(forbidden)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """The scores [R, V] of tokens that follow ``input_ids`` [R, L]."""
        own, (before,) = within_vocabulary(scores, [self.base(input_ids)])
        own = own.float()
        contrast = contrast_scores(own, before, self.gamma)
        own[:, [each for each in self.forbidden if each < own.shape[-1]]] = -torch.inf
        found = torch.full_like(scores, -torch.inf)
        found[:, : own.shape[-1]] = contrast.masked_fill(~plausible(own, self.alpha), -torch.inf).to(scores.dtype)
        return found


class Exploration(Configurable):
    """What a tuned model has learned, told by texts that it generates; no data are needed.

    Next tokens are drawn from the softmax of c(v) = log π₁(v | ·) − γ log π₀(v | ·) over tokens with
    π₁(v) ≥ α max π₁, with beams. Iterative: after each text, a copy of the base model takes one gradient step on it, so
    that the next text is something else. All texts have the same length; the end token is never written.

    Reference:
        Isonuma and Titov (2024), What's New in My Data? Novelty Exploration via Contrastive Generation,
        arXiv:2410.14765.
    """

    id = "cge"
    kind = "exploration"

    texts: Annotated[int, Gt(0), "number of texts"] = 100
    length: Annotated[int, Gt(0), "tokens of a text"] = 256
    gamma: Annotated[float, Ge(0), "weight of the base model"] = 1.0
    alpha: Annotated[float, Interval(ge=0, le=1), "least share of the likeliest token's probability"] = 0.1
    beams: Annotated[int, Gt(0), "beams of a text; 1 for plain sampling"] = 4
    iterative: Annotated[bool, "the base model learns each text, so that the next one differs"] = True
    learning_rate: Annotated[float, Gt(0), "of the base model's steps"] = 1e-5
    seed: Annotated[int, Ge(0), "of the sampling"] = 0

    def run(
        self, tuned: Any, base: Any, tokenizer: Any, start: Sequence[int], forbidden: Sequence[int]
    ) -> Iterator[NewText]:
        """Generate the texts, one after the other.

        Args:
            tuned: the tuned causal language model π₁.
            base: the model before tuning, π₀; it is not changed.
            tokenizer: of both.
            start: the tokens that every text follows: the beginning of a text, or a prompt.
            forbidden: tokens that end a text.

        Raises:
            ConfigurationError: there is no token to start from.
            TrainingError: a step of the base model has no finite loss.
        """
        if not start:
            raise ConfigurationError("There is no token that a text could follow.", fix="Give a prompt.")
        learner = copy.deepcopy(base) if self.iterative else base
        optimizer = torch.optim.AdamW(learner.parameters(), lr=self.learning_rate, weight_decay=0.0)
        for number in range(self.texts):
            ids = self._write(tuned, learner, tokenizer, start, forbidden, self.seed + number)
            yield NewText(ids, text_scores(tuned, base, start, ids, self.gamma))
            if self.iterative and number + 1 < self.texts:
                _learn(learner, optimizer, start, ids)

    def _write(
        self, tuned: Any, base: Any, tokenizer: Any, start: Sequence[int], forbidden: Sequence[int], seed: int
    ) -> list[int]:
        def guide(places: Sequence[int]) -> list[LogitsProcessor]:
            follower = Follower(base, [list(start)] * len(places))
            return [ContrastProcessor(follower, self.gamma, self.alpha, forbidden)]

        options = {"num_beams": self.beams} if self.beams > 1 else {}
        sizes = {"max_new_tokens": self.length, "stop_token_ids": list(forbidden)}
        return generate(tuned, tokenizer, [list(start)], seed=seed, guide=guide, options=options, **sizes)[0][0]  # type: ignore[arg-type]


@torch.no_grad()
def text_scores(tuned: Any, base: Any, start: Sequence[int], ids: Sequence[int], gamma: float = 1.0) -> list[float]:
    """c of every token of a text, nats; their sum or mean ranks known texts by how new they are.

    Args:
        tuned: the tuned causal language model.
        base: the model before tuning.
        start: what the text follows, one token or more.
        ids: the text, one token or more.
        gamma: γ of `contrast_scores`.
    """
    own, before = (_next_logits(model, start, ids) for model in (tuned, base))
    own, (before,) = within_vocabulary(own, [before])
    found = contrast_scores(own.float(), before.to(own.device), gamma)
    return found.gather(-1, torch.tensor(list(ids), device=found.device)[:, None])[:, 0].tolist()


def _next_logits(model: Any, start: Sequence[int], ids: Sequence[int]) -> Tensor:
    """[T, V] logits at the places of the text's tokens."""
    row = torch.tensor([[*start, *ids]], device=next(model.parameters()).device)
    logits: Tensor = model(input_ids=row).logits[0, len(start) - 1 : -1]
    return logits


def _learn(model: nn.Module, optimizer: torch.optim.Optimizer, start: Sequence[int], ids: Sequence[int]) -> None:
    """One step of the language-model loss on a text."""
    optimizer.zero_grad()
    logits = _next_logits(model, start, ids).float()
    loss = nn.functional.cross_entropy(logits, torch.tensor(list(ids), device=logits.device))
    if not bool(torch.isfinite(loss)):
        raise TrainingError(f"The base model's loss on a generated text is {loss.item()}.", fix="Lower learning_rate.")
    loss.backward()
    optimizer.step()
