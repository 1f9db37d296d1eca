"""The tabular world: finite prompts and responses, known rewards and preferences, exact expectations."""

from penchant.lab.worlds.tabular.checked import checked_world, length_of_wrong, unscaled_group
from penchant.lab.worlds.tabular.dials import Dials
from penchant.lab.worlds.tabular.exact import (
    divergence,
    expected_reward,
    exploitability,
    nash_policy,
    optimal_policy,
    policy_of_reward,
    ranked_rightly,
    ranking_accuracy,
    regularised_value,
    suboptimality,
    win_rate,
)
from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.feedback import (
    all_pairs,
    pair_examples,
    sample_demonstrations,
    sample_judgements,
    sample_lists,
    sample_pairs,
)
from penchant.lab.worlds.tabular.fitting import fit, fit_each
from penchant.lab.worlds.tabular.lists import best_against_worst
from penchant.lab.worlds.tabular.noise import NOISE_KINDS, noisy_lists
from penchant.lab.worlds.tabular.pairings import PAIRINGS, Samples, grouped
from penchant.lab.worlds.tabular.picked import best_two, likelihood_change, moves_of_one_step, similar_pairs
from penchant.lab.worlds.tabular.policies import Policy, initial_policy, log_probabilities
from penchant.lab.worlds.tabular.ratings import rated_pairs
from penchant.lab.worlds.tabular.resampled import resampled_pairs
from penchant.lab.worlds.tabular.rounds import Rounds, run_rounds
from penchant.lab.worlds.tabular.scoring import Scoring
from penchant.lab.worlds.tabular.thumbs import cut_pairs, divided_judgements, some_pairs
from penchant.lab.worlds.tabular.wanted import best_probability, sample_wanted
from penchant.lab.worlds.tabular.world import World, build_world

__all__ = [
    "NOISE_KINDS",
    "PAIRINGS",
    "Dials",
    "Examples",
    "Policy",
    "Rounds",
    "Rows",
    "Samples",
    "Scoring",
    "World",
    "all_pairs",
    "best_against_worst",
    "best_probability",
    "best_two",
    "build_world",
    "checked_world",
    "cut_pairs",
    "divergence",
    "divided_judgements",
    "expected_reward",
    "exploitability",
    "fit",
    "fit_each",
    "grouped",
    "initial_policy",
    "length_of_wrong",
    "likelihood_change",
    "log_probabilities",
    "moves_of_one_step",
    "nash_policy",
    "noisy_lists",
    "optimal_policy",
    "pair_examples",
    "policy_of_reward",
    "ranked_rightly",
    "ranking_accuracy",
    "rated_pairs",
    "regularised_value",
    "resampled_pairs",
    "run_rounds",
    "sample_demonstrations",
    "sample_judgements",
    "sample_lists",
    "sample_pairs",
    "sample_wanted",
    "similar_pairs",
    "some_pairs",
    "suboptimality",
    "unscaled_group",
    "win_rate",
]
