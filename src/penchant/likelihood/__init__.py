"""Floor 3: how likely a model finds each response."""

from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.denoising import DenoisingScorer, DenoisingSettings
from penchant.likelihood.loading import load_model
from penchant.likelihood.noise import NoiseSchedule, schedule_of
from penchant.likelihood.references import Reference, build_reference
from penchant.likelihood.scorer import Scorer
from penchant.likelihood.scoring import score_batch, sequence_logps

__all__ = [
    "CausalScorer",
    "DenoisingScorer",
    "DenoisingSettings",
    "NoiseSchedule",
    "Reference",
    "Scorer",
    "build_reference",
    "load_model",
    "schedule_of",
    "score_batch",
    "sequence_logps",
]
