"""Log-probabilities of a forest's response tokens under a causal language model."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ModelError
from penchant.forest.attention import ATTENTION, AttentionPlan, Backend, register_attention
from penchant.forest.collate import Batch, collate
from penchant.forest.layout import Forest
from penchant.likelihood.dropout import without_dropout
from penchant.likelihood.head import Head, ReferenceRows, token_statistics
from penchant.likelihood.sequences import sequence_rows
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored

__all__ = ["CausalScorer", "ScoreRequest", "core_model"]

log = logging.getLogger("penchant")


@dataclass
class ScoreRequest:
    """What one forward pass is asked for; travels through wrappers (DDP, FSDP, PEFT) as one keyword."""

    forest: Forest
    stats: tuple[str, ...] = ()
    reference: ReferenceRows | None = None
    rows_only: bool = False
    hidden: bool = False


def core_model(model: Any) -> Any:
    """The causal language model inside adapters and wrappers."""
    while True:
        if hasattr(model, "module") and isinstance(model.module, nn.Module) and not hasattr(model, "config"):
            model = model.module
        elif type(model).__module__.startswith("peft.") and hasattr(model, "get_base_model"):
            model = model.get_base_model()
        else:
            return model


class CausalScorer:
    """Scores forests with a causal language model of transformers, unmodified.

    The model's ``forward`` additionally understands one keyword, ``score=ScoreRequest(...)``, and returns the
    statistics of the response tokens; without it the model behaves as ever, so generation and saving are untouched.
    `close` takes the addition away again.

    Args:
        model: a causal language model, or one wrapped by PEFT.
        attention: ``segments`` (CPU), ``flex`` (GPU), ``dense`` (slow and plain), ``sequences`` (no sharing: every
            response a sequence of its own), or None to choose by device and by a short test of the model.
        chunk_rows: rows of logits a chunk; chosen by size where absent.

    Raises:
        ModelError: the model has no output layer over a vocabulary.

    Reference: DESIGN of the forest in ``docs/architecture.md``.
    """

    unit = "tokens"
    #: Tokens of a forward pass without gradient.
    measured_at_once = 8192
    collate = staticmethod(collate)

    def __init__(self, model: nn.Module, attention: Backend | str | None = None, chunk_rows: int | None = None) -> None:
        from penchant.likelihood.support import choose_attention, plain_head

        self.model: Any = model
        self.core = core_model(model)
        self.chunk_rows = chunk_rows
        if getattr(self.core, "get_output_embeddings", lambda: None)() is None:
            raise ModelError(
                f"{type(self.core).__name__} has no output layer over a vocabulary.",
                why="Log-probabilities of tokens need one.",
                fix="Load the model as a causal language model.",
            )
        configurations = getattr(model, "peft_config", {})
        if any(getattr(each, "is_prompt_learning", False) for each in configurations.values()):
            raise ModelError(
                f"{type(model).__name__} puts learned tokens before every prompt, which a forest has no place for.",
                fix="Use an adapter in the layers, such as LoRA.",
            )
        self.original_forward = self.core.forward
        self.original_attention = getattr(self.core.config, "_attn_implementation", None)
        self.head: Head | None = None
        self.attention: str = "sequences"
        self._opened = False
        self.open()
        try:
            self.head = plain_head(self)
            self.attention, self.reason = choose_attention(self, attention)
        except BaseException:
            self.close()
            raise
        if attention is None and self.attention == "sequences":
            log.warning("%s Training uses ordinary sequences instead, with the same results.", self.reason)

    def open(self) -> None:
        """Add the scoring keyword to the model's ``forward``, and switch dropout off."""
        if self._opened:
            return
        self._opened = True
        self._own_forward = "forward" in self.core.__dict__
        self.original_forward = self.core.forward

        # What a model takes is read from its signature (by generation: masks and positions), so that stays visible.
        @functools.wraps(self.original_forward)
        def forward(*args: Any, **kwargs: Any) -> Any:
            return self._forward(*args, **kwargs)

        self.core.forward = forward
        self._restore_dropout = without_dropout(self.model)
        if self.attention != "sequences":
            self.use_attention(ATTENTION)

    def close(self) -> None:
        """Give the model back as it was."""
        if not self._opened:
            return
        self._opened = False
        self._restore_dropout()
        if self._own_forward:
            self.core.forward = self.original_forward
        else:
            self.core.__dict__.pop("forward", None)
        self.use_attention(self.original_attention)

    def use_attention(self, name: str | None) -> None:
        """Switch the attention implementation of the model's layers."""
        if name is not None and getattr(self.core.config, "_attn_implementation", None) != name:
            if name == ATTENTION:
                register_attention()
            self.core.set_attn_implementation(name)

    def facts(self) -> dict[str, str]:
        """What a summary says of the likelihood."""
        return {"attention": self.attention}

    def reference(self, kind: str, cache: Path | None = None, precision: str | None = None) -> Any:
        """The reference; see `penchant.likelihood.references.build_reference`."""
        from penchant.likelihood.references import build_reference  # references build on this file

        return build_reference(kind, self, cache, precision)

    def score_batch(
        self, batch: Batch, reference: Any, needs: Needs, module: nn.Module | None = None
    ) -> dict[str, Scored]:
        """Every view of a batch; see `penchant.likelihood.scoring.score_batch`."""
        from penchant.likelihood.scoring import score_batch  # scoring builds on this file

        return score_batch(self, batch, reference, needs, module)

    def score(
        self,
        forest: Forest,
        stats: Iterable[str] = (),
        reference: ReferenceRows | None = None,
        module: nn.Module | None = None,
        hidden: bool = False,
    ) -> dict[str, Tensor]:
        """Statistics of the forest's K distinct response tokens.

        Args:
            forest: the batch.
            stats: which further statistics (see `penchant.likelihood.head`).
            reference: the reference's rows, for the vocabulary KL.
            module: the wrapped model (DDP, FSDP) to call through; the model itself where absent.
            hidden: give ``hidden`` too, [K, D] what the output head reads to predict each token.

        Returns:
            ``logps`` and each statistic, [K] float32, in the order of ``forest.targets``.

        Raises:
            ModelError: hidden states are asked for, and the model's output head cannot be told apart.
        """
        if hidden and self.head is None:
            raise ModelError(
                f"The objective reads hidden states, and those of {type(self.core).__name__} cannot be told from its "
                "logits.",
                fix="Choose an objective without a head on hidden states, or a model whose last step is its output "
                "layer.",
            )
        return (module or self.model)(score=ScoreRequest(forest, tuple(stats), reference, hidden=hidden))

    @property
    def hidden_size(self) -> int:
        """D, how many numbers the output head reads for each token."""
        output = self.core.get_output_embeddings()
        return int(getattr(output, "in_features", None) or output.weight.shape[-1])

    def rows(self, forest: Forest) -> ReferenceRows:
        """Hidden states that predict the response tokens, with the head that reads them (no gradient)."""
        with torch.no_grad():
            hidden = self.model(score=ScoreRequest(forest, rows_only=True))["rows"]
        return ReferenceRows(hidden, self.head or _identity)

    def _forward(self, *args: Any, score: ScoreRequest | None = None, **kwargs: Any) -> Any:
        if score is None:
            return self._ordinary(*args, **kwargs)
        forest = score.forest.to(next(self.core.parameters()).device)
        hidden = self.hidden_rows(forest)
        if score.rows_only:
            return {"rows": hidden}
        chunk = self.chunk_rows if self.head is not None else 0
        vocabulary = getattr(self.core.config.get_text_config(), "vocab_size", None)
        found = token_statistics(
            hidden, self.head or _identity, forest.target_ids, score.stats, score.reference, chunk, vocabulary
        )
        return {**found, "hidden": hidden} if score.hidden else found

    def _ordinary(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own forward under its own attention: soft-capping, sinks or packing are its business."""
        config = self.core.config
        if self.attention == "sequences":
            return self.original_forward(*args, **kwargs)
        # Both names have been checked when they were set first; setting them alone costs no walk over all modules.
        config._attn_implementation = self.original_attention
        try:
            return self.original_forward(*args, **kwargs)
        finally:
            config._attn_implementation = ATTENTION

    def hidden_rows(self, forest: Forest) -> Tensor:
        """[K, D] hidden states (or [K, V] logits where the head cannot be told apart) that predict the targets."""
        if self.attention == "sequences":
            return sequence_rows(self, forest)
        return self.forest_rows(AttentionPlan(forest, self.attention))  # type: ignore[arg-type]

    def forest_rows(self, plan: AttentionPlan) -> Tensor:
        """The same, always through the forest's attention."""
        forest = plan.forest
        inputs = {
            "input_ids": forest.token_ids[None],
            "position_ids": forest.position_ids[None],
            # Any ready 4-D mask is handed through unchanged; the rule itself travels in ``forest``.
            "attention_mask": forest.token_ids.new_ones((1, 1, 1, 1), dtype=torch.bool),
            "use_cache": False,
            "forest": plan,
        }
        return self.outputs_at(inputs, forest.predict_from)

    def outputs_at(self, inputs: dict[str, Any], rows: Tensor) -> Tensor:
        """Hidden states (or logits) of a [1, N] or [B, N] input at flat positions ``rows``."""
        if self.head is not None:
            hidden = self.core.base_model(**inputs)[0]
            return hidden.reshape(-1, hidden.shape[-1])[rows]
        logits = self.original_forward(**inputs).logits
        return logits.reshape(-1, logits.shape[-1])[rows]


def _identity(hidden: Tensor) -> Tensor:
    return hidden
