"""The study of what makes learning from preferences work: data, algorithm, reward model, prompts; one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from penchant.lab.worlds.chains.learning import Plan, learn
from penchant.lab.worlds.chains.world import Chains, Sampled, build_chains, fit_pairs, fit_reward, sample_pairs
from penchant.objectives import build
from penchant.statistics import Interval, mean_interval

__all__ = ["FACTORS", "Factor", "Setting", "effects", "measure_settings"]

#: Prompts of the world, and how many of them are the domain that counts.
_PROMPTS, _DOMAIN = 8, 4


@dataclass(frozen=True)
class Setting:
    """One way to train.

    Args:
        flips: share of wrong labels in the pairs.
        algorithm: ``dpo``, or ``ppo`` with a reward model that is fitted to pairs.
        pairs: pairs of the data; DPO and the reward model of PPO are fitted to them.
        in_domain: whether PPO samples on the prompts of the domain alone, at equal rollouts.
    """

    flips: float = 0.3
    algorithm: str = "dpo"
    pairs: int = 600
    in_domain: bool = False


@dataclass(frozen=True)
class Factor:
    """A factor, and the two settings that differ in it alone."""

    name: str
    base: Setting
    variant: Setting


_PPO = Setting(flips=0.1, algorithm="ppo")
#: The factors of the study.
FACTORS = (
    Factor("better data (dpo): 30 % to 10 % wrong labels", Setting(), Setting(flips=0.1)),
    Factor("better data (ppo): 30 % to 10 % wrong labels", Setting(algorithm="ppo"), _PPO),
    Factor("algorithm: dpo to ppo, worse data", Setting(), Setting(algorithm="ppo")),
    Factor("algorithm: dpo to ppo, better data", Setting(flips=0.1), _PPO),
    Factor("reward model: four times the pairs", _PPO, Setting(0.1, "ppo", pairs=2400)),
    Factor("prompts: all to those of the domain", _PPO, Setting(0.1, "ppo", in_domain=True)),
)


def measure_settings(seed: int, factors: Sequence[Factor] = FACTORS) -> dict[Setting, float]:
    """The expected share of right steps on the prompts of the domain, for every setting of the factors.

    All settings of a seed share world, pairs and draws.

    Args:
        seed: of the world and of all draws.
        factors: whose settings are measured.
    """
    world = build_chains(seed, prompts=_PROMPTS)
    settings = dict.fromkeys(each for factor in factors for each in (factor.base, factor.variant))
    return {each: _domain(world).expected_steps(_trained(world, each, seed)[:_DOMAIN]) for each in settings}


def _domain(world: Chains) -> Chains:
    return Chains(world.reference[:_DOMAIN], world.right[:_DOMAIN])


def _trained(world: Chains, setting: Setting, seed: int) -> Tensor:
    """The policy table [X, T, 2, V]; in the domain's prompts alone, [X', ...]."""
    pairs = sample_pairs(world, setting.pairs, seed, flips=setting.flips)
    if setting.algorithm == "dpo":
        return fit_pairs(world, build("dpo", beta=0.1), pairs)
    reward = fit_reward(world, pairs, decay=0.05)
    samples, where = (16, world) if not setting.in_domain else (16 * _PROMPTS // _DOMAIN, _domain(world))

    def score(sampled: Sampled) -> Tensor:
        return sampled.chosen(reward).sum(-1)

    plan = Plan(rounds=25, samples=samples, learning_rate=0.1, steps=2, kl_coef=0.1)
    return learn(where, build("ppo"), plan, seed, score=score)[-1]


def effects(
    measured: Sequence[Mapping[Setting, float]], factors: Sequence[Factor] = FACTORS
) -> list[tuple[Factor, float, float, Interval]]:
    """What each factor changes, the largest effect first.

    Args:
        measured: the settings of at least two seeds.
        factors: whose settings were measured.

    Returns:
        Each factor with the means of base and variant, and the mean difference with its 95 % interval.
    """
    rows = []
    for factor in factors:
        sides = [[each[side] for each in measured] for side in (factor.base, factor.variant)]
        apart = [after - before for before, after in zip(*sides, strict=True)]
        means = [sum(side) / len(side) for side in sides]
        rows.append((factor, means[0], means[1], mean_interval(apart)))
    return sorted(rows, key=lambda row: -row[3].value)
