"""Floor 3: how likely a model finds each response."""

from penchant.likelihood.anchors import Anchor, build_anchor
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.denoising import DenoisingScorer, DenoisingSettings
from penchant.likelihood.loading import load_model
from penchant.likelihood.noise import NoiseSchedule, schedule_of
from penchant.likelihood.scorer import Scorer
from penchant.likelihood.scoring import score_batch, sequence_logps

__all__ = [
    "Anchor",
    "CausalScorer",
    "DenoisingScorer",
    "DenoisingSettings",
    "NoiseSchedule",
    "Scorer",
    "build_anchor",
    "load_model",
    "schedule_of",
    "score_batch",
    "sequence_logps",
]
