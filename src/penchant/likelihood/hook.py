"""The keyword ``score`` that a scorer adds to a model's ``forward``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from penchant.forest.attention import ATTENTION
from penchant.forest.layout import Forest
from penchant.likelihood.head import Rows, token_statistics
from penchant.likelihood.outputs import Outputs, switch_attention

__all__ = ["ScoreRequest", "ScoringForward"]


@dataclass
class ScoreRequest:
    """What one forward pass is asked for; travels through wrappers (DDP, FSDP, PEFT) as one keyword.

    Args:
        forest: the batch.
        stats: statistics in addition to the log-probabilities (see `penchant.likelihood.head`).
        other: another model's rows, which ``kl`` is measured against.
        rows_only: give the rows that predict the targets and nothing else.
        hidden: give these rows too.
    """

    forest: Forest
    stats: tuple[str, ...] = ()
    other: Rows | None = None
    rows_only: bool = False
    hidden: bool = False


class ScoringForward:
    """A model's ``forward`` with the keyword ``score``, from construction to `remove`.

    ``forward(score=ScoreRequest(...))`` returns statistics of the response tokens. Without the keyword the model
    computes as usual, under its own attention, so that generation and saving are untouched.

    Args:
        outputs: the model.
        attention: ``sequences``, or a backend of the forest's attention.
        chunk_rows: rows of logits a chunk; chosen by size where absent.
    """

    def __init__(self, outputs: Outputs, attention: str, chunk_rows: int | None = None) -> None:
        core = outputs.core
        self.outputs, self.attention, self.chunk_rows = outputs, attention, chunk_rows
        self.former_attention: str | None = getattr(core.config, "_attn_implementation", None)
        self._own_forward = "forward" in core.__dict__
        core.forward = self._wrapped(outputs.forward)
        if attention != "sequences":
            switch_attention(core, ATTENTION)

    def remove(self) -> None:
        """Give the model its own ``forward`` and attention back."""
        core = self.outputs.core
        if self._own_forward:
            core.forward = self.outputs.forward
        else:
            core.__dict__.pop("forward", None)
        switch_attention(core, self.former_attention)

    def _wrapped(self, original: Callable[..., Any]) -> Callable[..., Any]:
        # What a model takes is read from its signature (by generation: masks and positions), so that stays visible.
        @functools.wraps(original)
        def forward(*args: Any, score: ScoreRequest | None = None, **kwargs: Any) -> Any:
            return self._ordinary(*args, **kwargs) if score is None else self._score(score)

        return forward

    def _score(self, asked: ScoreRequest) -> dict[str, Tensor]:
        forest = asked.forest.to(self.outputs.device)
        rows = self.outputs.of(forest, self.attention)
        if asked.rows_only:
            return {"rows": rows}
        head = self.outputs.head
        chunk = self.chunk_rows if head is not None else 0
        vocabulary = getattr(self.outputs.core.config.get_text_config(), "vocab_size", None)
        own = Rows(rows, head or identity)
        found = token_statistics(own, forest.target_ids, asked.stats, asked.other, chunk, vocabulary)
        return {**found, "hidden": rows} if asked.hidden else found

    def _ordinary(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own forward under its own attention: soft-capping, sinks or packing are its business."""
        config = self.outputs.core.config
        if self.attention == "sequences":
            return self.outputs.forward(*args, **kwargs)
        # Both names have been checked when they were set first; setting them alone costs no walk over all modules.
        config._attn_implementation = self.former_attention
        try:
            return self.outputs.forward(*args, **kwargs)
        finally:
            config._attn_implementation = ATTENTION


def identity(logits: Tensor) -> Tensor:
    """The head of rows that are logits already."""
    return logits
