"""DAPO's higher upper clip and unlikely right answers."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, World, checked_world, log_probabilities, run_rounds
from penchant.objectives import build

__all__ = ["RoomToRise"]


class RoomToRise(Claim):
    """One round of many steps with the clip wider above than below, and with the same on both sides."""

    id = "dapo-unlikely-answers"
    paper = "arXiv:2503.14476"
    sentence = (
        "In a round of many steps, DAPO's clip, which is wider above than below, lets unlikely right answers rise "
        "further than the clip of ±0.2 does."
    )
    methods = ("dapo",)
    baselines = ("bnpo",)
    world = Dials(responses=16, shortest=1, longest=1)
    quantity = "mean change of the log-probability of right answers that began between 0.5 % and 5 %, nats"
    contrasts = (Contrast("dapo", "bnpo", smallest=0.02),)
    remark = "BNPO is DAPO with the same bound on both sides. The clips differ by log(1.28 / 1.2) = 0.065 nats."

    def draw_world(self, seed: int) -> World:
        """Half of the answers are right; each is one token."""
        return checked_world(super().draw_world(seed), self.world.responses // 2)

    def measure(self, seed: int) -> Mapping[str, float]:
        """64 samples of each prompt, 16 steps; at the rate 40, of 10, 40, 160, both rise most (tuning)."""
        world = self.draw_world(seed)
        plan = Rounds("group", rounds=1, samples=64, steps=16, learning_rate=40.0, optimizer="sgd")
        chance = world.reference.exp()
        unlikely = (world.reward > 0) & (chance > 0.005) & (chance < 0.05)
        arms = {}
        for name in ("dapo", "bnpo"):
            change = log_probabilities(run_rounds(world, build(name), plan, seed=seed)[-1]) - world.reference
            arms[name] = float(change[unlikely].mean())
        return arms
