"""Chains of steps that must all be right: where a start rarely succeeds, and where single steps earn credit."""

from penchant.lab.worlds.chains.learning import Plan, Round, learn
from penchant.lab.worlds.chains.world import Chains, Sampled, build_chains, fit_pairs, fit_reward, sample_pairs

__all__ = [
    "Chains",
    "Plan",
    "Round",
    "Sampled",
    "build_chains",
    "fit_pairs",
    "fit_reward",
    "learn",
    "sample_pairs",
]
