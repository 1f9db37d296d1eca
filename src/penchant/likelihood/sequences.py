"""Forests as padded batches of separate sequences.

For models whose layers do not support a forest (state-space, linear attention, ALiBi), and as the reference that the
fast path is compared with.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from penchant.forest.layout import Forest

__all__ = ["padded_inputs", "response_places"]


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
    return inputs, _first_places(forest)


def response_places(forest: Forest) -> Tensor:
    """The flat position of each learned response token in that batch, in the order of ``forest.mask``.

    Args:
        forest: the batch.

    Example:
        >>> from penchant.forest import TokenSequence, build_forest
        >>> response_places(build_forest([TokenSequence([4], [5, 2]), TokenSequence([4], [5])])).tolist()
        [1, 2, 4]
    """
    longest = max(len(sequence.prompt) + len(sequence.response) for sequence in forest.sequences)
    places = [
        row * longest + len(sequence.prompt) + place
        for row, sequence in enumerate(forest.sequences)
        for place in sequence.learned_places
    ]
    return torch.tensor(places, dtype=torch.long, device=forest.token_ids.device)


def _first_places(forest: Forest) -> Tensor:
    result = torch.zeros(len(forest.targets), dtype=torch.long, device=forest.token_ids.device)
    result[forest.target_of[forest.mask]] = response_places(forest) - 1
    return result
