"""Whether a loss reads the reference only in differences between the responses to one prompt."""

from __future__ import annotations

import torch

from penchant.errors import ConfigurationError, PenchantError
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored

__all__ = ["check_differences", "reads_differences"]


def reads_differences(objective: Objective) -> bool:
    """Whether adding one number to the reference's log-probability of both responses of a pair changes no loss.

    Tried on a pair whose responses have different lengths, with the number on the first token of each.

    Args:
        objective: with the views ``chosen`` and ``rejected`` alone; others are not differences.

    Example:
        >>> from penchant.objectives import build
        >>> reads_differences(build("dpo")), reads_differences(build("sppo")), reads_differences(build("ipo"))
        (True, False, False)
    """
    wanted = objective.requirements
    if set(wanted.views) != {"chosen", "rejected"} or wanted.needs.stats or wanted.needs.ends or wanted.needs.hidden:
        return False
    fields = {name: torch.full((1,), 0.625, dtype=torch.float64) for name in wanted.fields}

    def loss(shift: float) -> torch.Tensor:
        views = {}
        for name, lengths, level in (("chosen", 3, -1.0), ("rejected", 2, -2.5)):
            policy = torch.full((1, 3), level, dtype=torch.float64)
            reference = policy - 0.25 * level
            reference[0, 0] += shift
            mask = torch.arange(3)[None] < lengths
            others = dict.fromkeys(wanted.needs.checkpoints, policy - 0.5)
            views[name] = Scored(policy, reference, mask, checkpoints=others)
        with torch.no_grad():
            return objective.compute({**views, **fields}).values

    was_training = objective.training
    try:
        objective.eval()
        return bool(torch.allclose(loss(0.0), loss(7.0), rtol=1e-9, atol=1e-12))
    except PenchantError:  # it reads fields of another form
        return False
    finally:
        objective.train(was_training)


def check_differences(objective: Objective, update: str) -> None:
    """Refuse a reference that is known only up to a number per prompt for a loss that reads more.

    Args:
        objective: the objective.
        update: the id of the reference update, for the message.

    Raises:
        ConfigurationError: the loss changes if the reference is shifted.
    """
    if not reads_differences(objective):
        raise ConfigurationError(
            f"The objective {objective.id} reads more of the reference than differences between two responses.",
            where="reference",
            why=f"The log-probabilities of the reference {update!r} are known up to a number for each prompt, which "
            "cancels in differences alone.",
            fix="Use reference=nesterov, which extrapolates weights, or a loss of differences: dpo, or ipo with "
            "average_log_prob=false.",
        )
