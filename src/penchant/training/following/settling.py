"""What a reward model fits once, on the trained weights: the penalties on verbosity."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from penchant.evaluation.heldout import measuring_plan
from penchant.forest.supply import Supply
from penchant.objectives.core.composite import reward_part
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.requirements import Needs
from penchant.objectives.functional.rating_regression import VerbosityPenalty

if TYPE_CHECKING:
    from penchant.training.trainer import PreferenceTrainer

__all__ = ["RESPONSES", "settle"]

log = logging.getLogger("penchant")

#: Training examples on whose responses the penalties are found; they are spread over the data.
RESPONSES = 1000


def settle(trainer: PreferenceTrainer, say: Callable[[str], None]) -> dict[str, Any]:
    """Find the penalties on verbosity of a trained reward model, if its objective has that setting.

    Every process reads the same examples, so all of them find the same.

    Args:
        trainer: after training, with the weights that are saved.
        say: shows progress.

    Returns:
        For the summary: ``verbosity``, see `VerbosityPenalty.fit`; nothing for other objectives.
    """
    objective = reward_part(trainer.objective)
    part = getattr(objective, "penalty", None)
    if objective is None or not isinstance(part, VerbosityPenalty):
        return {}
    with torch.no_grad(), trainer.accelerator.autocast():
        outputs = torch.cat(list(_outputs(trainer, objective)))
    found = part.fit(outputs)
    least = [f"{penalty:g}" for place, penalty in enumerate(found["penalties"]) if place != part.verbosity]
    say(f"Penalties on verbosity, of {found['responses']} training responses: {', '.join(least)}")
    for place, left in enumerate(found["after"]):
        if place != part.verbosity and left > part.threshold:
            log.warning(
                "Rating %d keeps a rank correlation of %.2f with verbosity (rating %d): no penalty below 1 brings it "
                "to %g, so its penalty is 1.",
                place,
                left,
                part.verbosity,
                part.threshold,
            )
    return {"verbosity": found}


def _outputs(trainer: PreferenceTrainer, objective: Objective) -> Iterator[Tensor]:
    """What the reward head says of the responses of some training examples, [R, K] a batch."""
    supply = Supply.of(trainer.examples)
    every = max(1, -(-len(supply) // RESPONSES))
    some = Supply([supply[place] for place in range(0, len(supply), every)], supply.beside, supply.encoder)
    plan = measuring_plan(some, trainer.tokens_per_batch or trainer.scorer.measured_at_once)
    needs = Needs(ends=True, likelihood=False)
    for step in range(len(plan)):
        batch = trainer.scorer.collate([some.at(slot) for slot in some.slots(plan, step)]).to(trainer.args.device)
        for view in trainer.scorer.score_batch(batch, trainer.reference, needs).values():
            yield objective.read_out(view.end_state).double()
