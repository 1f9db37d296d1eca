"""Forests as padded batches of separate sequences.

For models whose layers do not support a forest (state-space, linear attention, ALiBi), and as the reference that the
fast path is compared with.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from penchant.forest.layout import Forest

__all__ = ["padded_inputs"]


def padded_inputs(forest: Forest) -> tuple[dict[str, Any], Tensor]:
    """The forest's sequences as one padded batch.

    Args:
        forest: the batch; its sequences are used, its sharing is not.

    Returns:
        Keyword arguments of the model, [B, N] each; and for each of the K targets, the flat position in that batch of
        an output that predicts it.
    """
    device = forest.token_ids.device
    texts = [[*sequence.prompt, *sequence.response] for sequence in forest.sequences]
    longest = max(len(text) for text in texts)
    # Right padding has no effect in a causal model: no position attends to later ones.
    ids = torch.tensor([text + [0] * (longest - len(text)) for text in texts], device=device)
    lengths = torch.tensor([len(text) for text in texts], device=device)
    attention_mask = (torch.arange(longest, device=device)[None] < lengths[:, None]).long()
    inputs = {"input_ids": ids, "attention_mask": attention_mask, "use_cache": False}
    return inputs, _first_places(forest, longest, device)


def _first_places(forest: Forest, longest: int, device: torch.device) -> Tensor:
    result = torch.zeros(len(forest.targets), dtype=torch.long, device=device)
    places = [
        row * longest + len(sequence.prompt) - 1 + place
        for row, sequence in enumerate(forest.sequences)
        for place in sequence.learned_places
    ]
    result[forest.target_of[forest.mask]] = torch.tensor(places, device=device)
    return result
