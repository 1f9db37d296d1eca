"""`CachedReference`: log-probabilities of the initial language model, cached on disk."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from penchant.errors import TrainingError
from penchant.forest.layout import Forest, TokenSequence
from penchant.likelihood.cache import ReferenceCache, fingerprint
from penchant.likelihood.core import device_of
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.logps import response_logps
from penchant.likelihood.references.none import refuse_whole
from penchant.likelihood.references.reference import Progress, Reference, ReferenceScores
from penchant.likelihood.references.sharing import in_shares, true_for_all

__all__ = ["CachedReference"]


class CachedReference(Reference[Forest, TokenSequence]):
    """Log-probabilities of the initial model, computed once per model and text, cached on disk and shared by all runs.

    No second model is needed in memory: the policy computes missing values before its first step.

    Args:
        scorer: the policy, at its initial weights.
        folder: folder of the cache.
        precision: ``bfloat16`` or ``float16`` if the run uses autocast; these values are cached separately.
        tokens: tokens per forward pass while filling the cache.
    """

    kind = "cached"
    starts_equal = True
    needs_preparation = True

    def __init__(self, scorer: ForestScorer, folder: Path, precision: str | None = None, tokens: int = 8192) -> None:
        self.scorer = scorer
        self.tokens = tokens
        self.found = self.computed = 0
        self.lowered = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision or "")
        model = fingerprint(scorer.core)
        self.printed = model
        self.cache = ReferenceCache(folder, model if self.lowered is None else f"{precision}-{model}")

    def prepare(self, responses: Sequence[TokenSequence], progress: Progress | None = None) -> None:
        """Compute missing values, and verify a few of the existing ones."""
        distinct = list({ReferenceCache.key(sequence): sequence for sequence in responses}.values())
        known = true_for_all(self.cache.has(distinct))
        missing = [sequence for sequence, there in zip(distinct, known, strict=True) if not there]
        self.found, self.computed = len(distinct) - len(missing), len(missing)
        self._recheck([sequence for sequence, there in zip(distinct, known, strict=True) if there][:4])
        done = 0
        for shares in in_shares(_batches(missing, self.tokens), self._compute):
            for batch, values in shares:
                self.cache.put(batch, values)
                done += len(batch)
            if progress is not None:
                progress(done, len(missing))

    def _compute(self, sequences: Sequence[TokenSequence]) -> list[Tensor]:
        device = device_of(self.scorer.core)
        autocast = torch.autocast(device.type, dtype=self.lowered) if self.lowered else contextlib.nullcontext()
        with autocast:
            return response_logps(self.scorer, sequences)

    def _recheck(self, sequences: Sequence[TokenSequence]) -> None:
        if not sequences:
            return
        dtype = next(self.scorer.core.parameters()).dtype
        tolerance = 1e-3 if dtype == torch.float32 and self.lowered is None else 0.25
        for kept, fresh in zip(self.cache.get(sequences), self._compute(sequences), strict=True):
            assert kept is not None
            gap = (kept - fresh).abs().max().item() if kept.shape == fresh.shape else math.inf
            if not gap <= tolerance * max(1.0, fresh.abs().max().item()):
                raise TrainingError(
                    f"Cached reference log-probabilities differ by {gap:.3g} nats from newly computed ones.",
                    where=str(self.cache.path),
                    why="They were computed under other conditions, so log-ratios would be wrong.",
                    fix="Delete this file; the next run creates it again.",
                )

    def score(self, laid: Forest, whole: bool = False, layers: Sequence[str] = ()) -> ReferenceScores:
        """See `Reference.score`; the cache has one number per token, so ``whole`` and ``layers`` raise an error."""
        if whole:
            refuse_whole("The KL over the vocabulary needs the full distribution of the reference")
        if layers:
            refuse_whole("The objective needs the reference's activations")
        values = self.cache.get(laid.sequences)
        flat = torch.zeros(len(laid.targets), dtype=torch.float32)
        target_of, mask = laid.target_of.cpu(), laid.mask.cpu()
        for row, value in enumerate(values):
            if value is None:
                raise TrainingError(
                    "A response has no reference log-probabilities in the cache.",
                    where=str(self.cache.path),
                    fix="Call reference.prepare with every sequence of the run before the first step.",
                )
            flat[target_of[row][mask[row]]] = value
        return ReferenceScores(flat.to(laid.token_ids.device))

    def facts(self) -> dict[str, int]:
        """Number of the run's distinct responses found in the cache, and number of those computed."""
        return {"reference_found": self.found, "reference_computed": self.computed}

    def close(self) -> None:
        """Close the file."""
        self.cache.close()


def _batches(sequences: Sequence[TokenSequence], tokens: int) -> list[list[TokenSequence]]:
    """Batches of about ``tokens`` tokens; responses to one prompt stay in one batch and share it."""
    ordered = sorted(sequences, key=lambda sequence: (len(sequence.prompt), tuple(sequence.prompt)))
    batches: list[list[TokenSequence]] = []
    load, last = tokens, None
    for sequence in ordered:
        cost = len(sequence.response) + (0 if sequence.prompt == last else len(sequence.prompt))
        if load + cost > tokens and sequence.prompt != last:
            batches.append([])
            load = 0
        batches[-1].append(sequence)
        load, last = load + cost, sequence.prompt
    return batches
