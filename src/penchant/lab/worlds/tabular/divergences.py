"""Policies of f-DPO with several divergences, and reverse-KL policies at the same true reward."""

from __future__ import annotations

from torch import Tensor

from penchant.lab.worlds.tabular.exact import expected_reward, policy_of_reward
from penchant.lab.worlds.tabular.feedback import all_pairs
from penchant.lab.worlds.tabular.fitting import fit_each
from penchant.lab.worlds.tabular.policies import log_probabilities
from penchant.lab.worlds.tabular.world import World
from penchant.objectives import build

__all__ = ["at_equal_reward"]


def at_equal_reward(world: World) -> dict[str, Tensor]:
    """Train f-DPO on all pairs with their true probabilities, so that only the divergence matters.

    Args:
        world: a world with reward.

    Returns:
        [X, K] log-probabilities: ``js`` (β = 0.5) and ``forward KL`` (β = 0.3), and for each of them
        ``reverse KL at the reward of …``, the policy closest to the reference among those with that reward.
    """
    methods = {
        "js": build("f-dpo", beta=0.5, divergence="js"),
        "forward KL": build("f-dpo", beta=0.3, divergence="forward_kl"),
    }
    found = {}
    for name, policy in fit_each(world, methods, all_pairs(world), steps=200).items():
        found[name] = log_probabilities(policy)
        found[f"reverse KL at the reward of {name}"] = policy_of_reward(world, expected_reward(world, policy))
    return found
