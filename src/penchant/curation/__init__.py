"""Floor 5: how feedback is made from feedback."""

from penchant.curation.degradation import degrade
from penchant.curation.instructions import vary_prompts
from penchant.curation.rationales import ask_for_rationales, attach_rationales
from penchant.curation.rejection import rejection_sample, sampled_comparisons
from penchant.curation.reward_augmented import reward_augmented
from penchant.curation.rows import Built
from penchant.curation.sources import source_likelihoods

__all__ = [
    "Built",
    "ask_for_rationales",
    "attach_rationales",
    "degrade",
    "rejection_sample",
    "reward_augmented",
    "sampled_comparisons",
    "source_likelihoods",
    "vary_prompts",
]
