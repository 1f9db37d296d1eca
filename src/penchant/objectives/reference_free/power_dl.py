"""POWER with dynamic labels: the label of a pair that the model keeps contradicting loses its force."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor, distributed

from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic
from penchant.objectives.reference_free.power import POWER

__all__ = ["POWERDL"]


class POWERDL(POWER):
    """POWER with dynamic labels (Rashidinejad, Tian, 2024).

    loss = −q log σ(g) − (1 − q) log σ(−g) − η β w_chosen log π(chosen),   then q ← (1 − γ) q + γ σ(g)

    g and w are those of POWER. The label q is a constant in the gradient. It starts at 1 for every record and moves, at
    each visit, towards σ(g), where the logistic gradient vanishes. It is kept by the record's number and saved with
    checkpoints; all processes share it. A run of one epoch would see every label as it was given: there
    ``update_first`` moves the label before it is used, q = 1 − γ + γ σ(g), which is also what holds where the numbers
    of the records are not known. Outside training every label starts at 1, since held-out records have numbers of
    their own. Statistic: ``label``, the q that was used. The step and schedule of the label are known from memory of
    the paper, with low to medium confidence.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> objective = POWERDL(gamma=0.2, eta=0.0)
        >>> for _ in range(3):
        ...     objective(chosen=equal, rejected=equal, record_index=torch.tensor([0])).statistics["label"]
        tensor([1.])
        tensor([0.9000])
        tensor([0.8200])

    Reference:
        Rashidinejad, Tian (2024), Sail into the Headwind: Alignment via Robust Rewards and Dynamic Labels against
        Reward Hacking.
    """

    id = "power-dl"
    paper = "arXiv:2412.09544"

    gamma: Annotated[float, Interval(ge=0, le=1), "how far a label moves at each visit; 0 is POWER"] = 0.1
    update_first: Annotated[bool, "move a label before it is used and not after; right for runs of one epoch"] = False

    labels: Tensor

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.register_buffer("labels", torch.ones(0))

    def loss(
        self, chosen: Scored, rejected: Scored, record_index: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of each pair, [B], with the label that was used; ``record_index`` numbers the records from 0."""
        margin = self._margin(chosen, rejected)
        label = torch.ones_like(margin).detach()
        if record_index is not None and self.training:
            label = self._known(record_index.long()).to(label.dtype)
        moved = (1 - self.gamma) * label + self.gamma * torch.sigmoid(margin.detach())
        if record_index is not None and self.training:
            self._keep(record_index.long(), moved)
        if record_index is None or self.update_first:
            label = moved
        return logistic(margin, 1 - label) + self._likelihood(chosen), {"label": label}

    def _known(self, records: Tensor) -> Tensor:
        """The labels of these records, with room for those that were never seen."""
        missing = int(records.clamp(min=0).max()) + 1 - len(self.labels) if records.numel() else 0
        if missing > 0:
            self.labels = torch.cat([self.labels, self.labels.new_ones(missing)])
        return self.labels[records.clamp(min=0)]

    def _keep(self, records: Tensor, labels: Tensor) -> None:
        """Remember the labels of these records, and of those that other processes see at the same time."""
        if distributed.is_available() and distributed.is_initialized():
            seen: list[Any] = [None] * distributed.get_world_size()
            distributed.all_gather_object(seen, (records.tolist(), labels.tolist()))
            records = records.new_tensor([record for each, _ in seen for record in each])
            labels = labels.new_tensor([label for _, each in seen for label in each])
            self._known(records)
        # What fills up a micro-batch is no record, and has a number below 0.
        real = records >= 0
        self.labels[records[real]] = labels[real].to(self.labels.dtype)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        saved = state_dict.get(f"{prefix}labels")
        if saved is not None:  # torch refuses a buffer of another length
            self.labels = self.labels.new_ones(len(saved))
        super()._load_from_state_dict(state_dict, prefix, *rest)
