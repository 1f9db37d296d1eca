"""`ScoringForward`, which adds the keyword ``score`` to a model's ``forward``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from penchant.forest.attention import ATTENTION
from penchant.forest.layout import Forest
from penchant.likelihood.head import Rows, Temperature, token_statistics
from penchant.likelihood.inside.reading import Reading
from penchant.likelihood.inside.residual import Residual
from penchant.likelihood.inside.router import Router
from penchant.likelihood.outputs import Outputs, switch_attention
from penchant.objectives.core.token_statistic import TokenStatistic

__all__ = ["ScoreRequest", "ScoringForward", "activation_key"]


@dataclass
class ScoreRequest:
    """The request of one forward pass; wrappers (DDP, FSDP, PEFT) pass it on as one keyword.

    Args:
        forest: the batch.
        stats: statistics in addition to the log-probabilities (see `penchant.likelihood.head`).
        other: rows of another model, for statistics that compare with it.
        reading: which statistics of the K tokens are read; None for all.
        rows_only: return only the rows that predict the targets, and activations.
        hidden: also return these rows.
        ends: also return, for each response, the hidden states at the last token of its prompt and at its own.
        likelihood: compute log-probabilities and statistics; without, the output head is not applied.
        layers: layers whose activations are returned too.
        router: also return the auxiliary loss of a mixture of experts.
        residual: what is mixed into the embeddings of the response tokens.
        temperature: divides the logits.
    """

    forest: Forest
    stats: tuple[str | TokenStatistic, ...] = ()
    other: Rows | None = None
    reading: Reading | None = None
    rows_only: bool = False
    hidden: bool = False
    ends: bool = False
    likelihood: bool = True
    layers: tuple[str, ...] = ()
    router: Router | None = None
    residual: Residual | None = None
    temperature: Temperature = field(default_factory=Temperature)


class ScoringForward:
    """Adds the keyword ``score`` to a model's ``forward``, from construction to `remove`.

    ``forward(score=ScoreRequest(...))`` returns statistics of the response tokens, and a layer's activations under the
    key that `activation_key` gives. Without the keyword the model
    computes as usual, with its own attention, so that generation and saving are unaffected.

    Args:
        outputs: the model.
        attention: ``sequences``, or a backend of the forest's attention.
        chunk_rows: rows of logits per chunk; chosen by size by default.
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
        """Restore the model's own ``forward`` and attention."""
        core = self.outputs.core
        if self._own_forward:
            core.forward = self.outputs.forward
        else:
            core.__dict__.pop("forward", None)
        switch_attention(core, self.former_attention)

    def _wrapped(self, original: Callable[..., Any]) -> Callable[..., Any]:
        # Generation reads the signature to find out which inputs a model takes, so the signature must stay visible.
        @functools.wraps(original)
        def forward(*args: Any, score: ScoreRequest | None = None, **kwargs: Any) -> Any:
            return self._ordinary(*args, **kwargs) if score is None else self._score(score)

        return forward

    def _score(self, asked: ScoreRequest) -> dict[str, Tensor]:
        forest = asked.forest.to(self.outputs.device)
        computed = self.outputs.of(forest, self.attention, asked.router, asked.layers, asked.ends, asked.residual)
        rows = computed.rows
        inside = {activation_key(name): values for name, values in computed.activations.items()}
        if asked.rows_only:
            return {"rows": rows, **inside}
        further = {"hidden": rows if asked.hidden else None, "aux_loss": computed.aux_loss, "ends": computed.ends}
        inside |= {name: value for name, value in further.items() if value is not None}
        if not asked.likelihood:
            return inside
        head = self.outputs.head
        chunk = self.chunk_rows if head is not None else 0
        vocabulary = getattr(self.outputs.core.config.get_text_config(), "vocab_size", None)
        own = asked.temperature.rows(rows, head or identity)
        places = forest.position_ids[forest.targets]
        given = (own, forest.target_ids, asked.stats, asked.other, chunk, vocabulary, places)
        found = token_statistics(*given, reading=asked.reading)
        return found | inside

    def _ordinary(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own ``forward`` with its own attention (which may have soft-capping, sinks or packing)."""
        config = self.outputs.core.config
        if self.attention == "sequences":
            return self.outputs.forward(*args, **kwargs)
        # Both names were validated when first set; assigning them directly avoids a walk over all modules.
        config._attn_implementation = self.former_attention
        try:
            return self.outputs.forward(*args, **kwargs)
        finally:
            config._attn_implementation = ATTENTION


def activation_key(layer: str) -> str:
    """The key of a layer's activations among the results of a forward pass."""
    return f"layer {layer}"


def identity(logits: Tensor) -> Tensor:
    """The output head of rows that are already logits."""
    return logits
