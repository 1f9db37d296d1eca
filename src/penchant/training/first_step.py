"""Checks at the first step for errors that would otherwise show only at the end of a run."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import TrainingError
from penchant.forest.collate import AnyBatch
from penchant.likelihood.references.reference import Reference
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.training.devices.sharding import whole

__all__ = ["check_gradients", "check_margin", "check_trainable", "refuse_nan", "refuse_nan_gradient"]

log = logging.getLogger("penchant")

# Convolutions choose another algorithm with gradients; that difference is not reported.
NOTABLE = 1e-6


def refuse_nan(losses: Tensor, batch: AnyBatch) -> None:
    """Stop at a loss that is not a finite number, and name its records.

    Raises:
        TrainingError: a loss with weight above 0 is NaN or infinite.
    """
    bad = ~torch.isfinite(losses.detach()) & (batch.weights > 0)
    if not bool(bad.any()):
        return
    places = bad.nonzero().flatten().tolist()
    named = ", ".join(str(batch.sources[place]) for place in places[:5])
    more = f" and {len(places) - 5} more" if len(places) > 5 else ""
    raise TrainingError(
        f"The loss of {len(places)} of {len(batch)} examples is not a number (records {named}{more}).",
        where=f"step {(batch.step or 0) + 1}",
        why="Every weight would become NaN. The last checkpoint is unchanged.",
        fix="See these records with `penchant data show`; a smaller learning rate or precision=float32 often helps.",
    )


def refuse_nan_gradient(norm: Any, step: int) -> None:
    """Stop before an update with a gradient that is not finite.

    Args:
        norm: gradient norm of the whole step.
        step: steps done before this one.

    Raises:
        TrainingError: the norm is NaN or infinite.
    """
    if norm is None or math.isfinite(float(norm)):
        return
    raise TrainingError(
        "The loss is a finite number, but its gradient is not.",
        where=f"step {step + 1}",
        why="Every weight would become NaN. The last checkpoint is unchanged.",
        fix="Try precision=float32 or a smaller learning rate; --resume continues from the last checkpoint.",
    )


def check_margin(views: Mapping[str, Scored], reference: Reference, reduced: bool, said: bool = False) -> bool:
    """Check that every log-ratio is zero at step 0, where policy and reference are the same model.

    Args:
        views: the first batch.
        reference: the reference.
        reduced: whether the models run in less than float32.
        said: whether a warning of rounding was given already.

    Returns:
        Whether a warning of rounding has been given by now; one for all batches of the step is enough.

    Raises:
        TrainingError: they differ by more than rounding can explain.
    """
    scored = [view for view in views.values() if view.reference is not None]
    if not scored or not reference.starts_equal:
        return said
    gap = max(view.token_logratio.detach().abs().max().item() for view in scored)
    if gap > (0.5 if reduced else 1e-3):
        raise TrainingError(
            f"Policy and reference are the same model, yet a token's log-probability differs by {gap:.3g} nats.",
            where="step 1",
            why="Every log-ratio of the run would contain this error.",
            fix="Usual causes: a layer with randomness other than dropout, number types that differ between the two "
            "(see precision), a cache written under other conditions (delete it), or weights changed since the start.",
        )
    if said or reference.kind != "initial" or gap <= NOTABLE:
        # A cache is computed in other batches, so rounding differs; a copy has no such difference.
        return said
    log.warning("Policy and reference are equal, but their log-probabilities differ by %.2g nats (rounding).", gap)
    return True


def check_trainable(model: nn.Module, objective: Objective | None = None) -> None:
    """Refuse a model without trainable parameters, unless the objective has some: heads on a frozen model.

    Raises:
        TrainingError: all its parameters are frozen.
    """
    parts = [model] if objective is None else [model, objective]
    if not any(parameter.requires_grad for part in parts for parameter in part.parameters()):
        raise TrainingError(
            "The model has no trainable parameter: all are frozen (requires_grad=False).",
            where="step 1",
            fix="Unfreeze the model, or train an adapter with lora.rank=16.",
        )


def check_gradients(model: nn.Module, objective: Objective) -> None:
    """Stop after the first backward pass if no gradient arrived, and give the reason.

    Raises:
        TrainingError: all gradients are zero.
    """
    parameters = [*model.parameters(), *objective.parameters()]
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if any(bool((whole(gradient) != 0).any()) for gradient in gradients):
        return
    if not gradients:
        cause = "no gradient reached the model: the loss does not depend on it"
    else:
        cause = (
            "every gradient is exactly zero: the compared responses have the same tokens or are all tied, all weights "
            "are zero, or the loss is flat (a margin beyond a hinge, for example)"
        )
    raise TrainingError(
        f"At the first step {cause}. The objective {objective!r} would train nothing.",
        where="step 1",
        fix="Run `penchant data check` on the data, and `penchant data show` to see what the model sees.",
    )
