"""Reward-augmented data and good rejected responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from penchant.curation.reward_augmented import reward_augmented
from penchant.feedback.records import Comparison
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Rows,
    World,
    expected_reward,
    fit,
    log_probabilities,
    pair_examples,
    sample_pairs,
)
from penchant.objectives import build

__all__ = ["GoodRejectedResponsesStay"]

_GOALS = 5


class GoodRejectedResponsesStay(Claim):
    """DPO on pairs, and on the same pairs conditioned on the score of each response as goal."""

    id = "dpo-reward-augmented-data"
    paper = "arXiv:2410.08067"
    sentence = (
        "DPO makes high-scoring responses unlikely if they were rejected in favour of a better one; with "
        "reward-augmented data they stay likely given the goal of their score, and the policy for the highest goal has "
        "a higher true reward."
    )
    methods = ("dpo",)
    world = Dials(prompts=4, responses=8, pairs=300, concentration=0.5)
    quantity = "change of log-probability in nats, or expected true reward in standard deviations of the reward"
    contrasts = (
        Contrast("augmented, good rejected", "dpo, good rejected", smallest=0.5),
        Contrast("augmented, reward", "dpo, reward", smallest=0.1),
    )

    remark = (
        "The first effect is reproduced. The second is not: in a table, goals share no parameters, so the highest goal "
        "learns from the few pairs whose chosen response reaches it, while the single policy of DPO learns from all "
        "pairs."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Scores from 1 to 5; a response is good from 4. β = 0.3, 100 steps."""
        world = self.draw_world(seed)
        wide = _with_goals(world)
        scores = (1.2 * world.reward + 3).round().clamp(1, _GOALS)
        pairs = sample_pairs(world, seed)
        plain = log_probabilities(fit(world, build("dpo", beta=0.3), pairs, steps=100))
        goals = log_probabilities(fit(wide, build("dpo", beta=0.3), _augmented(wide, pairs, scores), steps=100))
        goals = goals.view(world.dials.prompts, _GOALS, -1)
        rejected = pairs.views["rejected"]
        assert isinstance(rejected, Rows)
        good = scores[rejected.prompt, rejected.response] >= _GOALS - 1
        prompt, response = rejected.prompt[good], rejected.response[good]
        own = goals[prompt, scores[prompt, response].long() - 1, response]
        before = world.reference[prompt, response]
        return {
            "dpo, good rejected": float((plain[prompt, response] - before).mean()),
            "augmented, good rejected": float((own - before).mean()),
            "dpo, reward": expected_reward(world, plain),
            "augmented, reward": expected_reward(world, goals[:, -1]),
        }


def _with_goals(world: World) -> World:
    """The world with each prompt repeated per goal; the reference ignores the goal."""
    names = ("reward", "preference", "reference", "behaviour", "lengths", "shares", "features")
    tables = {name: getattr(world, name).repeat_interleave(_GOALS, dim=0) for name in names}
    return replace(world, dials=replace(world.dials, prompts=_GOALS * world.dials.prompts), **tables)


def _augmented(wide: World, pairs: Examples, scores: torch.Tensor) -> Examples:
    """The pairs augmented by `penchant.curation`, as indices into the wide world."""
    chosen, rejected = pairs.views["chosen"], pairs.views["rejected"]
    assert isinstance(chosen, Rows) and isinstance(rejected, Rows)
    records = [
        Comparison(
            prompt=str(prompt),
            chosen=str(better),
            rejected=str(worse),
            fields={"chosen_score": float(scores[prompt, better]), "rejected_score": float(scores[prompt, worse])},
        )
        for prompt, better, worse in zip(
            chosen.prompt.tolist(), chosen.response.tolist(), rejected.response.tolist(), strict=True
        )
    ]
    rows = reward_augmented(records).rows
    place = [_GOALS * int(row["prompt"].split()[-1]) + int(row["goal"]) - 1 for row in rows]
    sides = ([int(row[side]) for row in rows] for side in ("chosen", "rejected"))
    return pair_examples(wide, torch.tensor(place), *(torch.tensor(side) for side in sides))
