"""`Forest`, a batch of token sequences in one flat row in which shared prefixes occur once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Forest", "Segment", "TokenSequence"]


class TokenSequence(NamedTuple):
    """One prompt and one response as token ids; the response ends with its end token.

    Attributes:
        prompt: the context before the response.
        response: all tokens after the prompt.
        learned: for each response token, whether the policy wrote it; the others (tool output, turn headers, user
            turns) are context, as the prompt is. None if the policy wrote all.

    Example:
        >>> TokenSequence([5], [6, 7, 8], (True, False, True)).learned_ids
        [6, 8]
    """

    prompt: Sequence[int]
    response: Sequence[int]
    learned: tuple[bool, ...] | None = None

    @property
    def learned_places(self) -> list[int]:
        """Positions in the response of the tokens that are learned, ascending."""
        if self.learned is None:
            return list(range(len(self.response)))
        return [place for place, wanted in enumerate(self.learned) if wanted]

    @property
    def learned_ids(self) -> list[int]:
        """The response tokens that are learned: the targets of likelihoods, lengths and metrics."""
        return [self.response[place] for place in self.learned_places]

    @property
    def length(self) -> int:
        """Number of learned tokens."""
        return len(self.response) if self.learned is None else sum(self.learned)


class Segment(NamedTuple):
    """A maximal run of tokens without branching: flat range ``start:stop`` and its ancestor segments, root first."""

    start: int
    stop: int
    ancestors: tuple[int, ...]

    @property
    def length(self) -> int:
        """Number of tokens in the segment."""
        return self.stop - self.start


@dataclass(frozen=True)
class Forest:
    """Token segments of R sequences, laid out depth-first in one row of N tokens.

    Token i may attend to token j exactly if ``j <= i < subtree_end[j]``; in depth-first order this means that j is in
    an ancestor segment of i, or not after i in the same segment.

    Args:
        token_ids: [N] token ids.
        position_ids: [N] depth of each token in its own sequence.
        parent: [N] flat index of the preceding token in its sequence, -1 at a root.
        subtree_end: [N] one past the last token of the subtree of the token's segment.
        response_index: [R, T] flat index of each learned response token; 0 where ``mask`` is False. T counts learned
            tokens only, so context inside a response is in no sum, mean or length.
        mask: [R, T] True for learned response tokens, False for padding.
        segments: the segments in flat order.
        sequence_tokens: number of tokens of the R sequences without sharing.
        max_context: length of the longest sequence in tokens.
        sequences: the R sequences, for models that cannot process a forest.
    """

    token_ids: Tensor
    position_ids: Tensor
    parent: Tensor
    subtree_end: Tensor
    response_index: Tensor
    mask: Tensor
    segments: tuple[Segment, ...]
    sequence_tokens: int
    max_context: int
    sequences: tuple[TokenSequence, ...] = field(repr=False)

    @property
    def tokens(self) -> int:
        """N, the number of tokens that are computed."""
        return self.token_ids.shape[0]

    @property
    def saved(self) -> float:
        """Fraction of tokens, in [0, 1), that sharing saves."""
        return 1.0 - self.tokens / self.sequence_tokens if self.sequence_tokens else 0.0

    @cached_property
    def targets(self) -> Tensor:
        """[K] flat indices of the distinct learned response tokens, ascending."""
        return torch.unique(self.response_index[self.mask])

    @cached_property
    def predict_from(self) -> Tensor:
        """[K] flat index of the token whose output predicts each target."""
        return self.parent[self.targets]

    @cached_property
    def target_ids(self) -> Tensor:
        """[K] the token ids of the targets."""
        return self.token_ids[self.targets]

    @cached_property
    def target_of(self) -> Tensor:
        """[R, T] for each learned response token, its index in ``targets``; 0 where masked."""
        return torch.searchsorted(self.targets, self.response_index).clamp_(max=max(len(self.targets) - 1, 0))

    @property
    def edges(self) -> Tensor:
        """[R, 2] the indices in ``targets`` of the first and of the last learned token of each response."""
        last = self.mask.sum(-1, keepdim=True) - 1
        return torch.cat([self.target_of[:, :1], self.target_of.gather(1, last.clamp(min=0))], dim=1)

    def per_response(self, values: Tensor) -> Tensor:
        """Expand values of the K targets to the [R, T] response tokens (0 where masked)."""
        return torch.where(self.mask, values[self.target_of], values.new_zeros(()))

    def may_attend(self, window: int | None = None) -> Tensor:
        """The attention rule as a dense [N, N] boolean mask: the reference implementation for tests.

        Args:
            window: if given, tokens attend only to tokens fewer than ``window`` positions before them in the sequence.
        """
        index = torch.arange(self.tokens, device=self.token_ids.device)
        seen = (index[None, :] <= index[:, None]) & (index[:, None] < self.subtree_end[None, :])
        if window is not None:
            seen &= self.position_ids[:, None] - self.position_ids[None, :] < window
        return seen

    def to(self, device: torch.device | str) -> Forest:
        """The same forest with its arrays on another device."""
        if self.token_ids.device == torch.device(device):
            return self
        moved = {
            name: getattr(self, name).to(device, non_blocking=True)
            for name in ("token_ids", "position_ids", "parent", "subtree_end", "response_index", "mask")
        }
        plain = {name: getattr(self, name) for name in ("segments", "sequence_tokens", "max_context", "sequences")}
        twin = Forest(**moved, **plain)
        for name in ("targets", "predict_from", "target_ids", "target_of"):
            # Computed on the original device, so that a GPU does not wait for a sort.
            twin.__dict__[name] = getattr(self, name).to(device, non_blocking=True)
        return twin
