"""What LEVI reads: pooled states of several layers of a frozen model, and the tokens themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text
from penchant.rendering.renderer import Renderer
from penchant.rewards.convex.features import FrozenFeatures

__all__ = ["LayeredFeatures", "Read", "chosen_layers"]

#: Layers that are read where none are named.
DEFAULT_LAYERS = 4


@dataclass(frozen=True)
class Read:
    """Responses as LEVI reads them.

    Args:
        states: [n, L, d] pooled states of the chosen layers.
        ids: [n, T] tokens of prompt and response, 0 beyond their end.
        own: [n, T] True at the tokens of the response.
        there: [n, T] True at tokens.
    """

    states: Tensor
    ids: Tensor
    own: Tensor
    there: Tensor

    def __len__(self) -> int:
        return len(self.states)

    def __getitem__(self, places: Tensor) -> Read:
        return Read(self.states[places], self.ids[places], self.own[places], self.there[places])


def chosen_layers(layers: Sequence[int] | None, depth: int) -> tuple[int, ...]:
    """Numbers of the layers that are read, from 1, ascending.

    Args:
        layers: given numbers; None for four (or all, of fewer) at equal distances, the last one among them.
        depth: of the model.

    Raises:
        ConfigurationError: a number is not in 1 … depth, or stands twice.
    """
    if layers is None:
        count = min(DEFAULT_LAYERS, depth)
        return tuple(depth * (place + 1) // count for place in range(count))
    if not layers or len(set(layers)) < len(layers) or any(not 1 <= each <= depth for each in layers):
        raise ConfigurationError(
            f"The layers are {list(layers)}.",
            where="layers",
            fix=f"Give different numbers from 1 to {depth}; {depth} is the last layer of this model.",
        )
    return tuple(sorted(layers))


class LayeredFeatures(FrozenFeatures):
    """Pooled states of several layers, and tokens.

    Args:
        network: a language model; it is not changed.
        renderer: writes prompts and responses.
        layers: see `chosen_layers`.
        batch_size: sequences in a forward pass.
    """

    def __init__(
        self, network: Any, renderer: Renderer, layers: Sequence[int] | None = None, batch_size: int = 16
    ) -> None:
        super().__init__(network, renderer, "mean", batch_size)
        self.layers = chosen_layers(layers, int(network.config.get_text_config().num_hidden_layers))

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See `FrozenFeatures.states`: [R, T, L · d], the layers side by side."""
        found = self.network.base_model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        return torch.cat([found[layer] for layer in self.layers], dim=-1)

    def read(self, prompts: Sequence[Text], responses: Sequence[Sequence[Any]]) -> Read:
        """All responses of all prompts, one after another."""
        states = torch.cat(self(prompts, responses)).float()
        rows = [row for prompt, own in zip(prompts, responses, strict=True) for row in self.rows(prompt, own)]
        longest = max(len(row) for row, _own in rows)
        ids = torch.tensor([row + [0] * (longest - len(row)) for row, _own in rows])
        ends = torch.tensor([len(row) for row, _own in rows])[:, None]
        kept = torch.tensor([own for _row, own in rows])[:, None]
        place = torch.arange(longest)[None]
        there = place < ends
        return Read(states.view(len(rows), len(self.layers), -1), ids, there & (place >= ends - kept), there)
