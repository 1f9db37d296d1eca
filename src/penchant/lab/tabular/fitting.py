"""Fitting a policy of a tabular world to feedback with any objective."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.optim.adam import adam

from penchant.lab.tabular.examples import Examples
from penchant.lab.tabular.policies import Policy, initial_policy, log_probabilities
from penchant.lab.tabular.scoring import Scoring
from penchant.lab.tabular.world import World
from penchant.objectives import Objective, build

__all__ = ["fit"]


class _Update:
    """A step of Adam or of plain gradient descent.

    PyTorch's own update functions, called without the optimizer object around them: its bookkeeping takes longer than
    all else that a step of a table does.
    """

    def __init__(self, parameters: list[Tensor], kind: Literal["adam", "sgd"], learning_rate: float) -> None:
        self.parameters, self.kind, self.learning_rate = parameters, kind, learning_rate
        self.means = [torch.zeros_like(each) for each in parameters]
        self.squares = [torch.zeros_like(each) for each in parameters]
        self.steps = [torch.zeros(()) for _ in parameters]

    @torch.no_grad()
    def __call__(self, gradients: Sequence[Tensor]) -> None:
        if self.kind == "sgd":
            for each, gradient in zip(self.parameters, gradients, strict=True):
                each.add_(gradient, alpha=-self.learning_rate)
            return
        adam(
            self.parameters,
            list(gradients),
            self.means,
            self.squares,
            [],
            self.steps,
            foreach=False,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )


def fit(
    world: World,
    objective: Objective | str,
    examples: Examples,
    *,
    steps: int = 200,
    learning_rate: float = 0.1,
    optimizer: Literal["adam", "sgd"] = "adam",
    policy: Policy | None = None,
    reference: Policy | Tensor | None = None,
    watch: Callable[[int, Policy, float], None] | None = None,
) -> Policy:
    """Train a policy with an objective: full batch, mean of the losses weighted by the examples' weights.

    Args:
        world: where the examples live.
        objective: an objective, or its id for its defaults. Its own state and parameters are trained along.
        examples: the feedback.
        steps: of the optimizer.
        learning_rate: constant.
        optimizer: ``adam``, or ``sgd`` without momentum.
        policy: where to start; the world's reference by default. It is copied.
        reference: what the objective's reference is; the world's by default.
        watch: called before each step's update with step (from 0), policy and mean loss.

    Returns:
        The trained policy.

    Raises:
        ConfigurationError: the examples lack what the objective asks for.

    Example:
        >>> from penchant.lab.tabular import Dials, build_world, expected_reward, sample_pairs
        >>> world = build_world(Dials(), seed=0)
        >>> trained = fit(world, "dpo", sample_pairs(world, seed=0))
        >>> expected_reward(world, trained) > expected_reward(world, world.reference)
        True
    """
    method = build(objective) if isinstance(objective, str) else objective
    learner = initial_policy(world) if policy is None else copy.deepcopy(policy)
    if not method.coupled:
        examples = examples.merged(method.requirements.views + method.requirements.fields)
    scoring = Scoring(world, method, examples, log_probabilities(world.reference if reference is None else reference))
    if scoring.needs.hidden:
        method.double().bind(scoring.hidden_size)
    weight = examples.weight / examples.weight.sum()
    parameters: list[Tensor] = [*learner.parameters(), *method.parameters()]
    update = _Update(parameters, optimizer, learning_rate)
    method.train()
    for step in range(steps):
        loss = method(**scoring(learner())).values @ weight
        if watch is not None:
            watch(step, learner, loss.item())
        update(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))
    return learner
