"""Tree PO on the trajectories of a tree against DPO on pairs of single steps and of whole trajectories."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.step_trees import Trees, scored, share_of_right, trained
from penchant.objectives import Objective, build

__all__ = ["StepPairs"]

PROMPTS, DEPTH, OPTIONS, BRANCHES = 6, 3, 6, 2


class StepPairs(Claim):
    """A policy over three steps of six options each; trees branch twice at every step, and leaves have noisy values."""

    id = "tpo-tree-step-pairs"
    paper = "arXiv:2410.12854"
    sentence = (
        "From the values of the leaves of 40 trees of three steps, Tree PO gets more steps right than DPO on the best "
        "against the worst trajectory of each tree, and than DPO on pairs of sibling steps."
    )
    methods = ("tpo-tree",)
    baselines = ("dpo",)
    seeds = range(5)
    world = "six prompts with three steps of six options, one of them right, as a table of logits"
    quantity = "share of right steps under the trained policy"
    contrasts = (
        Contrast("tpo-tree", "dpo, trajectories", smallest=0.03),
        Contrast("tpo-tree", "dpo, step pairs", smallest=0.03),
    )
    remark = (
        "A leaf's value is its share of right steps from −1 to 1, plus an error of 0.4. A step's value is the mean of "
        "the leaves below it. Hidden states are fixed random vectors of the options, so that step weights carry no "
        "knowledge; uniform ones are shown for comparison. β = 0.5 of Tree PO (per token), 0.1 and 0.2 of DPO on "
        "trajectories and steps are the best of four on the tuning seeds."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """40 trees of eight leaves, 100 steps of Adam."""
        generator = torch.Generator().manual_seed(seed)
        right = torch.randint(OPTIONS, (PROMPTS, DEPTH), generator=generator)
        reference = torch.randn(PROMPTS, DEPTH, OPTIONS, generator=generator, dtype=torch.float64).log_softmax(-1)
        states = torch.randn(OPTIONS, 8, generator=generator, dtype=torch.float64)
        trees = grown(right, reference, generator, count=40)
        tree, whole, single = build("tpo-tree", beta=0.5), build("dpo", beta=0.1), build("dpo", beta=0.2)
        losses: dict[str, Callable[[Tensor], Tensor]] = {
            "tpo-tree": lambda policy: of_lists(tree, trees, policy, reference, states),
            "tpo-tree, uniform": lambda policy: of_lists(
                build("tpo-tree", beta=0.5, step_weights="uniform"), trees, policy, reference, states
            ),
            "dpo, trajectories": lambda policy: of_trajectories(whole, trees, policy, reference),
            "dpo, step pairs": lambda policy: of_siblings(single, trees, policy, reference),
        }
        found = {"reference": share_of_right(reference, right)}
        return found | {arm: share_of_right(trained(loss, reference), right) for arm, loss in losses.items()}


def grown(right: Tensor, reference: Tensor, generator: torch.Generator, count: int) -> Trees:
    """Trees whose siblings are different options, drawn from the reference."""
    prompts, options = [], []
    for _ in range(count):
        prompt = int(torch.randint(PROMPTS, (1,), generator=generator))
        paths: list[list[int]] = [[]]
        for step in range(DEPTH):
            chance = reference[prompt, step].exp()
            drawn = [torch.multinomial(chance, BRANCHES, generator=generator).tolist() for _ in paths]
            paths = [[*path, each] for path, several in zip(paths, drawn, strict=True) for each in several]
        prompts.append(prompt)
        options.append(paths)
    asked, chosen = torch.tensor(prompts), torch.tensor(options)
    share = (chosen == right[asked].unsqueeze(1)).double().mean(-1)
    noise = torch.randn(share.shape, generator=generator, dtype=torch.float64)
    return Trees(asked, chosen, 2 * share - 1 + 0.4 * noise)


def of_lists(objective: Objective, trees: Trees, policy: Tensor, reference: Tensor, states: Tensor) -> Tensor:
    """The loss of all leaves of each tree."""
    count, leaves, depth = trees.options.shape
    view = scored(policy, reference, trees.prompt.repeat_interleave(leaves), trees.options.flatten(0, 1))
    view.group, view.hidden = torch.arange(count).repeat_interleave(leaves), states[trees.options.flatten(0, 1)]
    steps = torch.arange(1, depth + 1).expand(count * leaves, -1)
    return objective(responses=view, scores=trees.values.flatten(), step_index=steps).values.mean()


def of_trajectories(objective: Objective, trees: Trees, policy: Tensor, reference: Tensor) -> Tensor:
    """The loss of the best against the worst leaf of each tree."""
    rows = torch.arange(len(trees.prompt))
    best, worst = (trees.options[rows, place] for place in (trees.values.argmax(-1), trees.values.argmin(-1)))
    sides = {"chosen": best, "rejected": worst}
    views = {name: scored(policy, reference, trees.prompt, each) for name, each in sides.items()}
    return objective(**views).values.mean()


def of_siblings(objective: Objective, trees: Trees, policy: Tensor, reference: Tensor) -> Tensor:
    """The loss of each pair of siblings, the one whose leaves have the higher mean value preferred."""
    losses = []
    for step, node in ((depth, node) for depth in range(DEPTH) for node in range(BRANCHES**depth)):
        width = BRANCHES ** (DEPTH - step - 1)
        begin = node * 2 * width
        first, second = slice(begin, begin + width), slice(begin + width, begin + 2 * width)
        leads = trees.values[:, first].mean(-1) > trees.values[:, second].mean(-1)
        pair = trees.options[:, [begin, begin + width], step]
        chosen, rejected = (torch.where(leads == each, pair[:, 0], pair[:, 1]).unsqueeze(1) for each in (True, False))
        sides = {"chosen": chosen, "rejected": rejected}
        views = {name: scored(policy, reference, trees.prompt, each, step) for name, each in sides.items()}
        losses.append(objective(**views).values)
    return torch.cat(losses).mean()
