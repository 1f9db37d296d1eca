"""The second pass of temporal residuals: embeddings of response tokens mixed with the model's own predictions."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from penchant.likelihood.inside.hashing import GOLDEN, scrambled, signed
from penchant.objectives.core.mixing import Mixing
from penchant.objectives.core.token_statistic import TokenStatistic

__all__ = ["Residual", "mixed_embeddings", "prediction"]


def greedy(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """The most likely token at each position; whole numbers below 2²⁴ are exact in float32."""
    return log_probs.argmax(-1).float()


def ranked(log_probs: Tensor, ids: Tensor, reference: Tensor | None, rank: int) -> Tensor:
    """The token of a rank at each position, 1 for the likeliest."""
    return log_probs.topk(min(rank, log_probs.shape[-1]), dim=-1).indices[..., -1].float()


def sampled(
    log_probs: Tensor, ids: Tensor, reference: Tensor | None, temperature: float, start: int, places: Tensor
) -> Tensor:
    """A token of the distribution at each position, by the largest of log-probability / temperature + Gumbel noise.

    The noise is a hash of the start, the position, the token that stands there and the token that may be drawn, so a
    step is the same whole and in parts.
    """
    rows = scrambled(scrambled(places.to(torch.int32) ^ signed(start)) ^ ids.to(torch.int32))
    columns = torch.arange(log_probs.shape[-1], dtype=torch.int32, device=ids.device) * GOLDEN
    uniform = (scrambled(rows[:, None] ^ columns).float() + 2.0**31) / 2.0**32
    gumbel = -(-uniform.clamp(1e-9, 1 - 1e-7).log()).log()
    return (log_probs / temperature + gumbel).argmax(-1).float()


def prediction(mixing: Mixing, step: int | None) -> TokenStatistic:
    """What the first pass measures: the token ŷ in the place of each target.

    Args:
        mixing: which token.
        step: of training; None in a measurement.
    """
    if mixing.predicted == "ranked":
        return TokenStatistic(ranked, (("rank", mixing.rank),), constant=True)
    if mixing.predicted == "sampled":
        start = zlib.crc32(f"{mixing.seed}:{step}".encode())
        own = (("temperature", mixing.temperature), ("start", start))
        return TokenStatistic(sampled, own, constant=True, placed=True)
    return TokenStatistic(greedy, constant=True)


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
