"""How likely the model at the start finds each turn: the measure of how readable it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from penchant.feedback.records import Source
from penchant.forest.batching import plan_batches
from penchant.forest.example import Example
from penchant.forest.layout import TokenSequence
from penchant.objectives.core.requirements import Needs
from penchant.online.samplers.conversations.talks import Talk

__all__ = ["BASE", "add_losses"]

#: The checkpoint that reads the turns.
BASE = "initial"


def add_losses(talks: Sequence[Talk], scorer: Any, reference: Any) -> None:
    """Enter the mean loss of every turn that has none yet, under the model that the run started from.

    Args:
        talks: the conversations; turns without tokens get no loss.
        scorer: the policy, which lays the turns out.
        reference: finds the checkpoint.
    """
    lacking = [
        (talk, place)
        for talk in talks
        for place, turn in enumerate(talk.turns)
        if place not in talk.losses and turn.ids
    ]
    sequences = [TokenSequence(talk.turns[place].context, talk.turns[place].ids) for talk, place in lacking]
    sizes = [len(each.prompt) + len(each.response) for each in sequences]
    if not sequences:
        return
    plan = plan_batches(sizes, tokens_per_batch=scorer.measured_at_once, shuffle=False)
    device = next(scorer.core.parameters()).device
    needs = Needs(checkpoints=frozenset({BASE}))
    for step in plan.steps:
        examples = [Example({"responses": [sequences[row]]}, {}, 1.0, Source()) for row in step]
        with torch.no_grad():
            view = scorer.score_batch(scorer.collate(examples).to(device), reference, needs)["responses"]
        total = torch.where(view.mask, view.checkpoints[BASE], 0.0).double().sum(-1)
        means = (-total / view.mask.sum(-1).clamp(min=1)).tolist()
        for row, loss in zip(step, means, strict=True):
            talk, place = lacking[row]
            talk.losses[place] = loss
