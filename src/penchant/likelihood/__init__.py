"""Log-probabilities of responses under policy and reference: scorers, references and their caches."""

from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.denoising import DenoisingScorer
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.loading import load_model
from penchant.likelihood.logps import sequence_logps, token_logps
from penchant.likelihood.noise import NoiseSchedule, schedule_of
from penchant.likelihood.references.building import build_reference
from penchant.likelihood.references.none import NoReference
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.scorer import Scorer
from penchant.likelihood.scoring import score_batch

__all__ = [
    "CausalScorer",
    "DenoisingScorer",
    "DenoisingSettings",
    "NoReference",
    "NoiseSchedule",
    "Reference",
    "Scorer",
    "build_reference",
    "load_model",
    "schedule_of",
    "score_batch",
    "sequence_logps",
    "token_logps",
]
