"""`InitialReference`: the initial language model as the reference."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized

from penchant.forest.layout import Forest, TokenSequence
from penchant.likelihood.core import has_adapter
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.head import Head, token_statistics
from penchant.likelihood.masters import keep_stored
from penchant.likelihood.references.reference import Reference, ReferenceScores
from penchant.likelihood.start import StartingState

__all__ = ["InitialReference"]


class InitialReference(Reference[Forest, TokenSequence]):
    """The initial policy: a frozen copy, or the policy with its adapter (or what else it was given) as at the start.

    Args:
        scorer: the policy, at its initial weights.
        precision: number type of the forward pass under autocast, or None.
    """

    kind = "initial"
    starts_equal = True

    def __init__(self, scorer: ForestScorer, precision: str | None = None) -> None:
        adapter, off = has_adapter(scorer.model), scorer.switched_off
        self.shared = adapter or off is not None
        self.scorer = scorer if self.shared else _frozen_copy(scorer, precision)
        self.frozen = None if self.shared else self.scorer.model
        self.at_start = StartingState(scorer.model) if adapter else off or contextlib.nullcontext

    def score(self, laid: Forest, whole: bool = False, layers: Sequence[str] = ()) -> ReferenceScores:
        """See `Reference.score`."""
        with self.at_start(), torch.no_grad():
            if not whole and not layers:
                return ReferenceScores(self.scorer.score(laid)["logps"])
            rows, inside = self.scorer.rows(laid, layers)
            if not whole:
                logps = token_statistics(rows, laid.target_ids)["logps"]
                return ReferenceScores(logps, activations=inside)
        kept = replace(rows, head=self._base_head(rows.head)) if self._adapted_head else rows
        return ReferenceScores(kept.hidden.new_empty(0), kept, inside)

    @property
    def _adapted_head(self) -> bool:
        """Whether the output head itself has an adapter or a changed weight, or is trained beside one."""
        output = self.scorer.core.get_output_embeddings()
        trained = any(weight.requires_grad for weight in output.parameters())
        adapted = any(type(part).__module__.startswith("peft.") for part in output.modules())
        return self.shared and (trained or adapted or is_parametrized(output))

    def _base_head(self, head: Head) -> Head:
        def plain(hidden: Tensor) -> Tensor:
            # Called later, per chunk, when the policy's adapter is as trained.
            with self.at_start(), torch.no_grad():
                return head(hidden)

        return plain

    def close(self) -> None:
        """Release the frozen copy."""
        if not self.shared:
            self.scorer.close()


def _frozen_copy(scorer: ForestScorer, precision: str | None) -> ForestScorer:
    scorer.close()
    try:
        twin = copy.deepcopy(scorer.model).eval().requires_grad_(False)
    finally:
        scorer.open()
    # After the copy is a scorer: its checks run without autocast, where all weights must have one type.
    copied = ForestScorer(twin, scorer.attention, scorer.chunk_rows)
    copied.temperature = scorer.temperature
    keep_stored(twin, precision)
    return copied
