"""Data builders: rows of feedback made from records of feedback."""

from penchant.curation.builder import Builder
from penchant.curation.degradation import Degrade, degrade
from penchant.curation.density_ratio import DensityRatio, density_ratio
from penchant.curation.instructions import VaryPrompts, vary_prompts
from penchant.curation.own_samples import OwnSamples
from penchant.curation.rationales import Rationales, ask_for_rationales, attach_rationales
from penchant.curation.registry import BUILDERS
from penchant.curation.rejection import RejectionSampling, rejection_sample, sampled_comparisons
from penchant.curation.reward_augmented import RewardAugmented, reward_augmented
from penchant.curation.rows import Built
from penchant.curation.sources import SourceLikelihoods, source_likelihoods

__all__ = [
    "BUILDERS",
    "Builder",
    "Built",
    "Degrade",
    "DensityRatio",
    "OwnSamples",
    "Rationales",
    "RejectionSampling",
    "RewardAugmented",
    "SourceLikelihoods",
    "VaryPrompts",
    "ask_for_rationales",
    "attach_rationales",
    "degrade",
    "density_ratio",
    "rejection_sample",
    "reward_augmented",
    "sampled_comparisons",
    "source_likelihoods",
    "vary_prompts",
]
