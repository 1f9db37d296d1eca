"""`CausalScorer`, the scorer of causal language models: batches of token sequences in, `Scored` views out."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from penchant.forest.collate import Batch, collate
from penchant.forest.layout import Forest, TokenSequence
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.references.building import build_reference
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.scoring import score_batch
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored

__all__ = ["CausalScorer"]


class CausalScorer(ForestScorer):
    """The `penchant.likelihood.scorer.Scorer` of causal language models.

    Args and errors are those of `penchant.likelihood.forest_scorer.ForestScorer`.
    """

    unit = "tokens"
    #: Number of tokens per forward pass without gradient.
    measured_at_once = 8192
    collate = staticmethod(collate)

    @property
    def aux_coefficient(self) -> float:
        """Factor of the routers' auxiliary loss in the training loss."""
        return 0.0 if self.router is None else self.router.coefficient

    def facts(self) -> dict[str, str]:
        """Facts about the likelihood for the run summary."""
        return {"attention": self.attention}

    def reference(
        self, kind: str, cache: Path | None = None, precision: str | None = None
    ) -> Reference[Forest, TokenSequence]:
        """A reference of the given kind, from the current model; see `build_reference`."""
        return build_reference(kind, self, cache, precision)

    def score_batch(
        self, batch: Batch, reference: Reference[Forest, TokenSequence], needs: Needs, module: nn.Module | None = None
    ) -> dict[str, Scored]:
        """Score every view of a batch; see `penchant.likelihood.scoring.score_batch`."""
        return score_batch(self, batch, reference, needs, module)
