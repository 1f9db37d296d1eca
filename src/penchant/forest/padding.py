"""`padded`, a forest whose row is filled up to a multiple with tokens that no sequence has."""

from __future__ import annotations

import dataclasses

import torch

from penchant.forest.layout import Forest, Segment

__all__ = ["padded"]


def padded(forest: Forest, multiple: int) -> Forest:
    """The forest with ghost tokens at its end, so that its N is a multiple of ``multiple``.

    The ghosts are one further tree: they attend to each other alone, no other token attends to them, and no target is
    among them. So log-probabilities and gradients are those of the forest without them.

    Args:
        forest: a batch.
        multiple: of which N is to be one.

    Returns:
        The forest itself if it needs no ghosts. ``sequences`` and all [R, T] arrays are the same.

    Example:
        >>> from penchant.forest import TokenSequence, build_forest
        >>> row = padded(build_forest([TokenSequence([5, 6], [7])]), 8)
        >>> row.tokens, row.segments[-1], row.subtree_end.tolist()
        (8, Segment(start=3, stop=8, ancestors=()), [3, 3, 3, 8, 8, 8, 8, 8])
    """
    ghosts = -forest.tokens % multiple
    if not ghosts:
        return forest
    start, stop = forest.tokens, forest.tokens + ghosts
    zeros = forest.token_ids.new_zeros(ghosts)
    chain = torch.arange(start - 1, stop - 1, device=zeros.device)
    chain[0] = -1
    twin = dataclasses.replace(
        forest,
        token_ids=torch.cat([forest.token_ids, zeros]),
        # All at depth 0: rotary embeddings that depend on the longest sequence stay as they are.
        position_ids=torch.cat([forest.position_ids, zeros]),
        parent=torch.cat([forest.parent, chain]),
        subtree_end=torch.cat([forest.subtree_end, zeros + stop]),
        segments=(*forest.segments, Segment(start, stop, ())),
    )
    for name in ("targets", "predict_from", "target_ids", "target_of"):
        twin.__dict__[name] = getattr(forest, name)
    return twin
