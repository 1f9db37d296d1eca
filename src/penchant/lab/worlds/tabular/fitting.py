"""Training of tabular policies with any objective."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, TypedDict, Unpack

import torch
from torch import Tensor
from torch.optim.adam import adam

from penchant.errors import ConfigurationError
from penchant.lab.worlds.tabular.examples import Examples
from penchant.lab.worlds.tabular.policies import Policy, initial_policy, log_probabilities
from penchant.lab.worlds.tabular.scoring import Scoring, look_up
from penchant.lab.worlds.tabular.world import World
from penchant.objectives import Objective, build

__all__ = ["fit", "fit_each"]


class _Update:
    """A step of Adam or of plain gradient descent.

    PyTorch's functional updates, called without an optimizer object, whose overhead is larger than the rest of a step.
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


class _Lesson(NamedTuple):
    """An objective, its scored examples, and their weights, which sum to 1."""

    method: Objective
    scoring: Scoring
    weight: Tensor

    @classmethod
    def of(
        cls, world: World, objective: Objective | str, examples: Examples, reference: Tensor, previous: Tensor | None
    ) -> _Lesson:
        method = build(objective) if isinstance(objective, str) else objective
        if not method.batch_coupled:
            examples = examples.merged(method.requirements.views + method.requirements.fields)
        if method.requirements.needs.reference_states:
            raise ConfigurationError(
                f"The objective {method.id} needs states of the reference, which this world lacks.",
                fix="Fit it in penchant.lab.worlds.tabular.token_tables.",
            )
        if method.requirements.needs.ends:
            raise ConfigurationError(
                f"The objective {method.id} needs hidden states at the ends of responses, which this world lacks.",
                fix="Fit its heads with penchant.lab.worlds.tabular.heads.fit_head.",
            )
        scoring = Scoring(world, method, examples, reference, previous)
        if scoring.needs.hidden:
            method.double().bind(scoring.hidden_size)
        return cls(method.train(), scoring, examples.weight / examples.weight.sum())


def _train(
    lessons: Sequence[_Lesson],
    start: Policy,
    steps: int,
    optimizer: Literal["adam", "sgd"],
    learning_rate: float,
    watch: Callable[[int, Policy, float], None] | None,
) -> list[Policy]:
    """Train one policy per lesson. Their gradients are independent, so one backward pass and one update serve all."""
    learners = [copy.deepcopy(start) for _ in lessons]
    theta = torch.stack([each.theta.detach() for each in learners]).requires_grad_()
    for learner, part in zip(learners, theta.detach(), strict=True):
        learner.theta = torch.nn.Parameter(part)  # shares memory, so that ``watch`` sees the current parameters
    table = start.start.numel()
    place = torch.cat([each.scoring.place + number * table for number, each in enumerate(lessons)])
    shares = torch.cat([each.scoring.shares for each in lessons])
    sizes = [size for each in lessons for size in each.scoring.sizes]
    weight = torch.cat([each.weight for each in lessons])
    parameters: list[Tensor] = [theta, *(part for each in lessons for part in each.method.parameters())]
    update = _Update(parameters, optimizer, learning_rate)
    for step in range(steps):
        policies = start.at(theta)
        views = look_up(policies, place, shares, sizes)
        losses = [
            each.method(**each.scoring.inputs(policy, views)).values
            for each, policy in zip(lessons, policies.unbind(), strict=True)
        ]
        loss = torch.cat(losses) @ weight
        if watch is not None:
            watch(step, learners[0], loss.item())
        update(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))
    for learner in learners:
        learner.theta = torch.nn.Parameter(learner.theta.detach().clone())
    return learners


class Settings(TypedDict, total=False):
    """The settings of `fit` and `fit_each`; `fit_each` explains them."""

    steps: int
    learning_rate: float
    optimizer: Literal["adam", "sgd"]
    policy: Policy | None
    reference: Policy | Tensor | None
    previous: Policy | Tensor | None
    watch: Callable[[int, Policy, float], None] | None


def fit(world: World, objective: Objective | str, examples: Examples, **settings: Unpack[Settings]) -> Policy:
    """Train a policy with an objective: full batch, weighted mean of the losses.

    Args:
        world: the world of the examples.
        objective: an objective, or an id for its defaults. Its state and parameters are trained too.
        examples: the feedback.
        settings: ``steps``, ``learning_rate``, ``optimizer``, ``policy``, ``reference``, ``previous``, ``watch``: those
            of `fit_each`.

    Returns:
        The trained policy.

    Raises:
        ConfigurationError: the examples lack views or fields that the objective needs.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world, expected_reward, sample_pairs
        >>> world = build_world(Dials(), seed=0)
        >>> trained = fit(world, "dpo", sample_pairs(world, seed=0), steps=100)
        >>> expected_reward(world, trained) > expected_reward(world, world.reference)
        True
    """
    return fit_each(world, {"it": objective}, examples, **settings)["it"]


def fit_each(
    world: World,
    objectives: Mapping[str, Objective | str],
    examples: Examples | Mapping[str, Examples],
    *,
    steps: int = 200,
    learning_rate: float = 0.1,
    optimizer: Literal["adam", "sgd"] = "adam",
    policy: Policy | None = None,
    reference: Policy | Tensor | None = None,
    previous: Policy | Tensor | None = None,
    watch: Callable[[int, Policy, float], None] | None = None,
) -> dict[str, Policy]:
    """Train a policy with each of several objectives in parallel; same results as `fit` for each, but faster.

    Args:
        world: the world of the examples.
        objectives: objectives by arm name, or ids for their defaults.
        examples: the feedback for all arms, or for each by name.
        steps: number of optimizer steps.
        learning_rate: constant learning rate.
        optimizer: ``adam``, or ``sgd`` without momentum.
        policy: initial policy, which is copied; the reference of the world by default.
        reference: reference of all objectives; that of the world by default.
        previous: for objectives that read it, the policy at the start of the round; the reference by default.
        watch: called before each update with the step (from 0), the policy of the first objective, and the sum of the
            mean losses.

    Returns:
        The trained policies by name.

    Raises:
        ConfigurationError: there are no objectives, or examples are missing or lack what an objective needs.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world, sample_pairs
        >>> world = build_world(Dials(), seed=0)
        >>> sorted(fit_each(world, {"one": "dpo", "other": "ipo"}, sample_pairs(world, seed=0), steps=5))
        ['one', 'other']
    """
    start = initial_policy(world) if policy is None else policy
    held_to = log_probabilities(world.reference if reference is None else reference)
    given = dict.fromkeys(objectives, examples) if isinstance(examples, Examples) else examples
    lacking = [name for name in objectives if name not in given]
    if lacking or not objectives:
        raise ConfigurationError(
            f"There are no examples for {lacking[0]!r}." if lacking else "There are no objectives to fit.",
            where="fit_each",
            fix="Give one set of examples for all arms or one per arm, and at least one objective.",
        )
    before = None if previous is None else log_probabilities(previous)
    lessons = [_Lesson.of(world, each, given[name], held_to, before) for name, each in objectives.items()]
    return dict(zip(objectives, _train(lessons, start, steps, optimizer, learning_rate, watch), strict=True))
