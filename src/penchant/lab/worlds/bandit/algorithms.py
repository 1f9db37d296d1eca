"""The algorithms of the bandit study as losses of a batch of samples, with and without a negative gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from penchant.objectives import Scored, build
from penchant.objectives.functional.numerics import log1mexp

__all__ = ["ALGORITHMS", "Drawn", "Loss"]

#: Weight of advantages in advantage-weighted regression, and its largest weight.
_TEMPERATURE, _LARGEST = 0.1, 20.0


@dataclass(frozen=True)
class Drawn:
    """The samples of R contexts, N each.

    Args:
        logp: [R, N] under the policy, with gradient.
        old: [R, N] under the policy that sampled.
        reference: [R, N] under the start policy.
        reward: [R, N].
        push: whether what is bad is pushed down.
    """

    logp: Tensor
    old: Tensor
    reference: Tensor
    reward: Tensor
    push: bool

    def at(self, place: Tensor) -> tuple[Tensor, Tensor]:
        """log π and log π_ref, [R, 1], of one sample of each context."""
        rows = place.unsqueeze(1)
        return self.logp.gather(1, rows), self.reference.gather(1, rows)


#: The loss [R] of samples.
Loss = Callable[[Drawn], Tensor]


def _one(logp: Tensor, reference: Tensor | None = None) -> Scored:
    return Scored(logp, reference, torch.ones_like(logp, dtype=torch.bool))


def _paired(name: str, beta: float) -> Loss:
    """The best sample against the worst; without negative gradient, the rejected one is held."""
    objective = build(name, beta=beta)

    def loss(drawn: Drawn) -> Tensor:
        best, worst = drawn.reward.argmax(-1), drawn.reward.argmin(-1)
        (chosen, chosen_before), (rejected, rejected_before) = drawn.at(best), drawn.at(worst)
        rejected = rejected if drawn.push else rejected.detach()
        values = objective(chosen=_one(chosen, chosen_before), rejected=_one(rejected, rejected_before)).values
        return torch.where(best == worst, 0.0, values)  # all samples are one action

    return loss


def _gradient(name: str, reused: bool) -> Loss:
    """A policy gradient; without negative gradient, advantages below 0 count as 0."""
    objective = build(name)

    def loss(drawn: Drawn) -> Tensor:
        count, samples = drawn.reward.shape
        advantage = drawn.reward - drawn.reward.mean(-1, keepdim=True)
        advantage = advantage / (advantage.square().mean(-1, keepdim=True).sqrt() + 1e-6)
        advantage = advantage if drawn.push else advantage.clamp(min=0)
        view = replace(_one(drawn.logp.reshape(-1, 1)), group=torch.arange(count).repeat_interleave(samples))
        former = {"old_policy": drawn.old.reshape(-1, 1)} if reused else {}
        return objective(responses=view, advantage=advantage.flatten(), **former).values

    return loss


def _weighted(weights: Callable[[Tensor], Tensor]) -> Loss:
    """Weighted likelihood; the negative gradient is the unlikelihood of the worst sample."""

    def loss(drawn: Drawn) -> Tensor:
        values = -(weights(drawn.reward) * drawn.logp).mean(-1)
        if not drawn.push:
            return values
        worst = drawn.at(drawn.reward.argmin(-1))[0].squeeze(1)
        return values - log1mexp(worst.clamp(max=-1e-6))

    return loss


def _advantage_weights(reward: Tensor) -> Tensor:
    return ((reward - reward.mean(-1, keepdim=True)) / _TEMPERATURE).exp().clamp(max=_LARGEST)


def _best(reward: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(reward.argmax(-1), reward.shape[-1]).to(reward.dtype)


#: The algorithms by name.
ALGORITHMS: Mapping[str, Loss] = {
    "dpo": _paired("dpo", 0.01),
    "ipo": _paired("ipo", 0.01),
    "reinforce": _gradient("rloo", reused=False),
    "ppo": _gradient("grpo", reused=True),
    "awr": _weighted(_advantage_weights),
    "best-of-n": _weighted(_best),
}
