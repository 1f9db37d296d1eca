"""POWER and POWER-DL: reference-free pairwise losses with weighted entropy, and with dynamic labels."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor, distributed

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["POWER", "POWERDL"]


class _WeightedEntropy(Objective):
    """Base class of both methods: the implied reward with weighted entropy, and the likelihood term."""

    paper = "arXiv:2412.09544"

    beta: Annotated[float, Gt(0), "scale of the implied reward"] = 2.0
    eta: Annotated[float, Ge(0), "weight of the chosen response's likelihood, per unit of beta"] = 5e-4

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β (w log π + w) of each response, [R], without gradient."""
        return self._reward(view).detach()

    def _reward(self, view: Scored) -> Tensor:
        average = view.mean_logp
        return self.beta * (average + 1 / view.length.clamp(min=1).to(average.dtype))

    def _margin(self, chosen: Scored, rejected: Scored) -> Tensor:
        return self._reward(chosen) - self._reward(rejected)

    def _likelihood(self, chosen: Scored) -> Tensor:
        return -self.eta * self.beta * chosen.mean_logp


class POWER(_WeightedEntropy):
    """POWER (Rashidinejad, Tian, 2024): pessimistic reward maximisation with weighted entropy.

    loss = −log σ(g) − η β w_chosen log π(chosen),   g = r_chosen − r_rejected,   r_y = β (w_y log π(y|x) + w_y)

    w_y = 1 / |y|, so w log π is the mean log-probability per token. The weighted entropy adds w to the reward, which
    gives a target margin of β (w_rejected − w_chosen), 0 at equal lengths. With η = 0 and equal lengths this is SimPO
    without a target margin. The paper uses β from 2 to 10 and η from 5e-4 to 1e-3.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> POWER(eta=0.0)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Rashidinejad, Tian (2024), Sail into the Headwind: Alignment via Robust Rewards and Dynamic Labels against
        Reward Hacking.
    """

    id = "power"
    evidence = reconstruction(
        "The margin, the likelihood term and the ranges of β and η are our reading of the paper; no published code is "
        "known."
    )
    tags = ("robust", "length", "normalized")

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return logistic(self._margin(chosen, rejected)) + self._likelihood(chosen)


class POWERDL(_WeightedEntropy):
    """POWER with dynamic labels (Rashidinejad, Tian, 2024).

    loss = −q log σ(g) − (1 − q) log σ(−g) − η β w_chosen log π(chosen),   then q ← (1 − γ) q + γ σ(g)

    g and w are those of POWER. The label q carries no gradient. It starts at 1 for every record and moves at each visit
    towards σ(g), where the logistic gradient vanishes. Labels are stored by record index, saved with checkpoints, and
    shared by all processes. In a run of one epoch every label would still be 1 when used; ``update_first`` updates it
    before use, q = 1 − γ + γ σ(g), which also applies if record indices are missing. Outside training every label is 1,
    since held-out records have their own indices. Statistic: ``label``, the q that was used.

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
    evidence = reconstruction(
        "Step size and schedule of the label updates are our reading of the paper; no published code is known."
    )
    tags = ("robust", "length", "normalized", "soft-labels")
    exempt = Exempt(value_gradient="the label carries no gradient when it is updated before use")

    gamma: Annotated[float, Interval(ge=0, le=1), "step size of label updates; 0 is POWER"] = 0.1
    update_first: Annotated[bool, "update a label before instead of after its use; for runs of one epoch"] = False

    labels: Tensor

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.register_buffer("labels", torch.ones(0))

    def loss(
        self, chosen: Scored, rejected: Scored, record_index: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with the label that was used; ``record_index`` counts records from 0."""
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
        """The labels of these records; the buffer grows for new records."""
        missing = int(records.clamp(min=0).max()) + 1 - len(self.labels) if records.numel() else 0
        if missing > 0:
            self.labels = torch.cat([self.labels, self.labels.new_ones(missing)])
        return self.labels[records.clamp(min=0)]

    def _keep(self, records: Tensor, labels: Tensor) -> None:
        """Store the labels of these records, and of those in other processes."""
        if distributed.is_available() and distributed.is_initialized():
            seen: list[Any] = [None] * distributed.get_world_size()
            distributed.all_gather_object(seen, (records.tolist(), labels.tolist()))
            records = records.new_tensor([record for each, _ in seen for record in each])
            labels = labels.new_tensor([label for _, each in seen for label in each])
            self._known(records)
        # Padding of a micro-batch has a negative index.
        real = records >= 0
        self.labels[records[real]] = labels[real].to(self.labels.dtype)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        saved = state_dict.get(f"{prefix}labels")
        if saved is not None:  # torch cannot load a buffer of another length
            self.labels = self.labels.new_ones(len(saved))
        super()._load_from_state_dict(state_dict, prefix, *rest)
