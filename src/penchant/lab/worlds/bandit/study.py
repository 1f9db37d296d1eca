"""The bandit study: two axes, how often samples are drawn anew, and whether bad samples are pushed down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, nearest
from penchant.lab.worlds.bandit.algorithms import ALGORITHMS, Drawn
from penchant.lab.worlds.bandit.world import PEAKS, Bandit, build_bandit

__all__ = ["Arm", "Study", "run_bandit"]


@dataclass(frozen=True)
class Arm:
    """One run.

    Args:
        algorithm: its name.
        every: epochs after which samples are drawn from the policy as it is; 0 for never: from the start policy.
        push: whether bad samples are pushed down.
        reward: expected reward at the end, from 0 to 1.
        start: of the start policy.
        best_before, best_after: mean log-probability of the best action under the start policy and at the end, nats.
    """

    algorithm: str
    every: int
    push: bool
    reward: float
    start: float
    best_before: float
    best_after: float


@dataclass(frozen=True)
class Study:
    """The settings of the study.

    Args:
        peak: ``far`` or ``near``.
        width: of the peak, in actions.
        algorithms: names of `ALGORITHMS`.
        every: epochs between fresh samples, for each column; 0 for never.
        epochs: how often samples are drawn; every arm sees as many.
        samples: in each context and epoch.
        steps: of Adam on the samples of an epoch.
        learning_rate: of Adam, on tables of logits.

    Raises:
        ConfigurationError: there is no such peak or algorithm.
    """

    peak: str = "far"
    width: float = 10.0
    algorithms: tuple[str, ...] = tuple(ALGORITHMS)
    every: tuple[int, ...] = (0, 10, 1)
    epochs: int = 100
    samples: int = 10
    steps: int = 2
    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        for kind, given, known in (("peak", (self.peak,), PEAKS), ("algorithm", self.algorithms, ALGORITHMS)):
            for each in given:
                if each not in known:
                    raise ConfigurationError(f"The bandit has no {kind} {each!r}. {nearest(each, known)}")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def run_bandit(study: Study, seed: int = 0) -> list[Arm]:
    """Run all arms of the study side by side, on the same bandit.

    Args:
        study: its settings.
        seed: of the bandit and of all samples.

    Returns:
        One arm for each algorithm, frequency and sign of the gradient.

    Example:
        >>> small = Study(algorithms=("reinforce",), every=(0, 1), epochs=20)
        >>> [arm.reward > arm.start for arm in run_bandit(small) if arm.every]
        [True, True]
    """
    bandit = build_bandit(seed, peak=study.peak, width=study.width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return [arm for name in study.algorithms for arm in _arms_of(study, bandit, name)]


def _arms_of(study: Study, bandit: Bandit, algorithm: str) -> list[Arm]:
    """The arms of one algorithm: every frequency, without and with a negative gradient."""
    kinds = list(product(study.every, (False, True)))
    start = bandit.reference.expand(len(kinds), -1, -1)
    logits = start.clone().requires_grad_()
    optimizer, sampler = torch.optim.Adam([logits], lr=study.learning_rate), start.clone()
    for epoch in range(study.epochs):
        fresh = [number for number, (every, _push) in enumerate(kinds) if every and epoch % every == 0]
        sampler[fresh] = logits.detach()[fresh].log_softmax(-1)
        actions = _draw(sampler, study.samples)
        for _ in range(study.steps):
            loss = _loss(logits, sampler, bandit, actions, algorithm, [push for _every, push in kinds])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    policy = logits.detach().log_softmax(-1)
    rewards, best = bandit.expected_reward(policy), int(bandit.reward.argmax())
    before = float(bandit.expected_reward(bandit.reference))
    places = [float(table[:, best].mean()) for table in (bandit.reference, *policy)]
    return [
        Arm(algorithm, every, push, float(reward), before, places[0], after)
        for (every, push), reward, after in zip(kinds, rewards, places[1:], strict=True)
    ]


def _draw(table: Tensor, samples: int) -> Tensor:
    """[A, S, N] actions of policies [A, S, K]."""
    return torch.multinomial(table.exp().flatten(0, 1), samples, replacement=True).unflatten(0, table.shape[:2])


def _loss(
    logits: Tensor, sampler: Tensor, bandit: Bandit, actions: Tensor, algorithm: str, push: Sequence[bool]
) -> Tensor:
    """The sum over the arms of the mean over the contexts."""
    policy, reference = logits.log_softmax(-1), bandit.reference
    total = torch.zeros(())
    for number, each in enumerate(push):
        chosen = actions[number]
        drawn = Drawn(
            policy[number].gather(1, chosen),
            sampler[number].gather(1, chosen),
            reference.gather(1, chosen),
            bandit.reward[chosen],
            each,
        )
        total = total + ALGORITHMS[algorithm](drawn).mean()
    return total
