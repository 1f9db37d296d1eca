"""Generalization of explicit and implicit rewards: accuracy on shifted data."""

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

    It is invariant under monotone transformations of the scores and under shifts per prompt; with swapped
    labels it is one minus itself.

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
        raise ConfigurationError("There are no pairs to compute an accuracy from.")
    return float(torch.where(chosen == rejected, 0.5, (chosen > rejected).double()).mean())


@dataclass(frozen=True)
class Generalization:
    """Accuracies of an explicit and an implicit reward on several validation sets.

    Args:
        explicit: accuracy of the reward model, by set.
        implicit: accuracy of the policy's implicit reward, by set.
        in_domain: the set with the distribution of the training data.

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
        """Explicit minus implicit accuracy on each shifted set."""
        return {name: self.explicit[name] - self.implicit[name] for name in self.explicit if name != self.in_domain}

    @property
    def mean_drop(self) -> float:
        """The mean drop over shifted sets; 0 if there are none."""
        return sum(self.drops.values()) / len(self.drops) if self.drops else 0.0

    @property
    def max_drop(self) -> float:
        """The largest drop over shifted sets; 0 if there are none."""
        return max(self.drops.values(), default=0.0)


def compare_rewards(explicit: Mapping[str, Scores], implicit: Mapping[str, Scores], in_domain: str) -> Generalization:
    """Compare explicit and implicit rewards on the same validation sets (Lin et al., 2024).

    Explicit: the scalar head of a reward model. Implicit: h(x, y) = log π(y|x) − log π_ref(y|x); β is irrelevant. For a
    fair comparison both are trained from the same base model on the same data with the same tuning budget.

    Args:
        explicit: [B] scores of chosen and rejected responses, by validation set.
        implicit: the same under the implicit reward.
        in_domain: the name of the set with the distribution of the training data; all others are shifted.

    Raises:
        ConfigurationError: the sets of both differ, or do not include ``in_domain``.

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
            f"There are explicit scores for {sorted(explicit)}, implicit ones for {sorted(implicit)}, and the set like "
            f"the training data should be {in_domain!r}.",
            fix="Score the same sets with both rewards.",
        )
    taken = [{name: pair_accuracy(*each[name]) for name in explicit} for each in (explicit, implicit)]
    return Generalization(taken[0], taken[1], in_domain)
