"""Log-probabilities of responses under policy and reference: scorers, references and their caches.

Names are imported on first use, so that a recipe is read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.lazy import load

if TYPE_CHECKING:
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

_HOMES = {
    "CausalScorer": "penchant.likelihood.causal",
    "DenoisingScorer": "penchant.likelihood.denoising",
    "DenoisingSettings": "penchant.likelihood.denoising_settings",
    "NoReference": "penchant.likelihood.references.none",
    "NoiseSchedule": "penchant.likelihood.noise",
    "Reference": "penchant.likelihood.references.reference",
    "Scorer": "penchant.likelihood.scorer",
    "build_reference": "penchant.likelihood.references.building",
    "load_model": "penchant.likelihood.loading",
    "schedule_of": "penchant.likelihood.noise",
    "score_batch": "penchant.likelihood.scoring",
    "sequence_logps": "penchant.likelihood.logps",
    "token_logps": "penchant.likelihood.logps",
}


def __getattr__(name: str) -> Any:
    return load(__name__, name, __all__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
