"""`ResponseLikelihood`: log-probabilities of texts under a language model, with prompts shared, for judges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ModelError
from penchant.feedback.records import Text
from penchant.forest.layout import TokenSequence
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.context import length_limit
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.loading import load_model
from penchant.likelihood.logps import token_logps
from penchant.rendering.renderer import Renderer
from penchant.rendering.templates import special_texts
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rendering.truncation import Truncation
from penchant.rewards.said import response_as_trained, tokenizer_identity

__all__ = ["Likelihoods", "ResponseLikelihood"]

#: For each prompt, the log-probabilities of the tokens of each response, [T] nats, and their ids; None if too long.
Likelihoods = list[list[tuple[Tensor, list[int]] | None]]


class ResponseLikelihood:
    """A language model with its own tokenizer, asked for the log-probability of every token of responses.

    Args:
        model: a folder, also of an adapter, a hub id, or a causal language model in memory.
        tokenizer: required if the model is given in memory.
        chat_template: see `penchant.rendering.renderer.Renderer`.
        max_length: maximum tokens of prompt and response; the model's context by default.
        batch_size: responses per forward pass.

    Raises:
        ModelError: the model cannot be loaded.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any = None,
        *,
        chat_template: str | None = None,
        max_length: int | None = None,
        batch_size: int = 16,
    ) -> None:
        named = isinstance(model, str | Path)
        if tokenizer is None and not named:
            raise ModelError("The language model is given in memory, without a tokenizer.")
        self.name = str(model) if named else str(model.config.name_or_path)
        self.tokenizer = load_tokenizer(model) if tokenizer is None else tokenizer
        self.renderer = Renderer(self.tokenizer, chat_template=chat_template)
        self.network = (load_model(model) if named else model).eval()
        limit = length_limit(self.name, self.network, self.tokenizer, max_length)
        self.truncation, self.batch_size = Truncation(limit), batch_size
        self._scorer: ForestScorer | None = None

    def to(self, device: Any) -> None:
        """Move the model to a device."""
        self.network.to(device)
        self._scorer = None  # the attention depends on the device

    @property
    def special_ids(self) -> set[int]:
        """The ids of the special tokens, the end token among them."""
        return {*special_texts(self.tokenizer).values(), *self.renderer.stop_token_ids}

    def identity(self) -> str:
        """What the log-probabilities follow from: weights, tokenizer, template and length."""
        said = f"{self.renderer.end_token_id} {self.truncation.max_length}"
        return f"{fingerprint(self.network)} {tokenizer_identity(self.renderer)} {said}"

    @torch.no_grad()
    def of(self, prompts: Sequence[Text], responses: Sequence[Sequence[Any]]) -> Likelihoods:
        """The log-probabilities of the tokens of the responses to each of several prompts, their end tokens included.

        A prompt that is too long is cut on the left, after its BOS token, for each response alone. A response for which
        that leaves no prompt is None.

        Args:
            prompts: P texts or conversations.
            responses: for each, texts, or messages.
        """
        found: Likelihoods = [[None] * len(own) for own in responses]
        places: list[tuple[int, int]] = []
        sequences: list[TokenSequence] = []
        for place, (prompt, own) in enumerate(zip(prompts, responses, strict=True)):
            prompt_ids = self.renderer.prompt_ids(prompt)
            first = self.renderer.keep_first(prompt_ids)
            for at, response in enumerate(own):
                fitted = self.truncation.fit(
                    prompt_ids, [response_as_trained(self.renderer, prompt, response)], keep_first=first
                )
                if fitted.dropped is None:
                    places.append((place, at))
                    sequences.append(TokenSequence(fitted.prompt, fitted.responses[0]))
        for start in range(0, len(sequences), self.batch_size):
            part = slice(start, start + self.batch_size)
            logps = self._forward(sequences[part])
            for (place, at), sequence, row in zip(places[part], sequences[part], logps, strict=True):
                found[place][at] = (row[: sequence.length], list(sequence.response))
        return found

    def _forward(self, sequences: Sequence[TokenSequence]) -> Tensor:
        if self._scorer is None:
            self._scorer = ForestScorer(self.network)
        return token_logps(self._scorer, sequences).double().cpu()
