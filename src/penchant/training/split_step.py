"""`SplitStep`, the micro-batches of one step of an objective whose examples depend on the whole step.

Where they depend on it through the mean length of its responses alone, `step_lengths` gives that beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from penchant.forest.collate import AnyBatch, Batch
from penchant.objectives.core.objective import Losses, Objective
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored
from penchant.training.coupled import CoupledStep, Part, later_needs

__all__ = ["SplitStep", "step_lengths", "with_lengths"]


@dataclass
class SplitStep:
    """The micro-batches of this process in one step, in the order in which they are trained on.

    Args:
        objective: the loss.
        samples: what the loader gives for each micro-batch.
        score: scores a batch under given needs.
        device: of the model.
        process: number of this process.
        processes: number of processes.
        scoring: a context for scoring without training, once for each micro-batch.
    """

    objective: Objective
    samples: Sequence[dict[str, Any]]
    score: Callable[[AnyBatch, Needs], dict[str, Scored]]
    device: torch.device
    process: int
    processes: int
    scoring: Callable[[], AbstractContextManager[Any]]

    def __post_init__(self) -> None:
        self.number = 0
        self.step: CoupledStep | None = None
        self.own: list[Part] = []

    def __call__(self, batch: AnyBatch) -> tuple[dict[str, Scored], Losses, Tensor]:
        """The views of the next micro-batch with gradient, its losses, and what ties them to the loss of the step.

        Args:
            batch: the micro-batch.
        """
        if self.step is None:
            self.step, self.own = self._begun()
        needs = self.objective.requirements.needs
        later = later_needs(needs)
        views = self.score(batch, later)
        if needs.reference and not later.reference:
            earlier = self.own[self.number].views
            views = {name: replace(scored, reference=earlier[name].reference) for name, scored in views.items()}
        losses, tie = self.step.losses(self.number), self.step.tie(self.number, views)
        self.number += 1
        return views, losses, tie

    def _begun(self) -> tuple[CoupledStep, list[Part]]:
        """The whole step, and this process's own parts of it."""
        needs = self.objective.requirements.needs
        own: list[Part] = []
        for sample in self.samples:
            batch = sample["batch"].to(self.device)
            with self.scoring():
                # A model that is divided over processes waits for all of them, so a filling part is scored too.
                own.append(Part.of(self.score(batch, needs), batch, sample["places"]))
        filling = [sample["ghost"] for sample in self.samples]
        parts = [None if fills else part for fills, part in zip(filling, own, strict=True)]
        if self.processes > 1:
            from accelerate.utils import gather_object

            shared = gather_object([None if part is None else part.to("cpu") for part in parts])
            parts = [None if part is None else part.to(self.device) for part in shared]
        return CoupledStep(self.objective, parts, self.process * len(own)), own


def step_lengths(
    views: Sequence[str],
    samples: Sequence[Mapping[str, Any]],
    over_processes: Callable[[Tensor], Tensor] | None = None,
) -> dict[str, float]:
    """The mean number of tokens of a response in each view of a step; no forward pass is needed.

    Args:
        views: of the objective.
        samples: what the loader gives for each micro-batch of this process; those that only fill up do not count.
        over_processes: sums a tensor over all processes; None for one process.
    """
    sums = torch.zeros(len(views), 2, dtype=torch.double)
    for sample in samples:
        batch = sample["batch"]
        assert isinstance(batch, Batch)
        for place, view in enumerate(views if not sample["ghost"] else ()):
            lengths = batch.forest.mask[batch.rows[view]].sum(-1)
            sums[place] += torch.tensor([float(lengths.sum()), float(len(lengths))])
    if over_processes is not None:
        sums = over_processes(sums)
    return {
        view: max(float(tokens), 1.0) / max(float(count), 1.0)
        for view, (tokens, count) in zip(views, sums, strict=True)
    }


def with_lengths(views: dict[str, Scored], lengths: Mapping[str, float]) -> dict[str, Scored]:
    """The views, each with the mean length of its responses in the whole step.

    Args:
        views: of a part of a step.
        lengths: by view; empty where the step is whole.

    Example:
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2, dtype=torch.bool))
        >>> with_lengths({"responses": view}, {"responses": 3.5})["responses"].step_length
        3.5
    """
    return {name: replace(view, step_length=lengths.get(name)) for name, view in views.items()} if lengths else views
