"""Explicit against implicit rewards: which of the two still ranks pairs right when the data shift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.errors import ConfigurationError

__all__ = ["Generalization", "compare_rewards", "pair_accuracy"]

Scores = tuple[Tensor, Tensor]


def pair_accuracy(chosen: Tensor, rejected: Tensor) -> float:
    """Share of pairs whose chosen response scores higher; a tie counts half.

    accuracy = mean of 1[s(x, y_w) > s(x, y_l)] + ½ 1[s(x, y_w) = s(x, y_l)]

    It does not change under a monotone transformation of the scores, nor when each prompt shifts its own; with the
    labels swapped it is one minus itself.

    Args:
        chosen: [B] scores of chosen responses, in any unit.
        rejected: [B] scores of rejected ones.

    Raises:
        ConfigurationError: there is no pair.

    Example:
        >>> pair_accuracy(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]))
        0.75
    """
    if chosen.numel() == 0:
        raise ConfigurationError("There is no pair to take an accuracy of.")
    return float(torch.where(chosen == rejected, 0.5, (chosen > rejected).double()).mean())


@dataclass(frozen=True)
class Generalization:
    """Accuracies of an explicit and an implicit reward on several validation sets.

    Args:
        explicit: accuracy of the reward model, by set.
        implicit: accuracy of the policy's implicit reward, by set.
        in_domain: the set that is like the training data.

    Example:
        >>> found = Generalization({"own": 0.8, "other": 0.7}, {"own": 0.8, "other": 0.6}, "own")
        >>> round(found.mean_drop, 6), round(found.max_drop, 6)
        (0.1, 0.1)
    """

    explicit: Mapping[str, float]
    implicit: Mapping[str, float]
    in_domain: str

    @property
    def drops(self) -> dict[str, float]:
        """For each shifted set how much the implicit reward falls behind: explicit minus implicit accuracy."""
        return {name: self.explicit[name] - self.implicit[name] for name in self.explicit if name != self.in_domain}

    @property
    def mean_drop(self) -> float:
        """The mean over shifted sets; 0 where there is none."""
        return sum(self.drops.values()) / len(self.drops) if self.drops else 0.0

    @property
    def max_drop(self) -> float:
        """The largest over shifted sets; 0 where there is none."""
        return max(self.drops.values(), default=0.0)


def compare_rewards(explicit: Mapping[str, Scores], implicit: Mapping[str, Scores], in_domain: str) -> Generalization:
    """The protocol of Lin et al. (2024): the same validation sets, scored by both kinds of reward.

    Explicit: the scalar head of a reward model. Implicit: h(x, y) = log π(y|x) − log π_ref(y|x); β is irrelevant. For a
    fair comparison both are trained from the same base, on the same data, with the same budget for tuning.

    Args:
        explicit: [B] scores of chosen and rejected responses, by validation set.
        implicit: the same under the implicit reward.
        in_domain: the name of the set that is like the training data; all others are shifted.

    Raises:
        ConfigurationError: the two do not have the same sets, or of the set ``in_domain``.

    Example:
        >>> scores = {"own": (torch.tensor([1.0]), torch.tensor([0.0]))}
        >>> compare_rewards(scores, scores, "own").explicit
        {'own': 1.0}

    Reference:
        Lin et al. (2024), On the Limited Generalization Capability of the Implicit Reward Model Induced by Direct
        Preference Optimization, arXiv:2409.03650.
    """
    if set(explicit) != set(implicit) or in_domain not in explicit:
        raise ConfigurationError(
            f"Explicit scores are of {sorted(explicit)}, implicit ones of {sorted(implicit)}, and {in_domain!r} is "
            "to be the set like the training data.",
            fix="Score the same sets in both ways.",
        )
    taken = [{name: pair_accuracy(*each[name]) for name in explicit} for each in (explicit, implicit)]
    return Generalization(taken[0], taken[1], in_domain)
