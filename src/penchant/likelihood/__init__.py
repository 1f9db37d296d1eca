"""Floor 3: how likely a model finds each response."""

from penchant.likelihood.anchors import Anchor, build_anchor
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.loading import load_model
from penchant.likelihood.scoring import score_batch, sequence_logps

__all__ = ["Anchor", "CausalScorer", "build_anchor", "load_model", "score_batch", "sequence_logps"]
