"""Forgetting in the facts world, step by step: which people are forgotten is drawn, and any strategy may take part."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn

from penchant.feedback.records import Source
from penchant.forest.example import Example
from penchant.forest.layout import TokenSequence
from penchant.forest.supply import Supply
from penchant.lab.worlds.facts.world import FactsWorld
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.logps import sequence_logps
from penchant.likelihood.references.none import NoReference
from penchant.objectives import build
from penchant.rendering.renderer import Renderer
from penchant.training.parameters.strategy import Start, build_strategy

__all__ = ["Forgetting", "Loss"]

#: NLL per token of the forgotten and of the kept answers, in another wording, minus that before, nats.
Loss = tuple[float, float]


@dataclass(frozen=True)
class Forgetting:
    """Facts about people drawn from all that the base model knows, to forget, and those of the others.

    Args:
        world: the world.
        seed: draws the people and the order of examples.
        people: how many of them are forgotten.
    """

    world: FactsWorld
    seed: int
    people: int = 6

    def facts(self, wording: int = 0) -> dict[str, list[TokenSequence]]:
        """Tokens of the facts, ``forget`` and ``retain``.

        Args:
            wording: of questions and answers, 0 or 1.
        """
        return _facts(self.world, self.seed, self.people, wording)

    def loss(self, policy: nn.Module | CausalScorer) -> Loss:
        """NLL per token in the other wording, nats."""
        parts = self.facts(1)
        values = []
        for name in ("forget", "retain"):
            rows = parts[name]
            logps = sequence_logps(policy, [each.prompt for each in rows], [each.response for each in rows])
            values.append(-sum(logps) / sum(each.length for each in rows))
        return values[0], values[1]

    def unlearn(
        self,
        objective: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        policy: Any = None,
        rate: float = 5e-4,
        optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
        until: float = 1.0,
        steps: int = 60,
        every: int = 1,
        **hyper: float,
    ) -> tuple[Any, list[Loss]]:
        """Unlearn in steps of twelve facts of each kind, until the forgotten answers have lost enough.

        Args:
            objective: an expression over the views ``forget`` and ``retain``.
            parameters: which weights move, as in a recipe.
            policy: the model, changed in place; by default the base model.
            rate: learning rate.
            optimizer: its class.
            until: increase of the forgotten answers' NLL per token after which it ends, nats.
            steps: at most.
            every: steps between measurements.
            hyper: hyper-parameters of the objective.

        Returns:
            The model, and its change of loss at each measurement.
        """
        policy = self.world.policy() if policy is None else policy
        start, track = self.loss(policy), []
        for step, scorer in enumerate(self._steps(build(objective, **hyper), parameters, policy, rate, optimizer), 1):
            if step % every == 0 or step == steps:
                now = self.loss(scorer)
                track.append((now[0] - start[0], now[1] - start[1]))
            if step == steps or (track and track[-1][0] >= until):
                scorer.close()
                return policy, track
        raise AssertionError("the loop has no end of its own")

    def relearn(self, policy: Any, *, facts: int = 6, steps: int = 10, rate: float = 5e-4) -> list[float]:
        """Train all weights on some of the forgotten facts; directions of projections stay.

        Args:
            policy: changed in place.
            facts: how many forgotten facts are trained on, in their first wording.
            steps: number of steps.
            rate: learning rate of AdamW.

        Returns:
            NLL per token of all forgotten answers in another wording before and after each step, nats.
        """
        policy.requires_grad_(True)
        for name, each in policy.named_parameters():
            each.requires_grad_(".projection." not in name)
        rows = random.Random(self.seed).sample(self.facts()["forget"], facts)
        made = torch.optim.AdamW([each for each in policy.parameters() if each.requires_grad], lr=rate)
        examples = [Example({"chosen": [row]}, {}, 1.0, Source()) for row in rows]
        scorer = CausalScorer(policy)
        found = [self.loss(scorer)[0]]
        for _ in range(steps):
            _step(scorer, build("nll"), examples, made, NoReference(), lambda: None)
            found.append(self.loss(scorer)[0])
        scorer.close()
        return found

    def _steps(
        self,
        objective: Any,
        parameters: Mapping[str, Any] | None,
        policy: Any,
        rate: float,
        optimizer: type[torch.optim.Optimizer],
    ) -> Iterator[CausalScorer]:
        """The model's scorer after each step, without end."""
        parts = {
            view: [Example({view: [row]}, {}, 1.0, Source()) for row in rows] for view, rows in self.facts().items()
        }
        strategy = build_strategy(parameters)
        scorer = CausalScorer(policy)
        needed = objective.requirements.needs.reference
        reference = scorer.reference("initial" if needed else "none")
        if strategy is not None:
            supply = Supply(parts["forget"], {"retain": parts["retain"]})
            strategy.prepare(Start(scorer, supply, objective, 12, 1, nullcontext, self.seed))
        trained = [each for each in policy.parameters() if each.requires_grad]
        made = optimizer(trained, lr=rate)  # type: ignore[call-arg]
        if strategy is not None:
            made.register_step_post_hook(lambda *_given: strategy.after_step())
        rng = random.Random(self.seed)
        while True:
            drawn = {view: rng.sample(rows, 12) for view, rows in parts.items()}
            examples = [
                Example({**forget.views, **retain.views}, {}, 1.0, Source())
                for forget, retain in zip(drawn["forget"], drawn["retain"], strict=True)
            ]
            masked = strategy.after_backward if strategy is not None else lambda: None
            _step(scorer, objective, examples, made, reference, masked)
            yield scorer


@cache
def _facts(world: FactsWorld, seed: int, people: int, wording: int) -> dict[str, list[TokenSequence]]:
    known = [*world.records("forget", wording, wording), *world.records("retain", wording, wording)]
    gone = set(random.Random(seed).sample(sorted({each["person"] for each in known}), people))
    renderer = Renderer(world.tokenizer())
    found: dict[str, list[TokenSequence]] = {"forget": [], "retain": []}
    for each in known:
        response = renderer.response_ids(each["prompt"], each["completion"])
        sequence = TokenSequence(renderer.prompt_ids(each["prompt"]), response)
        found["forget" if each["person"] in gone else "retain"].append(sequence)
    return found


def _step(
    scorer: CausalScorer,
    objective: Any,
    examples: list[Example],
    made: torch.optim.Optimizer,
    reference: Any,
    masked: Callable[[], None],
) -> None:
    """One step, with gradients clipped to the norm 1."""
    batch = scorer.collate(examples)
    views = scorer.score_batch(batch, reference, objective.requirements.needs)
    wanted = {name: view for name, view in views.items() if name in objective.requirements.views}
    made.zero_grad()
    objective.compute(wanted).values.mean().backward()
    masked()
    nn.utils.clip_grad_norm_([each for group in made.param_groups for each in group["params"]], 1.0)
    made.step()
