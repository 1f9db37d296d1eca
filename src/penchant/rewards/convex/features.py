"""Features of prompt and response from a frozen language model: its last hidden states, pooled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, ModelError
from penchant.feedback.records import Text
from penchant.rendering.renderer import Renderer

__all__ = ["FrozenFeatures", "Pooling"]

#: ``mean`` over the tokens of the response, or the state at its ``last`` token.
Pooling = Literal["mean", "last"]


class FrozenFeatures:
    """Pooled hidden states of responses, each read behind its prompt.

    Args:
        network: a language model; it is not changed.
        renderer: writes prompts and responses.
        pooling: of the states at the response's tokens.
        batch_size: sequences in a forward pass.
        longest: tokens of prompt and response; longer ones are cut on the left. The model's limit if absent.

    Raises:
        ConfigurationError: there is no such pooling.
    """

    def __init__(
        self,
        network: Any,
        renderer: Renderer,
        pooling: Pooling = "mean",
        batch_size: int = 16,
        longest: int | None = None,
    ) -> None:
        if pooling not in get_args(Pooling):
            raise ConfigurationError(f"There is no pooling {pooling!r}.", where="pooling", fix="Expected mean or last.")
        self.network, self.renderer, self.pooling, self.batch_size = network.eval(), renderer, pooling, batch_size
        self.longest = longest or getattr(network.config.get_text_config(), "max_position_embeddings", None)

    @torch.no_grad()
    def __call__(self, prompts: Sequence[Text], responses: Sequence[Sequence[Any]]) -> list[Tensor]:
        """For each prompt [K, D] the features of its responses, float64 on the processor."""
        rows = [row for prompt, own in zip(prompts, responses, strict=True) for row in self.rows(prompt, own)]
        # Rows of similar length share a pass, so that little of it is padding.
        order = sorted(range(len(rows)), key=lambda place: len(rows[place][0]))
        found: list[Tensor] = [torch.empty(0)] * len(rows)
        for start in range(0, len(rows), self.batch_size):
            places = order[start : start + self.batch_size]
            for place, states in zip(places, self._forward([rows[place] for place in places]), strict=True):
                found[place] = states
        counts = [len(own) for own in responses]
        table = torch.stack(found) if found else torch.zeros(0, 0, dtype=torch.float64)
        if not bool(torch.isfinite(table).all()):
            raise ModelError("The hidden states of the model are not finite.", fix="Check its weights.")
        return list(table.split(counts))

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[R, T, D] the states that are pooled: the last hidden states.

        Args:
            ids: [R, T] tokens.
            mask: [R, T] 1 where there is one.
        """
        found: Tensor = self.network.base_model(input_ids=ids, attention_mask=mask)[0]
        return found

    def rows(self, prompt: Text, responses: Sequence[Any]) -> list[tuple[list[int], int]]:
        """For each response the token ids, and how many of them are the response's."""
        start, found = self.renderer.prompt_ids(prompt), []
        for response in responses:
            written: Any = self.renderer.sampled_ids if isinstance(response, str) else self.renderer.response_ids
            own = written(prompt, response)
            row = [*start, *own] if self.longest is None else [*start, *own][-self.longest :]
            found.append((row, min(len(own), len(row))))
        return found

    def _forward(self, rows: Sequence[tuple[list[int], int]]) -> Tensor:
        """[R, D] the pooled states of one forward pass."""
        device = next(self.network.parameters()).device
        longest = max(len(row) for row, _ in rows)
        ids = torch.tensor([row + [0] * (longest - len(row)) for row, _ in rows], device=device)
        ends = torch.tensor([len(row) for row, _ in rows], device=device)[:, None]
        kept = torch.tensor([own for _, own in rows], device=device)[:, None]
        place = torch.arange(longest, device=device)[None]
        states = self.states(ids, (place < ends).long()).double()
        first = ends - kept if self.pooling == "mean" else ends - 1
        taken = ((place >= first) & (place < ends)).double()
        pooled: Tensor = (states * taken[..., None]).sum(1) / taken.sum(1, keepdim=True)
        return pooled.cpu()
