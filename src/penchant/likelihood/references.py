"""References: the reference that a policy is held to, and where its numbers come from."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError, TrainingError, nearest
from penchant.forest.build import build_forest, by_prompt
from penchant.forest.layout import Forest, TokenSequence
from penchant.likelihood.cache import ReferenceCache, fingerprint
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.head import Head, ReferenceRows, token_statistics

__all__ = ["Reference", "ReferenceKind", "build_reference"]

ReferenceKind = Literal["initial", "cached", "none"]

Progress = Callable[[int, int], None]


class Reference:
    """No reference at all; the base of the others."""

    kind: str = "none"
    #: Whether policy and reference are the same model at the first step of a run.
    starts_equal: bool = False
    #: The frozen copy of the policy, where the reference has one: online training changes its weights.
    frozen: nn.Module | None = None

    def prepare(self, responses: Sequence[Any], progress: Progress | None = None) -> None:
        """Called once with all responses of the run, while the policy is still the initial model."""

    def score(self, forest: Any, whole: bool = False) -> tuple[Tensor | None, ReferenceRows | None]:
        """Reference log-probabilities of a forest's targets (or of whatever else the scorer lays out).

        Args:
            forest: the batch.
            whole: also give what the vocabulary KL needs.

        Returns:
            [K] log-probabilities in nats without gradient (None without a reference), and the reference's rows.
        """
        raise ConfigurationError(
            "The objective needs a reference, but the reference is 'none'.",
            fix="Choose reference=initial (a frozen copy) or reference=cached (log-probabilities kept on disk).",
        )

    def facts(self) -> dict[str, int]:
        """What a summary says of it."""
        return {}

    def close(self) -> None:
        """Release what the reference holds."""


class InitialReference(Reference):
    """The policy as it was at the start: a frozen copy, or the policy with its adapter switched off.

    Args:
        scorer: the policy, at its initial weights.
    """

    kind = "initial"
    starts_equal = True

    def __init__(self, scorer: CausalScorer) -> None:
        self.policy = scorer
        self.adapter = hasattr(scorer.model, "disable_adapter")
        self.scorer = scorer if self.adapter else self._frozen_copy(scorer)
        self.frozen = None if self.adapter else self.scorer.model

    @staticmethod
    def _frozen_copy(scorer: CausalScorer) -> CausalScorer:
        scorer.close()
        try:
            twin = copy.deepcopy(scorer.model).eval().requires_grad_(False)
        finally:
            scorer.open()
        return CausalScorer(twin, scorer.attention, scorer.chunk_rows)

    def score(self, forest: Forest, whole: bool = False) -> tuple[Tensor | None, ReferenceRows | None]:
        """See `Reference.score`."""
        off = self.scorer.model.disable_adapter() if self.adapter else contextlib.nullcontext()
        with off, torch.no_grad():
            if not whole:
                return self.scorer.score(forest)["logps"], None
            rows = self.scorer.rows(forest)
            logps = token_statistics(rows.hidden, rows.head, forest.target_ids)["logps"]
        return logps, ReferenceRows(rows.hidden, self._switched_off(rows.head)) if self._adapted_head else rows

    @property
    def _adapted_head(self) -> bool:
        """Whether the output head itself has an adapter."""
        output = self.scorer.core.get_output_embeddings()
        return self.adapter and any(type(part).__module__.startswith("peft.") for part in output.modules())

    def _switched_off(self, head: Head) -> Head:
        def plain(hidden: Tensor) -> Tensor:
            # It runs later, chunk by chunk, while the policy's adapter is on.
            with self.scorer.model.disable_adapter():
                return head(hidden)

        return plain

    def close(self) -> None:
        """Give a frozen copy free."""
        if not self.adapter:
            self.scorer.close()


class CachedReference(Reference):
    """Log-probabilities of the initial model, computed once per model and text, kept on disk and shared by all runs.

    No second model is held in memory: what is missing is computed by the policy itself before its first step.

    Args:
        scorer: the policy, at its initial weights.
        folder: where the cache lives.
        precision: ``bfloat16`` or ``float16`` where the run computes under autocast; its values are kept apart.
        tokens: tokens a forward pass while filling.
    """

    kind = "cached"
    starts_equal = True

    def __init__(self, scorer: CausalScorer, folder: Path, precision: str | None = None, tokens: int = 8192) -> None:
        self.scorer = scorer
        self.tokens = tokens
        self.found = self.computed = 0
        self.lowered = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision or "")
        self.initial = InitialReference(scorer) if hasattr(scorer.model, "disable_adapter") else None
        model = fingerprint(scorer.core)
        self.cache = ReferenceCache(folder, model if self.lowered is None else f"{precision}-{model}")

    def prepare(self, responses: Sequence[TokenSequence], progress: Progress | None = None) -> None:
        """Compute what the cache lacks; recheck a few of the values that it has."""
        distinct = list({ReferenceCache.key(sequence): sequence for sequence in responses}.values())
        missing = [sequence for sequence, known in zip(distinct, self.cache.has(distinct), strict=True) if not known]
        self.found, self.computed = len(distinct) - len(missing), len(missing)
        absent = {ReferenceCache.key(sequence) for sequence in missing}
        self._recheck([sequence for sequence in distinct if ReferenceCache.key(sequence) not in absent][:4])
        done = 0
        for batch in self._batches(missing):
            self.cache.put(batch, self._compute(batch))
            done += len(batch)
            if progress is not None:
                progress(done, len(missing))

    def _batches(self, sequences: Sequence[TokenSequence]) -> list[list[TokenSequence]]:
        """Responses to one prompt stay together, so filling shares prompts too."""
        ordered = sorted(sequences, key=lambda sequence: (len(sequence.prompt), tuple(sequence.prompt)))
        batches: list[list[TokenSequence]] = []
        load, last = self.tokens, None
        for sequence in ordered:
            cost = len(sequence.response) + (0 if sequence.prompt == last else len(sequence.prompt))
            if load + cost > self.tokens and sequence.prompt != last:
                batches.append([])
                load = 0
            batches[-1].append(sequence)
            load, last = load + cost, sequence.prompt
        return batches

    def _compute(self, sequences: Sequence[TokenSequence]) -> list[Tensor]:
        device = next(self.scorer.core.parameters()).device
        forest = build_forest(sequences, by_prompt(sequences)).to(device)
        autocast = torch.autocast(device.type, dtype=self.lowered) if self.lowered else contextlib.nullcontext()
        with torch.no_grad(), autocast:
            if self.initial is not None:
                logps, _rows = self.initial.score(forest)
                assert logps is not None
            else:
                logps = self.scorer.score(forest)["logps"]
        spread = forest.per_response(logps).cpu()
        return [row[mask] for row, mask in zip(spread, forest.mask.cpu(), strict=True)]

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
                    f"Cached reference log-probabilities differ by {gap:.3g} nats from a fresh computation.",
                    where=str(self.cache.path),
                    why="They were computed under other conditions, so log-ratios would be wrong.",
                    fix="Delete this file; it will be filled again.",
                )

    def score(self, forest: Forest, whole: bool = False) -> tuple[Tensor | None, ReferenceRows | None]:
        """See `Reference.score`; the cache holds one number a token, so ``whole`` is refused."""
        if whole:
            raise ConfigurationError(
                "The vocabulary KL needs the reference's whole distribution; the cache holds a number a token.",
                fix="Use reference=initial.",
            )
        values = self.cache.get(forest.sequences)
        flat = torch.zeros(len(forest.targets), dtype=torch.float32)
        target_of, mask = forest.target_of.cpu(), forest.mask.cpu()
        for row, value in enumerate(values):
            if value is None:
                raise TrainingError(
                    "A response has no reference log-probabilities in the cache.",
                    where=str(self.cache.path),
                    fix="Call reference.prepare with every sequence of the run before the first step.",
                )
            flat[target_of[row][mask[row]]] = value
        return flat.to(forest.token_ids.device), None

    def facts(self) -> dict[str, int]:
        """How many of the run's distinct responses the cache held already, and how many had to be computed."""
        return {"reference_found": self.found, "reference_computed": self.computed}

    def close(self) -> None:
        """Close the file."""
        self.cache.close()


def build_reference(
    kind: str, scorer: CausalScorer, cache: Path | None = None, precision: str | None = None
) -> Reference:
    """The reference of a run.

    Args:
        kind: ``initial``, ``cached`` or ``none``.
        scorer: the policy, at its initial weights.
        cache: folder of the cache; a folder of the user's where absent.
        precision: ``bfloat16`` or ``float16`` where the run computes under autocast.

    Raises:
        ConfigurationError: an unknown kind.
    """
    if kind not in get_args(ReferenceKind):
        raise ConfigurationError(f"There is no reference {kind!r}.", fix=nearest(kind, get_args(ReferenceKind)))
    if kind == "none":
        return Reference()
    if kind == "initial":
        return InitialReference(scorer)
    from penchant.likelihood.cache import default_folder

    return CachedReference(scorer, cache or default_folder(), precision)
