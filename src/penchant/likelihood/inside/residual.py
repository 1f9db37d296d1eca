"""The second pass of temporal residuals: embeddings of response tokens mixed with the model's own predictions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from penchant.objectives.core.token_statistic import TokenStatistic

__all__ = ["GREEDY", "Residual", "mixed_embeddings"]


def greedy(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """The most likely token at each position; whole numbers below 2²⁴ are exact in float32."""
    return log_probs.argmax(-1).float()


#: What the first pass measures.
GREEDY = TokenStatistic(greedy, constant=True)


@dataclass(frozen=True)
class Residual:
    """What stands in the place of response tokens as the input of a second pass.

    ê_t = (1 − λ) e(y_t) + λ e(ŷ_t)

    Args:
        predicted: [K] the token ŷ that the model predicts in the place of each of the forest's targets.
        share: λ in [0, 1].
    """

    predicted: Tensor
    share: float


@contextlib.contextmanager
def mixed_embeddings(core: Any, places: Tensor, predicted: Tensor, share: float) -> Iterator[None]:
    """Within this context, the model's input embedding gives mixed embeddings at some places.

    The part of the predictions carries no gradient.

    Args:
        core: the transformers model.
        places: [M] flat positions in its input.
        predicted: [M] the token that is mixed in at each.
        share: λ, its share.

    Example:
        >>> import torch
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = dict(hidden_size=2, intermediate_size=2, num_hidden_layers=1, num_attention_heads=1)
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=2, **sizes))
        >>> table = model.get_input_embeddings()
        >>> _ = table.weight.data.copy_(torch.eye(2))
        >>> with mixed_embeddings(model, torch.tensor([1]), torch.tensor([1]), 0.25):
        ...     table(torch.tensor([[0, 0]])).tolist()
        [[[1.0, 0.0], [0.75, 0.25]]]
    """
    table: nn.Module = core.get_input_embeddings()

    def mix(module: nn.Module, inputs: tuple[Any, ...], given: Tensor) -> Tensor:
        flat = given.reshape(-1, given.shape[-1])
        # `forward` itself, since a call would come back here.
        other = module.forward(predicted).detach()
        mixed = (1 - share) * flat[places] + share * other
        return flat.index_copy(0, places, mixed.to(flat.dtype)).view_as(given)

    handle = table.register_forward_hook(mix)
    try:
        yield
    finally:
        handle.remove()
