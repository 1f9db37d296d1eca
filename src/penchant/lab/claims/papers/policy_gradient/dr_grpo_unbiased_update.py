"""Which way the updates of GRPO and Dr. GRPO point."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import cosine_similarity

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    PAIRINGS,
    Dials,
    Rounds,
    World,
    checked_world,
    log_probabilities,
    run_rounds,
    unscaled_group,
)
from penchant.lab.worlds.tabular.pairings import Pairing
from penchant.objectives import Objective, build

__all__ = ["AlongTheGradient"]


class AlongTheGradient(Claim):
    """The mean update of either against the gradient of the expected reward, which is known."""

    id = "dr-grpo-unbiased-update"
    paper = "arXiv:2503.20783"
    sentence = (
        "Where answers differ in length and prompts in difficulty, Dr. GRPO's update points along the gradient of the "
        "expected reward, and GRPO's, divided by the length of each answer and the deviation of each group, does less."
    )
    methods = ("dr-grpo",)
    baselines = ("grpo",)
    world = Dials(prompts=8, responses=12, shortest=2, longest=12)
    quantity = "cosine between the update and the gradient of the expected reward"
    contrasts = (
        Contrast("dr-grpo", "grpo", smallest=0.1),
        Contrast("dr-grpo", 0.95, smallest=0.02),
    )
    remark = "The division by length is nearly all of GRPO's error here: with it alone its cosine is about the same."

    def draw_world(self, seed: int) -> World:
        """Of twelve answers one, three, six or eleven are right: hard prompts and easy ones."""
        return checked_world(super().draw_world(seed), (1, 3, 6, 11))

    def measure(self, seed: int) -> Mapping[str, float]:
        """One step of gradient descent on 2000 groups of eight answers."""
        world = self.draw_world(seed)
        chance = world.reference.exp()
        gradient = chance * (world.reward - (chance * world.reward).sum(-1, keepdim=True))
        plan = Rounds(rounds=1, prompts=2000, samples=8, steps=1, learning_rate=1.0, optimizer="sgd")

        def along(objective: Objective, pairing: Pairing) -> float:
            after = log_probabilities(run_rounds(world, objective, plan, seed=seed, pairing=pairing)[-1])
            return float(cosine_similarity(_centred(after - world.reference), _centred(gradient), dim=0))

        grpo, dr_grpo, scaled_group = build("grpo"), build("dr-grpo", max_completion_length=12), PAIRINGS["group"]
        return {
            "dr-grpo": along(dr_grpo, unscaled_group),
            "dr-grpo, divided by the deviation": along(dr_grpo, scaled_group),
            "grpo": along(grpo, scaled_group),
            "grpo, divided by the length alone": along(grpo, unscaled_group),
        }


def _centred(table: Tensor) -> Tensor:
    """A change of logits without the part that is common to a prompt's answers, which changes no probability."""
    return (table - table.mean(-1, keepdim=True)).flatten()
