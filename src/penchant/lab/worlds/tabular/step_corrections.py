"""Wrong solutions of several steps with corrections of their first wrong step, under a table of logits."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.step_trees import scored
from penchant.objectives import Objective, Scored

__all__ = ["Corrected", "of_steps", "of_wholes", "pairs", "solved", "wrong_solutions"]

PROMPTS, DEPTH, OPTIONS = 8, 6, 5
WRONG, SAMPLES = 60, 8


class Corrected(NamedTuple):
    """Wrong solutions with right ones: of pair i the first ``depth[i]`` steps are the same, and the next is wrong."""

    prompt: Tensor
    right: Tensor
    wrong: Tensor
    depth: Tensor


def wrong_solutions(right: Tensor, reference: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Prompts, solutions of the reference that are wrong, and the number of right steps with which they begin."""
    prompt = torch.randint(PROMPTS, (20 * WRONG,), generator=generator)
    drawn = sampled(reference, prompt, 1, generator)[:, 0]
    agreed = (drawn == right[prompt]).long().cumprod(-1).sum(-1)
    kept = (agreed < DEPTH).nonzero().flatten()[:WRONG]
    return prompt[kept], drawn[kept], agreed[kept]


def pairs(
    right: Tensor, reference: Tensor, prompt: Tensor, wrong: Tensor, depth: Tensor, generator: torch.Generator
) -> Corrected:
    """Each wrong solution with every right one among the samples that go on after its first ``depth`` steps."""
    drawn = sampled(reference, prompt, SAMPLES, generator)
    begun = torch.arange(DEPTH) < depth[:, None]
    drawn = torch.where(begun[:, None], wrong[:, None], drawn)
    row, sample = (drawn == right[prompt][:, None]).all(-1).nonzero(as_tuple=True)
    return Corrected(prompt[row], drawn[row, sample], wrong[row], depth[row])


def sampled(reference: Tensor, prompt: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """[R, count, steps] options of the reference."""
    chances = reference[prompt].exp().flatten(0, 1)
    return torch.multinomial(chances, count, True, generator=generator).unflatten(0, (-1, DEPTH)).transpose(1, 2)


def of_steps(objective: Objective, given: Corrected, policy: Tensor, reference: Tensor) -> Tensor:
    """The mean loss of the first wrong steps against their corrections."""
    rows = torch.arange(len(given.prompt))
    views = {}
    for name, solutions in (("chosen", given.right), ("rejected", given.wrong)):
        place = (given.prompt, given.depth, solutions[rows, given.depth])
        own, other = policy[place][:, None], reference[place][:, None]
        views[name] = Scored(own, other, torch.ones_like(own) > 0)
    return objective(**views).values.mean()


def of_wholes(objective: Objective, given: Corrected, policy: Tensor, reference: Tensor) -> Tensor:
    """The mean loss of the wrong solutions against the right ones."""
    sides = {"chosen": given.right, "rejected": given.wrong}
    views = {name: scored(policy, reference, given.prompt, each) for name, each in sides.items()}
    return objective(**views).values.mean()


def solved(policy: Tensor, right: Tensor) -> float:
    """The mean probability that all steps are right."""
    return float(policy.gather(-1, right[..., None]).squeeze(-1).sum(-1).exp().mean())
